#include "matfact/ppca.hpp"

#include "checkpoint.hpp"
#include "linalg/anderson.hpp"
#include "linalg/orthonormalize.hpp"
#include "parallel.hpp"
#include "ppca_steps.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

namespace matfact {

namespace {

using namespace linalg;

/// Least prior variance of the loadings along an axis, as a share of the mean variance of a column: far below what any
/// noise lets pass.
constexpr double least_loading = 1e-12;

/// The state as one vector without units, and back.
SmallVector flattened(const PpcaState& state, const PpcaScale& scale)
{
    const Index size = state.w.size(), n = state.w.n_rows();
    const double unit = 1.0 / std::sqrt(scale.variance);
    SmallVector out(size + n + 1);
    out.head(size) = unit * Eigen::Map<const SmallVector>(state.w.data(), size);
    out.segment(size, n) = unit * Eigen::Map<const SmallVector>(state.mean.data(), n);
    out[size + n] = std::log(state.noise);
    return out;
}

void restore(const SmallVector& flat, const PpcaScale& scale, PpcaState& state)
{
    const Index size = state.w.size(), n = state.w.n_rows();
    const double unit = std::sqrt(scale.variance);
    Eigen::Map<SmallVector>(state.w.data(), size) = unit * flat.head(size);
    Eigen::Map<SmallVector>(state.mean.data(), n) = unit * flat.segment(size, n);
    state.noise = std::max(std::exp(flat[size + n]), scale.floor());
}

/// Whether the history has come to rest: two gains in a row within tol and the rounding errors of the sums.
bool at_rest(const std::vector<double>& history, double n_observed, double tol, const PpcaMoments& moments,
             double noise)
{
    const std::size_t n = history.size();
    if (n < 3)
        return false;
    const double rounding = 16.0 * std::numeric_limits<double>::epsilon() * (moments.squares / noise + n_observed);
    const double allowed = tol > 0.0 ? tol * n_observed + rounding : -1.0;
    return std::abs(history[n - 1] - history[n - 2]) <= allowed && std::abs(history[n - 2] - history[n - 3]) <= allowed;
}

/// Of data that do not vary: there is nothing to fit, and their density has no bound.
void fit_constant(const std::vector<double>& mean, Index k, PpcaResult& result)
{
    const auto n = static_cast<Index>(mean.size());
    result.components = Matrix<double>(k, n);
    result.model.loadings = Matrix<double>(n, k);
    result.model.mean = mean;
    std::fill_n(result.components.data(), k * n, 0.0);
    std::fill_n(result.model.loadings.data(), k * n, 0.0);
    for (Index c = 0; c < k; ++c)
        result.components(c, c) = 1.0;
    result.explained_variance.assign(static_cast<std::size_t>(k), 0.0);
    result.log_likelihood = std::numeric_limits<double>::infinity();
}

/// From the model of scale * x to that of x.
void unscale(PpcaResult& result, double scale, double likelihood_shift)
{
    PpcaModel& model = result.model;
    const auto divide = [](double* values, Index n, double divisor) {
        for (Index i = 0; i < n; ++i)
            values[i] /= divisor;
    };
    divide(model.mean.data(), static_cast<Index>(model.mean.size()), scale);
    divide(model.loadings.data(), model.loadings.size(), scale);
    for (int power = 0; power < 2; ++power) { // scale^2 may be out of range where the quotient is not
        divide(&model.noise_variance, 1, scale);
        divide(model.loadings_covariance.data(), model.loadings_covariance.size(), scale);
        divide(result.explained_variance.data(), static_cast<Index>(result.explained_variance.size()), scale);
    }
    for (double& value : result.history)
        value += likelihood_shift;
    result.log_likelihood += likelihood_shift;
    const double largest = result.explained_variance.front(), least = model.noise_variance;
    if (!std::isfinite(largest) || (least < std::numeric_limits<double>::min() && result.n_iter > 0))
        throw NumericalError("the variances of X leave the range of float64; scale X so that its entries are near 1");
}

/// Sweeps, extrapolated; where that lowers the objective, back to the last sweep. Without `variational` this is maximum
/// likelihood, with it variational Bayes (Ilin and Raiko, JMLR 11, 1957-2000, 2010) for the loadings; the mean
/// and the noise variance are points in both.
template <class T>
void fit(PpcaPass<T>& pass, PpcaState& state, const PpcaScale& scale, const PpcaOptions& options, int threads,
         const Progress& progress, double likelihood_shift, PpcaResult& result)
{
    const Index n = state.w.n_rows(), k = state.w.n_cols(), n_rows = pass.n_rows();
    const auto n_observed = static_cast<double>(result.n_observed);
    PpcaMoments moments;
    LoadingsPrior prior;
    prior.floor = least_loading * scale.variance;
    if (options.variational) { // the point estimate of the start has no bound
        pass.moments(state, moments);
        prior.adapt(state);
        state.covariance = Matrix<double>(packed_size(k), n);
        ppca_variational_sweep(moments, n_rows, n_observed, scale, state, prior, threads);
    }
    Anderson acceleration;
    SmallVector fallback; // the image of the best point so far, while an extrapolation is on trial
    const auto go_to = [&](const SmallVector& point) {
        restore(point, scale, state);
        if (options.variational)
            prior.adapt(state);
    };
    result.status = Status::max_iter;
    while (result.n_iter < options.max_iter) {
        pass.moments(state, moments);
        ++result.n_iter;
        const double objective = moments.log_likelihood - (options.variational ? prior.divergence(n) : 0.0);
        const bool stop = progress && progress({result.n_iter, objective + likelihood_shift});
        if (fallback.size() > 0 && !(objective >= result.history.back())) {
            go_to(fallback);
            fallback.resize(0);
            acceleration.forget();
        } else {
            result.history.push_back(objective);
            if (at_rest(result.history, n_observed, options.tol, moments, state.noise)) {
                result.status = Status::converged;
                return;
            }
            if (!stop) {
                const SmallVector point = flattened(state, scale);
                if (!options.variational)
                    ppca_sweep(moments, n_rows, n_observed, scale, state, threads);
                else if (ppca_variational_sweep(moments, n_rows, n_observed, scale, state, prior, threads)) {
                    acceleration.forget(); // steps from before have nothing to say where there are fewer axes
                    fallback.resize(0);
                    continue;
                }
                fallback = flattened(state, scale);
                const SmallVector next = acceleration.extrapolate(point, fallback);
                if (next.allFinite())
                    go_to(next);
            }
        }
        if (stop) {
            result.status = Status::stopped;
            return;
        }
    }
    if (fallback.size() > 0)
        go_to(fallback); // the last extrapolation is untried
}

} // namespace

void PpcaOptions::validate(Index n_rows, Index n_cols) const
{
    const Index most = std::min(n_rows, n_cols) - 1;
    if (most < 1)
        throw std::invalid_argument("X must have at least two rows and two columns, got shape (" +
                                    std::to_string(n_rows) + ", " + std::to_string(n_cols) + ")");
    if (n_components < 1 || n_components > most)
        throw std::invalid_argument("n_components must be between 1 and " + std::to_string(most) + ", got " +
                                    std::to_string(n_components));
    if (!(tol >= 0.0) || !std::isfinite(tol))
        throw std::invalid_argument("tol must be finite and not negative, got " + std::to_string(tol));
    if (max_iter < 1)
        throw std::invalid_argument("max_iter must be at least 1, got " + std::to_string(max_iter));
}

template <class T> PpcaResult ppca(MatrixView<const T> x, const PpcaOptions& options, const Progress& progress)
{
    options.validate(x.n_rows, x.n_cols);
    const int threads = resolve_threads(options.num_threads);
    PpcaPass<T> pass(x, options.n_components, threads, checkpoint_of(progress));
    PpcaResult result;
    result.n_observed = pass.n_observed();
    result.n_observed_rows = pass.n_rows();
    if (result.n_observed == x.n_rows * x.n_cols && !options.variational) {
        ppca_closed_form(x, options, progress, result);
        return result;
    }
    pass.balance();
    const ColumnFacts facts = pass.columns();
    double squares = 0.0;
    for (std::size_t j = 0; j < facts.count.size(); ++j) {
        if (facts.count[j] == 0.0)
            throw std::invalid_argument("column " + std::to_string(j) +
                                        " of X has no observed entry: remove it, nothing is known of it");
        squares += facts.squares[j] / facts.count[j];
    }
    // The density of x is that of scale * x, times the scale for each entry.
    const double likelihood_shift = static_cast<double>(result.n_observed) * std::log(pass.scale());
    if (squares > 0.0) {
        const PpcaScale scale{squares / static_cast<double>(x.n_cols)};
        PpcaState state = ppca_start(pass, facts, options.n_components, scale, threads);
        fit(pass, state, scale, options, threads, progress, likelihood_shift, result);
        result.log_likelihood =
            result.history.empty() ? std::numeric_limits<double>::quiet_NaN() : result.history.back();
        ppca_axes(std::move(state), result, threads);
    } else
        fit_constant(facts.mean, options.n_components, result);
    unscale(result, pass.scale(), likelihood_shift);
    return result;
}

template <class T> PpcaRows ppca_rows(MatrixView<const T> x, const PpcaModel& model, int num_threads)
{
    const Index n = model.loadings.n_rows(), k = model.loadings.n_cols();
    if (x.n_cols != n)
        throw std::invalid_argument("rows must have " + std::to_string(n) + " columns, got " +
                                    std::to_string(x.n_cols));
    if (!(model.noise_variance > 0.0))
        throw std::invalid_argument("noise_variance must be positive, got " + std::to_string(model.noise_variance));
    PpcaState state;
    state.w = copy_of(model.loadings);
    state.mean = model.mean;
    state.noise = model.noise_variance;
    if (model.loadings_covariance.data()) {
        state.covariance = Matrix<double>(packed_size(k), n);
        as_map(state.covariance) = as_map(model.loadings_covariance).transpose();
    }
    PpcaRows result;
    result.latent = Matrix<double>(x.n_rows, k);
    std::fill_n(result.latent.data(), result.latent.size(), 0.0);
    result.log_likelihood.assign(static_cast<std::size_t>(x.n_rows), 0.0);
    PpcaPass<T>(x, k, resolve_threads(num_threads), {}).rows(state, result.latent, result.log_likelihood);
    return result;
}

template PpcaResult ppca(MatrixView<const float>, const PpcaOptions&, const Progress&);
template PpcaResult ppca(MatrixView<const double>, const PpcaOptions&, const Progress&);
template PpcaRows ppca_rows(MatrixView<const float>, const PpcaModel&, int);
template PpcaRows ppca_rows(MatrixView<const double>, const PpcaModel&, int);

} // namespace matfact
