#include "matfact/list_metrics.hpp"

#include "linalg/csr.hpp"
#include "parallel.hpp"
#include "require.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace matfact {

namespace {

constexpr Index task_users = 64;
constexpr Index count_items = 1 << 20; ///< whose counts fit into 32 bits

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// 1 / log2(j + 1) of the ranks j = 1, 2, ..., and what a list gains with relevant items at all of its first ranks.
class Gains {
public:
    explicit Gains(Index n) : gains_(at(n)), sums_(at(n + 1), 0.0)
    {
        for (Index j = 0; j < n; ++j) {
            gains_[at(j)] = 1.0 / std::log2(static_cast<double>(j + 2));
            sums_[at(j + 1)] = sums_[at(j)] + gains_[at(j)];
        }
    }
    double operator[](Index place) const { return gains_[at(place)]; }
    double of_first(Index n) const { return sums_[at(n)]; }

private:
    std::vector<double> gains_, sums_;
};

/// The list of one user.
struct List {
    const char* hits; ///< which places hold a relevant item
    Index n_places;
    const std::int64_t* items;
    Index stride; ///< between the items of two places
};

double n_hits(const List& list, Index end)
{
    return static_cast<double>(std::count(list.hits, list.hits + end, char{1}));
}

double reciprocal_rank(const List& list, Index end)
{
    const char* const first = std::find(list.hits, list.hits + end, char{1});
    return first == list.hits + end ? 0.0 : 1.0 / static_cast<double>(first - list.hits + 1);
}

double sum_of_precisions(const List& list, Index end)
{
    double sum = 0.0, hits = 0.0;
    for (Index j = 0; j < end; ++j)
        if (list.hits[j])
            sum += ++hits / static_cast<double>(j + 1);
    return sum;
}

double gain(const List& list, Index end, const Gains& gains)
{
    double sum = 0.0;
    for (Index j = 0; j < end; ++j)
        if (list.hits[j])
            sum += gains[j];
    return sum;
}

double mean_surprise(const List& list, Index end, const double* item_shares)
{
    double sum = 0.0, n = 0.0;
    for (Index j = 0; j < end; ++j)
        if (const std::int64_t item = list.items[j * list.stride]; item >= 0) {
            sum -= std::log2(item_shares[item]);
            ++n;
        }
    return sum / std::max(1.0, n);
}

double value(ListMetricAt asked, const List& list, Index n_relevant, const Gains& gains, const double* item_shares)
{
    const Index end = std::min(asked.k, list.n_places);
    // Without a relevant item there is no hit: any divisor gives 0.
    const Index reachable = std::max<Index>(1, std::min(asked.k, n_relevant));
    switch (asked.metric) {
    case ListMetric::precision:
        return n_hits(list, end) / static_cast<double>(asked.k);
    case ListMetric::recall:
        return n_hits(list, end) / static_cast<double>(reachable);
    case ListMetric::hit_rate:
        return n_hits(list, end) > 0.0 ? 1.0 : 0.0;
    case ListMetric::mrr:
        return reciprocal_rank(list, end);
    case ListMetric::map:
        return sum_of_precisions(list, end) / static_cast<double>(reachable);
    case ListMetric::ndcg:
        return gain(list, end, gains) / gains.of_first(reachable);
    case ListMetric::novelty:
        return mean_surprise(list, end, item_shares);
    }
    return std::numeric_limits<double>::quiet_NaN();
}

/// Which places of a user's list hold a relevant item; one thread's memory for it.
class Hits {
public:
    Hits(Index n_items, Index n_places) : is_relevant_(at(n_items), 0), hits_(at(n_places)) {}

    template <class I> List of(MatrixView<const std::int64_t> lists, CsrView<float, I> relevant, Index u)
    {
        mark(relevant, u, 1);
        for (Index j = 0; j < lists.n_cols; ++j)
            hits_[at(j)] = lists(u, j) >= 0 ? is_relevant_[at(lists(u, j))] : char{0};
        mark(relevant, u, 0);
        return {hits_.data(), lists.n_cols, lists.data + u * lists.row_stride, lists.col_stride};
    }

private:
    template <class I> void mark(CsrView<float, I> relevant, Index u, char value)
    {
        for (I p = relevant.indptr[u]; p < relevant.indptr[u + 1]; ++p)
            is_relevant_[at(relevant.indices[p])] = value;
    }
    std::vector<char> is_relevant_, hits_; ///< no item is, between two users
};

void require_items(MatrixView<const std::int64_t> lists, Index n_items)
{
    for (Index u = 0; u < lists.n_rows; ++u)
        for (Index j = 0; j < lists.n_cols; ++j)
            require(lists(u, j) < n_items, "lists must hold items below n_items");
}

/// Of a row of scores, those below `score`, and half of those that equal it, times two; NaN is neither.
Index halves_below(float score, MatrixView<const float> row)
{
    Index total = 0;
    for (Index begin = 0; begin < row.n_cols; begin += count_items) {
        std::int32_t halves = 0; // as wide as a score, so that the loop is one of packets
        for (Index i = begin; i < std::min(row.n_cols, begin + count_items); ++i)
            halves += 2 * (row(0, i) < score) + (row(0, i) == score);
        total += halves;
    }
    return total;
}

} // namespace

