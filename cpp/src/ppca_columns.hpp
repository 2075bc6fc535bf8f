/// The half of a sweep of probabilistic PCA that has the columns of x: their loadings, their means and the noise.
#pragma once

#include "ppca_pass.hpp"

#include <vector>

namespace matfact {

/// The prior of the loadings, N(0, diag(variance)), chosen by the posterior (automatic relevance determination).
struct LoadingsPrior {
    double floor = 0.0; ///< least variance
    std::vector<double> variance;
    double excess = 0.0;           ///< of the mean squares of the loadings over `variance`, summed over the axes
    double log_determinants = 0.0; ///< summed over the covariances of the posterior

    /// The variances that maximize the bound: mean squares of the loadings, but for a floor.
    void adapt(const PpcaState& state);

    /// Without this axis the loadings have no say along it; the bound is then as if it had never been.
    void drop(Index axis) { variance[static_cast<std::size_t>(axis)] = floor; }
    bool is_dropped(Index axis) const { return variance[static_cast<std::size_t>(axis)] <= 2.0 * floor; }

    /// KL divergence of the posterior of n columns from this prior, once adapted: the rest of it cancels.
    double divergence(Index n) const;
};

/// What the columns add to the bound, given the latent rows.
struct ColumnEvidence {
    double log_determinants = 0.0; ///< of the posterior covariances, summed
    std::vector<double> of_axis;   ///< twice what the bound would lose without this axis
};

/// Normal equations of the columns: w and the change of the mean together, as both see the same residuals; and the
/// noise that is left. With a prior w has a posterior.
ColumnEvidence solve_columns(const PpcaMoments& moments, double n_observed, const PpcaScale& scale,
                             const LoadingsPrior* prior, PpcaState& state, int threads);

} // namespace matfact
