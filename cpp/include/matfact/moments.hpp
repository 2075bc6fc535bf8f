/// Mean and covariance of rows that arrive in batches, or on several machines: exact, and mergeable in any order.
#pragma once

#include "matfact/matrix.hpp"
#include "matfact/pca.hpp"
#include "matfact/progress.hpp"

#include <cstddef>
#include <vector>

namespace matfact {

/// What is known of some rows: their number, mean and centered second moments, in float64. Without columns it
/// describes no rows at all, and is the neutral element of merge().
struct Moments {
    double n_samples = 0.0;   ///< number of rows, or the sum of their weights
    std::vector<double> mean; ///< (n_cols,)
    Matrix<double> scatter;   ///< (n_cols, n_cols) sum of w (row - mean)'(row - mean), both triangles

    Index n_cols() const { return static_cast<Index>(mean.size()); }
};

/// Moments of the rows of x. `weights` (n_rows,), finite and not negative, counts row i weights[i] times; a row of
/// weight 0 is not read. Throws std::invalid_argument if x is empty or not finite or a weight is out of range,
/// NumericalError on overflow.
template <class T>
Moments moments(MatrixView<const T> x, const double* weights = nullptr, int num_threads = 0,
                const Progress& progress = {});

/// The same for sparse rows; stored entries of one position are added. x is never densified as a whole.
template <class T, class I>
Moments moments(CsrView<T, I> x, const double* weights = nullptr, int num_threads = 0, const Progress& progress = {});

/// Adds the rows that `other` describes (Chan, Golub and LeVeque, doi:10.1080/00031305.1983.10483115). Throws
/// std::invalid_argument if the widths differ, NumericalError on overflow; `into` is then unchanged.
void merge(Moments& into, const Moments& other, int num_threads = 0);

/// Principal axes of the rows that the moments describe; `solver` is not used. Any n_components up to n_cols is
/// possible. Throws std::invalid_argument unless there is more than one row.
PcaResult<double> pca(const Moments& moments, const PcaOptions& options = {}, const Progress& progress = {});

/// A little-endian format with version and checksum (docs/methods/moments.md).
std::vector<std::byte> to_bytes(const Moments& moments);

/// The inverse of to_bytes. Throws std::invalid_argument if the bytes are not what it has written.
Moments moments_from_bytes(const std::byte* data, std::size_t size);

extern template Moments moments(MatrixView<const float>, const double*, int, const Progress&);
extern template Moments moments(MatrixView<const double>, const double*, int, const Progress&);
extern template Moments moments(CsrView<float, std::int32_t>, const double*, int, const Progress&);
extern template Moments moments(CsrView<float, std::int64_t>, const double*, int, const Progress&);
extern template Moments moments(CsrView<double, std::int32_t>, const double*, int, const Progress&);
extern template Moments moments(CsrView<double, std::int64_t>, const double*, int, const Progress&);

} // namespace matfact
