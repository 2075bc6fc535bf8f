#include "decomposition.hpp"

#include "checkpoint.hpp"
#include "linalg/balance.hpp"
#include "linalg/orientation.hpp"
#include "linalg/transpose.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace matfact {

namespace {

template <class T> std::vector<T> rounded(const std::vector<double>& values)
{
    return std::vector<T>(values.begin(), values.end());
}

template <class T> Matrix<T> rounded(Matrix<double> a)
{
    if constexpr (std::is_same_v<T, double>)
        return a;
    else {
        Matrix<T> result(a.n_rows(), a.n_cols());
        for (Index i = 0; i < a.size(); ++i)
            result.data()[i] = static_cast<T>(a.data()[i]);
        return result;
    }
}

/// A residual and the rounding of the triplet itself to T.
template <class T> T reported(double residual) { return static_cast<T>(residual) + std::numeric_limits<T>::epsilon(); }

/// A bound for scale * x as one for x, not lost where it is below the range of T.
template <class T> T unscaled_bound(double bound, double scale)
{
    return bound == 0.0 ? T(0) : static_cast<T>(bound / scale) + std::numeric_limits<T>::denorm_min();
}

/// total_variance / s_1^2, and 0 for zeros.
double stable_rank(const Decomposition& d)
{
    const double largest = d.scale * d.s.front();
    return largest > 0.0 ? d.total_variance / (largest * largest) : 0.0 * d.total_variance; // NaN stays NaN
}

void fix_signs(Decomposition& d, int threads)
{
    std::vector<double> signs(static_cast<std::size_t>(d.vt.n_rows()));
    for_each_task(d.vt.n_rows(), threads, [&](Index i) {
        double* const row = d.vt.data() + i * d.vt.n_cols();
        double& sign = signs[static_cast<std::size_t>(i)];
        sign = linalg::orientation(row, d.vt.n_cols());
        if (sign < 0)
            for (Index j = 0; j < d.vt.n_cols(); ++j)
                row[j] = -row[j];
    });
    if (std::find(signs.begin(), signs.end(), -1.0) == signs.end())
        return;
    constexpr Index block_rows = 256;
    for_blocks(d.u.n_rows(), block_rows, threads, [&](Index begin, Index end, Index) {
        for (Index i = begin; i < end; ++i)
            for (Index j = 0; j < d.u.n_cols(); ++j)
                d.u(i, j) *= signs[static_cast<std::size_t>(j)];
    });
}

} // namespace

std::string shape(Index n_rows, Index n_cols)
{
    return "(" + std::to_string(n_rows) + ", " + std::to_string(n_cols) + ")";
}

Residuals without_defects(std::vector<double> norms)
{
    std::vector<double> defects(norms.size(), 0.0);
    return {std::move(norms), std::move(defects)};
}

void throw_not_finite()
{
    throw std::invalid_argument("X holds NaN or infinity; svd needs finite entries (matfact.factorize and "
                                "matfact.MatrixFactorization leave missing entries out)");
}

double resolved_tol(double tol, SvdSolver solver, bool is_single)
{
    if (!std::isnan(tol))
        return tol;
    return solver != SvdSolver::krylov ? 0.0 : is_single ? 1e-4 : 1e-6;
}

bool wants_residuals(const SvdOptions& options)
{
    return options.compute_u && (options.compute_residuals || options.tol > 0.0);
}

linalg::IterativeOptions iterations_of(const SvdOptions& options, SvdSolver solver, Index k, double total_variance,
                                       int threads, const Progress& progress)
{
    linalg::IterativeOptions iterations;
    iterations.n_components = k;
    iterations.variance_fraction = options.variance_fraction;
    iterations.max_components = options.max_components;
    iterations.total_variance = total_variance;
    iterations.tol = options.tol;
    iterations.block = options.block;
    iterations.seed = options.seed;
    iterations.threads = threads;
    iterations.report = report_of(progress);
    iterations.max_passes = options.max_passes > 0 ? options.max_passes : solver == SvdSolver::krylov ? 1000 : 5;
    return iterations;
}

void take_factors(Decomposition& d, linalg::TallSvd factors, bool wide, int threads)
{
    d.u = wide ? linalg::transposed(factors.vt, threads) : std::move(factors.u);
    d.vt = wide ? linalg::transposed(factors.u, threads) : std::move(factors.vt);
    d.s = std::move(factors.s);
}

void take_iterations(Decomposition& d, linalg::IterativeSvd found, bool wide, int threads)
{
    take_factors(d, std::move(found.factors), wide, threads);
    d.residuals = without_defects(std::move(found.residuals));
    d.next_value = found.next_value;
    d.n_passes = found.n_passes;
    d.status = found.status;
}

void unscale(Decomposition& d, double scale)
{
    for (double& s : d.s)
        s /= scale;
    d.next_value /= scale;
    d.scale = scale;
}