template <class I>
Matrix<double> list_metrics(MatrixView<const std::int64_t> lists, CsrView<float, I> relevant,
                            const std::int64_t* n_relevant, const double* item_shares,
                            const std::vector<ListMetricAt>& metrics, int num_threads)
{
    require(relevant.n_rows == lists.n_rows, "relevant must have one row for each list");
    const int threads = resolve_threads(num_threads);
    linalg::check_structure(relevant, threads);
    require_items(lists, relevant.n_cols);
    Index most = 1;
    for (Index u = 0; u < lists.n_rows; ++u) {
        require(n_relevant[u] >= relevant.indptr[u + 1] - relevant.indptr[u],
                "n_relevant must count the items of relevant at least");
        most = std::max(most, static_cast<Index>(n_relevant[u]));
    }
    Index longest = 1;
    for (const ListMetricAt& asked : metrics) {
        require(asked.k >= 1, "k must be at least 1");
        longest = std::max(longest, asked.k);
    }
    require(std::all_of(item_shares, item_shares + relevant.n_cols, [](double share) { return share > 0.0; }),
            "item_shares must be positive");

    const Gains gains(std::max(lists.n_cols, std::min(most, longest)));
    Matrix<double> values(lists.n_rows, static_cast<Index>(metrics.size()));
    const Index n_tasks = block_count(lists.n_rows, task_users);
    std::vector<Hits> workers(at(std::clamp<Index>(threads, 1, std::max<Index>(1, n_tasks))),
                              Hits(relevant.n_cols, lists.n_cols));
    for_each_task_on_worker(n_tasks, static_cast<int>(workers.size()), [&](Index task, Index worker) {
        for (Index u = task * task_users; u < std::min(lists.n_rows, (task + 1) * task_users); ++u) {
            const List list = workers[at(worker)].of(lists, relevant, u);
            for (Index m = 0; m < values.n_cols(); ++m)
                values(u, m) = value(metrics[at(m)], list, static_cast<Index>(n_relevant[u]), gains, item_shares);
        }
    });
    return values;
}

std::vector<std::int64_t> first_places(MatrixView<const std::int64_t> lists, Index n_items)
{
    require(n_items >= 0, "n_items must not be negative");
    require_items(lists, n_items);
    std::vector<std::int64_t> places(at(n_items), std::numeric_limits<std::int64_t>::max());
    for (Index u = 0; u < lists.n_rows; ++u)
        for (Index j = 0; j < lists.n_cols; ++j)
            if (lists(u, j) >= 0) {
                std::int64_t& place = places[at(lists(u, j))];
                place = std::min<std::int64_t>(place, j);
            }
    return places;
}

template <class I> std::vector<double> auc(MatrixView<const float> scores, CsrView<float, I> relevant, int num_threads)
{
    require(relevant.n_rows == scores.n_rows && relevant.n_cols == scores.n_cols,
            "relevant must have the users and items of scores");
    const int threads = resolve_threads(num_threads);
    linalg::check_structure(relevant, threads);
    std::vector<double> shares(at(scores.n_rows));
    for_each_task(scores.n_rows, threads, [&](Index u) {
        const MatrixView<const float> row = scores.rows(u, u + 1);
        Index n = 0, halves = 0, n_ranked = 0;
        for (I p = relevant.indptr[u]; p < relevant.indptr[u + 1]; ++p)
            if (const float score = row(0, static_cast<Index>(relevant.indices[p])); !std::isnan(score)) {
                ++n;
                halves += halves_below(score, row);
            }
        for (Index i = 0; i < row.n_cols; ++i)
            n_ranked += !std::isnan(row(0, i));
        // Relevant items were compared with each other and themselves too: each two of them gave 2 halves, each one 1.
        const double all = 2.0 * static_cast<double>(n) * static_cast<double>(n_ranked - n);
        shares[at(u)] =
            all > 0.0 ? static_cast<double>(halves - n * n) / all : std::numeric_limits<double>::quiet_NaN();
    });
    return shares;
}

MATFACT_LIST_METRICS(, std::int32_t)
MATFACT_LIST_METRICS(, std::int64_t)

} // namespace matfact
