/// Which pairs of items an epoch of pairwise learning meets, and in which order.
#pragma once

#include "linalg/csr.hpp"
#include "pair_blocks.hpp"
#include "pair_loss.hpp"

#include <array>

namespace matfact {

/// Streams of random numbers.
enum PairStreams : std::uint64_t { start_of_users, start_of_items, steps_of_fit, deals, steps_of_rows, steps_of_items };

template <class I> Index row_length(CsrView<float, I> x, Index row)
{
    return static_cast<Index>(x.indptr[row + 1] - x.indptr[row]);
}

template <class I> std::vector<Index> count_columns(CsrView<float, I> x)
{
    std::vector<Index> counts(static_cast<std::size_t>(x.n_cols), 0);
    for (Index p = 0; p < linalg::stored_entries(x); ++p)
        ++counts[static_cast<std::size_t>(x.indices[p])];
    return counts;
}

/// The weights of the items that each user lacks: of each its draws, or 1 where they are uniform.
template <class I> std::vector<double> free_masses(CsrView<float, I> x, const ItemShards<I>& items)
{
    std::vector<double> masses(static_cast<std::size_t>(x.n_rows));
    for (Index u = 0; u < x.n_rows; ++u) {
        double& mass = masses[static_cast<std::size_t>(u)];
        mass = items.total_mass();
        for (auto p = static_cast<Index>(x.indptr[u]); p < static_cast<Index>(x.indptr[u + 1]); ++p)
            mass -= items.weight(x.indices[p]);
    }
    return masses;
}

/// A negative comes from the shard of the positive item. As all deals of the items into shards are equally likely,
/// uniform draws from a shard are, over all deals, uniform draws from all items that the user lacks. Weighted ones
/// would not be in proportion to the weights, because shards differ in mass: there a pair meets as many negatives as
/// the mass of those it may meet is to its mean, rounded at random. The expected number of meetings of u, i and j in
/// an epoch is then one over the items that u lacks, or the weight of j over theirs.
template <PairMethod method, class I> class PairSampler {
public:
    PairSampler(CsrView<float, I> x, const std::vector<Index>& counts, bool is_weighted, Index n_shards,
                std::uint64_t seed)
        : x_(x), seed_(seed), items_(counts, is_weighted, n_shards), blocks_(x, n_shards)
    {
        if (!is_weighted)
            return;
        share_probability_ = items_.share_probability();
        free_mass_ = free_masses(x, items_);
    }

    Index n_shards() const { return items_.n_shards(); }
    Index n_items() const { return items_.n_items(); } ///< with an entry

    void start_epoch(Index epoch, int threads, const linalg::Checkpoint& interrupt)
    {
        epoch_ = static_cast<std::uint64_t>(epoch);
        items_.deal(seed_, deals, epoch_, threads);
        blocks_.arrange(items_, threads, interrupt);
    }

    /// Calls take(samples, n, draws) for some samples of a block at a time, in order.
    template <class Take> void sample_block(Index user_shard, Index item_shard, const Take& take) const
    {
        constexpr int chunk = 256;
        std::array<PairSample<method, I>, chunk> samples;
        int filled = 0;
        const PairRange<I> pairs = blocks_.block(user_shard, item_shard);
        const auto block = static_cast<std::uint64_t>(user_shard * n_shards() + item_shard);
        NegativeDraws<I> draws(items_, item_shard, Draws(seed_, steps_of_fit, epoch_, block));
        for (Index begin = 0, end = 0; begin < pairs.n; begin = end) {
            const I user = pairs.users[begin];
            for (end = begin + 1; end < pairs.n && pairs.users[end] == user;)
                ++end;
            const Seen<I> seen{pairs.items + begin, end - begin};
            if (seen.n == items_.size(item_shard))
                continue;
            const double average = items_.is_weighted() ? negatives_per_pair(user, seen, item_shard) : 1.0;
            for (Index p = begin; p < end; ++p) {
                // Rounded up with the probability that keeps the average.
                const Index n = items_.is_weighted() ? static_cast<Index>(average + draws.numbers().unit()) : 1;
                for (Index repeat = 0; repeat < n; ++repeat) {
                    PairSample<method, I>& sample = samples[static_cast<std::size_t>(filled)];
                    if (!fill(sample, user, pairs.items[p], seen, draws))
                        continue;
                    if (++filled == chunk) {
                        take(samples.data(), filled, draws);
                        filled = 0;
                    }
                }
            }
        }
        take(samples.data(), filled, draws);
    }

private:
    double negatives_per_pair(I user, const Seen<I>& seen, Index shard) const
    {
        double mass = items_.mass(shard);
        for (Index p = 0; p < seen.n; ++p)
            mass -= items_.weight(seen.items[p]);
        return mass / (free_mass_[static_cast<std::size_t>(user)] * share_probability_);
    }

    CsrView<float, I> x_;
    std::uint64_t seed_, epoch_ = 0;
    ItemShards<I> items_;
    PairBlocks<I> blocks_;
    double share_probability_ = 1.0;
    std::vector<double> free_mass_; // of the items that each user lacks
};

} // namespace matfact
