#include "biased_strata.hpp"

#include "linalg/csr.hpp"
#include "random_factor.hpp"
#include "ratings.hpp"

#include <cmath>

namespace matfact {

namespace {

constexpr Index block_rows = 1024;
constexpr Index packet = linalg::packet_size<float>;
constexpr Index tail = (row_state_4 + packet) / packet * packet;

/// Copies rows of `start` to their places and fills in the tails; those of no entries become zero.
template <class I>
void place_rows(MatrixView<const float> start, const I* indptr, const RowGroups& groups, const BiasedOptions& options,
                float state, Index width, int threads, Matrix<float>& rows)
{
    rows = Matrix<float>(start.n_rows, width + tail);
    for_blocks(start.n_rows, block_rows, threads, [&](Index begin, Index end, Index) {
        for (Index i = begin; i < end; ++i) {
            const auto n = static_cast<double>(indptr[i + 1] - indptr[i]);
            float* const row = &rows(groups.places[static_cast<std::size_t>(i)], 0);
            std::fill_n(row, rows.n_cols(), 0.0f);
            if (n == 0.0)
                continue;
            std::copy_n(&start(i, 0), start.n_cols, row);
            row[width + row_l2] =
                static_cast<float>(options.l2_scaling == L2Scaling::count ? options.l2 : options.l2 / n);
            row[width + row_state] = row[width + row_state_2] = state;
        }
    });
}

/// The sum over rows of their l2 (l2_ratio ||factor||^2 + bias^2).
template <class I>
double penalty(const Matrix<float>& rows, const I* indptr, const RowGroups& groups, Index width, double l2_ratio,
               int threads)
{
    std::vector<double> partial(static_cast<std::size_t>(block_count(rows.n_rows(), block_rows)));
    for_blocks(rows.n_rows(), block_rows, threads, [&](Index begin, Index end, Index block) {
        double sum = 0.0;
        for (Index i = begin; i < end; ++i) {
            const float* const row = &rows(groups.places[static_cast<std::size_t>(i)], 0);
            double squares = 0.0;
            for (Index c = 0; c < width; ++c)
                squares += static_cast<double>(row[c]) * static_cast<double>(row[c]);
            const auto bias = static_cast<double>(row[width + row_bias]);
            sum += static_cast<double>(indptr[i + 1] - indptr[i]) * static_cast<double>(row[width + row_l2]) *
                   (l2_ratio * squares + bias * bias);
        }
        partial[static_cast<std::size_t>(block)] = sum;
    });
    return ordered_sum(partial);
}

} // namespace

template <class I>
BiasedStrata<I>::BiasedStrata(CsrView<float, I> x, CsrView<float, I> xt, const BiasedOptions& options, double mean,
                              float state, int threads)
    : x_(x), xt_(xt), n_components_(options.n_components), width_((n_components_ + tail - 1) / tail * tail),
      threads_(threads), scale_(standard_deviation(x, mean)),
      l2_ratio_(static_cast<float>(std::min(1.0 / scale_, 1e30))), strata_(x, xt, threads, [&](float value) {
          return static_cast<float>((static_cast<double>(value) - mean) / scale_);
      })
{
    // Products of a hundredth of the ratings' variance: the biases find their places first.
    const float a = 0.3f / std::sqrt(static_cast<float>(n_components_));
    Matrix<float> start(std::max(x.n_rows, x.n_cols), n_components_);
    const MatrixView<float> w = start.view().rows(0, x.n_rows), h = start.view().rows(0, x.n_cols);
    fill_uniform(w, -a, a, options.seed, 0, threads);
    place_rows<I>(w, x.indptr, strata_.rows(), options, state, width_, threads, users_);
    fill_uniform(h, -a, a, options.seed, 1, threads);
    place_rows<I>(h, xt.indptr, strata_.cols(), options, state, width_, threads, items_);
}

template <class I> double BiasedStrata<I>::objective() const
{
    const Index n = strata_.size();
    std::vector<double> partial(static_cast<std::size_t>(n * n));
    for_each_task(n * n, threads_, [&](Index block) {
        double sum = 0.0;
        for (const StrataEntry<I>& entry : strata_.block(block / n, block % n)) {
            const auto error =
                static_cast<double>(prediction_error(&users_(static_cast<Index>(entry.row), 0),
                                                     &items_(static_cast<Index>(entry.col), 0), width_, entry.value));
            sum += error * error;
        }
        partial[static_cast<std::size_t>(block)] = sum;
    });
    return with_penalties(ordered_sum(partial));
}

template <class I> double BiasedStrata<I>::objective_without_products() const
{
    return with_penalties(static_cast<double>(linalg::stored_entries(x_)));
}

template <class I> double BiasedStrata<I>::with_penalties(double squared_errors) const
{
    const double ratio = 1.0 / scale_;
    return scale_ * scale_ *
           (squared_errors + penalty(users_, x_.indptr, strata_.rows(), width_, ratio, threads_) +
            penalty(items_, xt_.indptr, strata_.cols(), width_, ratio, threads_));
}

template <class I> void BiasedStrata<I>::keep()
{
    const auto copy = [&](const Matrix<float>& rows, Matrix<float>& kept) {
        if (kept.size() == 0)
            kept = Matrix<float>(rows.n_rows(), rows.n_cols());
        for_blocks(rows.n_rows(), block_rows, threads_, [&](Index begin, Index end, Index) {
            std::copy_n(&rows(begin, 0), (end - begin) * rows.n_cols(), &kept(begin, 0));
        });
    };
    copy(users_, kept_users_);
    copy(items_, kept_items_);
}

template <class I> void BiasedStrata<I>::restore()
{
    std::swap(users_, kept_users_);
    std::swap(items_, kept_items_);
}

template <class I> void BiasedStrata<I>::write(BiasedFactors& result) const
{
    const auto copy = [&](const Matrix<float>& rows, const RowGroups& groups, Matrix<float>& out) {
        const auto of_factor = static_cast<float>(std::sqrt(scale_)), of_bias = static_cast<float>(scale_);
        for_blocks(out.n_rows(), block_rows, threads_, [&](Index begin, Index end, Index) {
            for (Index i = begin; i < end; ++i) {
                const float* const row = &rows(groups.places[static_cast<std::size_t>(i)], 0);
                for (Index c = 0; c < n_components_; ++c)
                    out(i, c) = of_factor * row[c];
                if (out.n_cols() > n_components_)
                    out(i, n_components_) = of_bias * row[width_ + row_bias];
            }
        });
    };
    copy(users_, strata_.rows(), result.w);
    copy(items_, strata_.cols(), result.h);
}

template class BiasedStrata<std::int32_t>;
template class BiasedStrata<std::int64_t>;

} // namespace matfact
