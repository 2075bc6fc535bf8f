/// The Gram matrix X'X, the product that PCA and the SVD of tall matrices are made of.
#pragma once

#include "matfact/matrix.hpp"

namespace matfact {

/// x'x (n_cols, n_cols) in one pass over x, accumulated in float64; with `center` of the column-centered x, without
/// cancellation and without forming it. Throws std::invalid_argument if x is empty. num_threads 0 = the process
/// default.
template <class T> Matrix<double> gram(MatrixView<const T> x, bool center = false, int num_threads = 0);

extern template Matrix<double> gram(MatrixView<const float>, bool, int);
extern template Matrix<double> gram(MatrixView<const double>, bool, int);

} // namespace matfact
