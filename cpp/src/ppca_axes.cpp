#include "linalg/lapack_calls.hpp"
#include "linalg/orientation.hpp"
#include "linalg/orthonormalize.hpp"
#include "linalg/packed_cholesky.hpp"
#include "matfact/svd.hpp"
#include "ppca_steps.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace matfact {

using namespace linalg;

void ppca_axes(PpcaState state, PpcaResult& result, int threads)
{
    const Index n = state.w.n_rows(), k = state.w.n_cols();
    Matrix<double> basis = copy_of(state.w);
    Matrix<double> triangle(k, k), left, right;
    as_map(triangle) = orthonormalize(basis, threads);
    std::vector<double> s;
    own_singular_values_and_vectors(triangle.view(), left, s, right);
    result.components = Matrix<double>(k, n);
    as_map(result.components).noalias() = as_map(left).transpose() * as_map(basis).transpose();
    SmallMatrix turn = as_map(right).transpose(); // of the latent space: W turn = basis left diag(s)
    for (Index c = 0; c < k; ++c) {
        const double sign = orientation(result.components.data() + c * n, n);
        as_map(result.components).row(c) *= sign;
        turn.col(c) *= sign;
        const double size = s[static_cast<std::size_t>(c)];
        result.explained_variance.push_back(size * size + state.noise);
        for (Index j = 0; j < n; ++j)
            state.w(j, c) = size * result.components(c, j);
    }
    PpcaModel& model = result.model;
    if (state.covariance.data()) {
        rotate_covariances(state.covariance, turn, threads);
        model.loadings_covariance = Matrix<double>(n, packed_size(k));
        as_map(model.loadings_covariance) = as_map(state.covariance).transpose();
    }
    model.loadings = std::move(state.w);
    model.mean = std::move(state.mean);
    model.noise_variance = state.noise;
}

template <class T>
void ppca_closed_form(MatrixView<const T> x, const PpcaOptions& options, const Progress& progress, PpcaResult& result)
{
    SvdOptions svd_options;
    svd_options.n_components = options.n_components;
    svd_options.center = true;
    svd_options.compute_u = false;
    svd_options.num_threads = options.num_threads;
    const SvdResult<T> f = svd(x, svd_options, progress);
    const auto m = static_cast<double>(x.n_rows), n = static_cast<double>(x.n_cols);
    const Index k = options.n_components;
    double left = f.total_variance / m, log_determinant = 0.0;
    for (const T s : f.s) {
        result.explained_variance.push_back(static_cast<double>(s) * static_cast<double>(s) / m);
        left -= result.explained_variance.back();
    }
    PpcaModel& model = result.model;
    const double scale = f.total_variance / (m * n);
    model.noise_variance =
        std::max(left / (n - static_cast<double>(k)), PpcaScale::least_noise * (scale > 0.0 ? scale : 1.0));
    model.mean.assign(f.mean.begin(), f.mean.end());
    model.loadings = Matrix<double>(x.n_cols, k);
    result.components = Matrix<double>(k, x.n_cols);
    for (Index c = 0; c < k; ++c) {
        double& variance = result.explained_variance[static_cast<std::size_t>(c)];
        variance = std::max(variance, model.noise_variance);
        log_determinant += std::log(variance);
        for (Index j = 0; j < x.n_cols; ++j) {
            result.components(c, j) = static_cast<double>(f.vt(c, j));
            model.loadings(j, c) = result.components(c, j) * std::sqrt(variance - model.noise_variance);
        }
    }
    const double log_two_pi = 1.8378770664093454836;
    result.log_likelihood =
        -0.5 * m *
        (n * log_two_pi + log_determinant + (n - static_cast<double>(k)) * std::log(model.noise_variance) + n);
    result.history = {result.log_likelihood};
}

template void ppca_closed_form(MatrixView<const float>, const PpcaOptions&, const Progress&, PpcaResult&);
template void ppca_closed_form(MatrixView<const double>, const PpcaOptions&, const Progress&, PpcaResult&);

} // namespace matfact
