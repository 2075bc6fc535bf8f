#include "matfact/svd.hpp"

#include "checkpoint.hpp"
#include "decomposition.hpp"
#include "linalg/all_finite.hpp"
#include "linalg/balance.hpp"
#include "linalg/column_moments.hpp"
#include "linalg/gemm.hpp"
#include "linalg/gram_svd.hpp"
#include "linalg/lapack_calls.hpp"
#include "linalg/mean_about_first.hpp"
#include "linalg/row_batch.hpp"
#include "linalg/row_pass.hpp"
#include "parallel.hpp"
#include "row_weights.hpp"

#include <cmath>
#include <optional>
#include <stdexcept>
#include <string>

namespace matfact {

namespace {

using linalg::Centering;
using linalg::Checkpoint;
using linalg::Operand;
using linalg::TallSvd;

template <class T> double largest_magnitude(MatrixView<const T> x, int threads)
{
    const double largest = linalg::largest_magnitude<T>(RowBatch<T>(x), threads);
    if (!std::isfinite(largest))
        throw_not_finite();
    return largest;
}

/// X'X or, centered by rows, its counterpart for x'. Scaled only where squares would overflow or vanish.
template <class T>
linalg::Gram safe_gram(MatrixView<const T> z, Centering centering, bool single, double& scale, int threads,
                       const Checkpoint& checkpoint)
{
    // Far enough from the ends of the range of the products, float32's or float64's.
    const double too_small = single ? 1e-10 : 1e-200, too_large = single ? 1e30 : 1e200;
    scale = 1.0;
    linalg::Gram g = linalg::gram(z, centering, scale, threads, checkpoint, single);
    double diagonal = 0.0;
    bool finite = true;
    for (Index i = 0; i < z.n_cols; ++i) {
        finite &= std::isfinite(g.matrix(i, i));
        diagonal = std::max(diagonal, g.matrix(i, i));
    }
    if (finite && diagonal > too_small && diagonal < too_large)
        return g;
    const double largest = largest_magnitude(z, threads);
    if (largest == 0.0)
        return g;
    scale = linalg::balance(largest);
    return linalg::gram(z, centering, scale, threads, checkpoint, single);
}

template <class T>
Residuals residuals_of(const Operand<T>& z, MatrixView<const double> u, const std::vector<double>& s,
                       MatrixView<const double> v, int threads)
{
    constexpr Index block_cols = 32;
    Matrix<double> ztu(z.x.n_cols, u.n_cols);
    linalg::transposed_times(z, u, ztu.view(), threads);
    Residuals result{std::vector<double>(s.size(), 0.0), std::vector<double>(s.size(), 0.0)};
    for_blocks(u.n_cols, block_cols, threads, [&](Index begin, Index end, Index) {
        for (Index j = 0; j < ztu.n_rows(); ++j)
            for (Index c = begin; c < end; ++c) {
                const auto i = static_cast<std::size_t>(c);
                const double r = ztu(j, c) - s[i] * v(j, c);
                result.norms[i] += r * r;
                result.defects[i] += r * v(j, c);
            }
    });
    for (std::size_t i = 0; i < s.size(); ++i) {
        result.norms[i] = s.front() > 0.0 ? std::sqrt(result.norms[i]) / s.front() : 0.0;
        result.defects[i] = s.front() > 0.0 ? std::abs(result.defects[i]) / s.front() : 0.0;
    }
    return result;
}

template <class T>
Decomposition by_gram(MatrixView<const T> x, Index k, const SvdOptions& options, int threads,
                      const Checkpoint& checkpoint)
{
    const bool wide = x.n_rows < x.n_cols;
    Operand<T> z{wide ? x.transposed() : x};
    const Centering centering = !options.center ? Centering::none : wide ? Centering::rows : Centering::columns;
    Decomposition d;
    const auto attempt = [&](bool single) {
        linalg::Gram g = safe_gram(z.x, centering, single, z.scale, threads, checkpoint);
        d.total_variance = 0.0;
        for (Index i = 0; i < g.matrix.n_rows(); ++i)
            d.total_variance += g.matrix(i, i);
        d.mean = std::move(g.mean);
        if (options.center)
            (wide ? z.row_shift : z.col_shift) = d.mean.data();
        // In the wide orientation the long vectors are those of vt: they are wanted always.
        const auto times = [&](MatrixView<const double> v) { return linalg::multiply(z, v, threads); };
        return linalg::gram_svd<T>(z.x.n_rows, times, std::move(g.matrix), g.noise, k, options.compute_u || wide,
                                   options.tol, threads, checkpoint);
    };
    // Leading triplets of float32 data seldom need more than sums in float32 over short blocks.
    std::optional<TallSvd> found;
    constexpr Index worth_trying = 256;
    if (std::is_same_v<T, float> && z.x.n_cols > worth_trying && 4 * k <= z.x.n_cols)
        found = attempt(true);
    if (!found)
        found = attempt(false);
    TallSvd& f = *found;
    if (wants_residuals(options))
        d.residuals = residuals_of(z, f.u.view(), f.s, MatrixView<const double>(f.vt.view()).transposed(), threads);
    take_factors(d, std::move(f), wide, threads);
    unscale(d, z.scale);
    return d;
}

template <class T> std::vector<double> column_means(MatrixView<const T> x)
{
    const auto at = [&](Index i, Index j) { return static_cast<double>(x(i, j)); };
    const double inverse = 1.0 / static_cast<double>(x.n_rows);
    std::vector<double> mean(static_cast<std::size_t>(x.n_cols), 0.0);
    for (Index i = 1; i < x.n_rows; ++i)
        for (Index j = 0; j < x.n_cols; ++j)
            mean[static_cast<std::size_t>(j)] += linalg::share_about_first(at(i, j), at(0, j), inverse);
    for (Index j = 0; j < x.n_cols; ++j)
        mean[static_cast<std::size_t>(j)] = linalg::mean_about_first(at(0, j), mean[static_cast<std::size_t>(j)]);
    return mean;
}

template <class T> Decomposition by_lapack(MatrixView<const T> x, Index k, const SvdOptions& options, int threads)
{
    constexpr Index block_rows = 64;
    Operand<T> z{x};
    z.scale = linalg::balance(largest_magnitude(x, threads));
    Decomposition d;
    if (options.center) {
        d.mean = column_means(x);
        z.col_shift = d.mean.data();
    }
    Matrix<T> work(x.n_rows, x.n_cols), u, vt;
    std::vector<double> squares(static_cast<std::size_t>(block_count(x.n_rows, block_rows)));
    for_blocks(x.n_rows, block_rows, threads, [&](Index begin, Index end, Index block) {
        double sum = 0.0;
        for (Index i = begin; i < end; ++i)
            for (Index j = 0; j < x.n_cols; ++j) {
                const double shift = options.center ? d.mean[static_cast<std::size_t>(j)] : 0.0;
                const double value = z.scale * (static_cast<double>(x(i, j)) - shift);
                work(i, j) = static_cast<T>(value);
                sum += value * value;
            }
        squares[static_cast<std::size_t>(block)] = sum;
    });
    d.total_variance = ordered_sum(squares);
    std::vector<T> s;
    linalg::singular_values_and_vectors(work.view(), u, s, vt, threads);
    d.s.assign(s.begin(), s.begin() + k);
    d.vt = leading_block(std::move(vt), k, x.n_cols);
    if (options.compute_u)
        d.u = leading_block(std::move(u), x.n_rows, k);
    if (wants_residuals(options)) {
        const Matrix<double> v = as_double(MatrixView<const double>(d.vt.view()).transposed()); // by rows, for products
        d.residuals = x.n_rows < x.n_cols ? residuals_of(z.transposed(), v.view(), d.s, d.u.view(), threads)
                                          : residuals_of(z, d.u.view(), d.s, v.view(), threads);
    }
    unscale(d, z.scale);
    return d;
}

/// Means and total variance, scaled only where squares would overflow or vanish.
template <class T> linalg::ColumnMoments safe_moments(MatrixView<const T> x, bool center, double& scale, int threads)
{
    const double too_small = std::is_same_v<T, float> ? 1e-10 : 1e-200, too_large = 1 / too_small;
    scale = 1.0;
    linalg::ColumnMoments moments = linalg::column_moments(x, center, scale, threads);
    if (std::isfinite(moments.squares) && moments.squares > too_small && moments.squares < too_large)
        return moments;
    const double largest = largest_magnitude(x, threads);
    if (largest == 0.0)
        return moments;
    scale = linalg::balance(largest);
    return linalg::column_moments(x, center, scale, threads);
}

/// Products with z, in the arithmetic of C where X'X is concerned.
template <class T> linalg::TallOperator<T> tall_operator(const Operand<T>& z, int threads)
{
    linalg::TallOperator<T> a{z.x.n_rows, z.x.n_cols, {}, {}, {}, {}};
    a.gram = [=](MatrixView<const T> q, MatrixView<T> out) { linalg::gram_times(z, q, out, threads); };
    if constexpr (std::is_same_v<T, float>)
        a.exact_gram = [=](MatrixView<const double> q, MatrixView<double> out) {
            linalg::gram_times(z, q, out, threads);
        };
    a.times = [=](MatrixView<const double> v) {
        Matrix<double> zv(z.x.n_rows, v.n_cols);
        linalg::times_by_rows(z, v, zv.view(), threads);
        return zv;
    };
    a.transposed_times = [=](MatrixView<const double> u) {
        Matrix<double> ztu(z.x.n_cols, u.n_cols);
        linalg::transposed_times(z, u, ztu.view(), threads);
        return ztu;
    };
    return a;
}

/// Nothing where the fraction takes so many triplets that a direct solver is faster.
template <class T>
std::optional<Decomposition> by_iterations(MatrixView<const T> x, Index k, SvdSolver solver, const SvdOptions& options,
                                           int threads, const Progress& progress)
{
    const bool wide = x.n_rows < x.n_cols;
    Operand<T> z{x};
    linalg::ColumnMoments moments = safe_moments(x, options.center, z.scale, threads);
    Decomposition d;
    d.mean = std::move(moments.mean);
    if (options.center)
        z.col_shift = d.mean.data();
    if (wide)
        z = z.transposed();
    d.total_variance = moments.squares;
    const linalg::IterativeOptions iterations = iterations_of(options, solver, k, d.total_variance, threads, progress);
    const linalg::TallOperator<T> a = tall_operator(z, threads);
    const Checkpoint checkpoint = checkpoint_of(progress);
    linalg::IterativeSvd found = solver == SvdSolver::krylov ? linalg::krylov_svd(a, iterations, checkpoint)
                                                             : linalg::randomized_svd(a, iterations, checkpoint);
    if (found.gave_up)
        return std::nullopt;
    take_iterations(d, std::move(found), wide, threads);
    unscale(d, z.scale);
    return d;
}

/// Whether the products of krylov cost less than forming the Gram matrix of the shorter side d and its eigenproblem, by
/// the estimates that docs/methods/svd.md gives.
bool is_for_krylov(Index longer, Index d, Index k, bool is_single)
{
    const Index columns = 5 * k + 170;
    return d >= 700 && (is_single ? 4 : 5) * columns < d + 3 * d * d / longer;
}

/// Gram where one side is clearly shorter or few triplets are asked for: a few products then replace the
/// bidiagonalization. Small matrices take the full solver in any shape: its accuracy is free there.
SvdSolver choose_solver(Index n_rows, Index n_cols, Index k, bool is_single)
{
    const Index shorter = std::min(n_rows, n_cols), longer = std::max(n_rows, n_cols);
    const bool is_small = shorter <= 32 && longer <= 512, is_square = 2 * longer < 3 * shorter;
    if (is_for_krylov(longer, shorter, k, is_single))
        return SvdSolver::krylov;
    return is_small || (is_square && 4 * k > shorter) ? SvdSolver::full : SvdSolver::gram;
}

template <class T>
Decomposition decompose(MatrixView<const T> x, const SvdOptions& options, int threads, const Progress& progress)
{
    const bool by_fraction = options.variance_fraction > 0.0;
    const Index all = std::min(x.n_rows, x.n_cols), k = options.n_components ? options.n_components : all;
    SvdSolver solver = options.solver;
    if (solver == SvdSolver::automatic)
        solver = choose_solver(x.n_rows, x.n_cols, by_fraction ? Index{0} : k, std::is_same_v<T, float>);
    SvdOptions resolved = options;
    resolved.tol = resolved_tol(options.tol, solver, std::is_same_v<T, float>);
    if (solver == SvdSolver::krylov || solver == SvdSolver::randomized) {
        if (auto d = by_iterations(x, by_fraction ? Index{0} : k, solver, resolved, threads, progress))
            return std::move(*d);
        solver = SvdSolver::gram;
    }
    Decomposition d = solver == SvdSolver::full ? by_lapack(x, k, resolved, threads)
                                                : by_gram(x, k, resolved, threads, checkpoint_of(progress));
    if (by_fraction)
        cut_to_fraction(d, options.variance_fraction);
    judge(d, resolved.tol);
    return d;
}

/// Of a copy of the rows that carries their weights.
template <class T>
Decomposition decompose_weighted(MatrixView<const T> x, const SvdOptions& options, int threads,
                                 const Progress& progress)
{
    const RowWeights weights = positive_weights(options.weights, x.n_rows);
    options.validate(weights.n_present, x.n_cols);
    WeightedRows<T> z = weighted_rows(x, weights, options.center, threads);
    SvdOptions plain = options;
    plain.center = false;
    Decomposition d = decompose(MatrixView<const T>(z.rows.view()), plain, threads, progress);
    d.mean = std::move(z.mean);
    if (options.compute_u)
        d.u = spread_rows(d.u, weights);
    return d;
}

} // namespace

void SvdOptions::validate(Index n_rows, Index n_cols) const
{
    const Index most = std::min(n_rows, n_cols);
    if (most == 0)
        throw std::invalid_argument("X is empty: shape " + shape(n_rows, n_cols));
    if (n_components < 0 || n_components > most)
        throw std::invalid_argument("n_components must be between 1 and " + std::to_string(most) + ", got " +
                                    std::to_string(n_components));
    if (tol < 0.0)
        throw std::invalid_argument("tol must not be negative, got " + std::to_string(tol));
    if (max_passes < 0)
        throw std::invalid_argument("max_passes must not be negative, got " + std::to_string(max_passes));
    if (block < 0)
        throw std::invalid_argument("block must not be negative, got " + std::to_string(block));
    if (!(variance_fraction >= 0.0 && variance_fraction <= 1.0))
        throw std::invalid_argument("variance_fraction must be between 0 and 1, got " +
                                    std::to_string(variance_fraction));
    if (variance_fraction > 0.0 && n_components > 0)
        throw std::invalid_argument("n_components and variance_fraction exclude each other");
    if (max_components != 0)
        throw std::invalid_argument("max_components is for a source of rows");
    if (variance_fraction > 0.0 && solver == SvdSolver::randomized)
        throw std::invalid_argument("variance_fraction needs another solver than randomized");
}

template <class T> SvdResult<T> svd(MatrixView<const T> x, const SvdOptions& options, const Progress& progress)
{
    options.validate(x.n_rows, x.n_cols);
    const int threads = resolve_threads(options.num_threads);
    Decomposition d =
        options.weights ? decompose_weighted(x, options, threads, progress) : decompose(x, options, threads, progress);
    d.size = x.n_rows + x.n_cols;
    return as_result<T>(std::move(d), options);
}

template <class T>
Certificate<T> svd_certificate(MatrixView<const T> x, MatrixView<const T> u, const std::vector<T>& s,
                               MatrixView<const T> vt, const T* mean, double next_value, int num_threads)
{
    const auto k = static_cast<Index>(s.size());
    if (k == 0 || u.n_rows != x.n_rows || u.n_cols != k || vt.n_rows != k || vt.n_cols != x.n_cols)
        throw std::invalid_argument("residuals of X with shape " + shape(x.n_rows, x.n_cols) +
                                    " need u, s and vt that go with it");
    const int threads = resolve_threads(num_threads);
    Operand<T> z{x};
    z.scale = linalg::balance(largest_magnitude(x, threads));
    std::vector<double> shift, values(s.begin(), s.end());
    if (mean) {
        shift.assign(mean, mean + x.n_cols);
        z.col_shift = shift.data();
    }
    for (double& value : values)
        value *= z.scale;
    const Matrix<double> wide_u = as_double(u), wide_v = as_double(vt.transposed());
    const Residuals residuals = x.n_rows < x.n_cols
                                    ? residuals_of(z.transposed(), wide_v.view(), values, wide_u.view(), threads)
                                    : residuals_of(z, wide_u.view(), values, wide_v.view(), threads);
    return certificate_of(residuals, s, next_value, x.n_rows + x.n_cols);
}

template <class T>
Certificate<T> svd_certificate(MatrixView<const T> x, const std::vector<T>& s, MatrixView<const T> vt, bool center,
                               double next_value, int num_threads)
{
    const auto k = static_cast<Index>(s.size());
    if (k == 0 || k > std::min(x.n_rows, x.n_cols) || vt.n_rows != k || vt.n_cols != x.n_cols)
        throw std::invalid_argument("residuals of X with shape " + shape(x.n_rows, x.n_cols) +
                                    " need s and vt that go with it");
    const int threads = resolve_threads(num_threads);
    Operand<T> z{x};
    const linalg::ColumnMoments moments = safe_moments(x, center, z.scale, threads);
    if (center)
        z.col_shift = moments.mean.data();
    const linalg::IterativeSvd found =
        linalg::project_onto(tall_operator(z, threads), as_double(vt.transposed()), k, threads);
    std::vector<T> values;
    for (const double value : found.factors.s)
        values.push_back(static_cast<T>(value / z.scale));
    Certificate<T> certificate =
        certificate_of(without_defects(found.residuals), values, next_value, x.n_rows + x.n_cols);
    for (std::size_t i = 0; i < s.size(); ++i) {
        const T difference = std::abs(s[i] - values[i]);
        certificate.error_bounds[i] += difference;
        if (difference > T(0))
            certificate.residuals[i] += difference / std::max(values[0], s[0]);
    }
    return certificate;
}

template <class T> Matrix<T> project(MatrixView<const T> q, MatrixView<const T> vt, const T* mean, int num_threads)
{
    if (q.n_cols != vt.n_cols)
        throw std::invalid_argument("rows to project must have " + std::to_string(vt.n_cols) + " columns, got shape " +
                                    shape(q.n_rows, q.n_cols));
    std::vector<double> shift;
    linalg::Operand<T> a{q};
    if (mean) {
        shift.assign(mean, mean + q.n_cols);
        a.col_shift = shift.data();
    }
    const int threads = resolve_threads(num_threads);
    Matrix<T> scores = linalg::multiply(a, vt.transposed(), threads);
    if (!linalg::all_finite(scores, threads)) {
        largest_magnitude(q, threads); // throws where q is to blame
        throw NumericalError("the projection exceeds the range of the dtype; scale the rows down");
    }
    return scores;
}

#define MATFACT_SVD(T)                                                                                                 \
    template SvdResult<T> svd(MatrixView<const T>, const SvdOptions&, const Progress&);                                \
    template Certificate<T> svd_certificate(MatrixView<const T>, MatrixView<const T>, const std::vector<T>&,           \
                                            MatrixView<const T>, const T*, double, int);                               \
    template Certificate<T> svd_certificate(MatrixView<const T>, const std::vector<T>&, MatrixView<const T>, bool,     \
                                            double, int);                                                              \
    template Matrix<T> project(MatrixView<const T>, MatrixView<const T>, const T*, int);
MATFACT_SVD(float)
MATFACT_SVD(double)

} // namespace matfact
