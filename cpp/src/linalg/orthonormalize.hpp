/// Orthonormal bases of tall matrices: Cholesky QR where it is safe, Householder where it is not.
#pragma once

#include "matfact/matrix.hpp"

#include <Eigen/Core>

namespace matfact::linalg {

using RowMajorMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

inline Eigen::Map<RowMajorMatrix> as_map(Matrix<double>& a) { return {a.data(), a.n_rows(), a.n_cols()}; }
inline Eigen::Map<const RowMajorMatrix> as_map(const Matrix<double>& a) { return {a.data(), a.n_rows(), a.n_cols()}; }

/// Householder QR of y, whatever its rank: y becomes the orthonormal factor, the upper triangle is returned.
RowMajorMatrix householder_qr(Matrix<double>& y);

/// The upper triangular r with r'r = a, and its inverse, for a symmetric positive definite `a`.
struct CholeskyFactor {
    RowMajorMatrix r, inverse;
};
CholeskyFactor cholesky(const RowMajorMatrix& a);

/// QR of a tall y (n, k), n >= k: y becomes the orthonormal factor, the upper triangle is returned. Two rounds of
/// Cholesky QR (Fukaya et al., doi:10.1109/ScalA.2014.11), Householder where y, its columns scaled to norm 1, is
/// too close to singular for them.
RowMajorMatrix orthonormalize(Matrix<double>& y, int threads);

/// Overwrites the columns [rank, k) of q by an orthonormal basis of a space orthogonal to its first `rank` columns,
/// which are orthonormal. Needs k <= n.
void complete_basis(Matrix<double>& q, Index rank, int threads);

} // namespace matfact::linalg
