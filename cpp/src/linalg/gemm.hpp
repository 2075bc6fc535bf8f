/// C = A B over the register tiles of kernel.hpp. Every element of C is summed over depth in the same order, whatever
/// the partition, so the bits do not depend on the threads.
#pragma once

#include "linalg/operand.hpp"

namespace matfact::linalg {

/// C = A B, or C += A B, with C row-major (unit column stride). The arithmetic is that of T.
/// For S, T = float, float; float, double; double, double.
template <class S, class T>
void multiply_into(const Operand<S>& a, MatrixView<const T> b, MatrixView<T> c, int threads, bool add = false);

/// A B as a new matrix.
template <class S, class T> Matrix<T> multiply(const Operand<S>& a, MatrixView<const T> b, int threads)
{
    Matrix<T> c(a.x.n_rows, b.n_cols);
    multiply_into(a, b, c.view(), threads);
    return c;
}

template <class T> Matrix<T> multiply(MatrixView<const T> a, MatrixView<const T> b, int threads)
{
    return multiply(Operand<T>{a}, b, threads);
}

} // namespace matfact::linalg
