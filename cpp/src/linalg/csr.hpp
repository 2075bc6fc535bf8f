/// Compressed sparse rows: checked, and cut into pieces of equal work.
#pragma once

#include "matfact/matrix.hpp"

#include <vector>

namespace matfact::linalg {

template <class T, class I> Index stored_entries(CsrView<T, I> x) { return static_cast<Index>(x.indptr[x.n_rows]); }

/// Throws std::invalid_argument where following the indices of x would leave its arrays or its columns. The arrays
/// themselves must be as long as indptr says.
template <class T, class I> void check_structure(CsrView<T, I> x, int threads);

/// The largest magnitude among the stored values; NaN or infinity where one of them is.
template <class T, class I> double largest_magnitude(CsrView<T, I> x, int threads);

/// Consecutive rows, or a piece of a single row that is too long for one task.
struct RowChunk {
    Index row_begin, row_end;
    Index entry_begin, entry_end;
    bool is_piece; ///< its sum is added to those of the row's other pieces
};

/// x cut into chunks of about equal work. The cuts depend on indptr only, and those within a row on its length only.
template <class T, class I> std::vector<RowChunk> cut_rows(CsrView<T, I> x);

/// Bounds of `lanes` ranges of consecutive rows with about equally many entries: lane i is [result[i], result[i + 1]).
template <class T, class I> std::vector<Index> cut_lanes(CsrView<T, I> x, Index lanes);

} // namespace matfact::linalg
