/// A sparse matrix as the solvers see it: centered and scaled while it is multiplied, stored by rows or by columns.
#pragma once

#include "linalg/column_moments.hpp"
#include "linalg/spmm.hpp"

namespace matfact::linalg {

/// scale (X - 1 mean') for X (n_rows, n_cols), which nobody forms.
///
/// The means enter the products, (X - 1 mean') q = X q - 1 (mean' q), so that rounding errors are relative to X, not
/// to the centered X. Products are those of spmm.hpp.
template <class S, class I> class SparseOperand {
public:
    /// Takes X, or where `by_columns` its transpose, of a checked structure and finite; `largest` is its largest
    /// magnitude, which the scale brings near 1 where squares of it would leave the range of S.
    SparseOperand(CsrView<S, I> stored, bool by_columns, bool center, bool keep_transpose, double largest, int threads);

    Index n_rows() const { return by_columns_ ? product_.matrix().n_cols : product_.matrix().n_rows; }
    Index n_cols() const { return by_columns_ ? product_.matrix().n_rows : product_.matrix().n_cols; }
    double scale() const { return scale_; }
    /// Of X, with `squares` those of the scaled X.
    const ColumnMoments& moments() const { return moments_; }

    /// y = scale (X - 1 mean') q.
    template <class T> void times(MatrixView<const T> q, MatrixView<T> y) const;

    /// z = scale (X - 1 mean')' y.
    template <class T> void transposed_times(MatrixView<const T> y, MatrixView<T> z) const;

private:
    bool by_columns_;
    int threads_;
    double scale_;
    ColumnMoments moments_;
    SparseProduct<S, I> product_;
};

} // namespace matfact::linalg
