#include "linalg/normal_equations.hpp"

#include <Eigen/Cholesky>

namespace matfact::linalg {

namespace {

/// Overwrites g by its Cholesky factor; false where it is numerically singular.
bool factor(SmallMatrix& g)
{
    constexpr double smallest_pivot = 1e-7; // pivots are square roots
    const Eigen::LLT<Eigen::Ref<SmallMatrix>> cholesky(g);
    return cholesky.info() == Eigen::Success && g.diagonal().minCoeff() > smallest_pivot * g.diagonal().maxCoeff();
}

} // namespace

void factor_normal_equations(SmallMatrix& g, double l2)
{
    constexpr double ridge = 1e-10;
    g.diagonal().array() += l2;
    const SmallMatrix original = g;
    if (factor(g))
        return;
    const double mean = original.trace() / static_cast<double>(g.rows());
    g = original;
    g.diagonal().array() += mean > 0.0 ? ridge * mean : 1.0;
    factor(g);
}

void solve_normal_equations(const SmallMatrix& factor, SmallVector& right)
{
    factor.triangularView<Eigen::Lower>().solveInPlace(right);
    factor.triangularView<Eigen::Lower>().transpose().solveInPlace(right);
}

} // namespace matfact::linalg
