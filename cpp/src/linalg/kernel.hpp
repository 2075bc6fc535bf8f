/// The one inner loop behind every dense product: a register tile of  out += coef * panel.
///
/// A panel holds `depth` rows of consecutive numbers and is read as SIMD packets; coefficients are broadcast. Each
/// element of `out` is summed over depth in order with fused multiply-adds, so its bits depend neither on the tile it
/// falls into nor on who computes it.
#pragma once

#include "matfact/matrix.hpp"

#include <Eigen/Core>

#include <algorithm>

namespace matfact::linalg {

template <class T> using Packet = typename Eigen::internal::packet_traits<T>::type;
template <class T> constexpr Index packet_size = Eigen::internal::packet_traits<T>::size;

/// Half of a packet where the instruction set has registers of that width, else a whole one.
template <class T> using HalfPacket = typename Eigen::internal::packet_traits<T>::half;
template <class T> constexpr Index half_packet_size = sizeof(HalfPacket<T>) / sizeof(T);

/// Before a short loop over packets: written out, what it sums stays in registers.
#ifdef __GNUC__
#define MATFACT_UNROLL _Pragma("GCC unroll 8")
#else
#define MATFACT_UNROLL
#endif

/// Register tile: tile_rows broadcast rows by tile_packets packets; 32 vector registers with AVX-512, else 16.
#ifdef __AVX512F__
constexpr int tile_rows = 8;
constexpr int tile_packets = 3;
#elif defined(__AVX__)
constexpr int tile_rows = 4;
constexpr int tile_packets = 3;
#else
constexpr int tile_rows = 4;
constexpr int tile_packets = 2;
#endif
template <class T> constexpr Index panel_width = packet_size<T> * tile_packets;

/// Asks for a row that is needed soon.
inline void prefetch_row(const float* row, Index width)
{
    constexpr Index line = 64 / sizeof(float);
    for (Index c = 0; c < width; c += line)
        Eigen::internal::prefetch(row + c);
}

/// coef(r, k) = data[r * row_stride + k * depth_stride].
template <class T> struct Coefficients {
    const T* data;
    Index row_stride, depth_stride;
};

/// A tile `packets` packets wide and, with `halves` = 1, half a packet more.
template <class T, int packets, int rows, int halves = 0>
inline void multiply_tile_fixed(Index depth, const T* panel, Index panel_stride, Coefficients<T> coef, T* out,
                                Index out_stride, bool add)
{
    namespace ei = Eigen::internal;
    using P = Packet<T>;
    using Half = HalfPacket<T>;
    constexpr Index size = packet_size<T>, whole = packets * size;
    static_assert(packets + halves > 0 && packets + halves <= tile_packets && halves <= 1);
    P sum[rows][packets > 0 ? packets : 1];
    Half half_sum[rows];
    MATFACT_UNROLL
    for (int r = 0; r < rows; ++r) {
        MATFACT_UNROLL
        for (int p = 0; p < packets; ++p)
            sum[r][p] = ei::pset1<P>(T(0));
        if constexpr (halves > 0)
            half_sum[r] = ei::pset1<Half>(T(0));
    }
    if (add) {
        MATFACT_UNROLL
        for (int r = 0; r < rows; ++r) {
            MATFACT_UNROLL
            for (int p = 0; p < packets; ++p)
                sum[r][p] = ei::ploadu<P>(out + r * out_stride + p * size);
            if constexpr (halves > 0)
                half_sum[r] = ei::ploadu<Half>(out + r * out_stride + whole);
        }
    }
    const T* c = coef.data;
    for (Index k = 0; k < depth; ++k, panel += panel_stride, c += coef.depth_stride) {
        P row[packets > 0 ? packets : 1];
        MATFACT_UNROLL
        for (int p = 0; p < packets; ++p)
            row[p] = ei::ploadu<P>(panel + p * size);
        Half half_row;
        if constexpr (halves > 0)
            half_row = ei::ploadu<Half>(panel + whole);
        MATFACT_UNROLL
        for (int r = 0; r < rows; ++r) {
            const P broadcast = ei::pset1<P>(c[r * coef.row_stride]);
            MATFACT_UNROLL
            for (int p = 0; p < packets; ++p)
                sum[r][p] = ei::pmadd(broadcast, row[p], sum[r][p]);
            if constexpr (halves > 0)
                half_sum[r] = ei::pmadd(ei::pset1<Half>(c[r * coef.row_stride]), half_row, half_sum[r]);
        }
    }
    MATFACT_UNROLL
    for (int r = 0; r < rows; ++r) {
        MATFACT_UNROLL
        for (int p = 0; p < packets; ++p)
            ei::pstoreu(out + r * out_stride + p * size, sum[r][p]);
        if constexpr (halves > 0)
            ei::pstoreu(out + r * out_stride + whole, half_sum[r]);
    }
}

template <class T, int packets, int rows = tile_rows, int halves = 0>
inline void multiply_tile_rows(int n_rows, Index depth, const T* panel, Index panel_stride, Coefficients<T> coef,
                               T* out, Index out_stride, bool add)
{
    eigen_assert(n_rows <= rows);
    if (n_rows == rows)
        multiply_tile_fixed<T, packets, rows, halves>(depth, panel, panel_stride, coef, out, out_stride, add);
    else if constexpr (rows > 1)
        multiply_tile_rows<T, packets, rows - 1, halves>(n_rows, depth, panel, panel_stride, coef, out, out_stride,
                                                         add);
}

/// out(r, c) = [add ? out(r, c) : 0] + sum over k of coef(r, k) * panel[k * panel_stride + c] for r < n_rows <=
/// tile_rows and all c of `packets` <= tile_packets packets. Reads and writes whole packets: callers pad.
template <class T>
inline void multiply_tile(int n_rows, int packets, Index depth, const T* panel, Index panel_stride,
                          Coefficients<T> coef, T* out, Index out_stride, bool add = true)
{
    if (packets == tile_packets)
        multiply_tile_rows<T, tile_packets>(n_rows, depth, panel, panel_stride, coef, out, out_stride, add);
    else if (packets == 1)
        multiply_tile_rows<T, 1>(n_rows, depth, panel, panel_stride, coef, out, out_stride, add);
    else if constexpr (tile_packets > 2)
        multiply_tile_rows<T, 2>(n_rows, depth, panel, panel_stride, coef, out, out_stride, add);
}

/// As multiply_tile, for any number of rows of one width.
template <class T, int packets, int halves>
inline void multiply_strip(Index n_rows, Index depth, const T* panel, Index panel_stride, Coefficients<T> coef, T* out,
                           Index out_stride, bool add)
{
    for (; n_rows >= tile_rows; n_rows -= tile_rows) {
        multiply_tile_fixed<T, packets, tile_rows, halves>(depth, panel, panel_stride, coef, out, out_stride, add);
        coef.data += tile_rows * coef.row_stride;
        out += tile_rows * out_stride;
    }
    if (n_rows > 0)
        multiply_tile_rows<T, packets, tile_rows - 1, halves>(static_cast<int>(n_rows), depth, panel, panel_stride,
                                                              coef, out, out_stride, add);
}

/// As multiply_strip, for a padded width below panel_width. Half a packet shares its coefficients with the packets
/// before it.
template <class T, int packets = tile_packets - 1>
inline void multiply_narrow(Index width, Index n_rows, Index depth, const T* panel, Index panel_stride,
                            Coefficients<T> coef, T* out, Index out_stride, bool add)
{
    if (width > packets * packet_size<T>)
        multiply_strip<T, packets, 1>(n_rows, depth, panel, panel_stride, coef, out, out_stride, add);
    else if constexpr (packets > 0) {
        if (width == packets * packet_size<T>)
            multiply_strip<T, packets, 0>(n_rows, depth, panel, panel_stride, coef, out, out_stride, add);
        else
            multiply_narrow<T, packets - 1>(width, n_rows, depth, panel, panel_stride, coef, out, out_stride, add);
    }
}

/// The least whole number of half packets that holds n numbers, as multiply_tiles wants it.
template <class T> constexpr Index padded(Index n)
{
    return (n + half_packet_size<T> - 1) / half_packet_size<T> * half_packet_size<T>;
}

/// As multiply_tile, for any number of rows and a padded width of any size.
template <class T>
inline void multiply_tiles(Index n_rows, Index width, Index depth, const T* panel, Index panel_stride,
                           Coefficients<T> coef, T* out, Index out_stride, bool add)
{
    Index c = 0;
    for (; width - c >= panel_width<T>; c += panel_width<T>)
        multiply_strip<T, tile_packets, 0>(n_rows, depth, panel + c, panel_stride, coef, out + c, out_stride, add);
    multiply_narrow<T>(width - c, n_rows, depth, panel + c, panel_stride, coef, out + c, out_stride, add);
}

} // namespace matfact::linalg
