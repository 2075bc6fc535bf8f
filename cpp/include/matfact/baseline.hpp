/// Ratings by global mean and biases only: what any factors have to beat.
#pragma once

#include "matfact/matrix.hpp"
#include "matfact/progress.hpp"

#include <cstdint>

namespace matfact {

/// Options of baseline(). The objective is
///   sum over stored (u, i) of (x_ui - mean - b_u - b_i)^2  +  l2_user sum_u b_u^2  +  l2_item sum_i b_i^2,
/// where mean is that of the stored values.
struct BaselineOptions {
    double l2_user = 5.0; ///< entries of a row that would halve the mean of as many
    double l2_item = 5.0;
    Index max_iter = 15;   ///< sweeps: the items, then the users, each in closed form
    int num_threads = 0;   ///< 0 = the process default
    void validate() const; ///< throws std::invalid_argument naming the field
};

/// rating_queries() makes scores of them.
struct BaselineFactors {
    double mean = 0.0;
    Matrix<float> w; ///< (n_users, 1): b_u, the solutions for h
    Matrix<float> h; ///< (n_items, 1): b_i; biases are 0 without entries
};

/// x (n_users, n_items) with finite values, no pair twice, and its transpose xt. `progress` is called after each sweep,
/// with an objective of NaN; what it returns does not count.
template <class I>
BaselineFactors baseline(CsrView<float, I> x, CsrView<float, I> xt, const BaselineOptions& options,
                         const Progress& progress = {});

/// Rows of w for the ratings x (n_rows, n_items) of users, given mean and h (n_items, 1) of a fit; l2 is l2_user. As
/// well those of items, by their columns, w and l2_item.
template <class I>
Matrix<float> baseline_rows(CsrView<float, I> x, MatrixView<const float> h, double mean, double l2,
                            int num_threads = 0);

#define MATFACT_BASELINE(EXTERN, I)                                                                                    \
    EXTERN template BaselineFactors baseline(CsrView<float, I>, CsrView<float, I>, const BaselineOptions&,             \
                                             const Progress&);                                                         \
    EXTERN template Matrix<float> baseline_rows(CsrView<float, I>, MatrixView<const float>, double, double, int);
MATFACT_BASELINE(extern, std::int32_t)
MATFACT_BASELINE(extern, std::int64_t)

} // namespace matfact
