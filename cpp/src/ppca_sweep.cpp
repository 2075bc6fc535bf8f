#include "linalg/normal_equations.hpp"
#include "linalg/orthonormalize.hpp"
#include "linalg/symmetric_eigen.hpp"
#include "ppca_steps.hpp"

namespace matfact {

using namespace linalg;

namespace {

SmallMatrix unpacked(const double* packed, Index k)
{
    SmallMatrix a(k, k);
    for (Index i = 0; i < k; ++i)
        for (Index j = 0; j <= i; ++j)
            a(i, j) = a(j, i) = packed[packed_index(i, j)];
    return a;
}

/// The variance of an axis that the data do not support falls to zero, but ever more slowly. It is dropped as soon as
/// the bound is higher without it. True if one was.
bool solve_supported_columns(const PpcaMoments& moments, double n_observed, const PpcaScale& scale,
                             LoadingsPrior& prior, PpcaState& state, int threads)
{
    const std::vector<double> mean = state.mean;
    const double noise = state.noise;
    for (bool has_dropped = false;; has_dropped = true) {
        state.mean = mean;
        state.noise = noise;
        const ColumnEvidence evidence = solve_columns(moments, n_observed, scale, &prior, state, threads);
        prior.log_determinants = evidence.log_determinants;
        Index weakest = -1;
        double least = 0.0;
        for (Index c = 0; c < state.w.n_cols(); ++c)
            if (const double support = evidence.of_axis[static_cast<std::size_t>(c)];
                support < least && !prior.is_dropped(c)) {
                least = support;
                weakest = c;
            }
        if (weakest < 0)
            return has_dropped;
        prior.drop(weakest);
    }
}

} // namespace

void ppca_sweep(const PpcaMoments& moments, Index n_rows, double n_observed, const PpcaScale& scale, PpcaState& state,
                int threads)
{
    const Index k = state.w.n_cols();
    const auto rows = static_cast<double>(n_rows);
    solve_columns(moments, n_observed, scale, nullptr, state, threads);
    SmallMatrix spread = unpacked(moments.latent.data(), k) / rows;
    SmallVector shift(k);
    for (Index c = 0; c < k; ++c)
        shift[c] = moments.latent[static_cast<std::size_t>(packed_index(k, c))] / rows;
    spread -= shift * shift.transpose();
    Eigen::Map<SmallVector>(state.mean.data(), state.w.n_rows()).noalias() += as_map(state.w) * shift;
    factor_normal_equations(spread, 0.0);
    const SmallMatrix root = spread.triangularView<Eigen::Lower>();
    as_map(state.w) = (as_map(state.w) * root).eval();
}

bool ppca_variational_sweep(const PpcaMoments& moments, Index n_rows, double n_observed, const PpcaScale& scale,
                            PpcaState& state, LoadingsPrior& prior, int threads)
{
    const Index n = state.w.n_rows(), k = state.w.n_cols();
    const bool has_dropped = solve_supported_columns(moments, n_observed, scale, prior, state, threads);
    SmallMatrix root = unpacked(moments.latent.data(), k) / static_cast<double>(n_rows);
    factor_normal_equations(root, 0.0);
    root = SmallMatrix(root.triangularView<Eigen::Lower>());

    std::vector<double> sums(static_cast<std::size_t>(packed_size(k)));
    for (Index i = 0; i < packed_size(k); ++i)
        sums[static_cast<std::size_t>(i)] = Eigen::Map<const SmallVector>(state.covariance.data() + i * n, n).sum();
    SmallMatrix axes = unpacked(sums.data(), k);
    axes.noalias() += as_map(state.w).transpose() * as_map(state.w);
    axes = (root.transpose() * axes * root).eval();
    std::vector<double> values; // ascending
    symmetric_eigen<double>({axes.data(), k, k, k, 1}, values, 1);
    // Row i of the row-major result is column i of the column-major matrix; the largest axis comes first, and signs
    // that change from sweep to sweep would spoil the extrapolation.
    SmallMatrix turn = axes.rowwise().reverse();
    for (Index c = 0; c < k; ++c)
        if (turn(c, c) < 0.0)
            turn.col(c) *= -1.0;
    turn = (root * turn).eval();
    as_map(state.w) = (as_map(state.w) * turn).eval();
    rotate_covariances(state.covariance, turn, threads);
    prior.log_determinants += 2.0 * static_cast<double>(n) * root.diagonal().array().log().sum();
    prior.adapt(state);
    return has_dropped;
}

} // namespace matfact
