/// Personalized ranking from pairs of items: Bayesian personalized ranking (BPR) and its cousin WARP.
#pragma once

#include "matfact/matrix.hpp"
#include "matfact/progress.hpp"
#include "matfact/status.hpp"

#include <cstdint>
#include <vector>

namespace matfact {

enum class PairLoss {
    bpr,  ///< log(1 + exp(-d)) of the difference d = score of the positive item - score of the negative one
    warp, ///< the first of up to 100 negatives with d < 1 costs (1 - d) L(r) / L(n), L(r) = 1 + 1/2 + ... + 1/r
};

enum class Negatives {
    uniform,    ///< any item that the user lacks
    popularity, ///< in proportion to the users it has
    adaptive,   ///< of four uniform draws the one that scores highest
};

/// Options of bpr(). Each epoch meets every stored pair (u, i) of a user and a positive item with an item j that the
/// user lacks, and takes one step of gradient descent on the rows of u, i and j for
///   loss(w_u . h_i + b_i - w_u . h_j - b_j) + l2_user/2 ||w_u||^2 + l2_positive/2 (||h_i||^2 + b_i^2)
///                                           + l2_negative/2 (||h_j||^2 + b_j^2).
struct BprOptions {
    Index n_components = 64; ///< columns of both factors, without the bias
    PairLoss loss = PairLoss::bpr;
    Negatives negatives = Negatives::uniform; ///< uniform where the loss is warp
    double learning_rate = 0.05;
    double l2_user = 0.01; ///< 0.05 with adaptive negatives and 0.1 with warp are better starts
    double l2_positive = 0.01;
    double l2_negative = 0.01;
    bool item_bias = true;
    Index max_iter = 30;       ///< epochs
    bool deterministic = true; ///< false: steps of several threads may overwrite each other (Hogwild)
    std::uint64_t seed = 0;
    int num_threads = 0;   ///< 0 = the process default
    void validate() const; ///< throws std::invalid_argument naming the field
};

/// Users without an entry have the row 0 in w, items without one the row 0 in h; with a bias, w has a last column of
/// ones and h one of biases, the least of which is 0.
struct BprFactors {
    Matrix<float> w;             ///< (n_users, n_components [+ 1])
    Matrix<float> h;             ///< (n_items, n_components [+ 1])
    std::vector<double> history; ///< mean loss of the samples of each epoch, each before its step
    std::vector<double> errors;  ///< standard errors of those means
    std::vector<double> auc;     ///< share of the samples of each epoch that were in order before their step
    Index n_iter = 0;
    Status status = Status::max_iter;
};

/// x (n_users, n_items), column indices ascending in each row; each entry is a positive pair, values are not looked at.
/// `progress` is also called, with an objective of NaN, between pieces of an epoch; what it returns does not count
/// then. Where it throws after a complete epoch, `last` gets what that has made.
template <class I>
BprFactors bpr(CsrView<float, I> x, const BprOptions& options, const Progress& progress = {},
               BprFactors* last = nullptr);

/// Rows of W, with the columns of h, for the histories x (n_rows, n_items) of users who were not in the fit: as many
/// passes over the history as the fit had epochs, with the items fixed, and the mean of the second half of the steps.
/// `item_counts` (n_items,) are the entries of each item in the fit. A row depends on its own history only.
template <class I>
Matrix<float> bpr_rows(CsrView<float, I> x, MatrixView<const float> h, const std::vector<Index>& item_counts,
                       const BprOptions& options, const Progress& progress = {});

/// Rows of H, with the columns of w, for items whose users are the rows of `columns` (n_new, n_users); x, w and h are
/// of the fit, or of what has grown from it, and stay. As many passes as options.max_iter over the item's users, each
/// with a negative, and over as many pairs of x, drawn among those of other users, as an epoch would have met with the
/// item as their negative; the mean of the second half of them. `codes` (n_new,) are the columns of x that the items
/// were, or x.n_cols and above. A row depends on its own users only, and is 0 without them.
template <class I>
Matrix<float> bpr_items(CsrView<float, I> x, CsrView<float, I> columns, const std::vector<Index>& codes,
                        MatrixView<const float> w, MatrixView<const float> h, const BprOptions& options,
                        const Progress& progress = {});

#define MATFACT_BPR(EXTERN, I)                                                                                         \
    EXTERN template BprFactors bpr(CsrView<float, I>, const BprOptions&, const Progress&, BprFactors*);                \
    EXTERN template Matrix<float> bpr_rows(CsrView<float, I>, MatrixView<const float>, const std::vector<Index>&,      \
                                           const BprOptions&, const Progress&);
MATFACT_BPR(extern, std::int32_t)
MATFACT_BPR(extern, std::int64_t)

#define MATFACT_BPR_ITEMS(EXTERN, I)                                                                                   \
    EXTERN template Matrix<float> bpr_items(CsrView<float, I>, CsrView<float, I>, const std::vector<Index>&,           \
                                            MatrixView<const float>, MatrixView<const float>, const BprOptions&,       \
                                            const Progress&);
MATFACT_BPR_ITEMS(extern, std::int32_t)
MATFACT_BPR_ITEMS(extern, std::int64_t)

} // namespace matfact
