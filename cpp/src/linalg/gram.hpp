/// X'X in one pass over X, optionally centered, accumulated in float64.
#pragma once

#include "linalg/checkpoint.hpp"
#include "matfact/matrix.hpp"

#include <vector>

namespace matfact::linalg {

enum class Centering {
    none,
    columns, ///< subtract the mean of each column
    rows,    ///< subtract the mean of each row (the columns of the transposed matrix)
};

struct Gram {
    Matrix<double> matrix;    ///< (n_cols, n_cols), both triangles
    std::vector<double> mean; ///< means of what was centered, before scaling; empty without centering
    double noise = 0.0;       ///< spectral norm of its error, about, where that is more than float64's rounding
};

/// scale^2 (X - mean)' (X - mean). A NaN or infinity in X shows on the diagonal. For T = float and double.
/// `single` lets the products of a float32 X be summed in float32 over short blocks of rows, and in float64 from block
/// to block: twice as fast, for some noise. Wide X of small whole numbers takes the exact route of integer_gram.hpp.
template <class T>
Gram gram(MatrixView<const T> x, Centering centering, double scale, int threads, const Checkpoint& checkpoint = {},
          bool single = false);

} // namespace matfact::linalg
