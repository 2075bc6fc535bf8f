/// The best items of each user by inner products: exact, in bounded memory.
#pragma once

#include "matfact/matrix.hpp"
#include "matfact/progress.hpp"

#include <cstdint>
#include <vector>

namespace matfact {

struct TopN {
    Matrix<std::int64_t> items; ///< (n_queries, n), best first, ties to the lower index; -1 where there are fewer
    Matrix<float> scores;       ///< (n_queries, n), -infinity where there are fewer
};

/// What a score has beside its inner product: linear_weight x A' A, a step on the graph of users and items from the row
/// x of a query's history.
template <class I> struct GraphTerm {
    CsrView<float, I> history; ///< (n_queries, n_items): x of each query
    CsrView<float, I> by_item; ///< (n_items, n_users): A'
    float linear_weight;
};

/// The n largest of queries (n_queries, k) times items' (n_items, k), row by row. Items of row q of `seen` are left
/// out; its indices ascend and its values are not read. Of the ascending `candidates`, or of all items where it is
/// null, the others are left out. A graph takes tens of bytes for each user and thread, and a pass over its entries for
/// every few queries.
template <class I>
TopN top_n(MatrixView<const float> queries, MatrixView<const float> items, CsrView<float, I> seen,
           const std::vector<std::int64_t>* candidates, Index n, int num_threads = 0, const Progress& progress = {},
           const GraphTerm<I>* graph = nullptr);

/// (n_queries, n_items): the scores that top_n() orders, with the same bits.
template <class I>
Matrix<float> all_scores(MatrixView<const float> queries, MatrixView<const float> items, int num_threads = 0,
                         const Progress& progress = {}, const GraphTerm<I>* graph = nullptr);

#define MATFACT_TOP_N(EXTERN, I)                                                                                       \
    EXTERN template TopN top_n(MatrixView<const float>, MatrixView<const float>, CsrView<float, I>,                    \
                               const std::vector<std::int64_t>*, Index, int, const Progress&, const GraphTerm<I>*);    \
    EXTERN template Matrix<float> all_scores(MatrixView<const float>, MatrixView<const float>, int, const Progress&,   \
                                             const GraphTerm<I>*);
MATFACT_TOP_N(extern, std::int32_t)
MATFACT_TOP_N(extern, std::int64_t)

} // namespace matfact
