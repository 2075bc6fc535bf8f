/// What Gram-Schmidt against a long basis needs: products with the basis and its transpose that read it as few times as
/// possible. Rows of the basis meet a few rows of the block at a time, while these are in registers.
#pragma once

#include "matfact/matrix.hpp"

namespace matfact::linalg {

/// v'w for the row-major v (n, m) and w (n, b), rows of v with contiguous entries. For S = float and double.
template <class S> Matrix<double> overlap_with(MatrixView<const S> v, MatrixView<const double> w, int threads);

/// w -= v c for c (m, b).
template <class S>
void subtract_from(MatrixView<double> w, MatrixView<const S> v, MatrixView<const double> c, int threads);

/// w -= v_last c, where v_last are the last columns of v, as many as c has rows; returns v'w. v is read once.
template <class S>
Matrix<double> subtract_and_overlap(MatrixView<double> w, MatrixView<const S> v, MatrixView<const double> c,
                                    int threads);

} // namespace matfact::linalg
