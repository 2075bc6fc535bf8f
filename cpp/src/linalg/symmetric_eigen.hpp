/// Eigenpairs of a dense symmetric matrix by way of its tridiagonal form.
#pragma once

#include "linalg/checkpoint.hpp"
#include "matfact/matrix.hpp"

#include <functional>
#include <vector>

namespace matfact::linalg {

/// Of the symmetric a (n, n), whose upper triangle is read: w ascending, row i of v (n, n) the eigenvector of w[i].
/// Householder reduction, divide and conquer, and the reflections applied to its vectors. v has unit column stride and
/// may be a itself. The same bits for any number of threads. For T = float and double.
template <class T>
void symmetric_eigen(MatrixView<const T> a, std::vector<T>& w, MatrixView<T> v, int threads,
                     const Checkpoint& checkpoint = {});

/// All values, w ascending, and the vectors of as many of the largest as `count` says of them, as rows of the result.
template <class T>
Matrix<T> symmetric_eigen_some(MatrixView<const T> a, std::vector<T>& w,
                               const std::function<Index(const std::vector<T>& w)>& count, int threads);

/// The k largest pairs alone: w ascending, the vectors as rows of the result. Those of the tridiagonal form are found
/// one by one, by bisection and inverse iteration.
template <class T>
Matrix<T> symmetric_eigen_leading(MatrixView<const T> a, Index k, std::vector<T>& w, int threads,
                                  const Checkpoint& checkpoint = {});

/// symmetric_eigen in place: row i of a becomes the eigenvector of w[i].
template <class T>
void symmetric_eigen(MatrixView<T> a, std::vector<T>& w, int threads, const Checkpoint& checkpoint = {})
{
    symmetric_eigen<T>(a, w, a, threads, checkpoint);
}

} // namespace matfact::linalg
