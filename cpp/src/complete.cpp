#include "matfact/complete.hpp"

#include "descent.hpp"
#include "linalg/anderson.hpp"
#include "linalg/gram.hpp"
#include "linalg/lapack_calls.hpp"
#include "linalg/orientation.hpp"
#include "linalg/orthonormalize.hpp"
#include "matfact/random.hpp"
#include "observations.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace matfact {

namespace {

using namespace linalg;

constexpr Index probe_columns = 8; ///< of the block in which the norm of the residuals is sought
constexpr Index probe_steps = 8;
constexpr double path_ratio = 0.4; ///< from one l2 of the path to the next
constexpr double path_tol = 1e-3;  ///< relative decrease of the objective at which the path goes on
constexpr Index path_sweeps = 20;  ///< or so many sweeps
constexpr Index default_components = 50;
constexpr int patience =
    3; ///< certificates in a row that are hardly better than the last before the iteration gives up

/// Z = u diag(d) v'; u and v are orthonormal also where d is zero, so that a component can come back.
struct LowRank {
    Matrix<double> u, v;
    std::vector<double> d;
};

Matrix<double> times(const Matrix<double>& a, const RowMajorMatrix& b)
{
    Matrix<double> result(a.n_rows(), b.cols());
    as_map(result).noalias() = as_map(a) * b;
    return result;
}

/// a = (new a) diag(s) turn' for a tall a, the new one orthonormal.
void decompose(Matrix<double>& a, std::vector<double>& s, RowMajorMatrix& turn, int threads)
{
    const Index k = a.n_cols();
    Matrix<double> triangle(k, k), left, right;
    as_map(triangle) = orthonormalize(a, threads);
    own_singular_values_and_vectors(triangle.view(), left, s, right);
    a = times(a, as_map(left));
    turn = as_map(right).transpose();
}

/// Soft-impute by alternating over the two factors (Mazumder, Hastie, Tibshirani, JMLR 11, 2010; Hastie, Mazumder, Lee,
/// Zadeh, JMLR 16, 2015). Each half of a sweep fills the missing entries from Z and minimizes over all matrices with
/// the row (or column) space of the current one: the objective cannot rise.
template <class T> class SoftImpute {
public:
    SoftImpute(Observations<T>& x, Index n_components, int threads, Checkpoint checkpoint)
        : x_(x), k_(n_components), threads_(threads), checkpoint_(std::move(checkpoint)), at_(x), product_(x)
    {
        z_.u = random(x.n_rows, k_, 0);
        z_.v = random(x.n_cols, k_, 1);
        z_.d.assign(static_cast<std::size_t>(k_), 0.0);
    }

    LowRank& current() { return z_; }

    /// A whole sweep; returns the objective before it.
    double sweep(double l2)
    {
        double nuclear = 0.0;
        for (const double d : z_.d)
            nuclear += d;
        const double squares = improve(z_.u, z_.v, true, l2);
        improve(z_.v, z_.u, false, l2);
        return 0.5 * squares + l2 * nuclear;
    }

    /// Sum of squares of the residuals, their inner product with Z, and their spectral norm.
    struct Residuals {
        double squares, with_fit, norm;
    };
    Residuals residuals()
    {
        load(at_.w(), z_.u, &z_.d);
        load(at_.h(), z_.v, nullptr);
        const double squares = x_.residual_pass({at_.w(), at_.h()}, {product_.w(), nullptr});
        double with_fit = 0.0;
        for (Index i = 0; i < x_.n_rows; ++i)
            for (Index c = 0; c < k_; ++c)
                with_fit -= static_cast<double>(at_.w()[i * x_.stride + c]) *
                            static_cast<double>(product_.w()[i * x_.stride + c]);
        return {squares, with_fit, norm()};
    }

private:
    Matrix<double> random(Index rows, Index columns, std::uint64_t stream)
    {
        Matrix<double> a(rows, columns);
        for (Index i = 0; i < a.size(); ++i)
            a.data()[i] = random_normal(0, stream, static_cast<std::uint64_t>(i));
        orthonormalize(a, threads_);
        return a;
    }

    /// Writes a factor, with its columns scaled by `sizes`, and zeros beside it.
    void load(T* out, const Matrix<double>& factor, const std::vector<double>* sizes)
    {
        for (Index i = 0; i < factor.n_rows(); ++i) {
            std::fill_n(out + i * x_.stride, x_.stride, T(0));
            for (Index c = 0; c < k_; ++c)
                out[i * x_.stride + c] =
                    static_cast<T>(factor(i, c) * (sizes ? (*sizes)[static_cast<std::size_t>(c)] : 1.0));
        }
    }

    /// Minimizes over `free` and the singular values for the fixed span of `fixed`. With E = Z - X on the observed
    /// entries, the filled matrix times v is u d - E v.
    double improve(Matrix<double>& free, Matrix<double>& fixed, bool rows, double l2)
    {
        load(at_.w(), z_.u, rows ? &z_.d : nullptr);
        load(at_.h(), z_.v, rows ? nullptr : &z_.d);
        const T* const product = rows ? product_.w() : product_.h();
        const double squares =
            x_.residual_pass({at_.w(), at_.h()}, {rows ? product_.w() : nullptr, rows ? nullptr : product_.h()});
        for (Index i = 0; i < free.n_rows(); ++i)
            for (Index c = 0; c < k_; ++c)
                free(i, c) =
                    free(i, c) * z_.d[static_cast<std::size_t>(c)] - static_cast<double>(product[i * x_.stride + c]);
        RowMajorMatrix turn;
        decompose(free, z_.d, turn, threads_);
        fixed = times(fixed, turn);
        for (double& d : z_.d)
            d = std::max(0.0, d - l2);
        return squares;
    }

    /// Spectral norm of the residuals at `at_` from a block Krylov space: columns beside W H' that do not take part in
    /// the fit are multiplied by the residuals in passing.
    double norm()
    {
        const Index b = x_.n_components - k_, n = x_.n_cols, m = x_.n_rows, s = x_.stride;
        const Index steps = std::min(probe_steps, n / b);
        Matrix<double> basis(n, b * steps), images(m, b * steps), q = random(n, b, 2);
        for (Index step = 0; step < steps; ++step) {
            if (checkpoint_)
                checkpoint_();
            as_map(basis).middleCols(step * b, b) = as_map(q);
            for (Index i = 0; i < m; ++i)
                std::fill_n(at_.w() + i * s + k_, b, T(0));
            put(at_.h(), q);
            x_.residual_pass({at_.w(), at_.h()}, {product_.w(), nullptr});
            Matrix<double> image = taken(product_.w(), m, b);
            as_map(images).middleCols(step * b, b) = as_map(image);
            if (step + 1 == steps)
                break;
            for (Index j = 0; j < n; ++j)
                std::fill_n(at_.h() + j * s + k_, b, T(0));
            put(at_.w(), image);
            x_.residual_pass({at_.w(), at_.h()}, {nullptr, product_.h()});
            q = taken(product_.h(), n, b);
            const auto known = as_map(basis).leftCols((step + 1) * b);
            for (int round = 0; round < 2; ++round) {
                as_map(q) -= (known * (known.transpose() * as_map(q)).eval()).eval();
                orthonormalize(q, threads_);
            }
        }
        Matrix<double> small = gram<double>(images.view(), Centering::none, 1.0, threads_).matrix;
        std::vector<double> values;
        own_symmetric_eigen(small.view(), values);
        return std::sqrt(std::max(0.0, values.back()));
    }

    void put(T* out, const Matrix<double>& columns)
    {
        for (Index i = 0; i < columns.n_rows(); ++i)
            for (Index c = 0; c < columns.n_cols(); ++c)
                out[i * x_.stride + k_ + c] = static_cast<T>(columns(i, c));
    }

    Matrix<double> taken(const T* from, Index rows, Index columns)
    {
        Matrix<double> result(rows, columns);
        for (Index i = 0; i < rows; ++i)
            for (Index c = 0; c < columns; ++c)
                result(i, c) = static_cast<double>(from[i * x_.stride + k_ + c]);
        return result;
    }

    Observations<T>& x_;
    Index k_;
    int threads_;
    Checkpoint checkpoint_;
    Parameters<T> at_, product_;
    LowRank z_;
};

/// The point as one vector, its weight balanced between the factors.
SmallVector flattened(const LowRank& z)
{
    const Index m = z.u.n_rows(), n = z.v.n_rows(), k = z.u.n_cols();
    SmallVector out((m + n) * k);
    for (Index c = 0; c < k; ++c) {
        // Signs must not change from sweep to sweep.
        const double sign = orientation(z.v.data() + c, n, k);
        const double root = sign * std::sqrt(z.d[static_cast<std::size_t>(c)]);
        out.segment(c * m, m) = root * as_map(z.u).col(c);
        out.segment(k * m + c * n, n) = root * as_map(z.v).col(c);
    }
    return out;
}

/// The Z of such a vector. Where a component has no weight the direction of `z` is kept for it.
void restore(const SmallVector& flat, LowRank& z, int threads)
{
    const Index m = z.u.n_rows(), n = z.v.n_rows(), k = z.u.n_cols();
    for (Index c = 0; c < k; ++c)
        if (const auto column = flat.segment(k * m + c * n, n); column.squaredNorm() > 0.0)
            as_map(z.v).col(c) = column;
    const RowMajorMatrix triangle = orthonormalize(z.v, threads);
    const Eigen::Map<const SmallMatrix> left(flat.data(), m, k);
    as_map(z.u) = left * triangle.transpose();
    RowMajorMatrix turn;
    decompose(z.u, z.d, turn, threads);
    z.v = times(z.v, turn);
}

template <class T> void trim(const LowRank& z, Completion<T>& result)
{
    const auto rank = static_cast<Index>(std::count_if(z.d.begin(), z.d.end(), [](double d) { return d > 0.0; }));
    result.u = Matrix<T>(z.u.n_rows(), rank);
    result.vt = Matrix<T>(rank, z.v.n_rows());
    for (Index c = 0; c < rank; ++c) {
        const double sign = orientation(z.v.data() + c, z.v.n_rows(), z.v.n_cols());
        result.s.push_back(static_cast<T>(z.d[static_cast<std::size_t>(c)]));
        for (Index i = 0; i < z.u.n_rows(); ++i)
            result.u(i, c) = static_cast<T>(sign * z.u(i, c));
        for (Index j = 0; j < z.v.n_rows(); ++j)
            result.vt(c, j) = static_cast<T>(sign * z.v(j, c));
    }
}

/// Objective, dual norm and lower bound at the current Z. Residuals scaled down to a spectral norm of l2 are a feasible
/// point of the dual problem  max <X, Y> - 1/2 ||Y||^2  over Y on the observed entries with ||Y||_2 <= l2.
template <class T> void certify(SoftImpute<T>& solver, double l2, Completion<T>& result)
{
    const auto r = solver.residuals();
    double nuclear = 0.0;
    for (const double d : solver.current().d)
        nuclear += d;
    result.objective = 0.5 * r.squares + l2 * nuclear;
    result.dual_norm = r.norm;
    const double with_x = r.squares + r.with_fit;
    double scale = r.norm > l2 ? l2 / r.norm : 1.0;
    if (r.squares > 0.0)
        scale = std::clamp(with_x / r.squares, 0.0, scale);
    result.lower_bound = std::max(0.0, scale * with_x - 0.5 * scale * scale * r.squares);
}

template <class T>
Completion<T> run(Observations<T>& x, Index k, const CompleteOptions& options, int threads, const Progress& progress)
{
    check_fit(x);
    Completion<T> result;
    result.n_observed = x.n_observed;
    Checkpoint checkpoint;
    if (progress)
        checkpoint = [&] { progress({result.n_iter, std::numeric_limits<double>::quiet_NaN()}); };
    SoftImpute<T> solver(x, k, threads, checkpoint);
    const auto stopped = [&](double objective) { return progress && progress({result.n_iter, objective}); };
    const auto finish = [&](Status status) {
        certify(solver, options.l2, result);
        result.history.push_back(result.objective);
        result.status = status;
        trim(solver.current(), result);
        return std::move(result);
    };

    // Warm starts from large l2, where Z has few components, down to the one asked for.
    const double largest = solver.residuals().norm;
    for (double l2 = path_ratio * largest; l2 > options.l2; l2 *= path_ratio) {
        double previous = std::numeric_limits<double>::infinity();
        for (Index i = 0; i < path_sweeps && result.n_iter < options.max_iter; ++i) {
            const double objective = solver.sweep(l2);
            ++result.n_iter;
            if (stopped(objective))
                return finish(Status::stopped);
            if (previous - objective <= path_tol * objective)
                break;
            previous = objective;
        }
    }

    Anderson acceleration;
    SmallVector fallback;
    double pause = 0.1 * options.tol; // relative decrease at which it is worth to look at the lower bound
    double last_gap = std::numeric_limits<double>::infinity();
    int stalled = 0;
    while (result.n_iter < options.max_iter) {
        LowRank& z = solver.current();
        const SmallVector point = flattened(z);
        const double objective = solver.sweep(options.l2);
        ++result.n_iter;
        if (stopped(objective))
            return finish(Status::stopped);
        if (fallback.size() > 0 && !result.history.empty() && !(objective <= result.history.back())) {
            restore(fallback, z, threads);
            fallback.resize(0);
            acceleration.forget();
            continue;
        }
        const bool slow = !result.history.empty() && result.history.back() - objective <= pause * objective;
        result.history.push_back(objective);
        if (slow) {
            certify(solver, options.l2, result);
            const double gap = result.objective - result.lower_bound;
            if (gap <= options.tol * result.objective)
                return finish(Status::converged);
            pause *= 0.1;
            stalled = gap > 0.7 * last_gap ? stalled + 1 : 0;
            if (stalled == patience)
                break; // what is left is rounding, or more rank than max_components allows
            last_gap = std::min(last_gap, gap);
        }
        fallback = flattened(z);
        const SmallVector next = acceleration.extrapolate(point, fallback);
        if (next.allFinite())
            restore(next, z, threads);
    }
    return finish(Status::max_iter);
}

template <class View> auto observe_and_run(View x, const CompleteOptions& options, const Progress& progress)
{
    options.validate(x.n_rows, x.n_cols);
    const int threads = resolve_threads(options.num_threads);
    const Index smallest = std::min(x.n_rows, x.n_cols);
    const Index k = options.max_components > 0 ? options.max_components : std::min(smallest, default_components);
    const auto observations = observe(x, k + std::min(probe_columns, smallest), threads);
    return run(*observations, k, options, threads, progress);
}

} // namespace

