#include "matfact/eigh.hpp"

#include "checkpoint.hpp"
#include "linalg/balance.hpp"
#include "linalg/gemm.hpp"
#include "linalg/krylov.hpp"
#include "linalg/orientation.hpp"
#include "linalg/symmetric_eigen.hpp"
#include "linalg/symmetric_product.hpp"
#include "linalg/symmetry.hpp"
#include "matfact/certificate.hpp"
#include "matfact/random.hpp"
#include "parallel.hpp"
#include "safe_operator.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace matfact {

namespace {

constexpr Index tile = 32;           ///< two tiles across the diagonal stay in the first-level cache
constexpr Index worth_threads = 256; ///< below, waking them takes longer than a pass over a

/// Of eigenvalues of a scaled matrix that were unscaled: entries within the range may have sums that are not.
template <class T> void check_range(const std::vector<T>& w)
{
    for (const T value : w)
        if (!std::isfinite(value))
            throw NumericalError("an eigenvalue exceeds the range of the dtype; scale A down");
}

/// The largest magnitude, after the checks that every later step relies on.
template <class T> T checked_magnitude(MatrixView<const T> a, int threads)
{
    const auto [magnitude, asymmetry] = linalg::symmetry_of(a, threads);
    if (!std::isfinite(magnitude))
        throw std::invalid_argument("A holds NaN or infinity; eigh needs finite entries");
    // A product such as X'X computed elsewhere may be off by its own rounding, about n eps.
    const T allowed = 8 * static_cast<T>(a.n_rows + 8) * std::numeric_limits<T>::epsilon() * magnitude;
    if (asymmetry > allowed)
        throw std::invalid_argument("A is not symmetric: entries differ by up to " + std::to_string(asymmetry) +
                                    " across the diagonal; pass (A + A.T) / 2 if that is meant");
    return magnitude;
}

/// The last k rows in reverse order as columns, with their signs fixed. A square matrix is turned around in place.
template <class T> Matrix<T> as_columns(Matrix<T> rows, Index k, int threads)
{
    const Index found = rows.n_rows(), n = rows.n_cols();
    for_blocks((found + 1) / 2, 1, threads, [&](Index i, Index, Index) {
        T *const first = rows.data() + i * n, *const last = rows.data() + (found - 1 - i) * n;
        const auto turn = [&](T* row) {
            if (linalg::orientation(row, n) < T(0))
                for (Index j = 0; j < n; ++j)
                    row[j] = -row[j];
        };
        turn(first);
        if (last != first) {
            turn(last);
            std::swap_ranges(first, first + n, last);
        }
    });
    if (k < n) {
        Matrix<T> v(n, k);
        for_blocks(n, tile, threads, [&](Index begin, Index end, Index) {
            for (Index c = 0; c < k; ++c)
                for (Index j = begin; j < end; ++j)
                    v(j, c) = rows(c, j);
        });
        return v;
    }
    for_blocks(n, tile, threads, [&](Index begin, Index end, Index) {
        for (Index j0 = 0; j0 <= begin; j0 += tile)
            for (Index i = begin; i < end; ++i)
                for (Index j = j0; j < std::min(j0 + tile, i); ++j)
                    std::swap(rows(i, j), rows(j, i));
    });
    return rows;
}

/// Inverse iteration pays for each vector alone; divide and conquer gives all of them at the price of a few products.
EighSolver direct_solver(Index n, Index k) { return 4 * k <= n && n > 64 ? EighSolver::subset : EighSolver::full; }

/// The fastest solver for the shape, by the times that docs/methods/eigh.md gives.
EighSolver choose_solver(Index n, Index k)
{
    return n >= 1500 && 20 * k <= n ? EighSolver::krylov : direct_solver(n, k);
}

/// What krylov may take of the time of a direct solver, which grows with n^3 as a pass does with n^2, less fixed costs.
Index passes_worth_trying(Index n) { return n * n / 27000; }

/// w and v of the leading pairs by a direct solver.
template <class T>
EighResult<T> by_reduction(MatrixView<const T> a, Index k, bool subset, int threads,
                           const linalg::Checkpoint& checkpoint)
{
    const Index n = a.n_rows;
    std::vector<T> ascending;
    Matrix<T> rows;
    if (subset)
        rows = linalg::symmetric_eigen_leading(a, k, ascending, threads, checkpoint);
    else {
        rows = Matrix<T>(n, n);
        linalg::symmetric_eigen(a, ascending, rows.view(), threads, checkpoint);
    }
    EighResult<T> result;
    result.w.assign(ascending.rbegin(), ascending.rbegin() + k);
    result.v = as_columns(std::move(rows), k, n <= worth_threads ? 1 : threads);
    return result;
}

/// The leading pairs of an operator by block Lanczos. `accepted` as in KrylovOptions.
template <class T>
linalg::KrylovResult<T> iterate(Index n, Index k, const linalg::BlockOperator<T>& apply,
                                const std::function<double(double, double)>& accepted, bool give_up,
                                const EighOptions& options, int threads, const Progress& progress)
{
    linalg::KrylovOptions engine;
    engine.block = std::is_same_v<T, float> ? 16 : 8; // a cache line
    engine.count = [k](const std::vector<double>&) { return k; };
    engine.accepted = accepted;
    engine.max_passes = options.max_passes;
    engine.give_up = give_up;
    engine.seed = options.seed;
    engine.threads = threads;
    engine.report = report_of(progress);
    return linalg::krylov<T>(n, apply, engine, checkpoint_of(progress));
}

template <class T> double resolved_tol(double tol) { return tol > 0.0 ? tol : std::is_same_v<T, float> ? 1e-6 : 1e-12; }

/// What was found for scale * A as the result for A.
template <class T> EighResult<T> as_result(linalg::KrylovResult<T> found, double scale)
{
    EighResult<T> result;
    for (const double value : found.values)
        result.w.push_back(static_cast<T>(value / scale));
    result.v = std::move(found.vectors);
    const Index n = result.v.n_rows(), k = result.v.n_cols();
    for (Index c = 0; c < k; ++c)
        if (linalg::orientation(result.v.data() + c, n, k) < T(0))
            for (Index i = 0; i < n; ++i)
                result.v(i, c) = -result.v(i, c);
    result.n_passes = found.n_passes;
    result.status = found.status;
    result.next_value = found.next_value / scale;
    return result;
}

/// w and v of the leading pairs by Lanczos iterations on a itself.
template <class T>
EighResult<T> by_krylov(MatrixView<const T> a, Index k, T magnitude, const EighOptions& options, int threads,
                        const Progress& progress)
{
    linalg::Operand<T> z{a.col_stride == 1 ? a : a.transposed()};
    // Scaled, a is copied tile by tile in every pass; squares of ordinary entries need no care.
    z.scale = static_cast<double>(linalg::balance_extremes(magnitude));
    const double entry = z.scale * static_cast<double>(magnitude), tol = resolved_tol<T>(options.tol);
    const auto accepted = [=](double value, double) { return 0.5 * tol * std::max(std::abs(value), entry); };
    linalg::SymmetricProduct<T> product(z.x, threads);
    const auto apply = [&](MatrixView<const T> q, MatrixView<T> aq) {
        if (z.scale == 1.0 && product.suits(q.n_cols))
            product.times(q, aq);
        else
            linalg::multiply_into(z, q, aq, threads);
    };
    const bool is_automatic = options.solver == EighSolver::automatic;
    return as_result(iterate<T>(a.n_rows, k, apply, accepted, is_automatic, options, threads, progress), z.scale);
}

/// Residuals and error bounds from av = scale * A v; `largest` is at most the norm of scale * A.
template <class T>
Certificate<T> certificate_of(const Matrix<T>& av, const std::vector<T>& w, MatrixView<const T> v, T scale, T largest,
                              double next_value, int threads)
{
    const Index n = v.n_rows, k = v.n_cols;
    for (const T value : w)
        largest = std::max(largest, std::abs(scale * value));
    std::vector<double> norms(static_cast<std::size_t>(k), 0.0);
    for_blocks(k, tile, threads, [&](Index begin, Index end, Index) {
        for (Index i = 0; i < n; ++i)
            for (Index c = begin; c < end; ++c) {
                const auto r = static_cast<double>(av(i, c) - scale * w[static_cast<std::size_t>(c)] * v(i, c));
                norms[static_cast<std::size_t>(c)] += r * r;
            }
    });
    Certificate<T> certificate;
    std::vector<double> values;
    for (std::size_t c = 0; c < norms.size(); ++c) {
        norms[c] = std::sqrt(norms[c]);
        values.push_back(static_cast<double>(scale) * static_cast<double>(w[c]));
        certificate.residuals.push_back(largest > 0 ? static_cast<T>(norms[c]) / largest : T(0));
    }
    // Rounding of a v, whose rows sum n products.
    const double rounding = std::sqrt(static_cast<double>(n)) * static_cast<double>(std::numeric_limits<T>::epsilon()) *
                            static_cast<double>(largest);
    for (const double bound : error_bounds(values, norms, next_value * static_cast<double>(scale)))
        certificate.error_bounds.push_back(static_cast<T>((bound + rounding) / static_cast<double>(scale)));
    return certificate;
}

/// Throws unless p'(A q) = q'(A p) for some random p and q.
template <class T> void check_symmetry(SafeOperator<T>& a, std::uint64_t seed)
{
    constexpr std::uint64_t stream = 0x73796d6d; // none of those that the iterations draw from
    const Index n = a.n_rows(), width = std::min<Index>(n, 4);
    Matrix<T> q(n, width), aq(n, width);
    for (Index i = 0; i < q.size(); ++i)
        q.data()[i] = static_cast<T>(random_normal(seed, stream, static_cast<std::uint64_t>(i)));
    a.times(q.view(), aq.view());
    double longest = 0.0;
    for (Index c = 0; c < width; ++c) {
        double square = 0.0;
        for (Index i = 0; i < n; ++i)
            square += static_cast<double>(aq(i, c)) * static_cast<double>(aq(i, c));
        longest = std::max(longest, std::sqrt(square));
    }
    // q has columns of norm sqrt(n); the operator may round each entry of A q by some n eps of it.
    const auto rows = static_cast<double>(n);
    const double allowed =
        8 * (rows + 8) * static_cast<double>(std::numeric_limits<T>::epsilon()) * std::sqrt(rows) * longest;
    for (Index c = 0; c < width; ++c)
        for (Index b = 0; b < c; ++b) {
            double difference = 0.0;
            for (Index i = 0; i < n; ++i)
                difference += static_cast<double>(q(i, b)) * static_cast<double>(aq(i, c)) -
                              static_cast<double>(q(i, c)) * static_cast<double>(aq(i, b));
            if (std::abs(difference) > allowed)
                throw std::invalid_argument("A is not symmetric: p'(A q) and q'(A p) differ for random p and q; eigh "
                                            "needs an operator that is its own transpose");
        }
}

} // namespace

