/// Inner products and steps on rows of factors, in one pass each.
#pragma once

#include "linalg/kernel.hpp"

namespace matfact::linalg {

/// Rows that are updated are padded by zeros, which stay, to a multiple of a cache line.
constexpr Index pair_width(Index k) { return (k + 15) / 16 * 16; }

/// user . (positive - negative), rows of any width.
inline float dot_difference(const float* user, const float* positive, const float* negative, Index width)
{
    namespace ei = Eigen::internal;
    using P = Packet<float>;
    P sum = ei::pset1<P>(0.0f);
    Index c = 0;
    for (; c + packet_size<float> <= width; c += packet_size<float>)
        sum =
            ei::pmadd(ei::ploadu<P>(user + c), ei::psub(ei::ploadu<P>(positive + c), ei::ploadu<P>(negative + c)), sum);
    float rest = 0.0f;
    for (; c < width; ++c)
        rest += user[c] * (positive[c] - negative[c]);
    return ei::predux(sum) + rest;
}

inline float dot(const float* a, const float* b, Index width)
{
    namespace ei = Eigen::internal;
    using P = Packet<float>;
    P sum = ei::pset1<P>(0.0f);
    Index c = 0;
    for (; c + packet_size<float> <= width; c += packet_size<float>)
        sum = ei::pmadd(ei::ploadu<P>(a + c), ei::ploadu<P>(b + c), sum);
    float rest = 0.0f;
    for (; c < width; ++c)
        rest += a[c] * b[c];
    return ei::predux(sum) + rest;
}

/// What remains of each row under its penalty in one step.
struct Shrinkage {
    float user, positive, negative;
};

/// user = user * keep + gain (positive - negative), positive = positive * keep + gain user,
/// negative = negative * keep - gain user, all from the rows before the step. The rows are padded.
inline void pair_step(float* user, float* positive, float* negative, Index width, float gain, const Shrinkage& keep)
{
    namespace ei = Eigen::internal;
    using P = Packet<float>;
    const P g = ei::pset1<P>(gain), keep_u = ei::pset1<P>(keep.user), keep_p = ei::pset1<P>(keep.positive),
            keep_n = ei::pset1<P>(keep.negative);
    for (Index c = 0; c < width; c += packet_size<float>) {
        const P u = ei::ploadu<P>(user + c), p = ei::ploadu<P>(positive + c), n = ei::ploadu<P>(negative + c);
        const P gu = ei::pmul(g, u);
        ei::pstoreu(user + c, ei::pmadd(keep_u, u, ei::pmul(g, ei::psub(p, n))));
        ei::pstoreu(positive + c, ei::pmadd(keep_p, p, gu));
        ei::pstoreu(negative + c, ei::psub(ei::pmul(keep_n, n), gu));
    }
}

/// The first of these, for items that stay and rows of any width; `sum` takes the new row.
inline void user_step(float* user, const float* positive, const float* negative, Index width, float gain, float keep,
                      float* sum)
{
    for (Index c = 0; c < width; ++c) {
        user[c] = keep * user[c] + gain * (positive[c] - negative[c]);
        sum[c] += user[c];
    }
}

/// The second or the third of these, for users that stay and rows of any width.
inline void item_step(float* item, const float* user, Index width, float gain, float keep)
{
    for (Index c = 0; c < width; ++c)
        item[c] = keep * item[c] + gain * user[c];
}

} // namespace matfact::linalg
