#include "linalg/symmetric_eigen.hpp"

#include "linalg/householder.hpp"
#include "linalg/tridiagonal_eigen.hpp"
#include "linalg/tridiagonalize.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace matfact::linalg {

namespace {

constexpr Index block_rows = 32;
constexpr Index worth_threads = 256; ///< below, one thread is done before others are awake

/// A power of two that brings the largest magnitude of the upper triangle near 1: squares are formed of all entries.
template <class T> T balancing_scale(MatrixView<const T> a, int threads)
{
    std::vector<T> largest(static_cast<std::size_t>(block_count(a.n_rows, block_rows)), T(0));
    for_blocks(a.n_rows, block_rows, threads, [&](Index begin, Index end, Index block) {
        T value = 0;
        for (Index i = begin; i < end; ++i)
            for (Index j = i; j < a.n_cols; ++j)
                value = std::max(value, std::abs(a(i, j)));
        largest[static_cast<std::size_t>(block)] = value;
    });
    int exponent = 0;
    std::frexp(*std::max_element(largest.begin(), largest.end()), &exponent);
    const int limit = std::numeric_limits<T>::max_exponent - 2;
    return std::ldexp(T(1), std::clamp(-exponent, -limit, limit));
}

} // namespace

template <class T> void symmetric_eigen(MatrixView<T> a, std::vector<T>& w, int threads)
{
    const Index n = a.n_rows, stride = padded_cols<T>(n);
    if (n <= worth_threads)
        threads = 1;
    const T scale = balancing_scale<T>(a, threads);
    Matrix<T> work(n, stride), v(n, n);
    for_blocks(n, block_rows, threads, [&](Index begin, Index end, Index) {
        for (Index i = begin; i < end; ++i) {
            T* const row = &work(i, 0);
            for (Index j = 0; j < n; ++j)
                row[j] = scale * a(i, j);
            std::fill(row + n, row + stride, T(0));
        }
    });
    std::vector<double> d, e;
    std::vector<T> tau;
    const MatrixView<T> reduced = work.view().block(0, 0, n, n);
    tridiagonalize(reduced, d, e, tau, threads);
    tridiagonal_eigen(d, e, v.view(), threads);
    reflect_rows<T>(reduced, tau, v.view(), threads);

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

template void symmetric_eigen(MatrixView<float>, std::vector<float>&, int);
template void symmetric_eigen(MatrixView<double>, std::vector<double>&, int);

} // namespace matfact::linalg
