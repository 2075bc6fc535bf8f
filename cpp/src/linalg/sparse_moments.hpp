/// Means and centered sums of squares of the columns of a sparse matrix, which is never centered in memory.
#pragma once

#include "linalg/column_moments.hpp"
#include "linalg/csr.hpp"

namespace matfact::linalg {

/// Two passes in float64 whose terms are all positive: nothing cancels, however large the means. Entries that are
/// stored several times count as their sum. The structure of x must have been checked. `roots` (n_rows,) says that row
/// i has been multiplied by roots[i], for a weight of its square: means are weighted, and it is root times mean that is
/// subtracted. Empty for ones.
template <class T, class I>
ColumnMoments column_moments(CsrView<T, I> x, bool center, double scale, int threads,
                             const std::vector<double>& roots = {});

/// The same for the columns of x', which are the rows of x.
template <class T, class I>
ColumnMoments row_moments(CsrView<T, I> x, bool center, double scale, int threads,
                          const std::vector<double>& roots = {});

} // namespace matfact::linalg
