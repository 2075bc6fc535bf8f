#include "linalg/row_pass.hpp"

#include "linalg/kernel.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <array>
#include <type_traits>

namespace matfact::linalg {

namespace {

constexpr Index pass_lanes = 16;
constexpr Index pass_bytes = 1 << 18; ///< of a block of rows: half of the smallest second-level caches
constexpr Index pass_depth = 192;     ///< rows of q that meet a block of rows at a time: they stay in the first level

Index rows_of_block(Index n_cols, Index element_size)
{
    const Index rows = pass_bytes / (n_cols * element_size) / tile_rows * tile_rows;
    return std::max<Index>(16, std::min<Index>(256, rows));
}

/// A block of rows as the kernel reads it: a(r, j) = data[r * row_stride + j * col_stride].
template <class T> struct RowBlock {
    const T* data;
    Index n_rows, row_stride, col_stride;
};

/// Whether the kernel can read a where it is.
template <class T, class S> bool is_in_place(const Operand<S>& a) { return std::is_same_v<S, T> && a.is_plain(); }

/// Rows [begin, end) of a where they are, or shifted, scaled and converted in `buffer`, in the order of a's memory.
template <class S, class T> RowBlock<T> row_block(const Operand<S>& a, Index begin, Index end, T* buffer)
{
    const S* const source = a.x.data + begin * a.x.row_stride;
    if constexpr (std::is_same_v<S, T>)
        if (is_in_place<T>(a))
            return {source, end - begin, a.x.row_stride, a.x.col_stride};
    const Index rows = end - begin, cols = a.x.n_cols;
    const bool by_rows = a.x.row_stride >= a.x.col_stride;
    const auto value = [&](Index r, Index j) {
        const double shift = (a.row_shift ? a.row_shift[begin + r] : 0.0) + (a.col_shift ? a.col_shift[j] : 0.0);
        return static_cast<T>(a.scale * (static_cast<double>(source[r * a.x.row_stride + j * a.x.col_stride]) - shift));
    };
    if (by_rows) {
        for (Index r = 0; r < rows; ++r)
            for (Index j = 0; j < cols; ++j)
                buffer[r * cols + j] = value(r, j);
        return {buffer, rows, cols, 1};
    }
    for (Index j = 0; j < cols; ++j)
        for (Index r = 0; r < rows; ++r)
            buffer[j * rows + r] = value(r, j);
    return {buffer, rows, 1, rows};
}

/// y = block q, for q and y with rows of `width` numbers.
template <class T> void times_block(const RowBlock<T>& a, Index n_cols, const T* q, Index width, T* y)
{
    for (Index k = 0; k < n_cols; k += pass_depth)
        multiply_tiles<T>(a.n_rows, width, std::min(pass_depth, n_cols - k), q + k * width, width,
                          {a.data + k * a.col_stride, a.row_stride, a.col_stride}, y, width, k > 0);
}

/// z = [add ? z : 0] + block' y.
template <class T>
void transposed_times_block(const RowBlock<T>& a, Index n_cols, const T* y, Index width, T* z, bool add)
{
    multiply_tiles<T>(n_cols, width, a.n_rows, y, width, {a.data, a.col_stride, a.row_stride}, z, width, add);
}

template <class T> void copy_padded(MatrixView<const T> from, Index width, T* to)
{
    for (Index i = 0; i < from.n_rows; ++i, to += width) {
        std::copy_n(&from(i, 0), from.n_cols, to);
        std::fill(to + from.n_cols, to + width, T(0));
    }
}

/// z = sum over the blocks of block' y, where `left` fills in y for the block that begins at a row.
template <class S, class T, class Left>
void sum_over_blocks(const Operand<S>& a, MatrixView<T> z, Index width, int threads, const Left& left)
{
    const Index d = a.x.n_cols, rows = rows_of_block(d, sizeof(T));
    const Index n_blocks = block_count(a.x.n_rows, rows), lane_blocks = block_count(n_blocks, pass_lanes);
    const Index n_lanes = block_count(n_blocks, lane_blocks);
    Matrix<T> sums(n_lanes, d * width), products(std::max(1, threads), rows * width);
    Matrix<T> buffers(std::max(1, threads), is_in_place<T>(a) ? 0 : rows * d);
    for_each_task_on_worker(n_lanes, threads, [&](Index lane, Index worker) {
        T* const sum = sums.data() + lane * d * width;
        T* const y = products.data() + worker * rows * width;
        const Index first = lane * lane_blocks * rows, last = std::min(a.x.n_rows, first + lane_blocks * rows);
        for (Index begin = first; begin < last; begin += rows) {
            const RowBlock<T> block =
                row_block(a, begin, std::min(last, begin + rows), buffers.data() + worker * buffers.n_cols());
            left(block, begin, y);
            transposed_times_block(block, d, y, width, sum, begin > first);
        }
    });
    for_blocks(d, 64, threads, [&](Index begin, Index end, Index) {
        constexpr Index together = 16;
        for (Index j = begin; j < end; ++j)
            for (Index c = 0; c < z.n_cols; c += together) {
                const Index used = std::min(together, z.n_cols - c);
                std::array<double, together> total{};
                for (Index lane = 0; lane < n_lanes; ++lane) {
                    const T* const of_lane = &sums(lane, j * width + c);
                    for (Index i = 0; i < used; ++i)
                        total[static_cast<std::size_t>(i)] += static_cast<double>(of_lane[i]);
                }
                for (Index i = 0; i < used; ++i)
                    z(j, c + i) = static_cast<T>(total[static_cast<std::size_t>(i)]);
            }
    });
}

} // namespace

template <class S, class T> void gram_times(const Operand<S>& a, MatrixView<const T> q, MatrixView<T> z, int threads)
{
    const Index width = padded<T>(q.n_cols);
    Matrix<T> packed(q.n_rows, width);
    copy_padded(q, width, packed.data());
    sum_over_blocks(a, z, width, threads, [&](const RowBlock<T>& block, Index, T* y) {
        times_block(block, a.x.n_cols, packed.data(), width, y);
    });
}

template <class S, class T> void times_by_rows(const Operand<S>& a, MatrixView<const T> q, MatrixView<T> y, int threads)
{
    const Index d = a.x.n_cols, width = padded<T>(q.n_cols), rows = rows_of_block(d, sizeof(T));
    Matrix<T> packed(q.n_rows, width), products(std::max(1, threads), rows * width);
    Matrix<T> buffers(std::max(1, threads), is_in_place<T>(a) ? 0 : rows * d);
    copy_padded(q, width, packed.data());
    for_each_task_on_worker(block_count(a.x.n_rows, rows), threads, [&](Index i, Index worker) {
        T* const product = products.data() + worker * rows * width;
        const RowBlock<T> block =
            row_block(a, i * rows, std::min(a.x.n_rows, (i + 1) * rows), buffers.data() + worker * buffers.n_cols());
        times_block(block, d, packed.data(), width, product);
        for (Index r = 0; r < block.n_rows; ++r)
            std::copy_n(product + r * width, y.n_cols, &y(i * rows + r, 0));
    });
}

template <class S, class T>
void transposed_times(const Operand<S>& a, MatrixView<const T> y, MatrixView<T> z, int threads)
{
    const Index width = padded<T>(y.n_cols);
    sum_over_blocks(a, z, width, threads, [&](const RowBlock<T>& block, Index begin, T* rows) {
        copy_padded(y.rows(begin, begin + block.n_rows), width, rows);
    });
}

template <class S, class T>
void times_both(const Operand<S>& a, MatrixView<const T> q, MatrixView<T> aq, MatrixView<const T> y, MatrixView<T> z,
                int threads)
{
    const Index width = padded<T>(q.n_cols);
    Matrix<T> packed(q.n_rows, width);
    copy_padded(q, width, packed.data());
    sum_over_blocks(a, z, width, threads, [&](const RowBlock<T>& block, Index begin, T* rows) {
        times_block(block, a.x.n_cols, packed.data(), width, rows);
        for (Index r = 0; r < block.n_rows; ++r)
            std::copy_n(rows + r * width, aq.n_cols, &aq(begin + r, 0));
        copy_padded(y.rows(begin, begin + block.n_rows), width, rows);
    });
}

#define MATFACT_ROW_PASS(S, T)                                                                                         \
    template void gram_times(const Operand<S>&, MatrixView<const T>, MatrixView<T>, int);                              \
    template void times_by_rows(const Operand<S>&, MatrixView<const T>, MatrixView<T>, int);                           \
    template void transposed_times(const Operand<S>&, MatrixView<const T>, MatrixView<T>, int);                        \
    template void times_both(const Operand<S>&, MatrixView<const T>, MatrixView<T>, MatrixView<const T>,               \
                             MatrixView<T>, int);
MATFACT_ROW_PASS(float, float)
MATFACT_ROW_PASS(float, double)
MATFACT_ROW_PASS(double, double)

} // namespace matfact::linalg
