/// What the moments of dense and of sparse batches share: sums of row products, checks.
#pragma once

#include "linalg/gram.hpp"
#include "matfact/moments.hpp"
#include "parallel.hpp"
#include "row_weights.hpp"

#include <algorithm>
#include <vector>

namespace matfact {

/// Moments of no rows with n_cols columns.
Moments empty_moments(Index n_cols);

/// Throws for an empty batch.
void require_rows(Index n_rows, Index n_cols);

/// Whether mean and variances are finite.
bool is_finite(const Moments& moments);

/// Throws what is wrong with a batch whose moments are not finite.
[[noreturn]] void throw_not_finite(bool batch_is_finite);

/// The sum of y'y over the rows y that fill(i, y) writes, a block of them in memory at a time.
template <class Fill>
Matrix<double> scatter_of(Index n_rows, Index n_cols, int threads, const linalg::Checkpoint& checkpoint,
                          const Fill& fill)
{
    // Blocks of up to 32 MB: each costs a pass over the result.
    const Index most = std::max<Index>(384, (Index{1} << 22) / n_cols), block_rows = std::min(n_rows, most);
    Matrix<double> rows(block_rows, n_cols), sum;
    for (Index begin = 0; begin < n_rows; begin += block_rows) {
        const Index count = std::min(block_rows, n_rows - begin);
        for_blocks(count, 16, threads, [&](Index first, Index last, Index) {
            for (Index i = first; i < last; ++i)
                fill(begin + i, rows.data() + i * n_cols);
        });
        Matrix<double> part = linalg::gram<double>(MatrixView<const double>(rows.view()).rows(0, count),
                                                   linalg::Centering::none, 1.0, threads, checkpoint)
                                  .matrix;
        if (begin == 0) {
            sum = std::move(part);
            continue;
        }
        for_blocks(n_cols, 16, threads, [&](Index first, Index last, Index) {
            for (Index e = first * n_cols; e < last * n_cols; ++e)
                sum.data()[e] += part.data()[e];
        });
    }
    return sum;
}

} // namespace matfact
