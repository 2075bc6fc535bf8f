#include "linalg/csr.hpp"

#include "parallel.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace matfact::linalg {

namespace {

constexpr Index scan_entries = 1 << 15; ///< entries in one task of a pass over all of them
constexpr Index chunk_work = 1 << 13;   ///< entries and rows in one chunk, about

} // namespace

template <class T, class I> void check_structure(CsrView<T, I> x, int threads)
{
    if (x.indptr[0] != 0)
        throw std::invalid_argument("indptr of a sparse X must begin with 0");
    for (Index i = 0; i < x.n_rows; ++i)
        if (x.indptr[i + 1] < x.indptr[i])
            throw std::invalid_argument("indptr of a sparse X must not decrease");
    using Unsigned = std::make_unsigned_t<I>; // negative indices are then beyond all others
    const auto end_of_columns =
        std::min(static_cast<std::uint64_t>(x.n_cols), static_cast<std::uint64_t>(std::numeric_limits<I>::max()) + 1);
    const Index stored = stored_entries(x), n_blocks = block_count(stored, scan_entries);
    std::vector<Index> first_bad(static_cast<std::size_t>(n_blocks), -1);
    for_blocks(stored, scan_entries, threads, [&](Index begin, Index end, Index block) {
        const auto is_outside = [&](Unsigned index) { return index >= end_of_columns; };
        Unsigned largest = 0;
        for (Index p = begin; p < end; ++p)
            largest = std::max(largest, static_cast<Unsigned>(x.indices[p]));
        if (is_outside(largest))
            first_bad[static_cast<std::size_t>(block)] =
                std::find_if(x.indices + begin, x.indices + end,
                             [&](I index) { return is_outside(static_cast<Unsigned>(index)); }) -
                x.indices;
    });
    for (const Index p : first_bad)
        if (p >= 0)
            throw std::invalid_argument("a sparse X holds the column index " + std::to_string(x.indices[p]) +
                                        ", outside of its " + std::to_string(x.n_cols) + " columns");
}

template <class T, class I> double largest_magnitude(CsrView<T, I> x, int threads)
{
    const Index stored = stored_entries(x);
    std::vector<T> largest(static_cast<std::size_t>(block_count(stored, scan_entries)), T(0));
    for_blocks(stored, scan_entries, threads, [&](Index begin, Index end, Index block) {
        T value(0), poison(0); // 0 * value is NaN for NaN and infinity, and stays so
        for (Index p = begin; p < end; ++p) {
            value = std::max(value, std::abs(x.values[p]));
            poison += T(0) * x.values[p];
        }
        largest[static_cast<std::size_t>(block)] = value + poison;
    });
    T result(0);
    for (const T value : largest) {
        if (!std::isfinite(value))
            return static_cast<double>(value);
        result = std::max(result, value);
    }
    return static_cast<double>(result);
}

template <class T, class I> std::vector<RowChunk> cut_rows(CsrView<T, I> x)
{
    std::vector<RowChunk> chunks;
    const auto entry = [&](Index row) { return static_cast<Index>(x.indptr[row]); };
    Index begin = 0;
    const auto close = [&](Index end) {
        if (begin < end)
            chunks.push_back({begin, end, entry(begin), entry(end), false});
        begin = end;
    };
    for (Index i = 0; i < x.n_rows; ++i) {
        const Index count = entry(i + 1) - entry(i);
        if (count > 2 * chunk_work) {
            close(i);
            for (Index first = entry(i); first < entry(i + 1); first += chunk_work)
                chunks.push_back({i, i + 1, first, std::min(first + chunk_work, entry(i + 1)), true});
            begin = i + 1;
        } else if (i + 1 - begin + entry(i + 1) - entry(begin) >= chunk_work)
            close(i + 1);
    }
    close(x.n_rows);
    return chunks;
}

template <class T, class I> std::vector<Index> cut_lanes(CsrView<T, I> x, Index lanes)
{
    std::vector<Index> bounds;
    const Index stored = stored_entries(x);
    for (Index lane = 0; lane < lanes; ++lane) {
        const auto target = static_cast<I>(stored / lanes * lane);
        bounds.push_back(lane == 0 ? 0 : std::lower_bound(x.indptr, x.indptr + x.n_rows, target) - x.indptr);
    }
    bounds.push_back(x.n_rows);
    return bounds;
}

#define MATFACT_CSR(T, I)                                                                                              \
    template void check_structure(CsrView<T, I>, int);                                                                 \
    template double largest_magnitude(CsrView<T, I>, int);                                                             \
    template std::vector<RowChunk> cut_rows(CsrView<T, I>);                                                            \
    template std::vector<Index> cut_lanes(CsrView<T, I>, Index);
MATFACT_CSR(float, std::int32_t)
MATFACT_CSR(float, std::int64_t)
MATFACT_CSR(double, std::int32_t)
MATFACT_CSR(double, std::int64_t)

} // namespace matfact::linalg