void EighOptions::validate(Index n) const
{
    if (n_components < 0 || n_components > n)
        throw std::invalid_argument("n_components must be between 1 and " + std::to_string(n) + ", got " +
                                    std::to_string(n_components));
    if (!(tol >= 0.0))
        throw std::invalid_argument("tol must not be negative, got " + std::to_string(tol));
    if (max_passes < 1)
        throw std::invalid_argument("max_passes must be at least 1, got " + std::to_string(max_passes));
}

template <class T> EighResult<T> eigh(MatrixView<const T> a, const EighOptions& options, const Progress& progress)
{
    if (a.n_rows != a.n_cols)
        throw std::invalid_argument("A must be square, got shape (" + std::to_string(a.n_rows) + ", " +
                                    std::to_string(a.n_cols) + ")");
    if (a.n_rows == 0)
        throw std::invalid_argument("A is empty");
    options.validate(a.n_rows);
    const int threads = resolve_threads(options.num_threads);
    const Index n = a.n_rows, k = options.n_components ? options.n_components : n;

    const int pass_threads = n <= worth_threads ? 1 : threads;
    const T magnitude = checked_magnitude(a, pass_threads);
    const bool is_automatic = options.solver == EighSolver::automatic;
    EighSolver solver = is_automatic ? choose_solver(n, k) : options.solver;
    EighResult<T> result;
    if (solver == EighSolver::krylov) {
        EighOptions limited = options;
        if (is_automatic)
            limited.max_passes = std::min(options.max_passes, passes_worth_trying(n));
        result = by_krylov(a, k, magnitude, limited, threads, progress);
        if (is_automatic && result.status == Status::max_iter)
            solver = direct_solver(n, k);
    }
    if (solver != EighSolver::krylov)
        result = by_reduction(a.col_stride == 1 ? a : a.transposed(), k, solver == EighSolver::subset, threads,
                              checkpoint_of(progress));
    check_range(result.w);
    if (options.compute_residuals) {
        Certificate<T> certificate = eigh_certificate<T>(a, result.w, result.v.view(), result.next_value, threads);
        result.residuals = std::move(certificate.residuals);
        result.error_bounds = std::move(certificate.error_bounds);
    }
    return result;
}

