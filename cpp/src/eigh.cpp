#include "matfact/eigh.hpp"

#include "linalg/gemm.hpp"
#include "linalg/lapack_calls.hpp"
#include "linalg/orientation.hpp"
#include "parallel.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace matfact {

namespace {

/// The largest magnitude, after the checks that every later step relies on.
template <class T> T checked_scale(MatrixView<const T> a)
{
    T scale = 0, asymmetry = 0;
    bool finite = true;
    constexpr Index tile = 32; // both triangles of a tile pair stay in the cache
    for (Index i0 = 0; i0 < a.n_rows; i0 += tile)
        for (Index j0 = 0; j0 <= i0; j0 += tile)
            for (Index i = i0; i < std::min(i0 + tile, a.n_rows); ++i)
                for (Index j = j0; j <= std::min(j0 + tile - 1, i); ++j) {
                    const T below = a(i, j), above = a(j, i);
                    finite &= std::isfinite(below) && std::isfinite(above);
                    scale = std::max({scale, std::abs(below), std::abs(above)});
                    asymmetry = std::max(asymmetry, std::abs(below - above));
                }
    if (!finite)
        throw std::invalid_argument("A holds NaN or infinity; eigh needs finite entries");
    // A product such as X'X computed elsewhere may be off by its own rounding, about n eps.
    const T allowed = 8 * static_cast<T>(a.n_rows + 8) * std::numeric_limits<T>::epsilon() * scale;
    if (asymmetry > allowed)
        throw std::invalid_argument("A is not symmetric: entries differ by up to " + std::to_string(asymmetry) +
                                    " across the diagonal; pass (A + A.T) / 2 if that is meant");
    return scale;
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

    const T magnitude = checked_scale(a), scale = balance(magnitude);
    Matrix<T> work(n, n);
    for (Index i = 0; i < n; ++i)
        for (Index j = 0; j <= i; ++j)
            work(i, j) = work(j, i) = scale * a(i, j);
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
    result.v = Matrix<T>(n, k);
    const Index found = rows.n_rows();
    for (Index i = 0; i < k; ++i) {
        const T* const row = rows.data() + (found - 1 - i) * n;
        const T sign = linalg::orientation(row, n);
        for (Index j = 0; j < n; ++j)
            result.v(j, i) = sign * row[j];
        result.w.push_back(ascending[static_cast<std::size_t>(found - 1 - i)]);
    }

    linalg::Operand<T> scaled{a};
    scaled.scale = static_cast<double>(scale);
    const Matrix<T> av = linalg::multiply(scaled, MatrixView<const T>(result.v.view()), threads);
    T largest = scale * magnitude; // at most the spectral norm, as every |w| is
    for (const T w : result.w)
        largest = std::max(largest, std::abs(w));
    std::vector<double> squares(static_cast<std::size_t>(k), 0.0);
    for (Index i = 0; i < n; ++i)
        for (Index j = 0; j < k; ++j) {
            const auto c = static_cast<std::size_t>(j);
            const double r = static_cast<double>(av(i, j) - result.w[c] * result.v(i, j));
            squares[c] += r * r;
        }
    for (const double square : squares)
        result.residuals.push_back(largest > 0 ? static_cast<T>(std::sqrt(square)) / largest : T(0));
    for (T& w : result.w)
        w /= scale;
    return result;
}

template EighResult<float> eigh(MatrixView<const float>, const EighOptions&, const Progress&);
template EighResult<double> eigh(MatrixView<const double>, const EighOptions&, const Progress&);

} // namespace matfact
