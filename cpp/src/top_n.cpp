#include "matfact/top_n.hpp"

#include "checkpoint.hpp"
#include "score_tiles.hpp"

#include <algorithm>
#include <limits>

namespace matfact {

namespace {

namespace ei = Eigen::internal;
using linalg::Packet;
using linalg::packet_size;
using linalg::tile_rows;

constexpr Index task_queries = 64; ///< at most
constexpr double task_flops = 1e9; ///< at most, but for one tile of queries
constexpr Index slice_tasks = 16;  ///< after which an interrupt is looked for; with a graph, one a thread
constexpr Index scan = 64;         ///< scores that are compared with the threshold together
constexpr float nothing = -std::numeric_limits<float>::infinity();

struct Candidate {
    float score;
    std::int64_t item;
    bool operator<(const Candidate& other) const
    {
        return score != other.score ? score > other.score : item < other.item;
    }
};

/// The best candidates so far. Items come in ascending order, so a later one with the score of the threshold loses.
class Reservoir {
public:
    Reservoir(Index n, Index n_items)
        : n_(static_cast<std::size_t>(std::min(n, n_items))),
          kept_(std::min(static_cast<std::size_t>(n_items), std::max<std::size_t>(4 * n_, 64)))
    {
    }
    void clear()
    {
        size_ = 0;
        threshold_ = nothing;
    }
    float threshold() const { return threshold_; }
    void add(float score, std::int64_t item)
    {
        kept_[size_] = {score, item};
        if (++size_ == kept_.size() && size_ > n_)
            shrink();
    }
    /// Writes what is kept, best first.
    void finish(std::int64_t* items, float* scores)
    {
        if (size_ > n_)
            shrink();
        std::sort(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(size_));
        for (std::size_t i = 0; i < size_; ++i) {
            items[i] = kept_[i].item;
            scores[i] = kept_[i].score;
        }
    }

private:
    void shrink()
    {
        const auto last = kept_.begin() + static_cast<std::ptrdiff_t>(n_) - 1;
        std::nth_element(kept_.begin(), last, kept_.begin() + static_cast<std::ptrdiff_t>(size_));
        threshold_ = last->score;
        size_ = n_;
    }
    std::size_t n_, size_ = 0;
    std::vector<Candidate> kept_;
    float threshold_ = nothing;
};

/// What one thread needs for the queries of a task.
template <class I> struct Worker {
    Worker(Index n, Index n_items, const ScoreTiles<I>& tiles)
        : buffers(tiles), reservoirs(static_cast<std::size_t>(task_queries), Reservoir(n, n_items)),
          next_seen(static_cast<std::size_t>(task_queries))
    {
    }
    typename ScoreTiles<I>::Buffers buffers;
    std::vector<Reservoir> reservoirs;
    std::vector<Index> next_seen; ///< of each query: its first seen entry at or after the chunk
};

/// Adds the scores above the threshold.
void collect(const float* scores, Index begin, Index count, const PackedItems& items, Reservoir& reservoir)
{
    using P = Packet<float>;
    for (Index c = 0; c < count; c += scan) {
        const Index end = std::min(count, c + scan);
        if (end == c + scan) {
            P largest = ei::ploadu<P>(scores + c);
            for (Index i = packet_size<float>; i < scan; i += packet_size<float>)
                largest = ei::pmax(largest, ei::ploadu<P>(scores + c + i));
            if (!(ei::predux_max(largest) > reservoir.threshold()))
                continue;
        }
        for (Index i = c; i < end; ++i)
            if (scores[i] > reservoir.threshold())
                reservoir.add(scores[i], items.item(begin + i));
    }
}

/// Overwrites the scores of seen items of query q in the chunk.
template <class I>
void hide_seen(CsrView<float, I> seen, Index q, const PackedItems& items, Index begin, Index end, float* scores,
               Index& next)
{
    for (; next < static_cast<Index>(seen.indptr[q + 1]); ++next) {
        const Index place = items.place(static_cast<Index>(seen.indices[next]));
        if (place >= end)
            return;
        if (place >= begin)
            scores[place - begin] = nothing;
    }
}

/// With a graph, the queries are one tile.
template <class I>
void rank_queries(const ScoreTiles<I>& tiles, const PackedItems& items, CsrView<float, I> seen, Index first, Index last,
                  Worker<I>& worker, TopN& result)
{
    for (Index q = first; q < last; ++q) {
        worker.reservoirs[static_cast<std::size_t>(q - first)].clear();
        worker.next_seen[static_cast<std::size_t>(q - first)] = static_cast<Index>(seen.indptr[q]);
    }
    tiles.reach_users(first, static_cast<int>(std::min<Index>(tile_rows, last - first)), worker.buffers);
    for (Index begin = 0; begin < items.count(); begin += chunk_items) {
        const Index end = std::min(items.count(), begin + chunk_items);
        for (Index row = first; row < last; row += tile_rows) {
            const auto rows = static_cast<int>(std::min<Index>(tile_rows, last - row));
            tiles.fill(row, rows, begin, end, worker.buffers);
            for (int r = 0; r < rows; ++r) {
                const auto own = static_cast<std::size_t>(row + r - first);
                float* const scores = worker.buffers.scores.data() + r * chunk_items;
                hide_seen(seen, row + r, items, begin, end, scores, worker.next_seen[own]);
                collect(scores, begin, end - begin, items, worker.reservoirs[own]);
            }
        }
    }
    for (Index q = first; q < last; ++q)
        worker.reservoirs[static_cast<std::size_t>(q - first)].finish(&result.items(q, 0), &result.scores(q, 0));
}

} // namespace

template <class I>
TopN top_n(MatrixView<const float> queries, MatrixView<const float> items, CsrView<float, I> seen,
           const std::vector<std::int64_t>* candidates, Index n, int num_threads, const Progress& progress,
           const GraphTerm<I>* graph)
{
    require(n >= 1, "n must be at least 1");
    const int threads = resolve_threads(num_threads);
    ScoreTiles<I>::check(queries, items, graph, threads);
    require(seen.n_rows == queries.n_rows && seen.n_cols == items.n_rows,
            "seen must have one row for each query and one column for each item");
    if (candidates)
        for (std::size_t i = 0; i < candidates->size(); ++i)
            require((*candidates)[i] >= (i == 0 ? 0 : (*candidates)[i - 1] + 1) && (*candidates)[i] < items.n_rows,
                    "candidates must be ascending indices of items");
    linalg::check_structure(seen, threads);
    const linalg::Checkpoint interrupt = checkpoint_of(progress);

    const PackedItems packed(items, candidates, threads);
    const ScoreTiles<I> score_tiles(queries, packed, graph);
    TopN result{Matrix<std::int64_t>(queries.n_rows, n), Matrix<float>(queries.n_rows, n)};
    std::fill_n(result.items.data(), result.items.size(), -1);
    std::fill_n(result.scores.data(), result.scores.size(), nothing);
    const double flops_of_tile =
        2.0 * static_cast<double>(tile_rows * (packed.count() + 1)) * static_cast<double>(queries.n_cols + 1);
    const Index most = graph ? 1 : task_queries / tile_rows;
    const Index tiles = std::clamp<Index>(static_cast<Index>(task_flops / flops_of_tile), 1, most);
    const Index rows = tiles * tile_rows, n_tasks = block_count(queries.n_rows, rows);
    std::vector<Worker<I>> workers(static_cast<std::size_t>(std::clamp<Index>(threads, 1, std::max<Index>(1, n_tasks))),
                                   Worker<I>(n, packed.count(), score_tiles));
    const Index at_once = graph ? static_cast<Index>(workers.size()) : slice_tasks;
    for (Index slice = 0; slice < n_tasks; slice += at_once) {
        for_each_task_on_worker(
            std::min(at_once, n_tasks - slice), static_cast<int>(workers.size()), [&](Index task, Index worker) {
                const Index first = (slice + task) * rows;
                rank_queries(score_tiles, packed, seen, first, std::min(queries.n_rows, first + rows),
                             workers[static_cast<std::size_t>(worker)], result);
            });
        if (interrupt)
            interrupt();
    }
    return result;
}

template <class I>
Matrix<float> all_scores(MatrixView<const float> queries, MatrixView<const float> items, int num_threads,
                         const Progress& progress, const GraphTerm<I>* graph)
{
    const int threads = resolve_threads(num_threads);
    ScoreTiles<I>::check(queries, items, graph, threads);
    const linalg::Checkpoint interrupt = checkpoint_of(progress);
    const PackedItems packed(items, nullptr, threads);
    const ScoreTiles<I> tiles(queries, packed, graph);
    Matrix<float> scores(queries.n_rows, items.n_rows);
    using Buffers = typename ScoreTiles<I>::Buffers;
    const Index n_tasks = block_count(queries.n_rows, tile_rows);
    std::vector<Buffers> workers(static_cast<std::size_t>(std::clamp<Index>(threads, 1, std::max<Index>(1, n_tasks))),
                                 Buffers(tiles));
    const Index at_once = graph ? static_cast<Index>(workers.size()) : slice_tasks;
    for (Index slice = 0; slice < n_tasks; slice += at_once) {
        for_each_task_on_worker(
            std::min(at_once, n_tasks - slice), static_cast<int>(workers.size()), [&](Index task, Index worker) {
                Buffers& buffers = workers[static_cast<std::size_t>(worker)];
                const Index row = (slice + task) * tile_rows;
                const auto rows = static_cast<int>(std::min<Index>(tile_rows, queries.n_rows - row));
                tiles.reach_users(row, rows, buffers);
                for (Index begin = 0; begin < items.n_rows; begin += chunk_items) {
                    const Index end = std::min(items.n_rows, begin + chunk_items);
                    tiles.fill(row, rows, begin, end, buffers);
                    for (int r = 0; r < rows; ++r)
                        std::copy_n(buffers.scores.data() + r * chunk_items, end - begin, &scores(row + r, begin));
                }
            });
        if (interrupt)
            interrupt();
    }
    return scores;
}

MATFACT_TOP_N(, std::int32_t)
MATFACT_TOP_N(, std::int64_t)

} // namespace matfact
