/// The positive pairs of an epoch in blocks that different threads may work on without meeting.
#pragma once

#include "item_shards.hpp"
#include "linalg/gram.hpp"
#include "matfact/matrix.hpp"

#include <vector>

namespace matfact {

/// Pairs side by side: those of a user are neighbours, in ascending order of the items.
template <class I> struct PairRange {
    const I *users, *items;
    Index n;
};

/// Users are in as many shards as items. In round r the users of shard s meet the items of shard (s + r) mod n: the n
/// blocks of a round have no user and no item in common, and the pairs of all rounds are those of x.
template <class I> class PairBlocks {
public:
    PairBlocks(CsrView<float, I> x, Index n_shards);

    /// Shards of which blocks stay in a core's cache, enough of them for many threads, and none tiny. A function of the
    /// shape; a pair may cost as much as `row_visits` rows.
    static Index shards_for(CsrView<float, I> x, Index n_items, Index n_components, int row_visits);

    /// Sorts the pairs into blocks; inside one they come in the order of x.
    void arrange(const ItemShards<I>& items, int threads, const linalg::Checkpoint& interrupt);

    PairRange<I> block(Index user_shard, Index item_shard) const
    {
        const Index begin = offset(user_shard, item_shard), end = offset(user_shard, item_shard + 1);
        return {users_.data() + begin, items_.data() + begin, end - begin};
    }

private:
    Index offset(Index user_shard, Index item_shard) const
    {
        return offsets_[static_cast<std::size_t>(user_shard * (n_shards_ + 1) + item_shard)];
    }
    CsrView<float, I> x_;
    Index n_shards_;
    std::vector<Index> bounds_;  // of the shards of users
    std::vector<Index> offsets_; // of blocks, n_shards + 1 for each shard of users
    std::vector<Index> next_;    // of each block, where the next pair goes
    std::vector<I> users_, items_;
};

} // namespace matfact
