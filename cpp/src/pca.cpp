#include "matfact/pca.hpp"

#include "row_weights.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace matfact {

namespace {

/// Of a dense or sparse x, by the triplets of the centered matrix.
template <class T, class View>
PcaResult<T> principal_axes(const View& x, const PcaOptions& options, const Progress& progress)
{
    if (x.n_rows < 2)
        throw std::invalid_argument("pca needs at least 2 rows, got " + std::to_string(x.n_rows));
    auto n_samples = static_cast<double>(x.n_rows);
    Index n_present = x.n_rows;
    if (options.weights) {
        const RowWeights weights = positive_weights(options.weights, x.n_rows);
        n_samples = weights.total;
        n_present = weights.n_present;
        if (n_samples < 2.0)
            throw std::invalid_argument("pca needs weights with a sum of at least 2, got " + std::to_string(n_samples));
    }
    SvdOptions svd_options;
    svd_options.n_components = options.n_components;
    svd_options.solver = options.solver;
    svd_options.num_threads = options.num_threads;
    svd_options.center = true;
    svd_options.weights = options.weights;
    svd_options.compute_u = false;
    SvdResult<T> f = svd(x, svd_options, progress);

    const double divisor = n_samples - 1.0;
    PcaResult<T> result;
    // Shares of the variance are in range also where variances are not.
    const auto largest = static_cast<double>(f.s.front()), deviation = largest / std::sqrt(divisor);
    double explained = 0.0;
    for (const T s : f.s) {
        const double relative = largest > 0.0 ? static_cast<double>(s) / largest : 0.0, square = relative * relative;
        explained += square;
        const double root = static_cast<double>(s) / std::sqrt(divisor);
        result.explained_variance.push_back(static_cast<T>(root * root));
        result.explained_variance_ratio.push_back(static_cast<T>(largest > 0.0 ? square / f.stable_rank : 0.0));
    }
    // Repeated rows span no more, but count as axes left out.
    const Index most = std::max(n_present, static_cast<Index>(std::min(n_samples, static_cast<double>(x.n_cols))));
    const Index left_out = std::min(most, x.n_cols) - static_cast<Index>(f.s.size());
    if (left_out > 0) {
        const double noise =
            deviation * std::sqrt(std::max(0.0, f.stable_rank - explained) / static_cast<double>(left_out));
        result.noise_variance = noise * noise;
    }
    result.components = std::move(f.vt);
    result.singular_values = std::move(f.s);
    result.error_bounds = std::move(f.error_bounds);
    result.mean = std::move(f.mean);
    return result;
}

} // namespace

template <class T> PcaResult<T> pca(MatrixView<const T> x, const PcaOptions& options, const Progress& progress)
{
    return principal_axes<T>(x, options, progress);
}

template <class T, class I> PcaResult<T> pca(CsrView<T, I> x, const PcaOptions& options, const Progress& progress)
{
    return principal_axes<T>(x, options, progress);
}

template <class T, class I> PcaResult<T> pca(CscView<T, I> x, const PcaOptions& options, const Progress& progress)
{
    return principal_axes<T>(x, options, progress);
}

template PcaResult<float> pca(MatrixView<const float>, const PcaOptions&, const Progress&);
template PcaResult<double> pca(MatrixView<const double>, const PcaOptions&, const Progress&);

#define MATFACT_SPARSE_PCA(T, I)                                                                                       \
    template PcaResult<T> pca(CsrView<T, I>, const PcaOptions&, const Progress&);                                      \
    template PcaResult<T> pca(CscView<T, I>, const PcaOptions&, const Progress&);
MATFACT_SPARSE_PCA(float, std::int32_t)
MATFACT_SPARSE_PCA(float, std::int64_t)
MATFACT_SPARSE_PCA(double, std::int32_t)
MATFACT_SPARSE_PCA(double, std::int64_t)

} // namespace matfact
