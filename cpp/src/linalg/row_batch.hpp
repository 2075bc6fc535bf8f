/// Products with a batch of rows, dense or sparse, whose means are subtracted on the way. All arithmetic is float64.
#pragma once

#include "linalg/column_moments.hpp"
#include "matfact/row_source.hpp"

namespace matfact::linalg {

template <class T> Index rows_of(const RowBatch<T>& batch);
template <class T> Index columns_of(const RowBatch<T>& batch);

/// Throws std::invalid_argument where an index of a sparse batch points outside.
template <class T> void check_structure(const RowBatch<T>& batch, int threads);

/// The largest magnitude of an entry; NaN or infinity where one of them is.
template <class T> double largest_magnitude(const RowBatch<T>& batch, int threads);

template <class T> ColumnMoments column_moments(const RowBatch<T>& batch, bool center, int threads);

/// z += B'(B q) for B = batch - 1 mean'; `mean` may be empty. q and z are row-major without gaps, here and below.
template <class T>
void add_gram_times(const RowBatch<T>& batch, const std::vector<double>& mean, MatrixView<const double> q,
                    MatrixView<double> z, int threads);

/// y = B q.
template <class T>
void times(const RowBatch<T>& batch, const std::vector<double>& mean, MatrixView<const double> q, MatrixView<double> y,
           int threads);

/// z += B'y.
template <class T>
void add_transposed_times(const RowBatch<T>& batch, const std::vector<double>& mean, MatrixView<const double> y,
                          MatrixView<double> z, int threads);

} // namespace matfact::linalg
