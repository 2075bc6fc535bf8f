/// The inner loop of integer_gram: a register tile of 32-bit sums of products of 16-bit numbers. SIMD units multiply
/// two neighbours and add them in one instruction, so a "pair" of rows of X is the unit of depth.
#pragma once

#include "matfact/matrix.hpp"

#include <cstring>

#if defined(__AVX512BW__) || defined(__AVX2__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace matfact::linalg {

#if defined(__AVX512BW__)
using PairPacket = __m512i;
inline PairPacket load_pairs(const std::int32_t* p) { return _mm512_loadu_si512(p); }
inline void store_pairs(std::int32_t* p, PairPacket a) { _mm512_storeu_si512(p, a); }
inline PairPacket broadcast_pair(std::int32_t pair) { return _mm512_set1_epi32(pair); }
inline PairPacket add_products(PairPacket a, PairPacket b, PairPacket sum)
{
    return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b));
}
constexpr int pair_tile_rows = 8, pair_tile_packets = 3;
#elif defined(__AVX2__)
using PairPacket = __m256i;
inline PairPacket load_pairs(const std::int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
inline void store_pairs(std::int32_t* p, PairPacket a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a); }
inline PairPacket broadcast_pair(std::int32_t pair) { return _mm256_set1_epi32(pair); }
inline PairPacket add_products(PairPacket a, PairPacket b, PairPacket sum)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}
constexpr int pair_tile_rows = 4, pair_tile_packets = 2;
#elif defined(__SSE2__)
using PairPacket = __m128i;
inline PairPacket load_pairs(const std::int32_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
inline void store_pairs(std::int32_t* p, PairPacket a) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), a); }
inline PairPacket broadcast_pair(std::int32_t pair) { return _mm_set1_epi32(pair); }
inline PairPacket add_products(PairPacket a, PairPacket b, PairPacket sum)
{
    return _mm_add_epi32(sum, _mm_madd_epi16(a, b));
}
constexpr int pair_tile_rows = 4, pair_tile_packets = 2;
#else
/// Plain code, in a form that compilers vectorize.
struct PairPacket {
    std::int32_t lanes[4];
};
inline PairPacket load_pairs(const std::int32_t* p)
{
    PairPacket a;
    std::memcpy(a.lanes, p, sizeof a.lanes);
    return a;
}
inline void store_pairs(std::int32_t* p, PairPacket a) { std::memcpy(p, a.lanes, sizeof a.lanes); }
inline PairPacket broadcast_pair(std::int32_t pair) { return {{pair, pair, pair, pair}}; }
inline PairPacket add_products(PairPacket a, PairPacket b, PairPacket sum)
{
    for (int i = 0; i < 4; ++i) {
        std::int16_t left[2], right[2];
        std::memcpy(left, a.lanes + i, sizeof left);
        std::memcpy(right, b.lanes + i, sizeof right);
        sum.lanes[i] += left[0] * right[0] + left[1] * right[1];
    }
    return sum;
}
constexpr int pair_tile_rows = 4, pair_tile_packets = 2;
#endif

constexpr Index pair_packet_size = sizeof(PairPacket) / sizeof(std::int32_t);
constexpr Index pair_panel_width = pair_packet_size * pair_tile_packets;

/// Two whole numbers of 16 bits side by side; which comes first does not matter as long as it is always the same.
inline std::int32_t as_pair(std::int32_t first, std::int32_t second)
{
    return static_cast<std::int32_t>((static_cast<std::uint32_t>(second) << 16) |
                                     (static_cast<std::uint32_t>(first) & 0xffffU));
}

/// out(r, c) = sum over the pairs of row r of coef and column c of panel; panel and coef hold pair_panel_width columns
/// a row of pairs.
inline void multiply_pair_tile(Index n_pairs, const std::int32_t* panel, const std::int32_t* coef, std::int32_t* out)
{
    PairPacket sum[pair_tile_rows][pair_tile_packets];
    for (auto& row : sum)
        for (PairPacket& packet : row)
            packet = broadcast_pair(0);
    for (Index k = 0; k < n_pairs; ++k, panel += pair_panel_width, coef += pair_panel_width) {
        PairPacket columns[pair_tile_packets];
        for (int p = 0; p < pair_tile_packets; ++p)
            columns[p] = load_pairs(panel + p * pair_packet_size);
        for (int r = 0; r < pair_tile_rows; ++r) {
            const PairPacket row = broadcast_pair(coef[r]);
            for (int p = 0; p < pair_tile_packets; ++p)
                sum[r][p] = add_products(row, columns[p], sum[r][p]);
        }
    }
    for (int r = 0; r < pair_tile_rows; ++r)
        for (int p = 0; p < pair_tile_packets; ++p)
            store_pairs(out + r * pair_panel_width + p * pair_packet_size, sum[r][p]);
}

} // namespace matfact::linalg
