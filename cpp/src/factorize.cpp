#include "matfact/factorize.hpp"

#include "descent.hpp"
#include "linalg/gram.hpp"
#include "linalg/orthonormalize.hpp"
#include "linalg/symmetric_eigen.hpp"
#include "matfact/random.hpp"
#include "matfact/svd.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace matfact {

namespace {

/// How exact soft-thresholds: both penalties act on the singular values through their geometric mean.
template <class T> double threshold_of(const Observations<T>& x, const FactorizeOptions& options)
{
    if ((options.l2_w == 0.0) != (options.l2_h == 0.0))
        throw std::invalid_argument("solver 'exact' needs l2_w and l2_h both zero or both positive: with one of them "
                                    "zero the penalty can be made to vanish and no optimum exists");
    return std::sqrt(options.l2_w * options.l2_h) / data_weight(x, options);
}

/// W = U sqrt(S) and H = V sqrt(S), in the proportion that makes the two penalties equal.
template <class T>
void balance(const SvdResult<T>& f, double threshold, const FactorizeOptions& options, Parameters<T>& out)
{
    const double ratio = options.l2_w > 0.0 && options.l2_h > 0.0 ? std::pow(options.l2_h / options.l2_w, 0.25) : 1.0;
    for (std::size_t c = 0; c < f.s.size(); ++c) {
        const auto column = static_cast<Index>(c);
        const double root = std::sqrt(std::max(0.0, static_cast<double>(f.s[c]) - threshold));
        for (Index i = 0; i < f.u.n_rows(); ++i)
            out.w()[i * out.stride + column] = static_cast<T>(static_cast<double>(f.u(i, column)) * root * ratio);
        for (Index j = 0; j < f.vt.n_cols(); ++j)
            out.h()[j * out.stride + column] = static_cast<T>(static_cast<double>(f.vt(column, j)) * root / ratio);
    }
}

template <class T>
Parameters<T> closed_form(MatrixView<const T> dense, const Observations<T>& x, const FactorizeOptions& options)
{
    SvdOptions svd_options;
    svd_options.n_components = options.n_components;
    svd_options.tol = 0.0; // objectives are compared with this one
    svd_options.num_threads = options.num_threads;
    Parameters<T> result(x);
    balance(svd(dense, svd_options), threshold_of(x, options), options, result);
    return result;
}

/// Small normal numbers: W H has about a hundredth of the root mean square of X, so that the large directions of X are
/// picked up before anything has to be unlearnt.
template <class T> Parameters<T> random_start(const Observations<T>& x, const FactorizeOptions& options)
{
    const double mean_square = x.squared_norm / static_cast<double>(x.n_observed);
    const double scale = 0.1 * std::pow(mean_square / static_cast<double>(x.n_components), 0.25);
    Parameters<T> result(x);
    const auto fill = [&](T* factor, Index rows, std::uint64_t stream) {
        for (Index i = 0; i < rows; ++i)
            for (Index c = 0; c < x.n_components; ++c)
                factor[i * x.stride + c] = static_cast<T>(
                    scale * random_normal(options.seed, stream, static_cast<std::uint64_t>(i * x.n_components + c)));
    };
    fill(result.w(), x.n_rows, 0);
    fill(result.h(), x.n_cols, 1);
    return result;
}

/// The leading singular vectors of the observed entries, zeros elsewhere, divided by the observed share: a consistent
/// estimate of those of the complete matrix (Keshavan, Montanari, Oh, doi:10.1109/TIT.2010.2046205). A few steps of
/// subspace iteration are enough for a start; with W = 0 or H = 0 a residual pass is a product with -X.
template <class T> Parameters<T> spectral_start(Observations<T>& x, const FactorizeOptions& options, int threads)
{
    constexpr int rounds = 8;
    const Index k = x.n_components, s = x.stride;
    Parameters<T> at = random_start(x, options), product(x);
    Matrix<double> y;
    for (int round = 0; round < rounds; ++round) {
        Matrix<double> basis = widened(at.h(), x.n_cols, k, s);
        linalg::orthonormalize(basis, threads);
        for (Index i = 0; i < basis.n_rows(); ++i)
            for (Index c = 0; c < k; ++c)
                at.h()[i * s + c] = static_cast<T>(basis(i, c));
        std::fill_n(at.w(), x.n_rows * s, T(0));
        x.residual_pass({at.w(), at.h()}, {product.w(), nullptr});
        y = widened(product.w(), x.n_rows, k, s);
        if (round + 1 == rounds)
            break;
        linalg::orthonormalize(y, threads);
        for (Index i = 0; i < y.n_rows(); ++i)
            for (Index c = 0; c < k; ++c)
                at.w()[i * s + c] = static_cast<T>(y(i, c));
        std::fill_n(at.h(), x.n_cols * s, T(0));
        x.residual_pass({at.w(), at.h()}, {nullptr, at.h()});
    }
    // y = -X basis: W = -(n m / n_observed) y r^-1, H = basis r', with r'r such that both weigh the same.
    const double inflation =
        static_cast<double>(x.n_rows) * static_cast<double>(x.n_cols) / static_cast<double>(x.n_observed);
    Matrix<double> axes = linalg::gram<double>(y.view(), linalg::Centering::none, 1.0, threads).matrix;
    std::vector<double> sizes;
    linalg::symmetric_eigen<double>(axes.view(), sizes, 1);
    for (double& size : sizes)
        size = std::sqrt(std::max(0.0, size)) * inflation;
    for (Index c = 0; c < k; ++c) {
        const double size = sizes[static_cast<std::size_t>(c)], root = std::sqrt(size);
        for (Index i = 0; i < x.n_rows; ++i) {
            double value = 0.0;
            for (Index b = 0; b < k; ++b)
                value -= y(i, b) * axes(c, b);
            at.w()[i * s + c] = size > 0.0 ? static_cast<T>(value * inflation / root) : T(0);
        }
    }
    const Matrix<double> basis = widened(at.h(), x.n_cols, k, s);
    for (Index j = 0; j < x.n_cols; ++j)
        for (Index c = 0; c < k; ++c) {
            double value = 0.0;
            for (Index b = 0; b < k; ++b)
                value += basis(j, b) * axes(c, b);
            at.h()[j * s + c] = static_cast<T>(value * std::sqrt(sizes[static_cast<std::size_t>(c)]));
        }
    return at;
}

std::string shape(Index rows, Index cols) { return "(" + std::to_string(rows) + ", " + std::to_string(cols) + ")"; }

template <class T> Parameters<T> given_start(const Observations<T>& x, const FactorizeStart<T>& start)
{
    const auto check = [&](const MatrixView<const T>& factor, Index rows, const char* name, const char* expected) {
        if (factor.n_rows != rows || factor.n_cols != x.n_components)
            throw std::invalid_argument(std::string("init ") + name + " must have shape " + expected +
                                        ", got a factor of " + std::to_string(factor.n_rows) + " rows by " +
                                        std::to_string(factor.n_cols) + " components");
        for (Index i = 0; i < factor.n_rows; ++i)
            for (Index c = 0; c < factor.n_cols; ++c)
                if (!std::isfinite(factor(i, c)))
                    throw std::invalid_argument(std::string("init ") + name + " holds NaN or infinity");
    };
    check(start.w, x.n_rows, "W", ("(n_rows, n_components) = " + shape(x.n_rows, x.n_components)).c_str());
    check(start.h, x.n_cols, "H", ("(n_components, n_cols) = " + shape(x.n_components, x.n_cols)).c_str());
    Parameters<T> result(x);
    for (Index c = 0; c < x.n_components; ++c) {
        for (Index i = 0; i < x.n_rows; ++i)
            result.w()[i * x.stride + c] = start.w(i, c);
        for (Index j = 0; j < x.n_cols; ++j)
            result.h()[j * x.stride + c] = start.h(j, c);
    }
    return result;
}

template <class T> Matrix<T> unpadded(const T* factor, Index rows, Index k, Index stride)
{
    Matrix<T> result(rows, k);
    for (Index i = 0; i < rows; ++i)
        std::copy_n(factor + i * stride, k, result.data() + i * k);
    return result;
}

/// `dense` is null for sparse data.
template <class T>
Factorization<T> run(Observations<T>& x, const MatrixView<const T>* dense, FactorizeOptions options,
                     const FactorizeStart<T>& start, const Progress& progress)
{
    check_fit(x);
    const int threads = resolve_threads(options.num_threads);
    const bool complete = dense && x.is_complete();
    if (options.solver == FactorizeSolver::automatic) {
        const bool has_optimum = complete && (options.l2_w == 0.0) == (options.l2_h == 0.0);
        options.solver = has_optimum ? FactorizeSolver::exact : FactorizeSolver::als;
    }
    Parameters<T> at;
    Descent end;
    if (options.solver == FactorizeSolver::exact) {
        if (!complete)
            throw std::invalid_argument(
                "solver 'exact' needs every entry of X observed: " + std::to_string(x.n_observed) + " of " +
                shape(x.n_rows, x.n_cols) + " are; use solver 'als'");
        at = closed_form(*dense, x, options);
        end.status = Status::converged;
        end.history = {objective_of(x.residual_pass({at.w(), at.h()}, {}), x, at, options)};
    } else {
        if (start.w.data)
            at = given_start(x, start);
        else if (options.init == FactorizeInit::random)
            at = random_start(x, options);
        else if (complete) {
            FactorizeOptions plain = options;
            plain.l2_w = plain.l2_h = 0.0;
            at = closed_form(*dense, x, plain);
        } else
            at = spectral_start(x, options, threads);
        end = descend(x, at, options, threads, progress);
    }
    Factorization<T> result;
    result.w = unpadded(at.w(), x.n_rows, x.n_components, x.stride);
    result.h = unpadded(at.h(), x.n_cols, x.n_components, x.stride);
    result.objective = end.status == Status::diverged ? *std::min_element(end.history.begin(), end.history.end() - 1)
                                                      : end.history.back();
    result.history = std::move(end.history);
    result.n_iter = end.n_iter;
    result.status = end.status;
    return result;
}

template <class T> Matrix<T> solve_for_rows(Observations<T>& x, MatrixView<const T> h, double l2)
{
    Parameters<T> at(x);
    for (Index j = 0; j < x.n_cols; ++j)
        for (Index c = 0; c < x.n_components; ++c)
            at.h()[j * x.stride + c] = h(j, c);
    x.solve({at.w(), at.h()}, false, l2);
    return unpadded(at.w(), x.n_rows, x.n_components, x.stride);
}

template <class View, class T> Matrix<T> checked_solve_rows(View x, MatrixView<const T> h, double l2, int num_threads)
{
    if (x.n_cols != h.n_rows)
        throw std::invalid_argument("rows must have " + std::to_string(h.n_rows) + " columns, got shape " +
                                    shape(x.n_rows, x.n_cols));
    if (!(l2 >= 0.0) || !std::isfinite(l2))
        throw std::invalid_argument("l2 must be finite and not negative, got " + std::to_string(l2));
    if (x.n_rows == 0)
        return Matrix<T>(0, h.n_cols);
    const auto observations = observe(x, h.n_cols, resolve_threads(num_threads));
    check_finite(*observations);
    return solve_for_rows(*observations, h, l2);
}

} // namespace

