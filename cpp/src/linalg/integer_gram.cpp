#include "linalg/integer_gram.hpp"

#include "linalg/integer_kernel.hpp"
#include "parallel.hpp"

#include <cmath>
#include <cstring>
#include <type_traits>

namespace matfact::linalg {

namespace {

constexpr Index depth = 512;       ///< rows of X packed at a time, in pairs
constexpr double largest = 2047.0; ///< depth * largest^2 is still a 32-bit number
constexpr Index rows_of_packing = 32;
constexpr Index panels_of_task = 5; ///< they stay in the second-level cache
constexpr Index rows_of_task = 5 * pair_panel_width;
constexpr Index panel_size = pair_panel_width * depth / 2;
constexpr std::integral_constant<Index, 1> unit_step;
static_assert(static_cast<double>(depth) * largest * largest < 2147483648.0);

/// Adding `value` moves a whole number into the low bits of the sum, where it can be read without a conversion that
/// would stop the compiler from vectorizing.
template <class T> struct Mover;
template <> struct Mover<double> {
    using Bits = std::int64_t;
    static constexpr double value = 0x1.8p52;
};
template <> struct Mover<float> {
    using Bits = std::int32_t;
    static constexpr float value = 0x1.8p23F;
};

template <class T> typename Mover<T>::Bits bits_of(T x)
{
    typename Mover<T>::Bits bits;
    static_assert(sizeof bits == sizeof x);
    std::memcpy(&bits, &x, sizeof x);
    return bits;
}

/// x as a whole number; `broken` becomes nonzero where it is none, or too large.
template <class T> std::int32_t as_whole(T x, std::int32_t& broken)
{
    const auto value = static_cast<std::int32_t>(bits_of(x + Mover<T>::value) - bits_of(Mover<T>::value));
    broken |= static_cast<T>(value) != x;
    broken |= std::abs(x) > static_cast<T>(largest);
    return value;
}

/// One row of pairs, of the columns that `step` leads through. `Step` is a constant where it is 1, for the compiler.
template <bool has_second, class T, class Step>
std::int32_t pack_row(const T* first, const T* second, Step step, Index n_cols, std::int32_t* panel, std::int32_t* sums)
{
    std::int32_t broken = 0;
    for (Index j = 0; j < n_cols; ++j) {
        const std::int32_t a = as_whole(first[j * step], broken);
        const std::int32_t b = has_second ? as_whole(second[j * step], broken) : 0;
        panel[j] = as_pair(a, b);
        sums[j] += a + b;
    }
    return broken;
}

/// Packs rows of X in pairs, zero-padded, from pair `first_pair` of every panel on, and sums them up by columns. False
/// where an entry is not a small whole number. Rows are read along: X comes from the main memory.
template <class T> bool pack_pairs(MatrixView<const T> rows, Index first_pair, std::int32_t* packed, std::int32_t* sums)
{
    const auto pack = [&](const T* first, bool has_second, auto step, Index used, std::int32_t* panel,
                          std::int32_t* panel_sums) {
        const T* const second = first + rows.row_stride;
        return has_second ? pack_row<true>(first, second, step, used, panel, panel_sums)
                          : pack_row<false>(first, first, step, used, panel, panel_sums);
    };
    for (Index i = 0; i < rows.n_rows; i += 2)
        for (Index col = 0, p = 0; col < rows.n_cols; col += pair_panel_width, ++p) {
            std::int32_t* const panel = packed + p * panel_size + (first_pair + i / 2) * pair_panel_width;
            const Index used = std::min(pair_panel_width, rows.n_cols - col);
            const T* const first = rows.data + i * rows.row_stride + col * rows.col_stride;
            const bool has_second = i + 1 < rows.n_rows;
            const auto broken = rows.col_stride == 1
                                    ? pack(first, has_second, unit_step, used, panel, sums + col)
                                    : pack(first, has_second, rows.col_stride, used, panel, sums + col);
            if (broken)
                return false;
            std::fill(panel + used, panel + pair_panel_width, 0);
        }
    return true;
}

/// Adds the products of the packed rows to the tiles of the lower triangle of `sum` in one task.
void accumulate(const std::int32_t* packed, Index n_panels, Index n_pairs, Index first_row, Index first_panel,
                Matrix<double>& sum)
{
    const Index last_row = std::min(sum.n_rows(), first_row + rows_of_task);
    const Index last_panel = std::min(n_panels, first_panel + panels_of_task);
    alignas(64) std::int32_t tile[pair_tile_rows * pair_panel_width];
    for (Index row = std::max(first_row, first_panel * pair_panel_width); row < last_row; row += pair_tile_rows) {
        const std::int32_t* const coef = packed + row / pair_panel_width * panel_size + row % pair_panel_width;
        for (Index p = first_panel; p < last_panel && p * pair_panel_width < row + pair_tile_rows; ++p) {
            multiply_pair_tile(n_pairs, packed + p * panel_size, coef, tile);
            for (Index r = 0; r < pair_tile_rows; ++r) {
                double* const out = &sum(row + r, p * pair_panel_width);
                for (Index c = 0; c < pair_panel_width; ++c)
                    out[c] += tile[r * pair_panel_width + c];
            }
        }
    }
}

/// (n g - a b) / n without cancellation: both products are split into their rounded value and its error.
double centered(double g, double a, double b, double n)
{
    const double first = n * g, second = a * b;
    return ((first - second) + (std::fma(n, g, -first) - std::fma(a, b, -second))) / n;
}

} // namespace

template <class T>
std::optional<Gram> integer_gram(MatrixView<const T> x, bool center, int threads, const Checkpoint& checkpoint)
{
    const Index d = x.n_cols, n_panels = block_count(d, pair_panel_width), stride = n_panels * pair_panel_width;
    Matrix<std::int32_t> packed(n_panels, panel_size), partial_sums(depth / rows_of_packing, stride);
    std::vector<char> broken(static_cast<std::size_t>(partial_sums.n_rows()));
    std::vector<double> sums(static_cast<std::size_t>(stride), 0.0);
    Matrix<double> sum; // taken when the first block has passed
    const Index row_tasks = block_count(stride, rows_of_task), column_tasks = block_count(n_panels, panels_of_task);
    for (Index begin = 0; begin < x.n_rows; begin += depth) {
        const auto rows = x.rows(begin, std::min(x.n_rows, begin + depth));
        std::fill_n(partial_sums.data(), partial_sums.size(), 0);
        for_blocks(rows.n_rows, rows_of_packing, threads, [&](Index first, Index last, Index chunk) {
            broken[static_cast<std::size_t>(chunk)] =
                !pack_pairs(rows.rows(first, last), first / 2, packed.data(), &partial_sums(chunk, 0));
        });
        if (std::find(broken.begin(), broken.end(), 1) != broken.end())
            return std::nullopt;
        for (Index chunk = 0; chunk < partial_sums.n_rows(); ++chunk)
            for (Index j = 0; j < stride; ++j)
                sums[static_cast<std::size_t>(j)] += partial_sums(chunk, j);
        if (begin == 0) {
            sum = Matrix<double>(stride, stride);
            std::fill_n(sum.data(), sum.size(), 0.0);
        }
        for_each_task(row_tasks * column_tasks, threads, [&](Index task) {
            accumulate(packed.data(), n_panels, block_count(rows.n_rows, 2), task / column_tasks * rows_of_task,
                       task % column_tasks * panels_of_task, sum);
        });
        if (checkpoint)
            checkpoint();
    }

    const auto n = static_cast<double>(x.n_rows);
    Gram result;
    result.matrix = Matrix<double>(d, d);
    for (Index i = 0; i < d; ++i)
        for (Index j = 0; j <= i; ++j) {
            const double value =
                center ? centered(sum(i, j), sums[static_cast<std::size_t>(i)], sums[static_cast<std::size_t>(j)], n)
                       : sum(i, j);
            result.matrix(i, j) = result.matrix(j, i) = value;
        }
    if (center)
        for (Index j = 0; j < d; ++j)
            result.mean.push_back(sums[static_cast<std::size_t>(j)] / n);
    return result;
}

template std::optional<Gram> integer_gram(MatrixView<const float>, bool, int, const Checkpoint&);
template std::optional<Gram> integer_gram(MatrixView<const double>, bool, int, const Checkpoint&);

} // namespace matfact::linalg
