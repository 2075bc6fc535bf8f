/// The losses of a pair of items, and which negative a positive item meets.
#pragma once

#include "item_shards.hpp"
#include "linalg/pair_kernel.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace matfact {

enum class PairMethod {
    logistic, ///< one negative, logistic loss
    highest,  ///< the highest score of some, logistic loss
    warp,     ///< the first that violates the margin, hinge loss weighted by its rank
};

/// Negatives that are drawn ahead, so that their rows are on the way when they are needed.
template <PairMethod method> constexpr int drawn_ahead = method == PairMethod::highest ? 4 : 1;
constexpr int most_draws = 100; ///< of negatives until one is not the user's, or violates the margin
/// Rows that a pair may read.
template <PairMethod method>
constexpr int most_rows = 2 + (method == PairMethod::warp ? most_draws : drawn_ahead<method>);

/// The items of a user, or all of them that are in one shard, ascending.
template <class I> struct Seen {
    const I* items;
    Index n;
    bool holds(I item) const
    {
        constexpr Index few = 16;
        return n <= few ? std::find(items, items + n, item) != items + n : std::binary_search(items, items + n, item);
    }
};

/// Draws of items that the user lacks.
template <class I> class NegativeDraws {
public:
    /// `never` is not drawn, if it is an item.
    NegativeDraws(const ItemShards<I>& items, Index shard, const Draws& draws, I never = I{-1})
        : items_(items), shard_(shard), draws_(draws), never_(never)
    {
    }
    /// False where none was found: then the user has all items of the shard, or all but a few of those that are likely.
    bool draw(const Seen<I>& seen, I& negative)
    {
        for (int n = 0; n < most_draws; ++n) {
            negative = items_.draw(shard_, draws_);
            if (negative != never_ && !seen.holds(negative))
                return true;
        }
        return false;
    }
    Draws& numbers() { return draws_; }

private:
    const ItemShards<I>& items_;
    Index shard_;
    Draws draws_;
    I never_;
};

/// Factors and biases of the items.
struct ItemRows {
    const float* h;
    const float* bias; ///< null without
    Index stride, bias_stride, width;

    const float* row(Index item) const { return h + item * stride; }
    float bias_of(Index item) const { return bias ? bias[item * bias_stride] : 0.0f; }
};

/// A positive item and the negatives that were drawn ahead.
template <PairMethod method, class I> struct PairSample {
    I user, item;
    I negatives[drawn_ahead<method>];
    Seen<I> seen;
};

/// False where the negatives are not to be had.
template <PairMethod method, class I>
bool fill(PairSample<method, I>& sample, I user, I item, const Seen<I>& seen, NegativeDraws<I>& draws)
{
    sample.user = user;
    sample.item = item;
    sample.seen = seen;
    for (I& negative : sample.negatives)
        if (!draws.draw(seen, negative))
            return false;
    return true;
}

/// The step that a sample asks for: along the difference of the rows, times `slope`.
template <class I> struct PairStep {
    I negative;
    float slope;
    float loss;
    float order; ///< 1 where the positive item scores above the first negative, 0 below, 1/2 in a tie
};

inline float order_of(float difference) { return difference > 0.0f ? 1.0f : difference < 0.0f ? 0.0f : 0.5f; }

/// log(1 + exp(-d)) and minus its derivative.
struct Logistic {
    explicit Logistic(float d)
    {
        const float e = std::exp(-std::abs(d));
        slope = (d > 0.0f ? e : 1.0f) / (1.0f + e);
        // log(1 + e) = 2 artanh(z), z <= 1/3: what the series leaves out is below 3e-7.
        const float z = e / (2.0f + e), q = z * z;
        const float series = 1 + q * (1.f / 3 + q * (1.f / 5 + q * (1.f / 7 + q * (1.f / 9 + q * (1.f / 11)))));
        value = std::max(0.0f, -d) + 2.0f * z * series;
    }
    float value, slope;
};

