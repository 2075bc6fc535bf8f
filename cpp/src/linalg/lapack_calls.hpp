/// The dense decompositions that are borrowed: from LAPACK where a provider is installed, else from Eigen.
#pragma once

#include "matfact/matrix.hpp"

#include <vector>

namespace matfact::linalg {

/// All eigenpairs of a small symmetric a (n, n), from Eigen: w ascending, row i of a overwritten by the eigenvector of
/// w[i]. From some dozens of rows on symmetric_eigen is faster.
void own_symmetric_eigen(MatrixView<double> a, std::vector<double>& w);

/// The k largest eigenpairs: w ascending (k,), rows of the result are the eigenvectors. a is destroyed.
template <class T> Matrix<T> symmetric_eigen_leading(MatrixView<T> a, Index k, std::vector<T>& w, int threads);

/// a = u diag(s) vt for a contiguous row-major a (m, n), which is destroyed; u (m, r), vt (r, n), r = min(m, n).
template <class T>
void singular_values_and_vectors(MatrixView<T> a, Matrix<T>& u, std::vector<T>& s, Matrix<T>& vt, int threads);

/// The same without LAPACK.
void own_singular_values_and_vectors(MatrixView<double> a, Matrix<double>& u, std::vector<double>& s,
                                     Matrix<double>& vt);

} // namespace matfact::linalg
