/// Principal component analysis: the SVD of the centered matrix in the terms of statistics.
#pragma once

#include "matfact/svd.hpp"

namespace matfact {

/// Options of pca().
struct PcaOptions {
    Index n_components = 0; ///< leading axes to return; 0 = all of min(n_rows, n_cols)
    SvdSolver solver = SvdSolver::automatic;
    int num_threads = 0; ///< 0 = the process default
};

/// Variances have the divisor n_rows - 1.
template <class T> struct PcaResult {
    Matrix<T> components;                    ///< (n_components, n_cols), orthonormal rows
    std::vector<T> explained_variance;       ///< (n_components,), descending
    std::vector<T> explained_variance_ratio; ///< (n_components,), shares of the exact total variance
    std::vector<T> singular_values;          ///< (n_components,)
    std::vector<T> mean;                     ///< (n_cols,)
    double noise_variance = 0.0;             ///< mean variance of the axes left out
};

/// Principal axes of x without copying or centering it in memory. Needs at least two rows; errors as svd().
template <class T>
PcaResult<T> pca(MatrixView<const T> x, const PcaOptions& options = {}, const Progress& progress = {});

extern template PcaResult<float> pca(MatrixView<const float>, const PcaOptions&, const Progress&);
extern template PcaResult<double> pca(MatrixView<const double>, const PcaOptions&, const Progress&);

} // namespace matfact