template <class T>
Certificate<T> eigh_certificate(MatrixView<const T> a, const std::vector<T>& w, MatrixView<const T> v,
                                double next_value, int num_threads)
{
    const Index n = a.n_rows, k = v.n_cols;
    if (a.n_cols != n || v.n_rows != n || static_cast<Index>(w.size()) != k)
        throw std::invalid_argument("residuals need A (n, n), w (k,) and v (n, k)");
    const int threads = resolve_threads(num_threads);
    const T magnitude = checked_magnitude(a, threads), scale = linalg::balance(magnitude);
    linalg::Operand<T> scaled{a};
    scaled.scale = static_cast<double>(scale);
    const Matrix<T> av = linalg::multiply(scaled, v, threads);
    // The largest entry is at most the spectral norm, as every |w| is.
    return certificate_of(av, w, v, scale, scale * magnitude, next_value, threads);
}

template <class T> EighResult<T> eigh(const LinearOperator<T>& a, const EighOptions& options, const Progress& progress)
{
    if (a.n_rows != a.n_cols)
        throw std::invalid_argument("A must be square, got shape (" + std::to_string(a.n_rows) + ", " +
                                    std::to_string(a.n_cols) + ")");
    if (a.n_rows == 0)
        throw std::invalid_argument("A is empty");
    if (!a.times)
        throw std::invalid_argument("eigh needs an operator with the product times");
    if (options.solver != EighSolver::automatic && options.solver != EighSolver::krylov)
        throw std::invalid_argument("the eigenpairs of an operator are found by krylov");
    options.validate(a.n_rows);
    const int threads = resolve_threads(options.num_threads);
    const Index n = a.n_rows, k = options.n_components ? options.n_components : n;
    SafeOperator<T> safe(a);
    check_symmetry(safe, options.seed);
    const double tol = resolved_tol<T>(options.tol);
    linalg::KrylovResult<T> found = iterate<T>(
        n, k, [&](MatrixView<const T> q, MatrixView<T> aq) { safe.times(q, aq); },
        [tol](double, double norm) { return 0.5 * tol * norm; }, false, options, threads, progress);
    const T norm = static_cast<T>(found.norm), scale = static_cast<T>(safe.scale());
    EighResult<T> result = as_result(std::move(found), safe.scale());
    check_range(result.w);
    Matrix<T> av(n, k);
    safe.times(MatrixView<const T>(result.v.view()), av.view());
    Certificate<T> certificate =
        certificate_of<T>(av, result.w, result.v.view(), scale, norm, result.next_value, threads);
    result.residuals = std::move(certificate.residuals);
    result.error_bounds = std::move(certificate.error_bounds);
    return result;
}

#define MATFACT_EIGH(T)                                                                                                \
    template EighResult<T> eigh(MatrixView<const T>, const EighOptions&, const Progress&);                             \
    template EighResult<T> eigh(const LinearOperator<T>&, const EighOptions&, const Progress&);                        \
    template Certificate<T> eigh_certificate(MatrixView<const T>, const std::vector<T>&, MatrixView<const T>, double,  \
                                             int);
MATFACT_EIGH(float)
MATFACT_EIGH(double)

} // namespace matfact
