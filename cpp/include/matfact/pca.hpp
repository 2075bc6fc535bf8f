/// Principal component analysis: the SVD of the centered matrix in the terms of statistics.
#pragma once

#include "matfact/svd.hpp"

namespace matfact {

/// Options of pca().
struct PcaOptions {
    Index n_components = 0; ///< leading axes to return; 0 = all of min(n_rows, n_cols)
    SvdSolver solver = SvdSolver::automatic;
    const double* weights = nullptr; ///< (n_rows,) how often each row counts, as in SvdOptions; null = once
    int num_threads = 0;             ///< 0 = the process default
};

/// Variances have the divisor n_rows - 1, or the sum of the weights - 1.
template <class T> struct PcaResult {
    Matrix<T> components;                    ///< (n_components, n_cols), orthonormal rows
    std::vector<T> explained_variance;       ///< (n_components,), descending
    std::vector<T> explained_variance_ratio; ///< (n_components,), shares of the exact total variance
    std::vector<T> singular_values;          ///< (n_components,)
    std::vector<T> error_bounds; ///< (n_components,) of |singular_values_i - exact|; empty of a dense x by a direct
                                 ///< solver: svd_certificate measures them
    std::vector<T> mean;         ///< (n_cols,)
    double noise_variance = 0.0; ///< mean variance of the axes left out
};

/// Principal axes of x without copying or centering it in memory. Needs at least two rows, or weights that sum to 2;
/// errors as svd().
template <class T>
PcaResult<T> pca(MatrixView<const T> x, const PcaOptions& options = {}, const Progress& progress = {});

extern template PcaResult<float> pca(MatrixView<const float>, const PcaOptions&, const Progress&);
extern template PcaResult<double> pca(MatrixView<const double>, const PcaOptions&, const Progress&);

/// The same for a sparse matrix, read in place and centered in its products; `solver` full is not accepted.
template <class T, class I>
PcaResult<T> pca(CsrView<T, I> x, const PcaOptions& options = {}, const Progress& progress = {});
template <class T, class I>
PcaResult<T> pca(CscView<T, I> x, const PcaOptions& options = {}, const Progress& progress = {});

#define MATFACT_SPARSE_PCA(T, I)                                                                                       \
    extern template PcaResult<T> pca(CsrView<T, I>, const PcaOptions&, const Progress&);                               \
    extern template PcaResult<T> pca(CscView<T, I>, const PcaOptions&, const Progress&);
MATFACT_SPARSE_PCA(float, std::int32_t)
MATFACT_SPARSE_PCA(float, std::int64_t)
MATFACT_SPARSE_PCA(double, std::int32_t)
MATFACT_SPARSE_PCA(double, std::int64_t)
#undef MATFACT_SPARSE_PCA

} // namespace matfact
