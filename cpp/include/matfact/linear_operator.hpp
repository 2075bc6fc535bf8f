/// A matrix that is known by its products alone: svd() and eigh() of it never ask for an entry.
#pragma once

#include "matfact/matrix.hpp"

#include <functional>

namespace matfact {

/// A (n_rows, n_cols) as two products with blocks of vectors.
template <class T> struct LinearOperator {
    /// Both blocks have the same number of columns, 1 or more, and are row-major without gaps. `out` comes
    /// uninitialized and must be overwritten; `in` must be neither changed nor kept. Calls come one after the other on
    /// the thread that called svd() or eigh(). An exception passes through unchanged.
    using Product = std::function<void(MatrixView<const T> in, MatrixView<T> out)>;

    Index n_rows = 0, n_cols = 0;
    Product times;            ///< out (n_rows, b) = A in (n_cols, b)
    Product transposed_times; ///< out (n_cols, b) = A' in (n_rows, b); eigh() does not use it
};

} // namespace matfact
