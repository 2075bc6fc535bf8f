/// How often each row of a matrix counts, and copies of its rows that carry those weights.
#pragma once

#include "matfact/matrix.hpp"

#include <vector>

namespace matfact {

/// A row of weight 0 is absent.
struct RowWeights {
    std::vector<double> values, roots; ///< (n_rows,)
    double total = 0.0;
    Index n_present = 0; ///< rows of positive weight
};

/// Checks the weights; null stands for ones.
RowWeights row_weights(const double* weights, Index n_rows);

/// The same for a decomposition, which needs a row that is present.
RowWeights positive_weights(const double* weights, Index n_rows);

/// The present rows of x, minus their weighted mean if asked, times the roots of their weights.
template <class T> struct WeightedRows {
    Matrix<T> rows;           ///< (n_present, n_cols)
    std::vector<double> mean; ///< (n_cols,); empty without centering
};
template <class T>
WeightedRows<T> weighted_rows(MatrixView<const T> x, const RowWeights& weights, bool center, int threads);

/// The present rows of a sparse matrix times the roots of their weights.
template <class T, class I> struct WeightedCsr {
    std::vector<T> values;
    std::vector<I> indices, indptr;
    std::vector<double> roots; ///< (n_present,)

    CsrView<T, I> view(Index n_rows, Index n_cols) const
    {
        return {values.data(), indices.data(), indptr.data(), n_rows, n_cols};
    }
};
/// `stored` is x, or where `by_columns` its transpose, as the result is; its structure must have been checked.
template <class T, class I>
WeightedCsr<T, I> weighted_csr(CsrView<T, I> stored, bool by_columns, const RowWeights& weights);

/// The rows of `present` where they were before the absent ones were left out, which become zeros.
Matrix<double> spread_rows(const Matrix<double>& present, const RowWeights& weights);

} // namespace matfact
