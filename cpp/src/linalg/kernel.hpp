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

template <class T, int packets, int rows, class P = Packet<T>>
inline void multiply_tile_fixed(Index depth, const T* panel, Index panel_stride, Coefficients<T> coef, T* out,
                                Index out_stride, bool add)
{
    namespace ei = Eigen::internal;
    constexpr Index size = sizeof(P) / sizeof(T);
    P sum[rows][packets];
    for (int r = 0; r < rows; ++r)
        for (int p = 0; p < packets; ++p)
            sum[r][p] = add ? ei::ploadu<P>(out + r * out_stride + p * size) : ei::pset1<P>(T(0));
    const T* c = coef.data;
    for (Index k = 0; k < depth; ++k, panel += panel_stride, c += coef.depth_stride) {
        P row[packets];
        for (int p = 0; p < packets; ++p)
            row[p] = ei::ploadu<P>(panel + p * size);
        for (int r = 0; r < rows; ++r) {
            const P broadcast = ei::pset1<P>(c[r * coef.row_stride]);
            for (int p = 0; p < packets; ++p)
                sum[r][p] = ei::pmadd(broadcast, row[p], sum[r][p]);
        }
    }
    for (int r = 0; r < rows; ++r)
        for (int p = 0; p < packets; ++p)
            ei::pstoreu(out + r * out_stride + p * size, sum[r][p]);
}

template <class T, int packets, int rows = tile_rows, class P = Packet<T>>
inline void multiply_tile_rows(int n_rows, Index depth, const T* panel, Index panel_stride, Coefficients<T> coef,
                               T* out, Index out_stride, bool add)
{
    eigen_assert(n_rows <= rows);
    if (n_rows == rows)
        multiply_tile_fixed<T, packets, rows, P>(depth, panel, panel_stride, coef, out, out_stride, add);
    else if constexpr (rows > 1)
        multiply_tile_rows<T, packets, rows - 1, P>(n_rows, depth, panel, panel_stride, coef, out, out_stride, add);
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

/// As multiply_tile, for all c of half a packet.
template <class T>
inline void multiply_half_tile(int n_rows, Index depth, const T* panel, Index panel_stride, Coefficients<T> coef,
                               T* out, Index out_stride, bool add)
{
    multiply_tile_rows<T, 1, tile_rows, HalfPacket<T>>(n_rows, depth, panel, panel_stride, coef, out, out_stride, add);
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
    for (Index row = 0; row < n_rows; row += tile_rows) {
        const auto used = static_cast<int>(std::min<Index>(tile_rows, n_rows - row));
        const Coefficients<T> of_tile{coef.data + row * coef.row_stride, coef.row_stride, coef.depth_stride};
        T* const to = out + row * out_stride;
        Index c = 0;
        while (width - c >= packet_size<T>) {
            const auto packets = std::min<Index>(tile_packets, (width - c) / packet_size<T>);
            multiply_tile<T>(used, static_cast<int>(packets), depth, panel + c, panel_stride, of_tile, to + c,
                             out_stride, add);
            c += packets * packet_size<T>;
        }
        if (c < width)
            multiply_half_tile<T>(used, depth, panel + c, panel_stride, of_tile, to + c, out_stride, add);
    }
}

} // namespace matfact::linalg
