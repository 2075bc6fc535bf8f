#include "item_shards.hpp"

#include "parallel.hpp"

#include <algorithm>

namespace matfact {

template <class I>
ItemShards<I>::ItemShards(const std::vector<Index>& counts, bool is_weighted, Index n_shards)
    : shard_of_(counts.size(), 0), masses_(static_cast<std::size_t>(n_shards), 0.0)
{
    for (std::size_t i = 0; i < counts.size(); ++i)
        if (counts[i] > 0)
            in_order_.push_back(static_cast<I>(i));
    items_ = in_order_;
    for (Index s = 0; s <= n_shards; ++s)
        bounds_.push_back(s * n_items() / n_shards);
    if (!is_weighted)
        return;
    weights_.assign(counts.begin(), counts.end());
    for (const double weight : weights_)
        total_ += weight;
    scaled_.resize(items_.size());
    keep_.resize(items_.size());
    other_.resize(items_.size());
    waiting_.resize(items_.size());
}

template <class I> double ItemShards<I>::share_probability() const
{
    double pairs = 0.0;
    for (Index s = 0; s < n_shards(); ++s)
        pairs += static_cast<double>(size(s)) * static_cast<double>(size(s) - 1);
    const auto n = static_cast<double>(n_items());
    return n_items() > 1 ? pairs / (n * (n - 1.0)) : 1.0;
}

template <class I> void ItemShards<I>::deal(std::uint64_t seed, std::uint64_t stream, std::uint64_t epoch, int threads)
{
    items_ = in_order_;
    if (n_shards() > 1) {
        Draws draws(seed, stream, epoch, 0);
        for (Index i = n_items() - 1; i > 0; --i)
            std::swap(items_[static_cast<std::size_t>(i)], items_[static_cast<std::size_t>(draws.below(i + 1))]);
    }
    for_each_task(n_shards(), threads, [&](Index shard) {
        for (Index p = bound(shard); p < bound(shard + 1); ++p)
            shard_of_[static_cast<std::size_t>(items_[static_cast<std::size_t>(p)])] = static_cast<std::int32_t>(shard);
        if (is_weighted())
            build_table(shard);
    });
}

/// Vose's construction (doi:10.1109/32.92917): places below the mean weight take the rest of theirs from one above it.
template <class I> void ItemShards<I>::build_table(Index shard)
{
    const Index begin = bound(shard), end = bound(shard + 1);
    double mass = 0.0;
    for (Index p = begin; p < end; ++p)
        mass += weight(items_[static_cast<std::size_t>(p)]);
    masses_[static_cast<std::size_t>(shard)] = mass;
    // Those below the mean wait at the front, the others at the back.
    Index low = begin, high = end;
    for (Index p = begin; p < end; ++p) {
        const auto place = static_cast<std::size_t>(p);
        scaled_[place] = weight(items_[place]) * static_cast<double>(end - begin) / mass;
        keep_[place] = 0; // until it is light
        other_[place] = items_[place];
        waiting_[static_cast<std::size_t>(scaled_[place] < 1.0 ? low++ : --high)] = p;
    }
    while (low > begin && high < end) {
        const auto light = static_cast<std::size_t>(waiting_[static_cast<std::size_t>(--low)]);
        const Index heavy = waiting_[static_cast<std::size_t>(high)];
        keep_[light] = static_cast<std::uint32_t>(scaled_[light] * 0x1p32);
        other_[light] = items_[static_cast<std::size_t>(heavy)];
        double& rest = scaled_[static_cast<std::size_t>(heavy)];
        rest -= 1.0 - scaled_[light];
        if (rest < 1.0) {
            ++high;
            waiting_[static_cast<std::size_t>(low++)] = heavy;
        }
    }
}

template class ItemShards<std::int32_t>;
template class ItemShards<std::int64_t>;

} // namespace matfact