void FactorizeOptions::validate(Index n_rows, Index n_cols) const
{
    const Index most = std::min(n_rows, n_cols);
    if (most == 0)
        throw std::invalid_argument("X is empty: shape " + shape(n_rows, n_cols));
    if (n_components < 1 || n_components > most)
        throw std::invalid_argument("n_components must be between 1 and " + std::to_string(most) + ", got " +
                                    std::to_string(n_components));
    const auto check = [](double value, const char* name) {
        if (!(value >= 0.0) || !std::isfinite(value))
            throw std::invalid_argument(std::string(name) + " must be finite and not negative, got " +
                                        std::to_string(value));
    };
    check(learning_rate, "learning_rate");
    check(l2_w, "l2_w");
    check(l2_h, "l2_h");
    check(tol, "tol");
    if (max_iter < 0)
        throw std::invalid_argument("max_iter must not be negative, got " + std::to_string(max_iter));
}

template <class T>
Factorization<T> factorize(MatrixView<const T> x, const FactorizeOptions& options, const FactorizeStart<T>& start,
                           const Progress& progress)
{
    options.validate(x.n_rows, x.n_cols);
    const auto observations = observe(x, options.n_components, resolve_threads(options.num_threads));
    return run(*observations, &x, options, start, progress);
}

template <class T, class I>
Factorization<T> factorize(CsrView<T, I> x, const FactorizeOptions& options, const FactorizeStart<T>& start,
                           const Progress& progress)
{
    options.validate(x.n_rows, x.n_cols);
    const auto observations = observe(x, options.n_components, resolve_threads(options.num_threads));
    return run<T>(*observations, nullptr, options, start, progress);
}

template <class T> double optimal_objective(MatrixView<const T> x, const FactorizeOptions& options)
{
    FactorizeOptions exact = options;
    exact.solver = FactorizeSolver::exact;
    return factorize(x, exact).objective;
}

template <class T> Matrix<T> solve_rows(MatrixView<const T> x, MatrixView<const T> h, double l2, int num_threads)
{
    return checked_solve_rows(x, h, l2, num_threads);
}

template <class T, class I> Matrix<T> solve_rows(CsrView<T, I> x, MatrixView<const T> h, double l2, int num_threads)
{
    return checked_solve_rows(x, h, l2, num_threads);
}

MATFACT_FACTORIZE(, float)
MATFACT_FACTORIZE(, double)

} // namespace matfact
