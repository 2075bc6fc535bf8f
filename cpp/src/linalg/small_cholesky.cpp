#include "linalg/small_cholesky.hpp"

#include "linalg/kernel.hpp"

#include <algorithm>
#include <cmath>

namespace matfact::linalg {

namespace {

namespace ei = Eigen::internal;
using P = Packet<float>;
constexpr Index size = packet_size<float>;

constexpr float smallest_pivot = 4e-7f; ///< of the diagonal entry before elimination: a few units of rounding

/// row -= factor * other over the columns [begin, end), multiples of the packet size.
inline void subtract(float* row, float factor, const float* other, Index begin, Index end)
{
    const P minus = ei::pset1<P>(-factor);
    for (Index c = begin; c < end; c += size)
        ei::pstoreu(row + c, ei::pmadd(minus, ei::ploadu<P>(other + c), ei::ploadu<P>(row + c)));
}

/// The diagonal block whose rows before have been eliminated. `diagonal` holds its pivots before that.
void factor_block(Index rows, float* a, Index stride, const float* diagonal, float* inverse_pivots)
{
    for (Index i = 0; i < rows; ++i) {
        float* const row = a + i * stride;
        const float inverse = 1.0f / std::sqrt(std::max(row[i], smallest_pivot * diagonal[i]));
        inverse_pivots[i] = inverse;
        const P scale = ei::pset1<P>(inverse);
        const Index first = i / size * size;
        for (Index c = first; c < small_block; c += size)
            ei::pstoreu(row + c, ei::pmul(scale, ei::ploadu<P>(row + c)));
        for (Index r = i + 1; r < rows; ++r)
            subtract(a + r * stride, row[r], row, r / size * size, small_block);
    }
}

/// One packet of columns right of a factored diagonal block.
inline void eliminate(const float* block, Index stride, const float* inverse_pivots, float* columns)
{
    P x[small_block];
    for (Index i = 0; i < small_block; ++i) {
        P sum = ei::ploadu<P>(columns + i * stride);
        for (Index t = 0; t < i; ++t)
            sum = ei::pmadd(ei::pset1<P>(-block[t * stride + i]), x[t], sum);
        x[i] = ei::pmul(ei::pset1<P>(inverse_pivots[i]), sum);
        ei::pstoreu(columns + i * stride, x[i]);
    }
}

} // namespace

void factor_small(Index n, float* a, Index stride, float* inverse_pivots, float* scratch)
{
    const Index width = padded_width(n);
    for (Index begin = 0; begin < n; begin += small_block) {
        const Index rows = std::min(small_block, n - begin);
        float* const block = a + begin * stride + begin;
        float diagonal[small_block];
        for (Index i = 0; i < rows; ++i)
            diagonal[i] = block[i * stride + i];
        // Left-looking: all rows above act on these at once, in products as deep as there are rows.
        for (Index r = 0; begin > 0 && r < rows; r += tile_rows)
            for (Index c = begin; c < width; c += panel_width<float>)
                multiply_tile<float>(static_cast<int>(std::min<Index>(tile_rows, rows - r)),
                                     static_cast<int>(std::min<Index>(tile_packets, (width - c) / size)), begin, a + c,
                                     stride, {a + begin + r, 1, stride}, scratch + r * stride + c, stride, false);
        for (Index r = 0; begin > 0 && r < rows; ++r)
            subtract(a + (begin + r) * stride, 1.0f, scratch + r * stride, begin, width);
        factor_block(rows, block, stride, diagonal, inverse_pivots + begin);
        for (Index c = begin + small_block; c < width; c += size)
            eliminate(block, stride, inverse_pivots + begin, a + begin * stride + c);
    }
}

void solve_small(Index n, const float* r, Index stride, const float* inverse_pivots, float* x, float* scratch,
                 const float* normals)
{
    const Index width = padded_width(n);
    for (Index i = 0; i < n; ++i) {
        scratch[i] = x[i] * inverse_pivots[i];
        subtract(x, scratch[i], r + i * stride, i / size * size, width);
    }
    for (Index i = 0; normals && i < n; ++i)
        scratch[i] += normals[i];
    std::fill_n(x, stride, 0.0f);
    for (Index i = n - 1; i >= 0; --i) {
        P sum = ei::pset1<P>(0.0f);
        for (Index c = (i + 1) / size * size; c < width; c += size)
            sum = ei::pmadd(ei::ploadu<P>(r + i * stride + c), ei::ploadu<P>(x + c), sum);
        x[i] = (scratch[i] - ei::predux(sum)) * inverse_pivots[i];
    }
}

} // namespace matfact::linalg
