/// Means and centered sums of squares of a sparse matrix, which is never centered in memory.
#pragma once

#include "linalg/csr.hpp"

namespace matfact::linalg {

/// Of scale * X.
struct SparseMoments {
    std::vector<double> mean;  ///< of each column, or of each row; empty without centering
    double squared_norm = 0.0; ///< squared Frobenius norm of X, less the means where there are some
};

/// Two passes in float64 whose terms are all positive: nothing cancels, however large the means. Entries that are
/// stored several times count as their sum. The structure of x must have been checked.
template <class T, class I> SparseMoments column_moments(CsrView<T, I> x, bool center, double scale, int threads);

/// The same for the columns of x', which are the rows of x.
template <class T, class I> SparseMoments row_moments(CsrView<T, I> x, bool center, double scale, int threads);

} // namespace matfact::linalg
