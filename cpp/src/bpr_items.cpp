#include "checkpoint.hpp"
#include "pair_options.hpp"
#include "pair_sampler.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <limits>

namespace matfact {

namespace {

/// Items that are learned beside users and other items that stay.
template <PairMethod method, class I> class ItemDescent {
public:
    ItemDescent(CsrView<float, I> x, CsrView<float, I> columns, const std::vector<Index>& codes,
                MatrixView<const float> w, MatrixView<const float> h, const BprOptions& options, int threads)
        : x_(x), columns_(columns), codes_(codes), w_(w), options_(options), threads_(threads),
          counts_(count_columns(x)), others_(counts_, options.negatives == Negatives::popularity, 1),
          free_mass_(free_masses(x, others_)), rank_loss_(method == PairMethod::warp ? others_.n_items() : 0),
          h_(x.n_cols + most_rows_at_once, h.n_cols), sums_(most_rows_at_once, h.n_cols),
          visits_(static_cast<std::size_t>(most_rows_at_once)), rate_(static_cast<float>(options.learning_rate)),
          keep_positive_(shrink(options.l2_positive)), keep_negative_(shrink(options.l2_negative))
    {
        others_.deal(options.seed, deals, 0, threads);
        draws_.reserve(static_cast<std::size_t>(most_rows_at_once));
        for (Index i = 0; i < x.n_cols; ++i)
            for (Index c = 0; c < h.n_cols; ++c)
                h_(i, c) = h(i, c);
        if (options.item_bias)
            take_origin();
    }

    Matrix<float> solve(const linalg::Checkpoint& interrupt)
    {
        Matrix<float> result(columns_.n_rows, h_.n_cols());
        // By popularity, pairs of others are as many as the item has entries.
        const Index others =
            others_.is_weighted() ? 0 : linalg::stored_entries(x_) / std::max<Index>(1, others_.n_items());
        for (Index first = 0, end = 0; first < columns_.n_rows; first = end) {
            end = end_of_batch(columns_, first, others);
            const Index n = end - first;
            std::fill_n(&h_(x_.n_cols, 0), n * h_.n_cols(), 0.0f);
            draws_.clear();
            for (Index t = 0; t < n; ++t)
                draws_.emplace_back(others_, 0, Draws(options_.seed, steps_of_items, 0, 0), old_code(first + t));
            for (Index pass = 0; pass < options_.max_iter; ++pass) {
                if (pass == 0 || pass == options_.max_iter / 2) {
                    std::fill_n(sums_.data(), sums_.size(), 0.0);
                    std::fill(visits_.begin(), visits_.end(), 0.0);
                }
                for_each_task(n, threads_, [&](Index t) { pass_over(first + t, t); });
                if (interrupt)
                    interrupt();
            }
            for (Index t = 0; t < n; ++t)
                write(t, &result(first + t, 0));
        }
        return result;
    }

private:
    float shrink(double l2) const { return static_cast<float>(1.0 - options_.learning_rate * l2); }
    /// Where the item was among the columns of x, or -1.
    I old_code(Index item) const
    {
        const Index code = codes_[static_cast<std::size_t>(item)];
        return code < x_.n_cols ? static_cast<I>(code) : I{-1};
    }

    /// The biases of a fit begin at 0, and what a step adds to one it takes from another: its zero was about their
    /// mean, where penalties draw them, before all were shifted.
    void take_origin()
    {
        const Index bias = h_.n_cols() - 1;
        double sum = 0.0;
        for (Index i = 0; i < x_.n_cols; ++i)
            if (counts_[static_cast<std::size_t>(i)] > 0)
                sum += static_cast<double>(h_(i, bias));
        origin_ = others_.n_items() > 0 ? static_cast<float>(sum / static_cast<double>(others_.n_items())) : 0.0f;
        for (Index i = 0; i < x_.n_cols; ++i)
            h_(i, bias) -= origin_;
    }

    /// Each pair of the item once as in an epoch, and after each as many pairs of others, drawn among all, as would
    /// meet the item as their negative.
    void pass_over(Index item, Index t)
    {
        const Index width = h_.n_cols(), n_entries = linalg::stored_entries(x_);
        const Seen<I> own_users{columns_.indices + columns_.indptr[item], row_length(columns_, item)};
        const auto own = static_cast<I>(x_.n_cols + t);
        float* const row = &h_(own, 0);
        double* const sum = &sums_(t, 0);
        const ItemRows rows{h_.data(), nullptr, width, 0, width};
        NegativeDraws<I>& draws = draws_[static_cast<std::size_t>(t)];

        // The weight of the item in the draws of negatives, beside which its old one does not count.
        const double weight = others_.is_weighted() ? static_cast<double>(own_users.n) : 1.0;
        const I old = old_code(item);
        const double more =
            weight - (old >= 0 && counts_[static_cast<std::size_t>(old)] > 0 ? others_.weight(old) : 0.0);
        const double total = others_.total_mass() + more;
        const double pairs_per_visit =
            static_cast<double>(n_entries) * weight / (total * static_cast<double>(own_users.n));
        const auto lacking = [&](Index user) { return others_.n_items() - row_length(x_, user); };
        const auto seen_by = [&](Index user) { return Seen<I>{x_.indices + x_.indptr[user], row_length(x_, user)}; };

        for (Index p = 0; p < own_users.n; ++p) {
            const auto user = static_cast<Index>(own_users.items[p]);
            PairSample<method, I> sample;
            PairStep<I> step;
            if (fill(sample, I{0}, own, seen_by(user), draws) &&
                meet(&w_(user, 0), rows, sample, draws, rank_loss_, lacking(user), step))
                linalg::item_step(row, &w_(user, 0), width, rate_ * step.slope, keep_positive_);

            for (Index n = rounded(pairs_per_visit, draws); n > 0; --n) {
                const auto entry = static_cast<Index>(draws.numbers().unit() * static_cast<double>(n_entries));
                const Index other = row_of(entry);
                if (own_users.holds(static_cast<I>(other)))
                    continue;
                const float* const w = &w_(other, 0);
                // Pairs are drawn alike, but those of users who lack less meet it more often.
                const double lacked = free_mass_[static_cast<std::size_t>(other)] + more;
                const double meetings = lacked > 0.0 ? total / lacked : 0.0;
                for (Index m = rounded(meetings, draws); m > 0; --m)
                    meet_in_each_place<method>(
                        w, rows, x_.indices[entry], seen_by(other), own, draws, rank_loss_, lacking(other),
                        [&](float slope) { linalg::item_step(row, w, width, -rate_ * slope, keep_negative_); });
            }
            for (Index c = 0; c < width; ++c)
                sum[c] += static_cast<double>(row[c]);
            visits_[static_cast<std::size_t>(t)] += 1.0;
        }
    }

    /// Up with the probability that keeps the average.
    static Index rounded(double average, NegativeDraws<I>& draws)
    {
        return static_cast<Index>(average + draws.numbers().unit());
    }

    Index row_of(Index entry) const
    {
        const I* const end = x_.indptr + x_.n_rows + 1;
        return std::upper_bound(x_.indptr, end, entry, [](Index e, I begin) { return e < static_cast<Index>(begin); }) -
               x_.indptr - 1;
    }

    /// The mean over the second half of the visits; zeros for an item that nobody has.
    void write(Index t, float* out) const
    {
        const double visits = visits_[static_cast<std::size_t>(t)];
        for (Index c = 0; c < h_.n_cols(); ++c)
            out[c] = visits > 0.0 ? static_cast<float>(sums_(t, c) / visits) : 0.0f;
        if (options_.item_bias && visits > 0.0)
            out[h_.n_cols() - 1] += origin_;
    }

    CsrView<float, I> x_, columns_;
    const std::vector<Index>& codes_;
    MatrixView<const float> w_;
    const BprOptions& options_;
    int threads_;
    std::vector<Index> counts_; // entries of each item of x
    ItemShards<I> others_;
    std::vector<double> free_mass_;
    RankLoss rank_loss_;
    Matrix<float> h_; // biases from the origin, and behind the items of x those that are learned
    Matrix<double> sums_;
    std::vector<double> visits_;
    std::vector<NegativeDraws<I>> draws_;
    float rate_, keep_positive_, keep_negative_, origin_ = 0.0f;
};

} // namespace

template <class I>
Matrix<float> bpr_items(CsrView<float, I> x, CsrView<float, I> columns, const std::vector<Index>& codes,
                        MatrixView<const float> w, MatrixView<const float> h, const BprOptions& options,
                        const Progress& progress)
{
    options.validate();
    const Index width = options.n_components + (options.item_bias ? 1 : 0);
    require(w.n_rows == x.n_rows && w.n_cols == width && w.col_stride == 1,
            "w must have one row for each row of x, and one column for each component and the bias");
    require(h.n_rows == x.n_cols && h.n_cols == width && h.col_stride == 1,
            "h must have one row for each column of x, and one column for each component and the bias");
    require(columns.n_cols == x.n_rows, "columns must have one column for each row of x");
    require(static_cast<Index>(codes.size()) == columns.n_rows, "codes must have one entry for each row of columns");
    require(std::all_of(codes.begin(), codes.end(), [](Index code) { return code >= 0; }),
            "codes must not be negative");
    require(x.n_cols <= static_cast<Index>(std::numeric_limits<I>::max()) - most_rows_at_once,
            "x has too many columns for indices of this width");
    const int threads = resolve_threads(options.num_threads);
    check_pairs(x, threads);
    check_pairs(columns, threads);
    return with_method(options, [&](auto method) {
        return ItemDescent<decltype(method)::value, I>(x, columns, codes, w, h, options, threads)
            .solve(checkpoint_of(progress));
    });
}

MATFACT_BPR_ITEMS(, std::int32_t)
MATFACT_BPR_ITEMS(, std::int64_t)

} // namespace matfact
