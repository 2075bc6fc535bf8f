/// Inner products of one row's factor with those of several others: what a batch of a row's ratings begins with.
#pragma once

#include "linalg/kernel.hpp"

#include <type_traits>

namespace matfact {

/// Numbers of several ratings side by side. Eight suffice: most batches hold no more, and a division of sixteen takes
/// twice as long.
#ifdef __AVX512F__
using Lanes = linalg::HalfPacket<float>;
#else
using Lanes = linalg::Packet<float>;
#endif
constexpr Index lanes = sizeof(Lanes) / sizeof(float);

/// Turns rows into columns: out(i) gets the numbers that in(0) .. in(lanes - 1) have at place i.
template <class In, class Out> inline void transpose_lanes(const In& in, const Out& out)
{
    constexpr int n = static_cast<int>(lanes);
    Eigen::internal::PacketBlock<decltype(in(0)), n> block;
    MATFACT_UNROLL
    for (int i = 0; i < n; ++i)
        block.packet[i] = in(i);
    Eigen::internal::ptranspose(block);
    MATFACT_UNROLL
    for (int i = 0; i < n; ++i)
        out(i, block.packet[i]);
}

namespace detail {

template <int n, class Body> void for_last_packets(Index left, Index column, const Body& body)
{
    if constexpr (n > 0) {
        if (left == n)
            body(std::integral_constant<int, n>(), column);
        else
            for_last_packets<n - 1>(left, column, body);
    }
}

} // namespace detail

/// Calls body(columns of a padded factor as so many packets, the first of them): chunks that registers hold twice.
template <class Body> void for_packets(Index width, const Body& body)
{
#ifdef __AVX512F__
    constexpr int chunk = 8; // of 32 registers
#else
    constexpr int chunk = 4;
#endif
    constexpr Index size = linalg::packet_size<float>;
    Index column = 0;
    for (; column + chunk * size <= width; column += chunk * size)
        body(std::integral_constant<int, chunk>(), column);
    detail::for_last_packets<chunk - 1>((width - column) / size, column, body);
}

/// Inner products of a row with up to `capacity` others.
class RowProducts {
public:
    static constexpr Index capacity = 16; ///< rows

    /// With rows 0 .. n - 1.
    void multiply(const float* own, const float* const* rows, Index n, Index width)
    {
        for_packets(width, [&](auto packets, Index column) { multiply_packets<packets.value>(own, rows, n, column); });
    }

    /// Those with rows first .. first + lanes - 1. Beyond the last row they are anything.
    Lanes products(Index first) const
    {
        namespace ei = Eigen::internal;
        Lanes sum = ei::pset1<Lanes>(0.0f);
        transpose_lanes([&](int i) { return ei::pload<Lanes>(sums_[first + i]); },
                        [&](int, const Lanes& part) { sum = ei::padd(sum, part); });
        return sum;
    }

private:
    using Packet = linalg::Packet<float>;
    static constexpr Index size = linalg::packet_size<float>;

    template <int packets> void multiply_packets(const float* own, const float* const* rows, Index n, Index column)
    {
        namespace ei = Eigen::internal;
        Packet w[packets];
        MATFACT_UNROLL
        for (int i = 0; i < packets; ++i)
            w[i] = ei::pload<Packet>(own + column + i * size);
        for (Index j = 0; j < n; ++j) {
            const float* const row = rows[j] + column;
            Packet sum = ei::pset1<Packet>(0.0f);
            MATFACT_UNROLL
            for (int i = 0; i < packets; ++i)
                sum = ei::pmadd(w[i], ei::pload<Packet>(row + i * size), sum);
            const Lanes part = narrow(sum);
            ei::pstore(sums_[j], column == 0 ? part : ei::padd(part, ei::pload<Lanes>(sums_[j])));
        }
    }

#ifdef __AVX512F__
    static Lanes narrow(const Packet& sum) { return Eigen::internal::predux_half_dowto4(sum); }
#else
    static Lanes narrow(const Packet& sum) { return sum; }
#endif

    alignas(64) float sums_[capacity][lanes] = {};
};

} // namespace matfact
