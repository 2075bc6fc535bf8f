/// A matrix that is read a batch of rows at a time, from a file or wherever it lies: only a batch is in memory.
#pragma once

#include "matfact/matrix.hpp"

#include <cstdint>
#include <functional>
#include <variant>

namespace matfact {

/// Some consecutive rows, dense or sparse.
template <class T>
using RowBatch = std::variant<MatrixView<const T>, CsrView<T, std::int32_t>, CsrView<T, std::int64_t>>;

/// All rows of a matrix, in batches of any size.
template <class T> struct RowSource {
    Index n_cols = 0;
    /// Calls take(batch) for all rows from the first to the last; a batch must stay as it is during that call alone.
    /// One call of `read` is one pass, and every pass must give the same rows. An exception passes through unchanged.
    std::function<void(const std::function<void(const RowBatch<T>& batch)>& take)> read;
};

} // namespace matfact
