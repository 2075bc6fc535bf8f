/// Ratings by global mean, biases of users and items, and factors: draws from their posterior distribution.
#pragma once

#include "matfact/matrix.hpp"
#include "matfact/progress.hpp"
#include "matfact/status.hpp"

#include <cstdint>
#include <vector>

namespace matfact {

/// Options of biased_gibbs(). The model is
///   x_ui ~ Normal(mean + b_u + b_i + w_u . h_i, 1 / tau),
/// where every column of the users' (w_u, b_u) and of the items' (h_i, b_i) is normal with a mean and a precision of
/// its own. Those, and tau, have conjugate priors that weigh one observation.
struct GibbsOptions {
    Index n_components = 64;
    bool biases = true;    ///< false: b_u = b_i = 0
    Index burn_in = 50;    ///< sweeps before the first that is kept
    Index n_samples = 100; ///< sweeps that are kept
    std::uint64_t seed = 0;
    int num_threads = 0;   ///< 0 = the process default
    void validate() const; ///< throws std::invalid_argument naming the field
};

/// With K = n_components [+ 1] unknowns of a row, the last of which is the bias, sample s has the columns
/// [s K, (s + 1) K) of both factors.
struct GibbsSamples {
    double mean = 0.0;
    Matrix<float> w;             ///< (n_users, n_samples K)
    Matrix<float> h;             ///< (n_items, n_samples K)
    Matrix<float> user_prior;    ///< (2 n_samples, K): of each sample the means of w's columns, and precisions over tau
    Matrix<float> item_prior;    ///< the same of h
    std::vector<double> noise;   ///< 1 / sqrt(tau) of each sample
    std::vector<double> history; ///< sum of squared errors of each sweep's draw
    Index n_iter = 0;
    Status status = Status::max_iter;
};

/// x (n_users, n_items) with finite values, and its transpose xt. Where `progress` stops, there is at least one sample.
/// It is also called, with an objective of NaN, between pieces of a sweep; what it returns does not count then.
/// Where it throws after a complete sweep, `last` gets the samples so far, or before the first one the draw of that.
template <class I>
GibbsSamples biased_gibbs(CsrView<float, I> x, CsrView<float, I> xt, const GibbsOptions& options,
                          const Progress& progress = {}, GibbsSamples* last = nullptr);

/// Rows (n_rows, n_samples K) for the ratings x (n_rows, n_items) of users, given h and user_prior of a fit: the mean
/// of what could be drawn for each sample. As well those of items, by their columns, w and item_prior.
template <class I>
Matrix<float> gibbs_rows(CsrView<float, I> x, MatrixView<const float> h, MatrixView<const float> prior, double mean,
                         bool biases, int num_threads, const Progress& progress = {});

#define MATFACT_GIBBS(KEYWORD, I)                                                                                      \
    KEYWORD template GibbsSamples biased_gibbs<I>(CsrView<float, I>, CsrView<float, I>, const GibbsOptions&,           \
                                                  const Progress&, GibbsSamples*);                                     \
    KEYWORD template Matrix<float> gibbs_rows<I>(CsrView<float, I>, MatrixView<const float>, MatrixView<const float>,  \
                                                 double, bool, int, const Progress&);
MATFACT_GIBBS(extern, std::int32_t)
MATFACT_GIBBS(extern, std::int64_t)

} // namespace matfact
