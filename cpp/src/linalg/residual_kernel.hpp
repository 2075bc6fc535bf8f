/// The register tile of a residual: a product of factors, minus what they approximate, and its square.
#pragma once

#include "linalg/kernel.hpp"

namespace matfact::linalg {

/// e(r, c) = sum over k of coef(r, k) * panel[k * panel_width + c] - x(r, c) for tile_rows rows and panel_width columns
/// of x; returns the sum of the squares of e. x is fetched while the products are summed.
template <class T>
inline double residual_tile(Index depth, const T* panel, Coefficients<T> coef, const T* x, Index x_stride, T* e,
                            Index e_stride)
{
    namespace ei = Eigen::internal;
    using P = Packet<T>;
    constexpr Index width = panel_width<T>, line = 64 / static_cast<Index>(sizeof(T));
    for (int r = 0; r < tile_rows; ++r)
        for (Index c = 0; c < width; c += line)
            ei::prefetch(x + r * x_stride + c);
    P sum[tile_rows][tile_packets];
    for (auto& row : sum)
        for (P& s : row)
            s = ei::pset1<P>(T(0));
    const T* c = coef.data;
    for (Index k = 0; k < depth; ++k, panel += width, c += coef.depth_stride) {
        P row[tile_packets];
        for (int p = 0; p < tile_packets; ++p)
            row[p] = ei::ploadu<P>(panel + p * packet_size<T>);
        for (int r = 0; r < tile_rows; ++r) {
            const P broadcast = ei::pset1<P>(c[r * coef.row_stride]);
            for (int p = 0; p < tile_packets; ++p)
                sum[r][p] = ei::pmadd(broadcast, row[p], sum[r][p]);
        }
    }
    P squares[tile_packets];
    for (P& s : squares)
        s = ei::pset1<P>(T(0));
    for (int r = 0; r < tile_rows; ++r)
        for (int p = 0; p < tile_packets; ++p) {
            const P difference = ei::psub(sum[r][p], ei::ploadu<P>(x + r * x_stride + p * packet_size<T>));
            squares[p] = ei::pmadd(difference, difference, squares[p]);
            ei::pstoreu(e + r * e_stride + p * packet_size<T>, difference);
        }
    double total = 0.0;
    for (const P& s : squares)
        total += static_cast<double>(ei::predux(s));
    return total;
}

} // namespace matfact::linalg
