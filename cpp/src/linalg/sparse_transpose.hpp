/// The transpose of a CSR matrix as a CSR matrix of its own: its columns, found once.
#pragma once

#include "linalg/csr.hpp"
#include "parallel.hpp"

#include <limits>
#include <stdexcept>

namespace matfact::linalg {

/// Orders the stored entries of x, whose structure was checked, by column, rows ascending within one: calls
/// place(to, row, from) for each, from several threads, and returns where the columns begin (n_cols + 1 offsets).
/// Memory: eight times as many counters as columns at most, and no more than there are entries.
template <class T, class I, class Place>
std::vector<I> order_by_column(CsrView<T, I> x, int threads, const Place& place)
{
    // Lanes of consecutive rows count and place their own entries; those of a lane go behind those of the lanes before.
    const Index lanes = std::max<Index>(1, std::min<Index>(8, stored_entries(x) / (2 * x.n_cols + 1)));
    const std::vector<Index> bounds = cut_lanes(x, lanes);
    const auto for_lanes = [&](const auto& body) {
        for_each_task(lanes, threads, [&](Index lane) {
            const auto l = static_cast<std::size_t>(lane);
            body(lane, bounds[l], bounds[l + 1]);
        });
    };
    Matrix<I> next(lanes, x.n_cols);
    for_lanes([&](Index lane, Index begin, Index end) {
        I* const count = next.data() + lane * x.n_cols;
        std::fill_n(count, x.n_cols, I(0));
        for (I p = x.indptr[begin]; p < x.indptr[end]; ++p)
            ++count[x.indices[p]];
    });
    std::vector<I> begins(static_cast<std::size_t>(x.n_cols) + 1);
    I seen = 0;
    for (Index j = 0; j < x.n_cols; ++j) {
        begins[static_cast<std::size_t>(j)] = seen;
        for (Index lane = 0; lane < lanes; ++lane)
            seen += std::exchange(next(lane, j), seen);
    }
    begins.back() = seen;
    for_lanes([&](Index lane, Index begin, Index end) {
        I* const to = next.data() + lane * x.n_cols;
        for (Index row = begin; row < end; ++row)
            for (I p = x.indptr[row]; p < x.indptr[row + 1]; ++p)
                place(static_cast<Index>(to[x.indices[p]]++), row, static_cast<Index>(p));
    });
    return begins;
}

/// Owns what it shows: values and indices as large as those of the original, and an indptr for its columns.
template <class T, class I> class SparseTranspose {
public:
    SparseTranspose(CsrView<T, I> x, int threads)
        : values_(1, stored_entries(x)), indices_(1, stored_entries(x)), n_rows_(x.n_cols), n_cols_(x.n_rows)
    {
        if (x.n_rows > static_cast<Index>(std::numeric_limits<I>::max()))
            throw std::invalid_argument("a sparse X with more rows than its indices can count needs int64 indices");
        indptr_ = order_by_column(x, threads, [&](Index to, Index row, Index from) {
            values_.data()[to] = x.values[from];
            indices_.data()[to] = static_cast<I>(row);
        });
    }

    CsrView<T, I> view() const { return {values_.data(), indices_.data(), indptr_.data(), n_rows_, n_cols_}; }

private:
    Matrix<T> values_; // a single row: not initialized before it is written
    Matrix<I> indices_;
    std::vector<I> indptr_;
    Index n_rows_, n_cols_;
};

} // namespace matfact::linalg
