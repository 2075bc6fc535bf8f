/// The items that negatives are drawn from, dealt into shards anew in each epoch.
#pragma once

#include "draws.hpp"

#include <vector>

namespace matfact {

/// Every item with an entry is in one shard; all deals into shards of these sizes are equally likely, so any two items
/// share a shard with the same probability.
template <class I> class ItemShards {
public:
    /// `counts`: entries of each item; draws are in proportion to them if `is_weighted`.
    ItemShards(const std::vector<Index>& counts, bool is_weighted, Index n_shards);

    /// The deal of an epoch, a function of the numbers.
    void deal(std::uint64_t seed, std::uint64_t stream, std::uint64_t epoch, int threads);

    Index n_shards() const { return static_cast<Index>(bounds_.size()) - 1; }
    Index n_items() const { return static_cast<Index>(items_.size()); }
    Index size(Index shard) const { return bound(shard + 1) - bound(shard); }
    Index shard_of(I item) const { return shard_of_[static_cast<std::size_t>(item)]; }

    bool is_weighted() const { return !weights_.empty(); }
    /// Of an item with an entry: 1 where draws are uniform.
    double weight(I item) const { return is_weighted() ? weights_[static_cast<std::size_t>(item)] : 1.0; }
    double mass(Index shard) const { return masses_[static_cast<std::size_t>(shard)]; } ///< sum of weights
    double total_mass() const { return is_weighted() ? total_ : static_cast<double>(n_items()); }
    /// That two different items share a shard.
    double share_probability() const;

    I draw(Index shard, Draws& draws) const
    {
        const auto place = static_cast<std::size_t>(bound(shard) + draws.below(size(shard)));
        if (!is_weighted())
            return items_[place];
        return draws.next() < keep_[place] ? items_[place] : other_[place];
    }

private:
    Index bound(Index shard) const { return bounds_[static_cast<std::size_t>(shard)]; }
    void build_table(Index shard);

    std::vector<I> in_order_, items_;
    std::vector<std::int32_t> shard_of_; // of each item, also of those in no shard
    std::vector<Index> bounds_;
    // Walker's alias method: a place stands for its item with probability keep / 2^32, else for `other`.
    std::vector<double> weights_, masses_, scaled_;
    std::vector<std::uint32_t> keep_;
    std::vector<I> other_;
    std::vector<Index> waiting_;
    double total_ = 0.0;
};

} // namespace matfact