void cut_to_fraction(Decomposition& d, double fraction)
{
    double sum = 0.0;
    std::size_t k = 0;
    while (k < d.s.size() && sum < fraction * d.total_variance) {
        const double s = d.scale * d.s[k];
        sum += s * s;
        ++k;
    }
    k = std::max<std::size_t>(k, 1);
    d.next_value = k < d.s.size() ? d.s[k] : d.next_value;
    d.s.resize(k);
    if (!d.residuals.norms.empty()) {
        d.residuals.norms.resize(k);
        d.residuals.defects.resize(k);
    }
    const Index cols = static_cast<Index>(k), n_rows = d.u.n_rows(), n_cols = d.vt.n_cols();
    if (n_rows > 0)
        d.u = leading_block(std::move(d.u), n_rows, cols);
    d.vt = leading_block(std::move(d.vt), cols, n_cols);
}

void judge(Decomposition& d, double tol)
{
    const std::vector<double>& norms = d.residuals.norms;
    if (tol > 0.0 && !norms.empty() && *std::max_element(norms.begin(), norms.end()) > tol)
        d.status = Status::max_iter;
}

template <class T>
Certificate<T> certificate_of(const Residuals& residuals, const std::vector<T>& s, double next_value, Index size)
{
    Certificate<T> certificate;
    std::vector<double> values(s.begin(), s.end()), norms;
    const double scale = linalg::balance(values.front());
    for (double& value : values)
        value *= scale;
    for (const double r : residuals.norms) {
        certificate.residuals.push_back(reported<T>(r));
        norms.push_back(r * values.front() / std::sqrt(2.0));
    }
    // Of products with x, and of u, s and vt, which are orthonormal to a few eps(T).
    const double rounding = std::numeric_limits<double>::epsilon() * std::sqrt(static_cast<double>(size)) +
                            8 * static_cast<double>(std::numeric_limits<T>::epsilon());
    const std::vector<double> bounds = error_bounds(values, norms, scale * next_value);
    for (std::size_t i = 0; i < bounds.size(); ++i)
        certificate.error_bounds.push_back(
            unscaled_bound<T>(bounds[i] + (rounding + residuals.defects[i]) * values.front(), scale));
    return certificate;
}

template <class T> SvdResult<T> as_result(Decomposition d, const SvdOptions& options)
{
    if (!options.compute_u)
        d.u = {};
    fix_signs(d, resolve_threads(options.num_threads));

    SvdResult<T> result;
    result.s = rounded<T>(d.s);
    result.mean = rounded<T>(d.mean);
    result.total_variance = d.total_variance / d.scale / d.scale;
    result.stable_rank = stable_rank(d);
    if (!std::isfinite(static_cast<double>(result.s.front())))
        throw NumericalError("the largest singular value exceeds the range of the dtype; scale X down");
    result.next_value = d.next_value;
    result.n_passes = d.n_passes;
    result.status = d.status;
    if (!d.residuals.norms.empty()) {
        Certificate<T> certificate = certificate_of(d.residuals, result.s, d.next_value, d.size);
        result.residuals = std::move(certificate.residuals);
        result.error_bounds = std::move(certificate.error_bounds);
    }
    result.u = rounded<T>(std::move(d.u));
    result.vt = rounded<T>(std::move(d.vt));
    return result;
}

template <class T>
void bound_roots(SvdResult<T>& result, const std::vector<double>& square_residuals, double n_samples,
                 bool subtracted_late)
{
    std::vector<double> s(result.s.begin(), result.s.end()), mean, squares = square_residuals;
    if (subtracted_late)
        mean.assign(result.mean.begin(), result.mean.end());
    double largest = s.front();
    for (const double value : mean)
        largest = std::max(largest, std::abs(value));
    const double scale = linalg::balance(largest);
    double mean_square = 0.0;
    for (const double value : mean)
        mean_square += (scale * value) * (scale * value);
    for (double& value : s)
        value *= scale;
    for (double& value : squares)
        value = value * scale * scale;
    const double norm = std::sqrt(s.front() * s.front() + n_samples * mean_square);
    const std::vector<double> bounds =
        root_error_bounds(s, squares, scale * result.next_value,
                          square_rounding(norm, n_samples, static_cast<double>(result.vt.n_cols())));
    constexpr auto rounding = static_cast<double>(std::numeric_limits<T>::epsilon()); // of s to T
    for (std::size_t i = 0; i < s.size(); ++i)
        result.error_bounds.push_back(unscaled_bound<T>(bounds[i] + rounding * (s[i] + bounds[i]), scale));
}

template Certificate<float> certificate_of(const Residuals&, const std::vector<float>&, double, Index);
template Certificate<double> certificate_of(const Residuals&, const std::vector<double>&, double, Index);
template SvdResult<float> as_result(Decomposition, const SvdOptions&);
template SvdResult<double> as_result(Decomposition, const SvdOptions&);
template void bound_roots(SvdResult<float>&, const std::vector<double>&, double, bool);
template void bound_roots(SvdResult<double>&, const std::vector<double>&, double, bool);

} // namespace matfact
