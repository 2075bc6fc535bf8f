/// Small symmetric positive definite systems: the k x k equations of (ridge) least squares.
#pragma once

#include "linalg/kernel.hpp"

#include <Eigen/Cholesky>

namespace matfact::linalg
{

using SmallMatrix = Eigen::MatrixXd;
using SmallVector = Eigen::VectorXd;

/// Cholesky factor of g + l2 I. Where that is numerically singular (fewer observations than unknowns, dependent
/// columns) a ridge of 1e-10 of the mean diagonal picks a solution close to the one of smallest norm.
inline Eigen::LLT<SmallMatrix> factor_normal_equations(SmallMatrix& g, double l2)
{
    constexpr double smallest_pivot = 1e-7, ridge = 1e-10; // pivots are square roots
    g.diagonal().array() += l2;
    Eigen::LLT<SmallMatrix> factor(g);
    const auto pivots = factor.matrixLLT().diagonal();
    if (factor.info() == Eigen::Success && pivots.minCoeff() > smallest_pivot * pivots.maxCoeff())
        return factor;
    const double mean = g.trace() / static_cast<double>(g.rows());
    g.diagonal().array() += mean > 0.0 ? ridge * mean : 1.0;
    factor.compute(g);
    return factor;
}

} // namespace matfact::linalg