/// L(r) = 1 + 1/2 + ... + 1/r, the loss of rank r, as a share of L(n).
class RankLoss {
public:
    explicit RankLoss(Index n_items) : sums_{0.0f}
    {
        double sum = 0.0;
        for (Index r = 1; r <= n_items; ++r)
            sums_.push_back(static_cast<float>(sum += 1.0 / static_cast<double>(r)));
    }
    /// When the first of n items that is too high was found in the given draw.
    float operator()(Index n, int draw) const { return of(n / draw) / of(n); }

private:
    float of(Index rank) const { return sums_[static_cast<std::size_t>(std::max<Index>(1, rank))]; }
    std::vector<float> sums_;
};

/// False where there is no step to take. `n_negatives` are the items that the user lacks.
template <PairMethod method, class I>
bool meet(const float* user, const ItemRows& rows, const PairSample<method, I>& sample, NegativeDraws<I>& draws,
          const RankLoss& rank_loss, Index n_negatives, PairStep<I>& step)
{
    step.negative = sample.negatives[0];
    if constexpr (method == PairMethod::logistic) {
        const float d = linalg::dot_difference(user, rows.row(sample.item), rows.row(step.negative), rows.width) +
                        (rows.bias_of(sample.item) - rows.bias_of(step.negative));
        const Logistic loss(d);
        step.slope = loss.slope;
        step.loss = loss.value;
        step.order = order_of(d);
        return true;
    }
    const auto score = [&](I item) { return linalg::dot(user, rows.row(item), rows.width) + rows.bias_of(item); };
    const float above = score(sample.item);
    float highest = score(step.negative);
    step.order = order_of(above - highest);
    if constexpr (method == PairMethod::highest) {
        for (int n = 1; n < drawn_ahead<method>; ++n)
            if (const float other = score(sample.negatives[n]); other > highest) {
                highest = other;
                step.negative = sample.negatives[n];
            }
        const Logistic loss(above - highest);
        step.slope = loss.slope;
        step.loss = loss.value;
        return true;
    } else {
        for (int draw = 1;; ++draw) {
            const float violation = 1.0f - above + highest;
            if (!(violation <= 0.0f)) { // NaN is told as a loss
                step.slope = rank_loss(n_negatives, draw);
                step.loss = step.slope * violation;
                return true;
            }
            if (draw == most_draws || !draws.draw(sample.seen, step.negative)) {
                step.loss = 0.0f;
                return false;
            }
            highest = score(step.negative);
        }
    }
}

/// Calls take(slope) for each place among the negatives of `user` and `item` where `own` would be stepped away from,
/// with as many others around it as the method draws. `n_negatives` as in meet().
template <PairMethod method, class I, class Take>
void meet_in_each_place(const float* user, const ItemRows& rows, I item, const Seen<I>& seen, I own,
                        NegativeDraws<I>& draws, const RankLoss& rank_loss, Index n_negatives, const Take& take)
{
    if constexpr (method == PairMethod::warp) {
        const auto violation = [&](I other) {
            return 1.0f - linalg::dot_difference(user, rows.row(item), rows.row(other), rows.width) -
                   (rows.bias_of(item) - rows.bias_of(other));
        };
        for (int draw = 1; draw <= most_draws; ++draw) {
            if (violation(own) > 0.0f)
                take(rank_loss(n_negatives, draw));
            I other;
            if (!draws.draw(seen, other) || violation(other) > 0.0f)
                return;
        }
    } else
        for (int place = 0; place < drawn_ahead<method>; ++place) {
            PairSample<method, I> sample{I{0}, item, {}, seen};
            for (int n = 0; n < drawn_ahead<method>; ++n)
                if (n != place && !draws.draw(seen, sample.negatives[n]))
                    return;
            sample.negatives[place] = own;
            PairStep<I> step;
            if (meet(user, rows, sample, draws, rank_loss, n_negatives, step) && step.negative == own)
                take(step.slope);
        }
}

} // namespace matfact
