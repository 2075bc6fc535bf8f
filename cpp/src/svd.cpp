#include "matfact/svd.hpp"

#include "linalg/gemm.hpp"
#include "linalg/gram_svd.hpp"
#include "linalg/lapack_calls.hpp"
#include "linalg/orientation.hpp"
#include "parallel.hpp"

#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>

namespace matfact {

namespace {

using linalg::Centering;
using linalg::Checkpoint;
using linalg::Operand;
using linalg::TallSvd;

/// Everything in float64, before it is rounded to T; u and vt in the orientation of x.
struct Decomposition {
    Matrix<double> u, vt;
    std::vector<double> s, mean, residuals;
    double total_variance = 0.0;
};

std::string shape(Index n_rows, Index n_cols)
{
    return "(" + std::to_string(n_rows) + ", " + std::to_string(n_cols) + ")";
}

template <class T> double largest_magnitude(MatrixView<const T> x, int threads)
{
    constexpr Index block_rows = 64;
    std::vector<double> largest(static_cast<std::size_t>(block_count(x.n_rows, block_rows)), 0.0);
    for_blocks(x.n_rows, block_rows, threads, [&](Index begin, Index end, Index block) {
        double& value = largest[static_cast<std::size_t>(block)];
        for (Index i = begin; i < end; ++i)
            for (Index j = 0; j < x.n_cols; ++j) {
                const double magnitude = std::abs(static_cast<double>(x(i, j)));
                if (!(magnitude <= value)) // also true for NaN, which then stays
                    value = std::isnan(value) ? value : magnitude;
            }
    });
    for (const double value : largest)
        if (!std::isfinite(value))
            throw std::invalid_argument("X holds NaN or infinity; svd needs finite entries (matfact.factorize and "
                                        "matfact.MatrixFactorization leave missing entries out)");
    return *std::max_element(largest.begin(), largest.end());
}

/// A power of two that brings the largest magnitude near 1.
double balancing_scale(double largest)
{
    int exponent = 0;
    std::frexp(largest, &exponent);
    return std::ldexp(1.0, std::max(-1022, std::min(1022, -exponent)));
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
    scale = balancing_scale(largest);
    return linalg::gram(z, centering, scale, threads, checkpoint, single);
}

/// residuals[i] = ||z' u_i - s_i v_i|| / s_1 for a tall z ~ u diag(s) v'.
template <class T>
std::vector<double> residuals_of(const Operand<T>& z, MatrixView<const double> u, const std::vector<double>& s,
                                 MatrixView<const double> v, int threads)
{
    constexpr Index block_cols = 32;
    const Matrix<double> ztu = linalg::multiply(z.transposed(), u, threads);
    std::vector<double> result(s.size(), 0.0);
    for_blocks(u.n_cols, block_cols, threads, [&](Index begin, Index end, Index) {
        for (Index j = 0; j < ztu.n_rows(); ++j)
            for (Index c = begin; c < end; ++c) {
                const auto i = static_cast<std::size_t>(c);
                const double r = ztu(j, c) - s[i] * v(j, c);
                result[i] += r * r;
            }
    });
    for (double& r : result)
        r = s.front() > 0.0 ? std::sqrt(r) / s.front() : 0.0;
    return result;
}

bool wants_residuals(const SvdOptions& options)
{
    return options.compute_u && (options.compute_residuals || options.tol > 0.0);
}

Matrix<double> transposed(const Matrix<double>& a)
{
    Matrix<double> t(a.n_cols(), a.n_rows());
    for (Index i = 0; i < a.n_rows(); ++i)
        for (Index j = 0; j < a.n_cols(); ++j)
            t(j, i) = a(i, j);
    return t;
}

void unscale(Decomposition& d, double scale)
{
    for (double& s : d.s)
        s /= scale;
    d.total_variance = d.total_variance / scale / scale;
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
        return linalg::gram_svd(z, std::move(g.matrix), g.noise, k, options.compute_u || wide, options.tol, threads,
                                checkpoint);
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
    d.u = wide ? transposed(f.vt) : std::move(f.u);
    d.vt = wide ? transposed(f.u) : std::move(f.vt);
    d.s = std::move(f.s);
    unscale(d, z.scale);
    return d;
}

template <class T> Matrix<double> as_double(MatrixView<const T> a)
{
    Matrix<double> result(a.n_rows, a.n_cols);
    for (Index i = 0; i < a.n_rows; ++i)
        for (Index j = 0; j < a.n_cols; ++j)
            result(i, j) = static_cast<double>(a(i, j));
    return result;
}

/// The leading block of a, in float64.
template <class T> Matrix<double> leading_block(Matrix<T> a, Index rows, Index cols)
{
    if constexpr (std::is_same_v<T, double>)
        if (rows == a.n_rows() && cols == a.n_cols())
            return a;
    return as_double(MatrixView<const T>(a.view()).block(0, 0, rows, cols));
}

template <class T> std::vector<double> column_means(MatrixView<const T> x)
{
    std::vector<double> mean(static_cast<std::size_t>(x.n_cols), 0.0);
    for (Index i = 0; i < x.n_rows; ++i)
        for (Index j = 0; j < x.n_cols; ++j)
            mean[static_cast<std::size_t>(j)] += static_cast<double>(x(i, j)) / static_cast<double>(x.n_rows);
    return mean;
}

template <class T> Decomposition by_lapack(MatrixView<const T> x, Index k, const SvdOptions& options, int threads)
{
    constexpr Index block_rows = 64;
    Operand<T> z{x};
    if (const double largest = largest_magnitude(x, threads); largest > 0.0)
        z.scale = balancing_scale(largest);
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
        const MatrixView<const double> v = MatrixView<const double>(d.vt.view()).transposed();
        d.residuals = x.n_rows < x.n_cols ? residuals_of(z.transposed(), v, d.s, d.u.view(), threads)
                                          : residuals_of(z, d.u.view(), d.s, v, threads);
    }
    unscale(d, z.scale);
    return d;
}

/// Gram where one side is clearly shorter or few triplets are asked for: a few products then replace the
/// bidiagonalization. Small matrices take the full solver in any shape: its accuracy is free there.
SvdSolver choose_solver(Index n_rows, Index n_cols, Index k)
{
    const Index shorter = std::min(n_rows, n_cols), longer = std::max(n_rows, n_cols);
    const bool is_small = shorter <= 32 && longer <= 512, is_square = 2 * longer < 3 * shorter;
    return is_small || (is_square && 4 * k > shorter) ? SvdSolver::full : SvdSolver::gram;
}

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

void fix_signs(Decomposition& d)
{
    std::vector<double> signs;
    for (Index i = 0; i < d.vt.n_rows(); ++i) {
        double* const row = d.vt.data() + i * d.vt.n_cols();
        signs.push_back(linalg::orientation(row, d.vt.n_cols()));
        if (signs.back() < 0)
            for (Index j = 0; j < d.vt.n_cols(); ++j)
                row[j] = -row[j];
    }
    if (std::find(signs.begin(), signs.end(), -1.0) == signs.end())
        return;
    for (Index i = 0; i < d.u.n_rows(); ++i)
        for (Index j = 0; j < d.u.n_cols(); ++j)
            d.u(i, j) *= signs[static_cast<std::size_t>(j)];
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
    if (!(tol >= 0.0))
        throw std::invalid_argument("tol must not be negative, got " + std::to_string(tol));
}

template <class T> SvdResult<T> svd(MatrixView<const T> x, const SvdOptions& options, const Progress& progress)
{
    options.validate(x.n_rows, x.n_cols);
    const int threads = resolve_threads(options.num_threads);
    const Index k = options.n_components ? options.n_components : std::min(x.n_rows, x.n_cols);
    Checkpoint checkpoint;
    if (progress)
        checkpoint = [&] { progress({0, std::numeric_limits<double>::quiet_NaN()}); };
    const SvdSolver solver =
        options.solver == SvdSolver::automatic ? choose_solver(x.n_rows, x.n_cols, k) : options.solver;
    Decomposition d =
        solver == SvdSolver::full ? by_lapack(x, k, options, threads) : by_gram(x, k, options, threads, checkpoint);
    if (!options.compute_u)
        d.u = {};
    fix_signs(d);

    SvdResult<T> result;
    result.s = rounded<T>(d.s);
    result.mean = rounded<T>(d.mean);
    result.total_variance = d.total_variance;
    if (!std::isfinite(static_cast<double>(result.s.front())))
        throw NumericalError("the largest singular value exceeds the range of the dtype; scale X down");
    for (const double r : d.residuals) {
        result.residuals.push_back(reported<T>(r));
        if (options.tol > 0.0 && static_cast<double>(result.residuals.back()) > options.tol)
            result.status = Status::max_iter;
    }
    result.u = rounded<T>(std::move(d.u));
    result.vt = rounded<T>(std::move(d.vt));
    return result;
}

template <class T>
std::vector<T> svd_residuals(MatrixView<const T> x, MatrixView<const T> u, const std::vector<T>& s,
                             MatrixView<const T> vt, const T* mean, int num_threads)
{
    const auto k = static_cast<Index>(s.size());
    if (k == 0 || u.n_rows != x.n_rows || u.n_cols != k || vt.n_rows != k || vt.n_cols != x.n_cols)
        throw std::invalid_argument("residuals of X with shape " + shape(x.n_rows, x.n_cols) +
                                    " need u, s and vt that go with it");
    const int threads = resolve_threads(num_threads);
    Operand<T> z{x};
    if (const double largest = largest_magnitude(x, threads); largest > 0.0)
        z.scale = balancing_scale(largest);
    std::vector<double> shift, values(s.begin(), s.end());
    if (mean) {
        shift.assign(mean, mean + x.n_cols);
        z.col_shift = shift.data();
    }
    for (double& value : values)
        value *= z.scale;
    const Matrix<double> wide_u = as_double(u), wide_v = as_double(vt.transposed());
    const std::vector<double> residuals =
        x.n_rows < x.n_cols ? residuals_of(z.transposed(), wide_v.view(), values, wide_u.view(), threads)
                            : residuals_of(z, wide_u.view(), values, wide_v.view(), threads);
    std::vector<T> result;
    for (const double r : residuals)
        result.push_back(reported<T>(r));
    return result;
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
    Matrix<T> scores = linalg::multiply(a, vt.transposed(), resolve_threads(num_threads));
    for (Index i = 0; i < scores.size(); ++i)
        if (!std::isfinite(scores.data()[i])) {
            largest_magnitude(q, 1);
            throw NumericalError("the projection exceeds the range of the dtype; scale the rows down");
        }
    return scores;
}

#define MATFACT_SVD(T)                                                                                                 \
    template SvdResult<T> svd(MatrixView<const T>, const SvdOptions&, const Progress&);                                \
    template std::vector<T> svd_residuals(MatrixView<const T>, MatrixView<const T>, const std::vector<T>&,             \
                                          MatrixView<const T>, const T*, int);                                         \
    template Matrix<T> project(MatrixView<const T>, MatrixView<const T>, const T*, int);
MATFACT_SVD(float)
MATFACT_SVD(double)

} // namespace matfact
