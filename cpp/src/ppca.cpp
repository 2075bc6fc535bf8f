#include "matfact/ppca.hpp"

#include "checkpoint.hpp"
#include "linalg/anderson.hpp"
#include "linalg/gemm.hpp"
#include "linalg/lapack_calls.hpp"
#include "linalg/orientation.hpp"
#include "linalg/orthonormalize.hpp"
#include "linalg/symmetric_eigen.hpp"
#include "matfact/random.hpp"
#include "matfact/svd.hpp"
#include "parallel.hpp"
#include "ppca_pass.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace matfact {

namespace {

using namespace linalg;

/// Least noise variance, as a share of the mean variance of a column: the likelihood of data without noise is
/// unbounded.
constexpr double least_noise = 1e-10;
/// Least prior variance of the loadings along an axis, in the same unit: far below what any noise lets pass.
constexpr double least_loading = 1e-12;

/// What does not change from sweep to sweep.
struct Scale {
    double variance; ///< mean over the columns, of the observed entries
    double floor() const { return least_noise * variance; }
};

Eigen::Map<RowMajorMatrix> map_of(Matrix<double>& a) { return as_map(a); }

Matrix<double> copy_of(const Matrix<double>& a)
{
    Matrix<double> result(a.n_rows(), a.n_cols());
    std::copy_n(a.data(), a.size(), result.data());
    return result;
}

SmallMatrix unpacked(const double* packed, Index k, Index stride)
{
    SmallMatrix a(k, k);
    for (Index i = 0; i < k; ++i)
        for (Index j = 0; j <= i; ++j)
            a(i, j) = a(j, i) = packed[packed_index(i, j) * stride];
    return a;
}

/// Replaces every covariance by r' covariance r.
void rotate_covariances(Matrix<double>& covariance, const SmallMatrix& r, int threads)
{
    const Index k = r.rows(), n = covariance.n_cols();
    std::vector<SmallMatrix> scratch(static_cast<std::size_t>(2 * std::max(1, threads)), SmallMatrix(k, k));
    for_each_task_on_worker(n, threads, [&](Index j, Index worker) {
        SmallMatrix& a = scratch[static_cast<std::size_t>(2 * worker)];
        SmallMatrix& b = scratch[static_cast<std::size_t>(2 * worker + 1)];
        for (Index c = 0; c < k; ++c)
            for (Index d = 0; d <= c; ++d)
                a(c, d) = a(d, c) = covariance(packed_index(c, d), j);
        b = a.lazyProduct(r);
        a = r.transpose().lazyProduct(b);
        for (Index c = 0; c < k; ++c)
            for (Index d = 0; d <= c; ++d)
                covariance(packed_index(c, d), j) = a(c, d);
    });
}

/// Spectral start: the leading eigenvectors of the covariance that pairs of observed entries estimate. Entries are
/// divided by the observed share of their columns, which estimates all but the diagonal without bias; the diagonal
/// is corrected.
template <class T>
PpcaState start(PpcaPass<T>& pass, const ColumnFacts& facts, Index k, const Scale& scale, int threads)
{
    constexpr int rounds = 6;
    const auto n = static_cast<Index>(facts.mean.size());
    const auto rows = static_cast<double>(pass.n_rows());
    Matrix<double> v(n, k);
    for (Index i = 0; i < v.size(); ++i)
        v.data()[i] = random_normal(0, 0, static_cast<std::uint64_t>(i));
    orthonormalize(v, threads);
    const auto covariance_times = [&](const Matrix<double>& q) {
        Matrix<double> scaled = copy_of(q);
        for (Index j = 0; j < n; ++j)
            map_of(scaled).row(j) *= rows / facts.count[static_cast<std::size_t>(j)];
        Matrix<double> product = pass.gram_product(facts.mean, scaled);
        for (Index j = 0; j < n; ++j) {
            const auto column = static_cast<std::size_t>(j);
            const double inflation = rows / facts.count[column];
            const double excess = facts.squares[column] * inflation * (inflation - 1.0);
            map_of(product).row(j) =
                (inflation * map_of(product).row(j) - excess * as_map(q).row(j)) / (rows * scale.variance);
        }
        return product;
    };
    for (int round = 0; round < rounds; ++round) {
        v = covariance_times(v);
        orthonormalize(v, threads);
    }
    Matrix<double> image = covariance_times(v), small(k, k);
    map_of(small).noalias() = as_map(v).transpose() * as_map(image);
    map_of(small) = (0.5 * (map_of(small) + map_of(small).transpose())).eval();
    std::vector<double> values; // ascending
    symmetric_eigen<double>(small.view(), values, 1);
    double left = scale.variance * static_cast<double>(n);
    for (double& value : values) {
        value *= scale.variance; // squared products of other units could overflow
        left -= value;
    }

    PpcaState state;
    state.mean = facts.mean;
    state.noise = std::max(left / static_cast<double>(n - k), 1e-3 * scale.variance);
    state.w = Matrix<double>(n, k);
    map_of(state.w).noalias() = as_map(v) * map_of(small).transpose();
    for (Index c = 0; c < k; ++c)
        map_of(state.w).col(c) *=
            std::sqrt(std::max(values[static_cast<std::size_t>(c)] - state.noise, 1e-3 * state.noise));
    return state;
}

/// The prior of the loadings, N(0, diag(variance)), chosen by the posterior (automatic relevance determination).
struct LoadingsPrior {
    double floor = 0.0; ///< least variance
    std::vector<double> variance;
    double excess = 0.0;           ///< of the mean squares of the loadings over `variance`, summed over the axes
    double log_determinants = 0.0; ///< summed over the covariances of the posterior

