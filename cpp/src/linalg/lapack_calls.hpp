/// The dense decomposition that is borrowed: from LAPACK where a provider is installed, else from Eigen.
#pragma once

#include "matfact/matrix.hpp"

#include <vector>

namespace matfact::linalg {

/// a = u diag(s) vt for a contiguous row-major a (m, n), which is destroyed; u (m, r), vt (r, n), r = min(m, n).
template <class T>
void singular_values_and_vectors(MatrixView<T> a, Matrix<T>& u, std::vector<T>& s, Matrix<T>& vt, int threads);

/// The same without LAPACK.
void own_singular_values_and_vectors(MatrixView<double> a, Matrix<double>& u, std::vector<double>& s,
                                     Matrix<double>& vt);

} // namespace matfact::linalg
