#include "matfact/eigh.hpp"

#include "linalg/gemm.hpp"
#include "linalg/lapack_calls.hpp"
#include "linalg/orientation.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace matfact {

namespace {

constexpr Index tile = 32; ///< two tiles across the diagonal stay in the first-level cache

/// The largest magnitude, after the checks that every later step relies on.
template <class T> T checked_magnitude(MatrixView<const T> a, int threads)
{
    struct Seen {
        T magnitude = 0, asymmetry = 0;
        bool finite = true;
    };
    std::vector<Seen> seen(static_cast<std::size_t>(block_count(a.n_rows, tile)));
    for_blocks(a.n_rows, tile, threads, [&](Index begin, Index end, Index block) {
        Seen own;
        for (Index j0 = 0; j0 <= begin; j0 += tile)
            for (Index i = begin; i < end; ++i)
                for (Index j = j0; j < std::min(j0 + tile, i + 1); ++j) {
                    const T below = a(i, j), above = a(j, i);
                    own.finite = own.finite && std::isfinite(below) && std::isfinite(above);
                    own.magnitude = std::max({own.magnitude, std::abs(below), std::abs(above)});
                    own.asymmetry = std::max(own.asymmetry, std::abs(below - above));
                }
        seen[static_cast<std::size_t>(block)] = own;
    });
    Seen all;
    for (const Seen& one : seen) {
        all.finite = all.finite && one.finite;
        all.magnitude = std::max(all.magnitude, one.magnitude);
        all.asymmetry = std::max(all.asymmetry, one.asymmetry);
    }
    if (!all.finite)
        throw std::invalid_argument("A holds NaN or infinity; eigh needs finite entries");
    // A product such as X'X computed elsewhere may be off by its own rounding, about n eps.
    const T allowed = 8 * static_cast<T>(a.n_rows + 8) * std::numeric_limits<T>::epsilon() * all.magnitude;
    if (all.asymmetry > allowed)
        throw std::invalid_argument("A is not symmetric: entries differ by up to " + std::to_string(all.asymmetry) +
                                    " across the diagonal; pass (A + A.T) / 2 if that is meant");
    return all.magnitude;
}

/// A power of two that brings `magnitude` near 1, so that squares neither overflow nor vanish.
template <class T> T balance(T magnitude)
{
    if (magnitude == T(0))
        return T(1);
    int exponent = 0;
    std::frexp(magnitude, &exponent);
    const int limit = std::numeric_limits<T>::max_exponent - 2;
    return std::ldexp(T(1), std::max(-limit, std::min(limit, -exponent)));
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

} // namespace

void EighOptions::validate(Index n) const
{
    if (n_components < 0 || n_components > n)
        throw std::invalid_argument("n_components must be between 1 and " + std::to_string(n) + ", got " +
                                    std::to_string(n_components));
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

    constexpr Index worth_threads = 256; // below, waking them takes longer than a pass over a
    const int pass_threads = n <= worth_threads ? 1 : threads;
    const T scale = balance(checked_magnitude(a, pass_threads));
    Matrix<T> work(n, n);
    for_blocks(n, tile, pass_threads, [&](Index begin, Index end, Index) {
        for (Index i = begin; i < end; ++i)
            for (Index j = 0; j < n; ++j)
                work(i, j) = scale * a(i, j);
    });
    if (progress)
        progress({0, std::numeric_limits<double>::quiet_NaN()});

    // Inverse iteration pays for each vector alone; divide and conquer gives all of them at the price of a few
    // products.
    const bool subset =
        options.solver == EighSolver::subset || (options.solver == EighSolver::automatic && 4 * k <= n && n > 64);
    std::vector<T> ascending;
    Matrix<T> rows;
    if (subset)
        rows = linalg::symmetric_eigen_leading(work.view(), k, ascending, threads);
    else {
        linalg::symmetric_eigen(work.view(), ascending, threads);
        rows = std::move(work);
    }

    EighResult<T> result;
    const Index found = rows.n_rows();
    for (Index c = 0; c < k; ++c)
        result.w.push_back(ascending[static_cast<std::size_t>(found - 1 - c)] / scale);
    result.v = as_columns(std::move(rows), k, pass_threads);
    if (options.compute_residuals)
        result.residuals = eigh_residuals<T>(a, result.w, result.v.view(), threads);
    return result;
}

template <class T>
std::vector<T> eigh_residuals(MatrixView<const T> a, const std::vector<T>& w, MatrixView<const T> v, int num_threads)
{
    const Index n = a.n_rows, k = v.n_cols;
    if (a.n_cols != n || v.n_rows != n || static_cast<Index>(w.size()) != k)
        throw std::invalid_argument("residuals need A (n, n), w (k,) and v (n, k)");
    const int threads = resolve_threads(num_threads);
    const T magnitude = checked_magnitude(a, threads), scale = balance(magnitude);
    linalg::Operand<T> scaled{a};
    scaled.scale = static_cast<double>(scale);
    const Matrix<T> av = linalg::multiply(scaled, v, threads);
    T largest = scale * magnitude; // at most the spectral norm, as every |w| is
    for (const T value : w)
        largest = std::max(largest, std::abs(scale * value));
    std::vector<double> squares(static_cast<std::size_t>(k), 0.0);
    for_blocks(k, tile, threads, [&](Index begin, Index end, Index) {
        for (Index i = 0; i < n; ++i)
            for (Index c = begin; c < end; ++c) {
                const auto r = static_cast<double>(av(i, c) - scale * w[static_cast<std::size_t>(c)] * v(i, c));
                squares[static_cast<std::size_t>(c)] += r * r;
            }
    });
    std::vector<T> residuals;
    for (const double square : squares)
        residuals.push_back(largest > 0 ? static_cast<T>(std::sqrt(square)) / largest : T(0));
    return residuals;
}

#define MATFACT_EIGH(T)                                                                                                \
    template EighResult<T> eigh(MatrixView<const T>, const EighOptions&, const Progress&);                             \
    template std::vector<T> eigh_residuals(MatrixView<const T>, const std::vector<T>&, MatrixView<const T>, int);
MATFACT_EIGH(float)
MATFACT_EIGH(double)

} // namespace matfact
