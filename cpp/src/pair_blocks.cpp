#include "pair_blocks.hpp"

#include "linalg/csr.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <cmath>

namespace matfact {

template <class I>
Index PairBlocks<I>::shards_for(CsrView<float, I> x, Index n_items, Index n_components, int row_visits)
{
    constexpr double cache_bytes = 512e3; // of a core's, for the rows of items
    constexpr double round_work = 6e8;    // some 100 ms on one core: an interrupt is looked for between rounds
    constexpr double block_pairs = 512.0; // some microseconds, which threads may wait for each other
    constexpr Index shard_items = 64;     // to draw from
    const auto pairs = static_cast<double>(linalg::stored_entries(x)), k = static_cast<double>(n_components);
    const double wanted =
        std::max({16.0, static_cast<double>(n_items) * 4.0 * k / cache_bytes, pairs * k * row_visits / round_work});
    const double most = std::min(
        {std::sqrt(pairs / block_pairs), static_cast<double>(n_items / shard_items), static_cast<double>(x.n_rows)});
    return std::max<Index>(1, static_cast<Index>(std::min(wanted, most)));
}

template <class I>
PairBlocks<I>::PairBlocks(CsrView<float, I> x, Index n_shards)
    : x_(x), n_shards_(n_shards), bounds_(linalg::cut_lanes(x, n_shards)),
      offsets_(static_cast<std::size_t>(n_shards * (n_shards + 1))), next_(offsets_.size()),
      users_(static_cast<std::size_t>(linalg::stored_entries(x))), items_(users_.size())
{
}

template <class I>
void PairBlocks<I>::arrange(const ItemShards<I>& items, int threads, const linalg::Checkpoint& interrupt)
{
    constexpr Index at_once = 16; // shards of users between two looks for an interrupt
    for (Index first = 0; first < n_shards_; first += at_once) {
        for_each_task(std::min(at_once, n_shards_ - first), threads, [&](Index t) {
            const Index shard = first + t;
            Index* const offsets = &offsets_[static_cast<std::size_t>(shard * (n_shards_ + 1))];
            Index* const next = &next_[static_cast<std::size_t>(shard * (n_shards_ + 1))];
            const Index row = bounds_[static_cast<std::size_t>(shard)],
                        end = bounds_[static_cast<std::size_t>(shard + 1)];
            const auto entry = static_cast<Index>(x_.indptr[row]), last = static_cast<Index>(x_.indptr[end]);
            std::fill_n(offsets, n_shards_ + 1, Index{0});
            for (Index p = entry; p < last; ++p)
                ++offsets[items.shard_of(x_.indices[p]) + 1];
            offsets[0] = entry;
            for (Index s = 0; s < n_shards_; ++s) {
                next[s] = offsets[s];
                offsets[s + 1] += offsets[s];
            }
            for (Index u = row; u < end; ++u)
                for (auto p = static_cast<Index>(x_.indptr[u]); p < static_cast<Index>(x_.indptr[u + 1]); ++p) {
                    const auto place = static_cast<std::size_t>(next[items.shard_of(x_.indices[p])]++);
                    users_[place] = static_cast<I>(u);
                    items_[place] = x_.indices[p];
                }
        });
        if (interrupt)
            interrupt();
    }
}

template class PairBlocks<std::int32_t>;
template class PairBlocks<std::int64_t>;

} // namespace matfact
