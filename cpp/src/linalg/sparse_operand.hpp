/// A sparse matrix as the solvers see it: centered and scaled while it is multiplied, stored by rows or by columns.
#pragma once

#include "linalg/column_moments.hpp"
#include "linalg/spmm.hpp"

namespace matfact::linalg {

/// scale (X - r mean') for X (n_rows, n_cols), which nobody forms. r is all ones, or the roots of the weights that the
/// rows of X have been multiplied by.
///
/// The means enter the products, (X - r mean') q = X q - r (mean' q), so that rounding errors are relative to X, not
/// to the centered X. Products are those of spmm.hpp.
template <class S, class I> class SparseOperand {
public:
    /// Takes X, or where `by_columns` its transpose, of a checked structure and finite; `largest` is its largest
    /// magnitude, which the scale brings near 1 where squares of it would leave the range of S.
    /// `roots` is r, empty for ones.
    SparseOperand(CsrView<S, I> stored, bool by_columns, bool center, bool keep_transpose, double largest, int threads,
                  std::vector<double> roots = {});

    /// Takes some rows of a larger matrix by rows, with the means of that: neither scaled nor looked at.
    SparseOperand(CsrView<S, I> rows, ColumnMoments moments, bool keep_transpose, int threads);

    Index n_rows() const { return by_columns_ ? product_.matrix().n_cols : product_.matrix().n_rows; }
    Index n_cols() const { return by_columns_ ? product_.matrix().n_rows : product_.matrix().n_cols; }
    double scale() const { return scale_; }
    /// Of X, with `squares` those of the scaled X.
    const ColumnMoments& moments() const { return moments_; }

    /// y = scale (X - r mean') q.
    template <class T> void times(MatrixView<const T> q, MatrixView<T> y) const;

    /// z = scale (X - r mean')' y.
    template <class T> void transposed_times(MatrixView<const T> y, MatrixView<T> z) const;

private:
    bool by_columns_;
    int threads_;
    double scale_;
    std::vector<double> roots_;
    ColumnMoments moments_;
    SparseProduct<S, I> product_;
};

} // namespace matfact::linalg
