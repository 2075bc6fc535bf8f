#include "linalg/symmetric_eigen.hpp"

#include "linalg/balance.hpp"
#include "linalg/lapack_calls.hpp"
#include "linalg/tridiagonal_eigen.hpp"
#include "matfact/status.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace matfact::linalg {

namespace {

constexpr Index block_rows = 32;
constexpr Index worth_lapack_threads = 256; ///< below, one thread is done before others are awake
/// Below, our threads stay out of it: LAPACK's wait actively for a while after its call, and ours after each of theirs.
/// On two cores the whole was faster with ours asleep, up to about this size.
constexpr Index worth_own_threads = 1536;

/// Of the upper triangle.
template <class T> T largest_magnitude(MatrixView<const T> a, int threads)
{
    std::vector<T> largest(static_cast<std::size_t>(block_count(a.n_rows, block_rows)), T(0));
    for_blocks(a.n_rows, block_rows, threads, [&](Index begin, Index end, Index block) {
        T value = 0;
        for (Index i = begin; i < end; ++i)
            for (Index j = i; j < a.n_cols; ++j)
                value = std::max(value, std::abs(a(i, j)));
        largest[static_cast<std::size_t>(block)] = value;
    });
    return *std::max_element(largest.begin(), largest.end());
}

template <class T> std::vector<double> widened(const std::vector<T>& values)
{
    if (!std::all_of(values.begin(), values.end(), [](T value) { return std::isfinite(value); }))
        throw NumericalError("the tridiagonal form of a symmetric matrix holds NaN or infinity");
    return {values.begin(), values.end()};
}

} // namespace

template <class T> void symmetric_eigen_by_reduction(MatrixView<T> a, std::vector<T>& w, int threads)
{
    const Index n = a.n_rows;
    const int lapack_threads = n <= worth_lapack_threads ? 1 : threads;
    if (n <= worth_own_threads)
        threads = 1;
    const T scale = balance(largest_magnitude<T>(a, threads)); // squares are formed of all entries
    if (scale != T(1))
        for_blocks(n, block_rows, threads, [&](Index begin, Index end, Index) {
            for (Index i = begin; i < end; ++i)
                for (Index j = i; j < n; ++j)
                    a(i, j) *= scale;
        });
    std::vector<T> diagonal, beside, tau;
    reduce_to_tridiagonal(a, diagonal, beside, tau, lapack_threads);
    std::vector<double> d = widened(diagonal), e = widened(beside);
    Matrix<T> v(n, n);
    tridiagonal_eigen(d, e, v.view(), threads);
    apply_reflections<T>(a, tau, v.view(), lapack_threads);

    std::vector<Index> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), Index{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](Index i, Index j) { return d[static_cast<std::size_t>(i)] < d[static_cast<std::size_t>(j)]; });
    w.clear();
    for (const Index i : order)
        w.push_back(static_cast<T>(d[static_cast<std::size_t>(i)] / static_cast<double>(scale)));
    for_blocks(n, block_rows, threads, [&](Index begin, Index end, Index) {
        for (Index i = begin; i < end; ++i)
            std::copy_n(&v(order[static_cast<std::size_t>(i)], 0), n, &a(i, 0));
    });
}

template void symmetric_eigen_by_reduction(MatrixView<float>, std::vector<float>&, int);
template void symmetric_eigen_by_reduction(MatrixView<double>, std::vector<double>&, int);

} // namespace matfact::linalg
