#include "matfact/bpr.hpp"

#include "checkpoint.hpp"
#include "pair_options.hpp"
#include "pair_sampler.hpp"
#include "parallel.hpp"
#include "random_factor.hpp"
#include "require.hpp"
#include "sweeps.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace matfact {

namespace {

/// What the samples of a block, or of an epoch, add up to.
struct Tally {
    double n = 0.0, loss = 0.0, squares = 0.0, order = 0.0;
    void add(double one_loss, double one_order)
    {
        n += 1.0;
        loss += one_loss;
        squares += one_loss * one_loss;
        order += one_order;
    }
    Tally& operator+=(const Tally& other)
    {
        n += other.n;
        loss += other.loss;
        squares += other.squares;
        order += other.order;
        return *this;
    }
    double mean_loss() const { return n > 0.0 ? loss / n : 0.0; }
    double error_of_mean() const
    {
        return n > 1.0 ? std::sqrt(std::max(0.0, squares / n - mean_loss() * mean_loss()) / (n - 1.0)) : 0.0;
    }
};

/// Both factors, padded, and the steps on them.
template <PairMethod method, class I> class PairDescent {
public:
    PairDescent(CsrView<float, I> x, const BprOptions& options, int threads)
        : x_(x), options_(options), threads_(threads), counts_(count_columns(x)),
          sampler_(x, counts_, options.negatives == Negatives::popularity, shards(x, counts_, options), options.seed),
          rank_loss_(method == PairMethod::warp ? sampler_.n_items() : 0),
          w_(x.n_rows, linalg::pair_width(options.n_components)), h_(x.n_cols, w_.n_cols()),
          bias_(static_cast<std::size_t>(x.n_cols), 0.0f),
          tallies_(static_cast<std::size_t>(sampler_.n_shards() * sampler_.n_shards())),
          rate_(static_cast<float>(options.learning_rate)),
          keep_{shrink(options.l2_user), shrink(options.l2_positive), shrink(options.l2_negative)}
    {
        start(w_, start_of_users, [&](Index u) { return row_length(x, u) > 0; });
        start(h_, start_of_items, [&](Index i) { return counts_[static_cast<std::size_t>(i)] > 0; });
    }

    Tally epoch(Index number, const linalg::Checkpoint& interrupt)
    {
        sampler_.start_epoch(number, threads_, interrupt);
        const Index shards = sampler_.n_shards();
        // Without a schedule, blocks of several rounds are open at a time, and two of them may have the same rows.
        const Index at_once = options_.deterministic ? shards : std::min(shards, Index{16}) * shards;
        for (Index first = 0; first < shards * shards; first += at_once) {
            for_each_task(std::min(at_once, shards * shards - first), threads_, [&](Index t) {
                const Index block = first + t, users = block % shards;
                Tally tally;
                sampler_.sample_block(users, (users + block / shards) % shards,
                                      [&](const PairSample<method, I>* samples, int n, NegativeDraws<I>& draws) {
                                          take_steps(samples, n, draws, tally);
                                      });
                tallies_[static_cast<std::size_t>(block)] = tally;
            });
            if (interrupt)
                interrupt();
        }
        return ordered_sum(tallies_);
    }

    /// Writes the factors into those of the result, with the bias as another column.
    void write(BprFactors& result) const
    {
        const Index k = options_.n_components;
        const auto copy = [&](const Matrix<float>& rows, Matrix<float>& out, const auto& bias) {
            for_blocks(out.n_rows(), block_rows, threads_, [&](Index begin, Index end, Index) {
                for (Index i = begin; i < end; ++i) {
                    std::copy_n(&rows(i, 0), k, &out(i, 0));
                    if (options_.item_bias)
                        out(i, k) = bias(static_cast<std::size_t>(i));
                }
            });
        };
        const float least = least_bias();
        copy(w_, result.w, [](std::size_t) { return 1.0f; });
        copy(h_, result.h, [&](std::size_t item) { return counts_[item] > 0 ? bias_[item] - least : 0.0f; });
    }

private:
    static constexpr Index block_rows = 1024;
    static Index shards(CsrView<float, I> x, const std::vector<Index>& counts, const BprOptions& options)
    {
        const Index warm = static_cast<Index>(counts.size()) - std::count(counts.begin(), counts.end(), Index{0});
        return PairBlocks<I>::shards_for(x, warm, options.n_components, most_rows<method>);
    }
    float shrink(double l2) const { return static_cast<float>(1.0 - options_.learning_rate * l2); }
    float* user_row(I user) { return w_.data() + static_cast<Index>(user) * w_.n_cols(); }
    float* item_row(I item) { return h_.data() + static_cast<Index>(item) * h_.n_cols(); }

    template <class HasEntries> void start(Matrix<float>& factor, PairStreams stream, const HasEntries& has_entries)
    {
        const Index k = options_.n_components;
        const float scale = 0.5f / std::sqrt(static_cast<float>(k));
        std::fill_n(factor.data(), factor.size(), 0.0f);
        fill_uniform(factor.view().block(0, 0, factor.n_rows(), k), -scale, scale, options_.seed, stream, threads_);
        for (Index i = 0; i < factor.n_rows(); ++i)
            if (!has_entries(i))
                std::fill_n(&factor(i, 0), k, 0.0f);
    }

    float least_bias() const
    {
        float least = std::numeric_limits<float>::infinity();
        for (std::size_t i = 0; i < counts_.size(); ++i)
            if (counts_[i] > 0)
                least = std::min(least, bias_[i]);
        return least;
    }

    void take_steps(const PairSample<method, I>* samples, int n, NegativeDraws<I>& draws, Tally& tally)
    {
        constexpr int ahead = 32; // samples whose rows are on the way
        const Index width = h_.n_cols();
        const ItemRows rows{h_.data(), options_.item_bias ? bias_.data() : nullptr, width, 1, width};
        const auto fetch = [&](const PairSample<method, I>& sample) {
            linalg::prefetch_row(user_row(sample.user), width);
            linalg::prefetch_row(item_row(sample.item), width);
            for (const I negative : sample.negatives)
                linalg::prefetch_row(item_row(negative), width);
        };
        for (int s = 0; s < std::min(ahead, n); ++s)
            fetch(samples[s]);
        for (int s = 0; s < n; ++s) {
            if (s + ahead < n)
                fetch(samples[s + ahead]);
            const PairSample<method, I>& sample = samples[s];
            float* const user = user_row(sample.user);
            const Index n_negatives = sampler_.n_items() - row_length(x_, static_cast<Index>(sample.user));
            PairStep<I> step;
            const bool moves = meet(user, rows, sample, draws, rank_loss_, n_negatives, step);
            tally.add(static_cast<double>(step.loss), static_cast<double>(step.order));
            if (!moves)
                continue;
            const float gain = rate_ * step.slope;
            linalg::pair_step(user, item_row(sample.item), item_row(step.negative), width, gain, keep_);
            if (options_.item_bias) {
                float &positive = bias_[static_cast<std::size_t>(sample.item)],
                      &negative = bias_[static_cast<std::size_t>(step.negative)];
                positive = keep_.positive * positive + gain;
                negative = keep_.negative * negative - gain;
            }
        }
    }

    CsrView<float, I> x_;
    const BprOptions& options_;
    int threads_;
    std::vector<Index> counts_; // entries of each item
    PairSampler<method, I> sampler_;
    RankLoss rank_loss_;
    Matrix<float> w_, h_;
    std::vector<float> bias_;
    std::vector<Tally> tallies_;
    float rate_;
    linalg::Shrinkage keep_;
};

template <PairMethod method, class I>
void descend(CsrView<float, I> x, const BprOptions& options, int threads, const Progress& progress, BprFactors& result)
{
    const linalg::Checkpoint interrupt = checkpoint_of(progress);
    PairDescent<method, I> descent(x, options, threads);
    const auto factors = [&] { return SweepFactors{result.w.view(), result.h.view(), {}}; };
    while (result.n_iter < options.max_iter) {
        const Tally tally = descent.epoch(result.n_iter, interrupt);
        if (!std::isfinite(tally.loss))
            throw NumericalError("the factors overflow float32: lower learning_rate");
        ++result.n_iter;
        result.history.push_back(tally.mean_loss());
        result.errors.push_back(tally.error_of_mean());
        result.auc.push_back(tally.n > 0.0 ? tally.order / tally.n : 0.5);
        descent.write(result); // the next epoch works in place, and may be interrupted
        if (progress && progress({result.n_iter, tally.mean_loss(), factors})) {
            result.status = Status::stopped;
            break;
        }
    }
}

/// Users of their histories only.
template <PairMethod method, class I>
Matrix<float> solve_rows(CsrView<float, I> x, MatrixView<const float> h, const std::vector<Index>& counts,
                         const BprOptions& options, int threads, const Progress& progress)
{
    const Index k = options.n_components;
    ItemShards<I> items(counts, options.negatives == Negatives::popularity, 1);
    items.deal(options.seed, deals, 0, threads);
    const ItemRows rows{h.data, options.item_bias ? h.data + k : nullptr, h.row_stride, h.row_stride, k};
    const RankLoss rank_loss(method == PairMethod::warp ? items.n_items() : 0);
    const auto rate = static_cast<float>(options.learning_rate);
    const auto keep = static_cast<float>(1.0 - options.learning_rate * options.l2_user);
    Matrix<float> users(most_rows_at_once, k), sums(most_rows_at_once, k), result(x.n_rows, h.n_cols);
    std::vector<double> n_summed(static_cast<std::size_t>(most_rows_at_once));
    std::vector<NegativeDraws<I>> draws;
    draws.reserve(n_summed.size());
    // Items that nobody had in the fit have learnt nothing that a user could be told.
    const auto is_warm = [&](I item) { return counts[static_cast<std::size_t>(item)] > 0; };

    const auto pass_over = [&](Index row, Index t) {
        const Seen<I> seen{x.indices + x.indptr[row], row_length(x, row)};
        const Index n_warm = std::count_if(seen.items, seen.items + seen.n, is_warm);
        NegativeDraws<I>& own = draws[static_cast<std::size_t>(t)];
        for (Index p = 0; p < seen.n; ++p) {
            if (!is_warm(seen.items[p]))
                continue;
            PairSample<method, I> sample;
            if (!fill(sample, I{0}, seen.items[p], seen, own))
                continue;
            PairStep<I> step;
            if (!meet(&users(t, 0), rows, sample, own, rank_loss, items.n_items() - n_warm, step))
                step.slope = 0.0f;
            linalg::user_step(&users(t, 0), rows.row(sample.item), rows.row(step.negative), k, rate * step.slope,
                              step.slope > 0.0f ? keep : 1.0f, &sums(t, 0));
            n_summed[static_cast<std::size_t>(t)] += 1.0;
        }
    };
    const auto write = [&](Index t, float* out) {
        const double n = n_summed[static_cast<std::size_t>(t)];
        const float scale = n > 0.0 ? static_cast<float>(1.0 / n) : 0.0f;
        for (Index c = 0; c < k; ++c)
            out[c] = sums(t, c) * scale;
        if (options.item_bias)
            out[k] = 1.0f;
    };
    const linalg::Checkpoint interrupt = checkpoint_of(progress);
    for (Index first = 0, end = 0; first < x.n_rows; first = end) {
        end = end_of_batch(x, first);
        std::fill_n(users.data(), users.size(), 0.0f);
        draws.clear();
        for (Index t = 0; t < end - first; ++t)
            draws.emplace_back(items, 0, Draws(options.seed, steps_of_rows, 0, 0));
        for (Index pass = 0; pass < options.max_iter; ++pass) {
            if (pass == 0 || pass == options.max_iter / 2) {
                std::fill_n(sums.data(), sums.size(), 0.0f);
                std::fill(n_summed.begin(), n_summed.end(), 0.0);
            }
            for_each_task(end - first, threads, [&](Index t) { pass_over(first + t, t); });
            if (interrupt)
                interrupt();
        }
        for (Index t = 0; t < end - first; ++t)
            write(t, &result(first + t, 0));
    }
    return result;
}

} // namespace

