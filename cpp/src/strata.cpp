#include "strata.hpp"

#include "linalg/csr.hpp"

#include <cmath>
#include <numeric>
#include <queue>

namespace matfact {

namespace {

/// Small blocks keep their rows in the cache, and large ones outlast the start of a task. Some groups there must be
/// even where entries are few: blocks of a round are what threads share.
Index grid_size(Index n_rows, Index n_cols, Index n_entries)
{
    constexpr double block_entries = 4096.0;
    constexpr Index unit = 8; // which numbers of threads divide
    const double wanted = std::sqrt(static_cast<double>(n_entries) / block_entries) / static_cast<double>(unit);
    const Index size = unit * std::max<Index>(1, static_cast<Index>(std::lround(wanted)));
    return std::max<Index>(1, std::min({size, n_rows, n_cols}));
}

} // namespace

template <class I>
RowGroups::RowGroups(const I* indptr, Index n_rows, Index n_groups)
    : begins(static_cast<std::size_t>(n_groups) + 1), rows(static_cast<std::size_t>(n_rows)), places(rows.size())
{
    const auto entries = [&](Index row) { return static_cast<Index>(indptr[row + 1] - indptr[row]); };
    std::iota(rows.begin(), rows.end(), Index{0});
    std::stable_sort(rows.begin(), rows.end(), [&](Index a, Index b) { return entries(a) > entries(b); });

    // The longest first, each to the group that has least so far: no group ends more than a row ahead of another.
    using Load = std::pair<Index, Index>; // entries and rows of a group, and its number
    std::priority_queue<Load, std::vector<Load>, std::greater<>> lightest;
    for (Index group = 0; group < n_groups; ++group)
        lightest.push({0, group});
    std::vector<Index> group_of(rows.size());
    for (const Index row : rows) {
        const auto [load, group] = lightest.top();
        lightest.pop();
        lightest.push({load + entries(row) + 1, group});
        group_of[static_cast<std::size_t>(row)] = group;
        ++begins[static_cast<std::size_t>(group) + 1];
    }
    std::partial_sum(begins.begin(), begins.end(), begins.begin());
    std::vector<Index> next(begins.begin(), begins.end() - 1);
    for (Index row = 0; row < n_rows; ++row) {
        const auto i = static_cast<std::size_t>(row);
        places[i] = next[static_cast<std::size_t>(group_of[i])]++;
        rows[static_cast<std::size_t>(places[i])] = row;
    }
}

template <class I>
Strata<I>::Strata(CsrView<float, I> x, CsrView<float, I> xt, int threads)
    : size_(grid_size(x.n_rows, x.n_cols, linalg::stored_entries(x))), rows_(x.indptr, x.n_rows, size_),
      cols_(xt.indptr, xt.n_rows, size_), entries_(1, linalg::stored_entries(x)),
      begins_(static_cast<std::size_t>(size_ * size_) + 1)
{
    // A piece of some ten milliseconds, after which an interrupt is looked for; on narrow data of more, so that it has
    // work for several threads.
    constexpr Index piece_entries = 1 << 17, least = 16;
    blocks_at_once_ = std::max<Index>(least, piece_entries * size_ * size_ / std::max<Index>(1, entries_.size()));

    std::vector<Index> group_of(static_cast<std::size_t>(x.n_cols));
    for (Index group = 0; group < size_; ++group)
        for (Index place = cols_.begins[static_cast<std::size_t>(group)];
             place < cols_.begins[static_cast<std::size_t>(group) + 1]; ++place)
            group_of[static_cast<std::size_t>(cols_.rows[static_cast<std::size_t>(place)])] = group;

    // body(place, row, first entry, one behind the last) for the rows of a group
    const auto for_rows = [&](Index group, const auto& body) {
        for (Index place = rows_.begins[static_cast<std::size_t>(group)];
             place < rows_.begins[static_cast<std::size_t>(group) + 1]; ++place) {
            const Index row = rows_.rows[static_cast<std::size_t>(place)];
            body(place, static_cast<Index>(x.indptr[row]), static_cast<Index>(x.indptr[row + 1]));
        }
    };
    const auto block_of = [&](Index group, Index p) {
        return at(group, group_of[static_cast<std::size_t>(x.indices[p])]);
    };
    for_each_task(size_, threads, [&](Index group) {
        for_rows(group, [&](Index, Index first, Index last) {
            for (Index p = first; p < last; ++p)
                ++begins_[block_of(group, p)];
        });
    });
    Index seen = 0;
    for (Index& begin : begins_)
        seen += std::exchange(begin, seen);
    std::vector<Index> next(begins_.begin(), begins_.end() - 1);
    for_each_task(size_, threads, [&](Index group) {
        for_rows(group, [&](Index place, Index first, Index last) {
            for (Index p = first; p < last; ++p)
                entries_.data()[next[block_of(group, p)]++] = {
                    static_cast<I>(place), static_cast<I>(cols_.places[static_cast<std::size_t>(x.indices[p])]),
                    x.values[p]};
        });
    });
}

template class Strata<std::int32_t>;
template class Strata<std::int64_t>;

} // namespace matfact