    /// The variances that maximize the bound: mean squares of the loadings, but for a floor.
    void adapt(const PpcaState& state)
    {
        const Index n = state.w.n_rows(), k = state.w.n_cols();
        variance.clear();
        for (Index c = 0; c < k; ++c) {
            variance.push_back(as_map(state.w).col(c).squaredNorm() / static_cast<double>(n));
            if (state.covariance.data())
                variance.back() += as_map(state.covariance).row(packed_index(c, c)).mean();
        }
        excess = 0.0;
        for (double& v : variance) {
            const double lifted = std::max(v, floor);
            excess += v / lifted - 1.0;
            v = lifted;
        }
    }

    /// Without this axis the loadings have no say along it; the bound is then as if it had never been.
    void drop(Index axis) { variance[static_cast<std::size_t>(axis)] = floor; }
    bool is_dropped(Index axis) const { return variance[static_cast<std::size_t>(axis)] <= 2.0 * floor; }

    /// KL divergence of the posterior of n columns from this prior, once adapted: the rest of it cancels.
    double divergence(Index n) const
    {
        double sum = excess;
        for (const double v : variance)
            sum += std::log(v);
        return 0.5 * (static_cast<double>(n) * sum - log_determinants);
    }
};

/// What the columns add to the bound, given the latent rows.
struct ColumnEvidence {
    double log_determinants = 0.0; ///< of the posterior covariances, summed
    std::vector<double> of_axis;   ///< twice what the bound would lose without this axis
};

/// Normal equations of the columns: w and the change of the mean together, as both see the same residuals; and the
/// noise that is left. With a prior w has a posterior.
ColumnEvidence solve_columns(const PpcaMoments& moments, double n_observed, const Scale& scale,
                             const LoadingsPrior* prior, PpcaState& state, int threads)
{
    const Index n = state.w.n_rows(), k = state.w.n_cols(), p = packed_size(k), p1 = packed_size(k + 1);
    const double noise = state.noise;
    const Index n_chunks = block_count(n, lanes);
    std::vector<double> errors(static_cast<std::size_t>(n_chunks), 0.0), determinants(errors);
    Matrix<double> support(prior ? n_chunks : 0, k);
    std::fill_n(support.data(), support.size(), 0.0);
    std::vector<std::vector<Lanes>> scratch(static_cast<std::size_t>(std::max(1, threads)),
                                            std::vector<Lanes>(static_cast<std::size_t>(p1 + k + 1)));
    for_each_task_on_worker(n_chunks, threads, [&](Index chunk, Index worker) {
        Lanes* const system = scratch[static_cast<std::size_t>(worker)].data();
        Lanes* const solution = system + p1;
        const Index begin = chunk * lanes, used = std::min(lanes, n - begin);
        // Lanes without a column solve the equations of the last one that has one.
        const auto column = [&](Index lane) { return begin + std::min(lane, used - 1); };
        for (Index lane = 0; lane < lanes; ++lane) {
            for (Index i = 0; i < p1; ++i)
                system[i][lane] = moments.second(i, column(lane));
            for (Index c = 0; c <= k; ++c)
                solution[c][lane] = moments.first(c, column(lane));
        }
        if (prior)
            for (Index c = 0; c < k; ++c)
                system[packed_index(c, c)] += noise / prior->variance[static_cast<std::size_t>(c)];
        factor_packed(k + 1, system);
        solve_packed(k + 1, system, solution);
        double& error = errors[static_cast<std::size_t>(chunk)];
        for (Index lane = 0; lane < used; ++lane) {
            const Index j = column(lane);
            for (Index c = 0; c <= k; ++c)
                error -= solution[c][lane] * moments.first(c, j);
            for (Index c = 0; c < k; ++c)
                state.w(j, c) = solution[c][lane];
            state.mean[static_cast<std::size_t>(j)] += solution[k][lane];
        }
        if (!prior)
            return;
        // The leading block of the factor is that of the equations of w alone.
        const Lanes log_determinant = log_determinant_packed(k, system);
        invert_packed(k, system);
        for (Index lane = 0; lane < used; ++lane) {
            determinants[static_cast<std::size_t>(chunk)] +=
                static_cast<double>(k) * std::log(noise) - log_determinant[lane];
            for (Index i = 0; i < p; ++i)
                state.covariance(i, column(lane)) = noise * system[i][lane];
            error += static_cast<double>(k) * noise;
            for (Index c = 0; c < k; ++c) {
                const double before = prior->variance[static_cast<std::size_t>(c)];
                const double after = noise * system[packed_index(c, c)][lane];
                const double square = solution[c][lane] * solution[c][lane];
                error -= noise / before * (square + after);
                // A normal density at zero, posterior over prior (Savage and Dickey).
                support(chunk, c) += square / after - std::log(before / after);
            }
        }
    });
    state.noise = std::max((moments.squares + ordered_sum(errors)) / n_observed, scale.floor());
    ColumnEvidence evidence{ordered_sum(determinants), std::vector<double>(static_cast<std::size_t>(k), 0.0)};
    for (Index chunk = 0; chunk < support.n_rows(); ++chunk)
        for (Index c = 0; c < k; ++c)
            evidence.of_axis[static_cast<std::size_t>(c)] += support(chunk, c);
    return evidence;
}

/// One sweep of parameter-expanded EM (Liu, Rubin, Wu, doi:10.1093/biomet/85.4.755): the latent rows may have any mean
/// and covariance; absorbing them into the mean and the loadings costs nothing and mends the slow directions of EM.
void sweep(const PpcaMoments& moments, Index n_rows, double n_observed, const Scale& scale, PpcaState& state,
           int threads)
{
    const Index k = state.w.n_cols();
    const auto rows = static_cast<double>(n_rows);
    solve_columns(moments, n_observed, scale, nullptr, state, threads);
    SmallMatrix spread = unpacked(moments.latent.data(), k, 1) / rows;
    SmallVector shift(k);
    for (Index c = 0; c < k; ++c)
        shift[c] = moments.latent[static_cast<std::size_t>(packed_index(k, c))] / rows;
    spread -= shift * shift.transpose();
    Eigen::Map<SmallVector>(state.mean.data(), state.w.n_rows()).noalias() += as_map(state.w) * shift;
    factor_normal_equations(spread, 0.0);
    const SmallMatrix root = spread.triangularView<Eigen::Lower>();
    map_of(state.w) = (as_map(state.w) * root).eval();
}

/// The variance of an axis that the data do not support falls to zero, but ever more slowly. It is dropped as soon as
/// the bound is higher without it. True if one was.
bool solve_supported_columns(const PpcaMoments& moments, double n_observed, const Scale& scale, LoadingsPrior& prior,
                             PpcaState& state, int threads)
{
    const std::vector<double> mean = state.mean;
    const double noise = state.noise;
    for (bool has_dropped = false;; has_dropped = true) {
        state.mean = mean;
        state.noise = noise;
        const ColumnEvidence evidence = solve_columns(moments, n_observed, scale, &prior, state, threads);
        prior.log_determinants = evidence.log_determinants;
        Index weakest = -1;
        double least = 0.0;
        for (Index c = 0; c < state.w.n_cols(); ++c)
            if (const double support = evidence.of_axis[static_cast<std::size_t>(c)];
                support < least && !prior.is_dropped(c)) {
                least = support;
                weakest = c;
            }
        if (weakest < 0)
            return has_dropped;
        prior.drop(weakest);
    }
}

/// One variational sweep. The latent space is turned and scaled so that z has unit covariance and the axes of E[W'W]
/// are those of the prior: the best choice for the bound (Luttinen and Ilin, doi:10.1016/j.neucom.2009.11.018). True if
/// it has dropped an axis.
bool variational_sweep(const PpcaMoments& moments, Index n_rows, double n_observed, const Scale& scale,
                       PpcaState& state, LoadingsPrior& prior, int threads)
{
    const Index n = state.w.n_rows(), k = state.w.n_cols();
    const bool has_dropped = solve_supported_columns(moments, n_observed, scale, prior, state, threads);
    SmallMatrix root = unpacked(moments.latent.data(), k, 1) / static_cast<double>(n_rows);
    factor_normal_equations(root, 0.0);
    root = SmallMatrix(root.triangularView<Eigen::Lower>());

    std::vector<double> sums(static_cast<std::size_t>(packed_size(k)));
    for (Index i = 0; i < packed_size(k); ++i)
        sums[static_cast<std::size_t>(i)] = Eigen::Map<const SmallVector>(state.covariance.data() + i * n, n).sum();
    SmallMatrix axes = unpacked(sums.data(), k, 1);
    axes.noalias() += as_map(state.w).transpose() * as_map(state.w);
    axes = (root.transpose() * axes * root).eval();
    std::vector<double> values; // ascending
    symmetric_eigen<double>({axes.data(), k, k, k, 1}, values, 1);
    // Row i of the row-major result is column i of the column-major matrix; the largest axis comes first, and signs
    // that change from sweep to sweep would spoil the extrapolation.
    SmallMatrix turn = axes.rowwise().reverse();
    for (Index c = 0; c < k; ++c)
        if (turn(c, c) < 0.0)
            turn.col(c) *= -1.0;
    turn = (root * turn).eval();
    map_of(state.w) = (as_map(state.w) * turn).eval();
    rotate_covariances(state.covariance, turn, threads);
    prior.log_determinants += 2.0 * static_cast<double>(n) * root.diagonal().array().log().sum();
    prior.adapt(state);
    return has_dropped;
}

/// The state as one vector without units, and back.
SmallVector flattened(const PpcaState& state, const Scale& scale)
{
    const Index size = state.w.size(), n = state.w.n_rows();
    const double unit = 1.0 / std::sqrt(scale.variance);
    SmallVector out(size + n + 1);
    out.head(size) = unit * Eigen::Map<const SmallVector>(state.w.data(), size);
    out.segment(size, n) = unit * Eigen::Map<const SmallVector>(state.mean.data(), n);
    out[size + n] = std::log(state.noise);
    return out;
}

void restore(const SmallVector& flat, const Scale& scale, PpcaState& state)
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

/// Sweeps, extrapolated; where that lowers the objective, back to the last sweep. Without `variational` this is maximum
/// likelihood, with it variational Bayes (Ilin and Raiko, JMLR 11, 1957-2000, 2010) for the loadings; the mean
/// and the noise variance are points in both.
template <class T>
void fit(PpcaPass<T>& pass, PpcaState& state, const Scale& scale, const PpcaOptions& options, int threads,
         const Progress& progress, PpcaResult& result)
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
        variational_sweep(moments, n_rows, n_observed, scale, state, prior, threads);
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
        const bool stop = progress && progress({result.n_iter, objective});
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
                    sweep(moments, n_rows, n_observed, scale, state, threads);
                else if (variational_sweep(moments, n_rows, n_observed, scale, state, prior, threads)) {
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

/// The principal axes of W W', in order, and the model turned to them.
void rotate(PpcaState& state, PpcaResult& result, int threads)
{
    const Index n = state.w.n_rows(), k = state.w.n_cols();
    Matrix<double> basis = copy_of(state.w);
    Matrix<double> triangle(k, k), left, right;
    map_of(triangle) = orthonormalize(basis, threads);
    std::vector<double> s;
    own_singular_values_and_vectors(triangle.view(), left, s, right);
    result.components = Matrix<double>(k, n);
    map_of(result.components).noalias() = map_of(left).transpose() * as_map(basis).transpose();
    SmallMatrix turn = map_of(right).transpose(); // of the latent space: W turn = basis left diag(s)
    for (Index c = 0; c < k; ++c) {
        const double sign = orientation(result.components.data() + c * n, n);
        map_of(result.components).row(c) *= sign;
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
        map_of(model.loadings_covariance) = as_map(state.covariance).transpose();
    }
    model.loadings = std::move(state.w);
    model.mean = std::move(state.mean);
    model.noise_variance = state.noise;
}

/// Maximum likelihood of a complete x (Tipping and Bishop, doi:10.1111/1467-9868.00196).
template <class T>
void closed_form(MatrixView<const T> x, const PpcaOptions& options, const Progress& progress, PpcaResult& result)
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
    model.noise_variance = std::max(left / (n - static_cast<double>(k)), least_noise * (scale > 0.0 ? scale : 1.0));
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
        closed_form(x, options, progress, result);
        return result;
    }
    const ColumnFacts facts = pass.columns();
    double squares = 0.0;
    for (std::size_t j = 0; j < facts.count.size(); ++j) {
        if (facts.count[j] == 0.0)
            throw std::invalid_argument("column " + std::to_string(j) +
                                        " of X has no observed entry: remove it, nothing is known of it");
        squares += facts.squares[j] / facts.count[j];
    }
    if (!std::isfinite(squares))
        throw NumericalError("the squares of X leave the range of float64; scale X so that its entries are near 1");
    const double variance = squares / static_cast<double>(x.n_cols);
    const Scale scale{variance > 0.0 ? variance : 1.0};
    PpcaState state = start(pass, facts, options.n_components, scale, threads);
    fit(pass, state, scale, options, threads, progress, result);
    result.log_likelihood = result.history.empty() ? std::numeric_limits<double>::quiet_NaN() : result.history.back();
    rotate(state, result, threads);
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
        map_of(state.covariance) = as_map(model.loadings_covariance).transpose();
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
