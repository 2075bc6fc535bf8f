#include "linalg/gram.hpp"

#include "linalg/integer_gram.hpp"
#include "linalg/kernel.hpp"
#include "linalg/mean_about_first.hpp"
#include "parallel.hpp"

#include <cmath>
#include <type_traits>

namespace matfact::linalg {

namespace {

constexpr Index gram_depth = 384;     ///< rows of X packed at a time: 8 columns of them stay in the first-level cache
constexpr Index gram_panels = 5;      ///< panels of one task: they stay in the second-level cache
constexpr Index gram_task_rows = 240; ///< rows of the result in one task
constexpr Index gram_lane_cols = 192; ///< up to this width a task would be too small: the rows are cut into lanes
constexpr Index gram_lanes = 16;

constexpr Index gram_single_depth = 192; ///< rows whose products are summed in float32 where that is allowed

/// C is the type in which products are summed over a block of rows.
template <class C> constexpr Index gram_panel_size = panel_width<C> * (gram_depth + 1);

/// Packs columns [col, col + width) of `rows`, scaled, as a panel. With `mean` the block is centered by its own
/// mean, and one more row sqrt(a b / (a + b)) (block mean - running mean) is added: the term by which Chan, Golub and
/// LeVeque (doi:10.1080/00031305.1983.10483115) merge two centered sums of squares, so nothing cancels.
template <class T, class C>
void pack_gram_panel(MatrixView<const T> rows, Index col, double scale, const double* row_mean, double* mean,
                     Index seen, C* panel)
{
    constexpr Index width = panel_width<C>;
    const Index used = std::min(width, rows.n_cols - col);
    for (Index k = 0; k < rows.n_rows; ++k) {
        const T* source = rows.data + k * rows.row_stride + col * rows.col_stride;
        C* out = panel + k * width;
        const double shift = row_mean ? row_mean[k] : 0.0;
        if (rows.col_stride == 1)
            for (Index j = 0; j < used; ++j)
                out[j] = static_cast<C>(scale * (static_cast<double>(source[j]) - shift));
        else
            for (Index j = 0; j < used; ++j)
                out[j] = static_cast<C>(scale * (static_cast<double>(source[j * rows.col_stride]) - shift));
        for (Index j = used; j < width; ++j)
            out[j] = C(0);
    }
    if (!mean)
        return;
    const auto n = static_cast<double>(rows.n_rows), before = static_cast<double>(seen);
    double block_mean[width] = {}; // of differences from the first row: a constant column is its mean
    for (Index k = 1; k < rows.n_rows; ++k)
        for (Index j = 0; j < width; ++j)
            block_mean[j] += static_cast<double>(panel[k * width + j]) - static_cast<double>(panel[j]);
    for (Index j = 0; j < width; ++j)
        block_mean[j] = static_cast<double>(panel[j]) + block_mean[j] / n;
    for (Index k = 0; k < rows.n_rows; ++k)
        for (Index j = 0; j < width; ++j)
            panel[k * width + j] = static_cast<C>(static_cast<double>(panel[k * width + j]) - block_mean[j]);
    const double weight = std::sqrt(before * n / (before + n));
    for (Index j = 0; j < width; ++j) {
        const double step = j < used ? block_mean[j] - mean[col + j] : 0.0;
        panel[rows.n_rows * width + j] = static_cast<C>(weight * step);
        if (j < used)
            mean[col + j] += step * (n / (before + n));
    }
}

/// Adds to the lower triangle of `sum` the product of the packed panels, for result rows [first_row, last_row) and
/// the columns of gram_panels panels from first_panel on.
template <class C>
void accumulate_gram(const C* packed, Index n_panels, Index depth, Index first_panel, Index first_row, Index last_row,
                     double* sum, Index stride)
{
    constexpr Index width = panel_width<C>;
    const Index last_panel = std::min(n_panels, first_panel + gram_panels);
    for (Index row = std::max(first_row, first_panel * width); row < last_row; row += tile_rows) {
        const C* const coef = packed + (row / width) * gram_panel_size<C> + row % width;
        for (Index p = first_panel; p < last_panel && p * width < row + tile_rows; ++p) {
            const C* const panel = packed + p * gram_panel_size<C>;
            double* const out = sum + row * stride + p * width;
            if constexpr (std::is_same_v<C, double>)
                multiply_tile_fixed<double, tile_packets, tile_rows>(depth, panel, width, {coef, 1, width}, out, stride,
                                                                     true);
            else
                for (Index k = 0; k < depth; k += gram_single_depth) {
                    alignas(64) C tile[tile_rows * width];
                    multiply_tile_fixed<C, tile_packets, tile_rows>(std::min(gram_single_depth, depth - k),
                                                                    panel + k * width, width,
                                                                    {coef + k * width, 1, width}, tile, width, false);
                    for (Index r = 0; r < tile_rows; ++r)
                        for (Index c = 0; c < width; ++c)
                            out[r * stride + c] += static_cast<double>(tile[r * width + c]);
                }
        }
    }
}

template <class T> std::vector<double> row_means(MatrixView<const T> x, int threads)
{
    const double inverse = 1.0 / static_cast<double>(x.n_cols);
    std::vector<double> mean(static_cast<std::size_t>(x.n_rows), 0.0);
    for_blocks(x.n_rows, 64, threads, [&](Index begin, Index end, Index) {
        const auto first = [&](Index i) { return static_cast<double>(x(i, 0)); };
        for (Index j = 1; j < x.n_cols; ++j)
            for (Index i = begin; i < end; ++i)
                mean[static_cast<std::size_t>(i)] += share_about_first(static_cast<double>(x(i, j)), first(i), inverse);
        for (Index i = begin; i < end; ++i)
            mean[static_cast<std::size_t>(i)] = mean_about_first(first(i), mean[static_cast<std::size_t>(i)]);
    });
    return mean;
}

/// Wide results: each block of rows is packed once, then the tiles of the result are shared out.
template <class T, class C>
void gram_by_tiles(MatrixView<const T> x, double scale, const double* row_mean, double* mean, int threads,
                   const Checkpoint& checkpoint, Matrix<double>& sum, Index stride)
{
    constexpr Index width = panel_width<C>;
    const Index n_panels = stride / width;
    Matrix<C> packed(n_panels, gram_panel_size<C>);
    const Index row_tasks = block_count(stride, gram_task_rows), column_tasks = block_count(n_panels, gram_panels);
    for (Index begin = 0; begin < x.n_rows; begin += gram_depth) {
        const auto rows = x.rows(begin, std::min(x.n_rows, begin + gram_depth));
        for_each_task(n_panels, threads, [&](Index p) {
            pack_gram_panel(rows, p * width, scale, row_mean ? row_mean + begin : nullptr, mean, begin,
                            packed.data() + p * gram_panel_size<C>);
        });
        const Index depth = rows.n_rows + (mean ? 1 : 0);
        for_each_task(row_tasks * column_tasks, threads, [&](Index task) {
            const Index first_row = task / column_tasks * gram_task_rows;
            accumulate_gram(packed.data(), n_panels, depth, task % column_tasks * gram_panels, first_row,
                            std::min(stride, first_row + gram_task_rows), sum.data(), stride);
        });
        if (checkpoint)
            checkpoint();
    }
}

/// Narrow results: fixed lanes of rows have their own sums, merged in lane order.
template <class T>
void gram_by_lanes(MatrixView<const T> x, double scale, const double* row_mean, double* mean, int threads,
                   const Checkpoint& checkpoint, Matrix<double>& sum, Index stride)
{
    constexpr Index width = panel_width<double>;
    const Index n_panels = stride / width, n_blocks = block_count(x.n_rows, gram_depth);
    const Index lanes = std::min(gram_lanes, n_blocks);
    const Index lane_rows = block_count(n_blocks, lanes) * gram_depth;
    const Index n_lanes = block_count(x.n_rows, lane_rows);
    std::vector<double> sums(static_cast<std::size_t>(n_lanes * stride * stride));
    std::vector<double> means(static_cast<std::size_t>(n_lanes * stride));
    std::vector<double> packed(static_cast<std::size_t>(n_lanes * n_panels * gram_panel_size<double>));
    for (Index step = 0; step < lane_rows; step += gram_depth) {
        for_each_task(n_lanes, threads, [&](Index lane) {
            const Index begin = lane * lane_rows + step;
            if (begin >= x.n_rows)
                return;
            const auto rows = x.rows(begin, std::min(x.n_rows, begin + gram_depth));
            double* const own = packed.data() + lane * n_panels * gram_panel_size<double>;
            for (Index p = 0; p < n_panels; ++p)
                pack_gram_panel(rows, p * width, scale, row_mean ? row_mean + begin : nullptr,
                                mean ? means.data() + lane * stride : nullptr, step, own + p * gram_panel_size<double>);
            for (Index first = 0; first < n_panels; first += gram_panels)
                accumulate_gram(own, n_panels, rows.n_rows + (mean ? 1 : 0), first, 0, stride,
                                sums.data() + lane * stride * stride, stride);
        });
        if (checkpoint)
            checkpoint();
    }
    for (Index lane = 0; lane < n_lanes; ++lane) {
        const double* const other = sums.data() + lane * stride * stride;
        for (Index i = 0; i < stride * stride; ++i)
            sum.data()[i] += other[i];
        if (!mean)
            continue;
        const auto before = static_cast<double>(lane * lane_rows);
        const auto n = static_cast<double>(std::min(x.n_rows, (lane + 1) * lane_rows)) - before;
        std::vector<double> delta(static_cast<std::size_t>(x.n_cols));
        for (std::size_t j = 0; j < delta.size(); ++j)
            delta[j] = means[static_cast<std::size_t>(lane * stride) + j] - mean[j];
        for (Index i = 0; i < x.n_cols; ++i)
            for (Index j = 0; j <= i; ++j)
                sum(i, j) +=
                    before * n / (before + n) * delta[static_cast<std::size_t>(i)] * delta[static_cast<std::size_t>(j)];
        for (std::size_t j = 0; j < delta.size(); ++j)
            mean[j] += delta[j] * (n / (before + n));
    }
}

/// Spectral norm of the rounding errors of a Gram matrix (n_cols, n_cols) with this trace from sums in float32.
double single_noise(double trace, Index n_rows, Index n_cols)
{
    // An entry is off by about sqrt(rows of a block) roundings of trace / n_cols, averaged over the blocks; independent
    // errors of one size have a spectral norm of about the root of their number in a row.
    const double rounding = std::sqrt(static_cast<double>(gram_single_depth)) * 6e-8;
    const auto blocks = static_cast<double>(block_count(n_rows, gram_single_depth));
    return rounding * trace / std::sqrt(static_cast<double>(n_cols) * blocks);
}

} // namespace

template <class T>
Gram gram(MatrixView<const T> x, Centering centering, double scale, int threads, const Checkpoint& checkpoint,
          bool single)
{
    if (x.n_cols > gram_lane_cols && scale == 1.0 && centering != Centering::rows)
        if (auto exact = integer_gram(x, centering == Centering::columns, threads, checkpoint))
            return std::move(*exact);
    // Whole panels of either type.
    constexpr Index width = panel_width<float>;
    static_assert(panel_width<float> % panel_width<double> == 0);
    const Index d = x.n_cols, stride = block_count(d, width) * width;
    Gram result;
    Matrix<double> sum(stride, stride);
    std::fill_n(sum.data(), sum.size(), 0.0);
    if (centering == Centering::rows)
        result.mean = row_means(x, threads);
    else if (centering == Centering::columns)
        result.mean.assign(static_cast<std::size_t>(d), 0.0);
    const double* const row_mean = centering == Centering::rows ? result.mean.data() : nullptr;
    double* const mean = centering == Centering::columns ? result.mean.data() : nullptr;
    auto by = d <= gram_lane_cols ? gram_by_lanes<T> : gram_by_tiles<T, double>;
    bool is_noisy = false;
    if constexpr (std::is_same_v<T, float>)
        if (single && d > gram_lane_cols) {
            by = gram_by_tiles<float, float>;
            is_noisy = true;
        }
    by(x, scale, row_mean, mean, threads, checkpoint, sum, stride);
    if (mean)
        for (double& m : result.mean)
            m /= scale;
    result.matrix = Matrix<double>(d, d);
    for (Index i = 0; i < d; ++i)
        for (Index j = 0; j <= i; ++j)
            result.matrix(i, j) = result.matrix(j, i) = sum(i, j);
    if (is_noisy) {
        double trace = 0.0;
        for (Index i = 0; i < d; ++i)
            trace += sum(i, i);
        result.noise = single_noise(trace, x.n_rows, d);
    }
    return result;
}

template Gram gram(MatrixView<const float>, Centering, double, int, const Checkpoint&, bool);
template Gram gram(MatrixView<const double>, Centering, double, int, const Checkpoint&, bool);

} // namespace matfact::linalg
