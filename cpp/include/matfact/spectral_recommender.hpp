/// Recommendations by filtering a user's row on the graph of items that users share (GF-CF).
#pragma once

#include "matfact/pure_svd.hpp"
#include "matfact/top_n.hpp"

namespace matfact {

/// Options of spectral_recommender(). With X~ = D_U^-1/2 X D_I^-1/2 as in pure_svd(), a user with the row x scores
/// items by
///   x D_I^-1/2 V V' D_I^1/2  +  linear_weight  x X~' X~.
struct SpectralOptions {
    Index n_components = 256;                          ///< between 1 and the smaller side of x
    double linear_weight = 10.0 / 3.0;                 ///< not negative
    int num_threads = 0;                               ///< 0 = the process default
    void validate(Index n_users, Index n_items) const; ///< throws std::invalid_argument naming the field
};

/// Scores are inner products of the rows of filter.w and filter.h, and the term that spectral_graph() gives to top_n()
/// and all_scores().
struct SpectralFactors {
    PureSvdFactors filter;
    std::vector<float> by_item; ///< (n_entries,) X~' where the fit's xt has entries
};

/// x (n_users, n_items) with positive finite values, and its transpose xt. `progress` is told what svd() tells.
template <class I>
SpectralFactors spectral_recommender(CsrView<float, I> x, CsrView<float, I> xt, const SpectralOptions& options = {},
                                     const Progress& progress = {});

/// by_item of SpectralFactors alone: all that the second term needs of the interactions.
template <class I> std::vector<float> spectral_by_item(CsrView<float, I> xt, int num_threads = 0);

/// The second term for the histories (n_queries, n_items) of users; valid as long as all of these are.
template <class I>
GraphTerm<I> spectral_graph(CsrView<float, I> history, CsrView<float, I> xt, const std::vector<float>& by_item,
                            double linear_weight);

#define MATFACT_SPECTRAL(EXTERN, I)                                                                                    \
    EXTERN template SpectralFactors spectral_recommender(CsrView<float, I>, CsrView<float, I>, const SpectralOptions&, \
                                                         const Progress&);                                             \
    EXTERN template std::vector<float> spectral_by_item(CsrView<float, I>, int);                                       \
    EXTERN template GraphTerm<I> spectral_graph(CsrView<float, I>, CsrView<float, I>, const std::vector<float>&,       \
                                                double);
MATFACT_SPECTRAL(extern, std::int32_t)
MATFACT_SPECTRAL(extern, std::int64_t)

} // namespace matfact
