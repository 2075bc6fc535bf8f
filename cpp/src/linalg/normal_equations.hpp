/// Small symmetric positive definite systems: the k x k equations of (ridge) least squares.
#pragma once

#include <Eigen/Core>

namespace matfact::linalg {

using SmallMatrix = Eigen::MatrixXd;
using SmallVector = Eigen::VectorXd;

/// Overwrites g by the Cholesky factor of g + l2 I. Where that is numerically singular (fewer observations than
/// unknowns, dependent columns) a ridge of 1e-10 of the mean diagonal picks a solution close to the one of smallest
/// norm.
void factor_normal_equations(SmallMatrix& g, double l2);

/// Overwrites `right` by the solution for a factor of factor_normal_equations.
void solve_normal_equations(const SmallMatrix& factor, SmallVector& right);

} // namespace matfact::linalg
