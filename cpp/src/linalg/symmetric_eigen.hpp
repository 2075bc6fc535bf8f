/// All eigenpairs of a dense symmetric matrix by way of its tridiagonal form.
#pragma once

#include "matfact/matrix.hpp"

#include <vector>

namespace matfact::linalg {

/// Of the symmetric a (n, n), whose upper triangle is read: w ascending, row i of a overwritten by the eigenvector of
/// w[i]. LAPACK reduces the matrix and takes the vectors back (lapack_reduces<T>() holds); between them our own divide
/// and conquer. For T = float and double.
template <class T> void symmetric_eigen_by_reduction(MatrixView<T> a, std::vector<T>& w, int threads);

} // namespace matfact::linalg
