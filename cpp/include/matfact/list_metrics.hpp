/// What lists of items, and the order of all items, are worth where it is known which ones are relevant.
#pragma once

#include "matfact/matrix.hpp"

#include <cstdint>
#include <vector>

namespace matfact {

/// With r_j = 1 where the item at rank j = 1, 2, ... of a user's list is relevant, else 0, and n relevant items.
enum class ListMetric {
    precision, ///< sum_{j <= k} r_j / k
    recall,    ///< sum_{j <= k} r_j / min(k, n)
    hit_rate,  ///< the largest r_j, j <= k
    mrr,       ///< 1 / j of the first r_j = 1, j <= k; 0 without one
    map,       ///< sum_{j <= k} r_j precision@j / min(k, n)
    ndcg,      ///< sum_{j <= k} r_j / log2(j + 1) over its largest value, sum_{j <= min(k, n)} 1 / log2(j + 1)
    novelty,   ///< the mean of -log2(share of the users who have the item) over the first k items of the list
};

/// A metric of the first k ranks.
struct ListMetricAt {
    ListMetric metric;
    Index k; ///< at least 1; what a list lacks is missed
};

/// (n_users, metrics): each metric of each user's list.
///   lists       (n_users, n), items in order of rank, each once; negative where there is none
///   relevant    (n_users, n_items), each item once; values are not read
///   n_relevant  (n_users,), no fewer than in the row of `relevant`: those that no list can hold count too; where it is
///               0, so is every metric but novelty
///   item_shares (n_items,), of the users who have each item, above 0
template <class I>
Matrix<double> list_metrics(MatrixView<const std::int64_t> lists, CsrView<float, I> relevant,
                            const std::int64_t* n_relevant, const double* item_shares,
                            const std::vector<ListMetricAt>& metrics, int num_threads = 0);

/// (n_items,): the first place, counted from 0, that each item has in any list, or the largest integer where it is in
/// none. The share of places below k is coverage@k.
std::vector<std::int64_t> first_places(MatrixView<const std::int64_t> lists, Index n_items);

/// (n_users,): the share of pairs of a relevant item and another one that the scores (n_users, n_items) have in the
/// right order, equal ones counting half (area under the ROC curve). Items whose score is NaN make no pair; a user
/// without a pair has NaN.
template <class I>
std::vector<double> auc(MatrixView<const float> scores, CsrView<float, I> relevant, int num_threads = 0);

#define MATFACT_LIST_METRICS(EXTERN, I)                                                                                \
    EXTERN template Matrix<double> list_metrics(MatrixView<const std::int64_t>, CsrView<float, I>,                     \
                                                const std::int64_t*, const double*, const std::vector<ListMetricAt>&,  \
                                                int);                                                                  \
    EXTERN template std::vector<double> auc(MatrixView<const float>, CsrView<float, I>, int);
MATFACT_LIST_METRICS(extern, std::int32_t)
MATFACT_LIST_METRICS(extern, std::int64_t)

} // namespace matfact
