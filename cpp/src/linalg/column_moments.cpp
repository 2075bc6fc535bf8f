#include "linalg/column_moments.hpp"

#include "linalg/mean_about_first.hpp"
#include "parallel.hpp"

namespace matfact::linalg {

namespace {

constexpr Index lanes = 16;
constexpr Index pilot_rows = 16;

} // namespace

template <class T> ColumnMoments column_moments(MatrixView<const T> x, bool center, double scale, int threads)
{
    const Index n = x.n_rows, d = x.n_cols;
    // Sums are taken about the mean of a few rows: close enough to the mean that nothing cancels.
    std::vector<double> pilot(static_cast<std::size_t>(d), 0.0);
    const Index step = (n + pilot_rows - 1) / pilot_rows;
    if (center)
        for_blocks(d, 512, threads, [&](Index begin, Index end, Index) {
            const double inverse = 1.0 / static_cast<double>(block_count(n, step));
            const auto first = [&](Index j) { return static_cast<double>(x(0, j)); };
            for (Index i = step; i < n; i += step)
                for (Index j = begin; j < end; ++j)
                    pilot[static_cast<std::size_t>(j)] +=
                        share_about_first(static_cast<double>(x(i, j)), first(j), inverse);
            for (Index j = begin; j < end; ++j)
                pilot[static_cast<std::size_t>(j)] = mean_about_first(first(j), pilot[static_cast<std::size_t>(j)]);
        });
    const Index lane_rows = block_count(n, lanes), n_lanes = block_count(n, lane_rows);
    Matrix<double> sums(n_lanes, d), squares(n_lanes, d);
    for_each_task(n_lanes, threads, [&](Index lane) {
        const auto rows = x.rows(lane * lane_rows, std::min(n, (lane + 1) * lane_rows));
        double *const sum = sums.data() + lane * d, *const square = squares.data() + lane * d;
        std::fill_n(sum, d, 0.0);
        std::fill_n(square, d, 0.0);
        const auto add = [&](Index i, Index j) {
            const double value = scale * (static_cast<double>(rows(i, j)) - pilot[static_cast<std::size_t>(j)]);
            sum[j] += value;
            square[j] += value * value;
        };
        if (x.row_stride >= x.col_stride)
            for (Index i = 0; i < rows.n_rows; ++i)
                for (Index j = 0; j < d; ++j)
                    add(i, j);
        else
            for (Index j = 0; j < d; ++j)
                for (Index i = 0; i < rows.n_rows; ++i)
                    add(i, j);
    });
    ColumnMoments result;
    const auto count = static_cast<double>(n);
    for (Index j = 0; j < d; ++j) {
        double sum = 0.0, square = 0.0;
        for (Index lane = 0; lane < n_lanes; ++lane) {
            sum += sums(lane, j);
            square += squares(lane, j);
        }
        const double centered = center ? square - sum * (sum / count) : square;
        result.squares += centered < 0.0 ? 0.0 : centered; // NaN stays
        if (center)
            result.mean.push_back(pilot[static_cast<std::size_t>(j)] + sum / count / scale);
    }
    return result;
}

template ColumnMoments column_moments(MatrixView<const float>, bool, double, int);
template ColumnMoments column_moments(MatrixView<const double>, bool, double, int);

} // namespace matfact::linalg
