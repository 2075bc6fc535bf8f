/// Scores of a few queries with the items, a chunk of these at a time: what top_n() searches and all_scores() keeps.
#pragma once

#include "linalg/csr.hpp"
#include "linalg/kernel.hpp"
#include "matfact/top_n.hpp"
#include "parallel.hpp"
#include "require.hpp"

#include <cmath>
#include <vector>

namespace matfact {

constexpr Index item_panel = linalg::panel_width<float>;
/// Of items, which stay in the second-level cache while the queries of a task pass.
constexpr Index chunk_items = 16 * item_panel;

/// Items in the order of their indices, in panels as kernel.hpp reads them.
class PackedItems {
public:
    PackedItems(MatrixView<const float> items, const std::vector<std::int64_t>* candidates, int threads)
        : k_(items.n_cols), count_(candidates ? static_cast<Index>(candidates->size()) : items.n_rows),
          candidates_(candidates), panels_(block_count(count_, item_panel), item_panel * k_)
    {
        for_each_task(panels_.n_rows(), threads, [&](Index p) {
            for (Index j = 0; j < item_panel; ++j) {
                const Index place = p * item_panel + j;
                for (Index c = 0; c < k_; ++c)
                    panels_(p, c * item_panel + j) = place < count_ ? items(item(place), c) : 0.0f;
            }
        });
        if (!candidates)
            return;
        places_.assign(static_cast<std::size_t>(items.n_rows), -1);
        for (Index place = 0; place < count_; ++place)
            places_[static_cast<std::size_t>(item(place))] = place;
    }
    Index count() const { return count_; }
    Index item(Index place) const { return candidates_ ? (*candidates_)[static_cast<std::size_t>(place)] : place; }
    /// Where the item is, or a negative number.
    Index place(Index item) const { return candidates_ ? places_[static_cast<std::size_t>(item)] : item; }
    const float* panel(Index p) const { return &panels_(p, 0); }

private:
    Index k_, count_;
    const std::vector<std::int64_t>* candidates_;
    Matrix<float> panels_;
    std::vector<Index> places_;
};

/// A tile is at most linalg::tile_rows consecutive queries.
template <class I> class ScoreTiles {
public:
    /// What one thread needs.
    struct Buffers {
        explicit Buffers(const ScoreTiles& tiles)
            : scores(static_cast<std::size_t>(linalg::tile_rows * chunk_items)),
              queries(static_cast<std::size_t>(linalg::tile_rows * tiles.queries_.n_cols)),
              users(static_cast<std::size_t>(tiles.graph_ ? linalg::tile_rows * tiles.graph_->by_item.n_cols : 0))
        {
        }
        std::vector<float> scores; ///< (tile_rows, chunk_items)
        std::vector<float> queries;
        std::vector<float> users; ///< (n_users, tile_rows): A x of each query
    };

    ScoreTiles(MatrixView<const float> queries, const PackedItems& items, const GraphTerm<I>* graph)
        : queries_(queries), items_(items), graph_(graph)
    {
    }

    /// Throws std::invalid_argument where shapes do not fit together.
    static void check(MatrixView<const float> queries, MatrixView<const float> items, const GraphTerm<I>* graph,
                      int threads)
    {
        require(queries.n_cols == items.n_cols, "queries and items must have the same number of columns");
        if (!graph)
            return;
        require(graph->history.n_rows == queries.n_rows && graph->history.n_cols == items.n_rows,
                "history must have one row for each query and one column for each item");
        require(graph->by_item.n_rows == items.n_rows, "by_item must have one row for each item");
        require(std::isfinite(graph->linear_weight), "linear_weight must be finite");
        linalg::check_structure(graph->history, threads);
        linalg::check_structure(graph->by_item, threads);
    }

    /// Comes before the chunks of a tile where there is a graph, once.
    void reach_users(Index row, int rows, Buffers& buffers) const
    {
        if (!graph_)
            return;
        std::fill(buffers.users.begin(), buffers.users.end(), 0.0f);
        const auto& history = graph_->history;
        const auto& by_item = graph_->by_item;
        for (int r = 0; r < rows; ++r)
            for (I p = history.indptr[row + r]; p < history.indptr[row + r + 1]; ++p) {
                const I item = history.indices[p];
                for (I e = by_item.indptr[item]; e < by_item.indptr[item + 1]; ++e)
                    buffers.users[static_cast<std::size_t>(by_item.indices[e] * Index{linalg::tile_rows} + r)] +=
                        history.values[p] * by_item.values[e];
            }
    }

    /// Scores of the items at places begin .. end - 1, a chunk at most; what is behind them in their panel is 0.
    void fill(Index row, int rows, Index begin, Index end, Buffers& buffers) const
    {
        const Index k = queries_.n_cols;
        for (int r = 0; r < rows; ++r)
            for (Index c = 0; c < k; ++c)
                buffers.queries[static_cast<std::size_t>(c * linalg::tile_rows + r)] = queries_(row + r, c);
        for (Index c = begin; c < end; c += item_panel)
            linalg::multiply_tile<float>(rows, linalg::tile_packets, k, items_.panel(c / item_panel), item_panel,
                                         {buffers.queries.data(), 1, linalg::tile_rows},
                                         buffers.scores.data() + c - begin, chunk_items, false);
        if (graph_)
            for (Index place = begin; place < end; ++place)
                return_from_users(items_.item(place), rows, buffers, buffers.scores.data() + place - begin);
    }

private:
    using Lanes = Eigen::Array<float, linalg::tile_rows, 1>;

    void return_from_users(Index item, int rows, const Buffers& buffers, float* scores) const
    {
        const auto& by_item = graph_->by_item;
        Lanes sum = Lanes::Zero();
        for (I e = by_item.indptr[item]; e < by_item.indptr[item + 1]; ++e)
            sum += by_item.values[e] *
                   Eigen::Map<const Lanes>(buffers.users.data() + by_item.indices[e] * Index{linalg::tile_rows});
        for (int r = 0; r < rows; ++r)
            scores[r * chunk_items] += graph_->linear_weight * sum(r);
    }

    MatrixView<const float> queries_;
    const PackedItems& items_;
    const GraphTerm<I>* graph_;
};

} // namespace matfact
