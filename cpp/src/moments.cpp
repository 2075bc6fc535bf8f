#include "matfact/moments.hpp"

#include "checkpoint.hpp"
#include "matfact/certificate.hpp"
#include "matfact/eigh.hpp"
#include "moments_batch.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace matfact {

namespace {

constexpr Index block_cols = 64;

template <class T> bool rows_are_finite(MatrixView<const T> x, const double* weights)
{
    for (Index i = 0; i < x.n_rows; ++i)
        if (!weights || weights[i] > 0.0)
            for (Index j = 0; j < x.n_cols; ++j)
                if (!std::isfinite(x(i, j)))
                    return false;
    return true;
}

/// Two passes over x: the mean, then the products of the centered rows.
template <class T>
Moments weighted_moments(MatrixView<const T> x, const double* weights, int threads,
                         const linalg::Checkpoint& checkpoint)
{
    const RowWeights w = row_weights(weights, x.n_rows);
    Moments m = empty_moments(x.n_cols);
    if (w.n_present == 0)
        return m;
    m.n_samples = w.total;
    for_blocks(x.n_cols, block_cols, threads, [&](Index begin, Index end, Index) {
        double* const mean = m.mean.data();
        for (Index i = 0; i < x.n_rows; ++i)
            if (const double share = w.values[static_cast<std::size_t>(i)] / w.total; share > 0.0)
                for (Index j = begin; j < end; ++j)
                    mean[j] += share * static_cast<double>(x(i, j));
    });
    m.scatter = scatter_of(x.n_rows, x.n_cols, threads, checkpoint, [&](Index i, double* row) {
        const double root = w.roots[static_cast<std::size_t>(i)];
        for (Index j = 0; j < x.n_cols; ++j)
            row[j] = root > 0.0 ? root * (static_cast<double>(x(i, j)) - m.mean[static_cast<std::size_t>(j)]) : 0.0;
    });
    return m;
}

} // namespace

template <class T>
Moments moments(MatrixView<const T> x, const double* weights, int num_threads, const Progress& progress)
{
    require_rows(x.n_rows, x.n_cols);
    const int threads = resolve_threads(num_threads);
    const linalg::Checkpoint checkpoint = checkpoint_of(progress);
    Moments m;
    if (weights)
        m = weighted_moments(x, weights, threads, checkpoint);
    else {
        linalg::Gram g = linalg::gram(x, linalg::Centering::columns, 1.0, threads, checkpoint);
        m.n_samples = static_cast<double>(x.n_rows);
        m.mean = std::move(g.mean);
        m.scatter = std::move(g.matrix);
    }
    if (!is_finite(m))
        throw_not_finite(rows_are_finite(x, weights));
    return m;
}

void merge(Moments& into, const Moments& other, int num_threads)
{
    const Index d = other.n_cols();
    if (d == 0)
        return;
    if (into.n_cols() == 0)
        into = empty_moments(d);
    if (into.n_cols() != d)
        throw std::invalid_argument("moments of " + std::to_string(into.n_cols()) + " features cannot take rows with " +
                                    std::to_string(d));
    const double n = into.n_samples + other.n_samples;
    if (other.n_samples == 0.0)
        return;
    const double share = other.n_samples / n, root = std::sqrt(into.n_samples * share);
    // The products of `step` are what the difference of the means adds to the scatter.
    std::vector<double> step(static_cast<std::size_t>(d)), mean(step.size());
    bool finite = std::isfinite(n);
    for (std::size_t j = 0; j < step.size(); ++j) {
        const double delta = other.mean[j] - into.mean[j];
        const auto i = static_cast<Index>(j);
        step[j] = root * delta;
        mean[j] = into.n_samples == 0.0 ? other.mean[j] : into.mean[j] + share * delta;
        finite = finite && std::isfinite(mean[j]) &&
                 std::isfinite(into.scatter(i, i) + other.scatter(i, i) + step[j] * step[j]);
    }
    if (!finite)
        throw_not_finite(true);
    for_blocks(d, 16, resolve_threads(num_threads), [&](Index begin, Index end, Index) {
        for (Index i = begin; i < end; ++i) {
            double* const out = into.scatter.data() + i * d;
            const double* const in = other.scatter.data() + i * d;
            const double row_step = step[static_cast<std::size_t>(i)];
            for (Index j = 0; j < d; ++j)
                out[j] = (out[j] + in[j]) + row_step * step[static_cast<std::size_t>(j)];
        }
    });
    into.n_samples = n;
    into.mean = std::move(mean);
}

PcaResult<double> pca(const Moments& moments, const PcaOptions& options, const Progress& progress)
{
    const Index d = moments.n_cols(), k = options.n_components ? options.n_components : d;
    const double divisor = moments.n_samples - 1.0;
    if (!(divisor > 0.0))
        throw std::invalid_argument("pca needs moments of more than one row, got n_samples " +
                                    std::to_string(moments.n_samples));
    EighOptions eigh_options;
    eigh_options.n_components = k;
    // Named, because moments promise exact components: subset pays for each pair alone, full for all at once.
    eigh_options.solver = 4 * k <= d ? EighSolver::subset : EighSolver::full;
    eigh_options.compute_residuals = false;
    eigh_options.num_threads = options.num_threads;
    const EighResult<double> pairs = eigh<double>(moments.scatter.view(), eigh_options, progress);

    double total = 0.0, explained = 0.0;
    for (Index j = 0; j < d; ++j)
        total += moments.scatter(j, j);
    PcaResult<double> result;
    for (const double w : pairs.w) {
        const double square = std::max(w, 0.0);
        explained += square;
        result.singular_values.push_back(std::sqrt(square));
        result.explained_variance.push_back(square / divisor);
        result.explained_variance_ratio.push_back(total > 0.0 ? square / total : 0.0);
    }
    // Products below the least number are lost.
    const double lost = moments.n_samples * static_cast<double>(d) * std::numeric_limits<double>::denorm_min();
    const double rounding =
        square_rounding(result.singular_values.front(), moments.n_samples, static_cast<double>(d)) + lost;
    result.error_bounds = root_error_bounds(result.singular_values, std::vector<double>(pairs.w.size(), 0.0),
                                            std::numeric_limits<double>::quiet_NaN(), rounding);
    const double left_out = std::min(moments.n_samples, static_cast<double>(d)) - static_cast<double>(k);
    if (left_out > 0.0)
        result.noise_variance = std::max(0.0, total - explained) / divisor / left_out;
    result.components = Matrix<double>(k, d);
    for (Index j = 0; j < d; ++j)
        for (Index c = 0; c < k; ++c)
            result.components(c, j) = pairs.v(j, c);
    result.mean = moments.mean;
    return result;
}

template Moments moments(MatrixView<const float>, const double*, int, const Progress&);
template Moments moments(MatrixView<const double>, const double*, int, const Progress&);

} // namespace matfact
