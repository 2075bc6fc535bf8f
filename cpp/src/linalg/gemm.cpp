#include "linalg/gemm.hpp"

#include "linalg/kernel.hpp"
#include "linalg/panels.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <type_traits>
#include <vector>

namespace matfact::linalg {

namespace {

constexpr Index gemm_depth = 384;   ///< depth of one pass: a tile of A stays in the first-level cache
constexpr Index gemm_panels = 8;    ///< panels of B that stay in the second-level cache while rows of A pass by
constexpr Index gemm_pack = 262144; ///< elements of B packed at a time, about
constexpr Index gemm_rows = 64;     ///< rows of C in one task, fewer where there are few

/// out[k * tile_rows + r] = a(row + r, begin + k), for a tile of rows.
template <class S, class T> void pack_tile(const Operand<S>& a, Index row, int rows, Index begin, Index end, T* out)
{
    for (int r = 0; r < rows; ++r) {
        const S* source = a.x.data + (row + r) * a.x.row_stride;
        const double shift = a.row_shift ? a.row_shift[row + r] : 0.0;
        if (a.is_plain())
            for (Index k = begin; k < end; ++k)
                out[(k - begin) * tile_rows + r] = static_cast<T>(source[k * a.x.col_stride]);
        else
            for (Index k = begin; k < end; ++k)
                out[(k - begin) * tile_rows + r] =
                    static_cast<T>(a.scale * (static_cast<double>(source[k * a.x.col_stride]) - shift -
                                              (a.col_shift ? a.col_shift[k] : 0.0)));
    }
}

/// One tile of C = [add ? C : 0] + coef * panel, through a padded buffer where C has fewer columns than the packets.
template <class T>
void multiply_tile_into(int rows, Index depth, const T* panel, Coefficients<T> coef, MatrixView<T> c, Index row,
                        Index col, bool add)
{
    constexpr Index width = panel_width<T>;
    T* const out = &c(row, col);
    const Index used = std::min(width, c.n_cols - col);
    if (used == width) {
        multiply_tile<T>(rows, tile_packets, depth, panel, width, coef, out, c.row_stride, add);
        return;
    }
    alignas(64) T buffer[tile_rows * width] = {};
    for (int r = 0; add && r < rows; ++r)
        std::copy_n(out + r * c.row_stride, used, buffer + r * width);
    const auto packets = static_cast<int>(block_count(used, packet_size<T>));
    multiply_tile<T>(rows, packets, depth, panel, width, coef, buffer, width, add);
    for (int r = 0; r < rows; ++r)
        std::copy_n(buffer + r * width, used, out + r * c.row_stride);
}

} // namespace

template <class S, class T>
void multiply_into(const Operand<S>& a, MatrixView<const T> b, MatrixView<T> c, int threads, bool add)
{
    constexpr Index width = panel_width<T>;
    const Index n_panels = block_count(c.n_cols, width), depth = a.x.n_cols;
    const Index pack_depth = std::max<Index>(1, gemm_pack / (n_panels * width) / gemm_depth) * gemm_depth;
    const Index task_rows = std::min(gemm_rows, block_count(block_count(c.n_rows, 16), tile_rows) * tile_rows);
    // Packing plain rows would cost more than it saves: they can be broadcast where they are.
    const bool direct = std::is_same_v<S, T> && a.is_plain() && a.x.col_stride == 1;
    std::vector<T> packed;
    for (Index begin = 0; begin < depth; begin += pack_depth) {
        const Index end = std::min(depth, begin + pack_depth);
        pack_panels(b, begin, end, threads, packed);
        for_blocks(c.n_rows, task_rows, threads, [&](Index first, Index last, Index) {
            alignas(64) T tile[gemm_depth * tile_rows];
            for (Index k = begin; k < end; k += gemm_depth) {
                const Index k_end = std::min(end, k + gemm_depth);
                for (Index chunk = 0; chunk < n_panels; chunk += gemm_panels)
                    for (Index row = first; row < last; row += tile_rows) {
                        const auto rows = static_cast<int>(std::min<Index>(tile_rows, last - row));
                        Coefficients<T> coef{tile, 1, tile_rows};
                        if constexpr (std::is_same_v<S, T>)
                            if (direct)
                                coef = {a.x.data + row * a.x.row_stride + k, a.x.row_stride, 1};
                        if (!direct)
                            pack_tile(a, row, rows, k, k_end, tile);
                        for (Index p = chunk; p < std::min(n_panels, chunk + gemm_panels); ++p)
                            multiply_tile_into(rows, k_end - k, packed.data() + (p * (end - begin) + k - begin) * width,
                                               coef, c, row, p * width, add || k > 0);
                    }
            }
        });
    }
}

template void multiply_into(const Operand<float>&, MatrixView<const float>, MatrixView<float>, int, bool);
template void multiply_into(const Operand<float>&, MatrixView<const double>, MatrixView<double>, int, bool);
template void multiply_into(const Operand<double>&, MatrixView<const double>, MatrixView<double>, int, bool);

} // namespace matfact::linalg