void BprOptions::validate() const
{
    require(n_components >= 1, "n_components must be at least 1");
    require(loss != PairLoss::warp || negatives == Negatives::uniform, "negatives must be uniform where loss is warp");
    require(std::isfinite(learning_rate) && learning_rate > 0.0, "learning_rate must be finite and positive");
    for (const double l2 : {l2_user, l2_positive, l2_negative})
        require(l2 >= 0.0 && learning_rate * l2 < 1.0,
                "l2_user, l2_positive and l2_negative must not be negative, and below 1 / learning_rate");
    require(max_iter >= 1, "max_iter must be at least 1");
}

template <class I>
BprFactors bpr(CsrView<float, I> x, const BprOptions& options, const Progress& progress, BprFactors* last)
{
    options.validate();
    const int threads = resolve_threads(options.num_threads);
    check_pairs(x, threads);
    const Index columns = options.n_components + (options.item_bias ? 1 : 0);
    BprFactors result;
    result.w = Matrix<float>(x.n_rows, columns);
    result.h = Matrix<float>(x.n_cols, columns);
    const auto sweep = [&] {
        with_method(options,
                    [&](auto method) { descend<decltype(method)::value>(x, options, threads, progress, result); });
    };
    keep_last(result, last, sweep, [] {});
    return result;
}

template <class I>
Matrix<float> bpr_rows(CsrView<float, I> x, MatrixView<const float> h, const std::vector<Index>& item_counts,
                       const BprOptions& options, const Progress& progress)
{
    options.validate();
    require(h.n_rows == x.n_cols && h.n_cols == options.n_components + (options.item_bias ? 1 : 0) && h.col_stride == 1,
            "h must have one row for each column of x, and one column for each component and the bias");
    require(static_cast<Index>(item_counts.size()) == x.n_cols, "item_counts must have one entry for each column of x");
    const int threads = resolve_threads(options.num_threads);
    check_pairs(x, threads);
    return with_method(options, [&](auto method) {
        return solve_rows<decltype(method)::value>(x, h, item_counts, options, threads, progress);
    });
}

MATFACT_BPR(, std::int32_t)
MATFACT_BPR(, std::int64_t)

} // namespace matfact
