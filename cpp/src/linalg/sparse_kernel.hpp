/// The inner loops of sparse products: one row of a CSR matrix against the rows of a dense matrix that it names. The
/// values may be of a shorter type S than the arithmetic T.
///
/// Columns of the dense matrix are SIMD packets in registers. Where their number is not a multiple of the packet the
/// last two packets overlap: both hold the same numbers there, so no padding is needed and no element is read or
/// written outside of its row.
#pragma once

#include "linalg/kernel.hpp"

#include <algorithm>

namespace matfact::linalg {

/// Entries of one row of a CSR matrix, or a piece of them. `readable` >= count entries lie behind `indices`: rows of
/// the dense matrix are prefetched by them across the end of this row.
template <class S, class I> struct SparseRow {
    const S* values;
    const I* indices;
    Index count, readable;
};

/// A group of columns that stays in registers: `packets` packets P of T from `first` on, the last at first + tail.
template <class T, class P, int packets> struct ColumnGroup {
    using Packets = P[packets];
    static constexpr auto size = static_cast<Index>(sizeof(P) / sizeof(T));
    Index first, tail;
    Index offset(int packet) const { return packet + 1 == packets ? tail : packet * size; }
};

/// Entries between a prefetch and the use of what it fetches: enough to hide the third-level cache.
constexpr Index prefetch_entries = 12;

template <class T, class P, int packets> inline void prefetch(const T* row, ColumnGroup<T, P, packets> group)
{
    for (Index c = 0; c < packets * group.size; c += 64 / static_cast<Index>(sizeof(T)))
        Eigen::internal::prefetch(row + c);
}

/// sum = row B, for one group of columns. Few packets alone would wait for each other's additions, so several entries
/// are then summed apart; the order depends on the number of columns only.
template <class S, class I, class T, class P, int packets>
inline void gather(const SparseRow<S, I>& row, const T* b, Index stride, ColumnGroup<T, P, packets> group,
                   P (&sum)[packets])
{
    namespace ei = Eigen::internal;
    constexpr int lanes = packets >= 4 ? 1 : packets >= 2 ? 2 : 4;
    P lane_sum[lanes][packets];
    for (auto& lane : lane_sum)
        for (P& s : lane)
            s = ei::pset1<P>(T(0));
    b += group.first;
    const auto add = [&](Index p, P(&lane)[packets]) {
        const T* const source = b + static_cast<Index>(row.indices[p]) * stride;
        const P value = ei::pset1<P>(static_cast<T>(row.values[p]));
        for (int c = 0; c < packets; ++c)
            lane[c] = ei::pmadd(value, ei::ploadu<P>(source + group.offset(c)), lane[c]);
    };
    Index p = 0;
    // Only the last entries of the whole matrix have none that far ahead.
    for (const Index last = std::min(row.count, row.readable - prefetch_entries); p + lanes <= last; p += lanes)
        for (int lane = 0; lane < lanes; ++lane) {
            prefetch(b + static_cast<Index>(row.indices[p + lane + prefetch_entries]) * stride, group);
            add(p + lane, lane_sum[lane]);
        }
    for (; p + lanes <= row.count; p += lanes)
        for (int lane = 0; lane < lanes; ++lane)
            add(p + lane, lane_sum[lane]);
    for (; p < row.count; ++p)
        add(p, lane_sum[0]);
    for (int c = 0; c < packets; ++c) {
        sum[c] = lane_sum[0][c];
        for (int lane = 1; lane < lanes; ++lane)
            sum[c] = ei::padd(sum[c], lane_sum[lane][c]);
    }
}

/// Z += row' t for one group of columns: each row of Z that the row names gets a multiple of t.
template <class S, class I, class T, class P, int packets>
inline void scatter(const SparseRow<S, I>& row, const P (&t)[packets], T* z, Index stride,
                    ColumnGroup<T, P, packets> group)
{
    namespace ei = Eigen::internal;
    z += group.first;
    for (Index p = 0; p < row.count; ++p) {
        const Index next = std::min(p + prefetch_entries, row.readable - 1);
        prefetch(z + static_cast<Index>(row.indices[next]) * stride, group);
        T* const target = z + static_cast<Index>(row.indices[p]) * stride;
        const P value = ei::pset1<P>(static_cast<T>(row.values[p]));
        P updated[packets]; // all are read before any is written: the last two may overlap
        for (int c = 0; c < packets; ++c)
            updated[c] = ei::pmadd(value, t[c], ei::ploadu<P>(target + group.offset(c)));
        for (int c = 0; c < packets; ++c)
            ei::pstoreu(target + group.offset(c), updated[c]);
    }
}

template <class T, class P, int packets>
inline void load(const T* row, ColumnGroup<T, P, packets> group, P (&t)[packets])
{
    for (int c = 0; c < packets; ++c)
        t[c] = Eigen::internal::ploadu<P>(row + group.first + group.offset(c));
}

template <class T, class P, int packets>
inline void store(const P (&t)[packets], T* row, ColumnGroup<T, P, packets> group)
{
    for (int c = 0; c < packets; ++c)
        Eigen::internal::pstoreu(row + group.first + group.offset(c), t[c]);
}

constexpr int most_group_packets = 8; ///< accumulators that 16 vector registers hold

template <class T, class P, int packets, class Body>
inline void call_with_group(int n_packets, Index first, Index tail, const Body& body)
{
    if (n_packets == packets)
        body(ColumnGroup<T, P, packets>{first, tail});
    else if constexpr (packets > 1)
        call_with_group<T, P, packets - 1>(n_packets, first, tail, body);
}

/// Calls body(ColumnGroup) for groups that cover n_cols columns once. Groups of one call are of about equal size, so
/// that the last two packets, which may overlap, fall into the same group.
template <class T, class P = Packet<T>, class Body> void for_column_groups(Index n_cols, const Body& body)
{
    using Half = typename Eigen::internal::unpacket_traits<P>::half;
    constexpr auto size = static_cast<Index>(sizeof(P) / sizeof(T));
    if (n_cols < size) {
        if constexpr (sizeof(Half) < sizeof(P))
            for_column_groups<T, Half>(n_cols, body);
        else if constexpr (size > 1)
            for_column_groups<T, T>(n_cols, body);
        return;
    }
    const Index n_packets = (n_cols + size - 1) / size;
    const Index n_groups = (n_packets + most_group_packets - 1) / most_group_packets;
    for (Index g = 0; g < n_groups; ++g) {
        const Index begin = g * n_packets / n_groups, end = (g + 1) * n_packets / n_groups;
        const Index last = std::min(end * size, n_cols) - size;
        call_with_group<T, P, most_group_packets>(static_cast<int>(end - begin), begin * size, last - begin * size,
                                                  body);
    }
}

} // namespace matfact::linalg
