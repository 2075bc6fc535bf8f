#include "matfact/complete.hpp"

#include "descent.hpp"
#include "linalg/anderson.hpp"
#include "linalg/krylov.hpp"
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

constexpr Index norm_columns = 8; ///< of the block in which the norm of the residuals is sought
constexpr Index most_norm_passes = 500;
constexpr double start_accuracy = 1e-2;      ///< of the norm from which the path starts
constexpr double certificate_accuracy = 0.1; ///< of the norm in the lower bound, as a share of tol
constexpr double path_ratio = 0.4;           ///< from one l2 of the path to the next
constexpr double path_tol = 1e-3;            ///< relative decrease of the objective at which the path goes on
constexpr Index path_sweeps = 20;            ///< or so many sweeps
constexpr Index default_components = 50;
/// Decrease of the objective from one look at the lower bound to the next, over tol.
constexpr double hardly_any = 1e-3;
constexpr int patience = 3; ///< such looks in a row before the iteration gives up

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

    /// The spectral norm of the residuals, as found and as it may be.
    struct Norm {
        double value, bound;
    };
    /// Sum of squares of the residuals, their inner product with Z, and their norm to a relative accuracy.
    struct Residuals {
        double squares, with_fit;
        Norm norm;
    };
    Residuals residuals(double accuracy)
    {
        load(at_.w(), z_.u, &z_.d);
        load(at_.h(), z_.v, nullptr);
        const double squares = x_.residual_pass({at_.w(), at_.h()}, {product_.w(), nullptr});
        double with_fit = 0.0;
        for (Index i = 0; i < x_.n_rows; ++i)
            for (Index c = 0; c < k_; ++c)
                with_fit -= static_cast<double>(at_.w()[i * x_.stride + c]) *
                            static_cast<double>(product_.w()[i * x_.stride + c]);
        return {squares, with_fit, norm(accuracy)};
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

    /// Largest singular value of the residuals at `at_`: what the iterations reach, and that plus their residual.
    Norm norm(double accuracy)
    {
        const bool by_rows = x_.n_rows < x_.n_cols;
        Matrix<T> between; // blocks are of one size
        const BlockOperator<T> gram = [&](MatrixView<const T> q, MatrixView<T> out) {
            if (between.n_cols() != q.n_cols)
                between = Matrix<T>(std::max(x_.n_rows, x_.n_cols), q.n_cols);
            multiply(by_rows, q, between.view());
            multiply(!by_rows, between.view(), out);
        };
        KrylovOptions engine;
        engine.count = [](const std::vector<double>&) -> Index { return 1; };
        engine.accepted = [&](double, double largest) { return accuracy * largest; };
        engine.block = x_.n_components - k_;
        engine.max_passes = most_norm_passes;
        engine.probe_passes = 0; // a block of random directions does not miss the largest
        engine.threads = threads_;
        const auto found = krylov<T>(std::min(x_.n_rows, x_.n_cols), gram, engine, checkpoint_);
        const double square = std::max(0.0, found.values.front());
        return {std::sqrt(square), std::sqrt(square + found.residuals.front())};
    }

    /// out = E q for the residuals E at `at_`, or E' q. Columns beside W H' that do not take part in the fit, as those
    /// of the other factor are zero, are multiplied by the residuals in passing.
    void multiply(bool transposed, MatrixView<const T> q, MatrixView<T> out)
    {
        const Index width = x_.n_components - k_;
        T* const from = transposed ? at_.w() : at_.h();
        T* const beside = transposed ? at_.h() : at_.w();
        const T* const product = transposed ? product_.h() : product_.w();
        const Index n_beside = transposed ? x_.n_cols : x_.n_rows;
        for (Index i = 0; i < n_beside; ++i)
            std::fill_n(beside + i * x_.stride + k_, width, T(0));
        for (Index first = 0; first < q.n_cols; first += width) {
            const Index count = std::min(width, q.n_cols - first);
            for (Index i = 0; i < q.n_rows; ++i)
                std::copy_n(&q(i, first), count, from + i * x_.stride + k_);
            x_.residual_pass({at_.w(), at_.h()},
                             {transposed ? nullptr : product_.w(), transposed ? product_.h() : nullptr});
            for (Index i = 0; i < n_beside; ++i)
                std::copy_n(product + i * x_.stride + k_, count, &out(i, first));
        }
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
template <class T> void certify(SoftImpute<T>& solver, double l2, double tol, Completion<T>& result)
{
    const auto r = solver.residuals(certificate_accuracy * tol);
    double nuclear = 0.0;
    for (const double d : solver.current().d)
        nuclear += d;
    result.objective = 0.5 * r.squares + l2 * nuclear;
    result.dual_norm = r.norm.value;
    const double with_x = r.squares + r.with_fit;
    double scale = r.norm.bound > l2 ? l2 / r.norm.bound : 1.0;
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
        certify(solver, options.l2, options.tol, result);
        result.history.push_back(result.objective);
        result.status = status;
        trim(solver.current(), result);
        return std::move(result);
    };

    // Warm starts from large l2, where Z has few components, down to the one asked for.
    const double largest = solver.residuals(start_accuracy).norm.value;
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
    Index next_look = 0; // at the lower bound, which costs several sweeps
    double last_seen = std::numeric_limits<double>::infinity();
    int stalled = 0;
    while (result.n_iter < options.max_iter) {
        LowRank& z = solver.current();
        const SmallVector point = flattened(z);
        const double objective = solver.sweep(options.l2);
        ++result.n_iter;
        if (stopped(objective))
            return finish(Status::stopped);
        const double rounding = 4.0 * static_cast<double>(std::numeric_limits<T>::epsilon()) * objective;
        if (fallback.size() > 0 && !result.history.empty() && !(objective <= result.history.back() + rounding)) {
            restore(fallback, z, threads);
            fallback.resize(0);
            acceleration.forget();
            continue;
        }
        const bool slow = !result.history.empty() && result.history.back() - objective <= options.tol * objective;
        result.history.push_back(objective);
        if (slow && result.n_iter >= next_look) {
            certify(solver, options.l2, options.tol, result);
            if (result.objective - result.lower_bound <= options.tol * result.objective)
                return finish(Status::converged);
            const double gain = last_seen - objective;
            stalled = gain <= std::max(rounding, hardly_any * options.tol * objective) ? stalled + 1 : 0;
            if (stalled == patience) // what is left is rounding, or more rank than max_components allows
                return finish(Status::max_iter);
            last_seen = objective;
            next_look = result.n_iter + std::max<Index>(5, result.n_iter / 4);
        }
        fallback = flattened(z);
        const SmallVector next = acceleration.extrapolate(point, fallback);
        if (next.allFinite())
            restore(next, z, threads);
    }
    if (fallback.size() > 0)
        restore(fallback, solver.current(), threads); // the last extrapolation is untried
    return finish(Status::max_iter);
}

template <class View> auto observe_and_run(View x, const CompleteOptions& options, const Progress& progress)
{
    options.validate(x.n_rows, x.n_cols);
    const int threads = resolve_threads(options.num_threads);
    const Index smallest = std::min(x.n_rows, x.n_cols);
    const Index k = options.max_components > 0 ? options.max_components : std::min(smallest, default_components);
    const auto observations = observe(x, k + std::min(norm_columns, smallest), threads);
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
