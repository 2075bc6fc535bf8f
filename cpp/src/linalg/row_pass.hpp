/// Products that read a tall matrix once, in blocks of rows that stay in the second-level cache while they are used.
///
/// The blocks are shared out to fixed lanes whose sums are added in lane order, so the bits do not depend on the
/// threads.
#pragma once

#include "linalg/operand.hpp"

namespace matfact::linalg {

/// z = A'(A q): each block of rows meets q and then its own product with q. q and z are (n_cols, b) with unit column
/// stride; the arithmetic is that of T. For S, T = float, float; float, double; double, double.
template <class S, class T> void gram_times(const Operand<S>& a, MatrixView<const T> q, MatrixView<T> z, int threads);

/// y = A q for q (n_cols, b) and y (n_rows, b) with unit column stride; types as in gram_times.
template <class S, class T>
void times_by_rows(const Operand<S>& a, MatrixView<const T> q, MatrixView<T> y, int threads);

/// z = A' y for y (n_rows, b) and z (n_cols, b) with unit column stride; types as in gram_times.
template <class S, class T>
void transposed_times(const Operand<S>& a, MatrixView<const T> y, MatrixView<T> z, int threads);

/// aq = A q and z = A' y, shapes as above; types as in gram_times.
template <class S, class T>
void times_both(const Operand<S>& a, MatrixView<const T> q, MatrixView<T> aq, MatrixView<const T> y, MatrixView<T> z,
                int threads);

} // namespace matfact::linalg
