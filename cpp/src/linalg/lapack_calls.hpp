/// The dense decompositions that are borrowed: from LAPACK where a provider is installed, else from Eigen.
#pragma once

#include "matfact/matrix.hpp"

#include <vector>

namespace matfact::linalg {

/// All eigenpairs of the symmetric a (n, n): w ascending, row i of a overwritten by the eigenvector of w[i].
template <class T> void symmetric_eigen(MatrixView<T> a, std::vector<T>& w, int threads);

/// The same without LAPACK: its bits do not depend on what is installed.
void own_symmetric_eigen(MatrixView<double> a, std::vector<double>& w);

/// Whether LAPACK lends the two calls below.
template <class T> bool lapack_reduces();

/// q' a q, tridiagonal with diagonal d (n,) and e (n - 1,) beside it, for the symmetric a (n, n), whose upper triangle
/// is read and then holds with tau the reflections that make up q.
template <class T>
void reduce_to_tridiagonal(MatrixView<T> a, std::vector<T>& d, std::vector<T>& e, std::vector<T>& tau, int threads);

/// rows <- rows q' with the reflections that reduce_to_tridiagonal left; rows (n, n) is contiguous.
template <class T>
void apply_reflections(MatrixView<const T> reflections, const std::vector<T>& tau, MatrixView<T> rows, int threads);

/// The k largest eigenpairs: w ascending (k,), rows of the result are the eigenvectors. a is destroyed.
template <class T> Matrix<T> symmetric_eigen_leading(MatrixView<T> a, Index k, std::vector<T>& w, int threads);

/// a = u diag(s) vt for a contiguous row-major a (m, n), which is destroyed; u (m, r), vt (r, n), r = min(m, n).
template <class T>
void singular_values_and_vectors(MatrixView<T> a, Matrix<T>& u, std::vector<T>& s, Matrix<T>& vt, int threads);

/// The same without LAPACK.
void own_singular_values_and_vectors(MatrixView<double> a, Matrix<double>& u, std::vector<double>& s,
                                     Matrix<double>& vt);

} // namespace matfact::linalg
