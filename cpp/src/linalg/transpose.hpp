/// The transpose of a dense matrix as a matrix of its own.
#pragma once

#include "matfact/matrix.hpp"
#include "parallel.hpp"

#include <algorithm>

namespace matfact::linalg {

template <class T> Matrix<T> transposed(MatrixView<const T> a, int threads)
{
    constexpr Index tile = 32; // two of them stay in the first-level cache
    Matrix<T> result(a.n_cols, a.n_rows);
    const bool by_rows = a.n_rows > a.n_cols; // the longer side has the tasks
    for_blocks(std::max(a.n_rows, a.n_cols), tile, threads, [&](Index begin, Index end, Index) {
        const Index others = by_rows ? a.n_cols : a.n_rows;
        for (Index first = 0; first < others; first += tile) {
            const Index last = std::min(first + tile, others);
            const Index i0 = by_rows ? begin : first, i1 = by_rows ? end : last;
            const Index j0 = by_rows ? first : begin, j1 = by_rows ? last : end;
            for (Index j = j0; j < j1; ++j)
                for (Index i = i0; i < i1; ++i)
                    result(j, i) = a(i, j);
        }
    });
    return result;
}

template <class T> Matrix<T> transposed(const Matrix<T>& a, int threads) { return transposed(a.view(), threads); }

} // namespace matfact::linalg