void CompleteOptions::validate(Index n_rows, Index n_cols) const
{
    const Index most = std::min(n_rows, n_cols);
    if (most == 0)
        throw std::invalid_argument("X is empty: shape (" + std::to_string(n_rows) + ", " + std::to_string(n_cols) +
                                    ")");
    if (!(l2 > 0.0) || !std::isfinite(l2))
        throw std::invalid_argument("l2 must be finite and positive, got " + std::to_string(l2));
    if (max_components < 0 || max_components > most)
        throw std::invalid_argument("max_components must be between 1 and " + std::to_string(most) + ", got " +
                                    std::to_string(max_components));
    if (!(tol >= 0.0) || !std::isfinite(tol))
        throw std::invalid_argument("tol must be finite and not negative, got " + std::to_string(tol));
    if (max_iter < 1)
        throw std::invalid_argument("max_iter must be at least 1, got " + std::to_string(max_iter));
}

template <class T>
Completion<T> complete(MatrixView<const T> x, const CompleteOptions& options, const Progress& progress)
{
    return observe_and_run(x, options, progress);
}

template <class T, class I>
Completion<T> complete(CsrView<T, I> x, const CompleteOptions& options, const Progress& progress)
{
    return observe_and_run(x, options, progress);
}

MATFACT_COMPLETE(, float)
MATFACT_COMPLETE(, double)

} // namespace matfact
