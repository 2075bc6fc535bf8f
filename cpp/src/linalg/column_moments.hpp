/// Means and sums of squares of columns in one pass, without cancellation and without a centered copy.
#pragma once

#include "matfact/matrix.hpp"

#include <vector>

namespace matfact::linalg {

struct ColumnMoments {
    std::vector<double> mean; ///< (n_cols,), before scaling; empty without centering
    double squares = 0.0;     ///< sum of scale^2 (x_ij - mean_j)^2; not finite where an entry is not, or it overflows
};

/// For T = float and double, in any memory order.
template <class T> ColumnMoments column_moments(MatrixView<const T> x, bool center, double scale, int threads);

} // namespace matfact::linalg
