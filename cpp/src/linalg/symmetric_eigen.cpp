#include "linalg/symmetric_eigen.hpp"

#include "linalg/balance.hpp"
#include "linalg/tridiagonal_eigen.hpp"
#include "linalg/tridiagonal_leading.hpp"
#include "linalg/tridiagonalize.hpp"
#include "parallel.hpp"

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace matfact::linalg {

namespace {

constexpr Index block_rows = 32;
constexpr Index worth_threads = 256; ///< below, one thread is done before others are awake

/// Of the upper triangle.
template <class T> T largest_magnitude(MatrixView<const T> a, int threads)
{
    std::vector<T> largest(static_cast<std::size_t>(block_count(a.n_rows, block_rows)), T(0));
    for_blocks(a.n_rows, block_rows, threads, [&](Index begin, Index end, Index block) {
        T value = 0;
        for (Index i = begin; i < end; ++i) {
            const auto row = [&](auto stride) {
                return Eigen::Map<const Eigen::Array<T, 1, Eigen::Dynamic>, 0, decltype(stride)>(&a(i, i), a.n_cols - i,
                                                                                                 stride);
            };
            value = std::max(value, a.col_stride == 1 ? row(Eigen::InnerStride<1>()).abs().maxCoeff()
                                                      : row(Eigen::InnerStride<>(a.col_stride)).abs().maxCoeff());
        }
        largest[static_cast<std::size_t>(block)] = value;
    });
    return *std::max_element(largest.begin(), largest.end());
}

/// Row i becomes what row order[i] was, a range of columns after the other.
template <class T> void permute_rows(MatrixView<T> a, const std::vector<Index>& order, int threads)
{
    constexpr Index together = 64;
    Matrix<T> kept(std::clamp<Index>(threads, 1, block_count(a.n_cols, together)), together);
    std::vector<Index> cycles; // where they begin
    std::vector<bool> seen(order.size());
    for (Index i = 0; i < a.n_rows; ++i)
        if (!seen[static_cast<std::size_t>(i)] && order[static_cast<std::size_t>(i)] != i) {
            cycles.push_back(i);
            for (Index j = i; !seen[static_cast<std::size_t>(j)]; j = order[static_cast<std::size_t>(j)])
                seen[static_cast<std::size_t>(j)] = true;
        }
    for_each_task_on_worker(block_count(a.n_cols, together), threads, [&](Index task, Index worker) {
        const Index begin = task * together, width = std::min(together, a.n_cols - begin);
        T* const first = &kept(worker, 0);
        for (const Index start : cycles) {
            std::copy_n(&a(start, begin), width, first);
            Index to = start;
            for (Index from = order[static_cast<std::size_t>(to)]; from != start;
                 to = from, from = order[static_cast<std::size_t>(to)])
                std::copy_n(&a(from, begin), width, &a(to, begin));
            std::copy_n(first, width, &a(to, begin));
        }
    });
}

std::vector<Index> ascending(const std::vector<double>& values)
{
    std::vector<Index> order(values.size());
    std::iota(order.begin(), order.end(), Index{0});
    const auto value = [&](Index i) { return values[static_cast<std::size_t>(i)]; };
    std::stable_sort(order.begin(), order.end(), [&](Index i, Index j) { return value(i) < value(j); });
    return order;
}

template <class T> std::vector<T> in_order(const std::vector<double>& values, const std::vector<Index>& order, T scale)
{
    std::vector<T> w;
    for (const Index i : order)
        w.push_back(static_cast<T>(values[static_cast<std::size_t>(i)] / static_cast<double>(scale)));
    return w;
}

} // namespace

template <class T>
void symmetric_eigen(MatrixView<const T> a, std::vector<T>& w, MatrixView<T> v, int threads,
                     const Checkpoint& checkpoint)
{
    const Index n = a.n_rows;
    if (n <= worth_threads)
        threads = 1;
    const T scale = balance(largest_magnitude<T>(a, threads)); // squares are formed of all entries
    TridiagonalForm<T> form = tridiagonalize<T>(a, scale, threads, checkpoint);
    std::vector<double>& values = form.diagonal;
    tridiagonal_eigen(values, form.beside, v, threads, checkpoint);
    apply_reflections(form, v, threads, checkpoint);
    const std::vector<Index> order = ascending(values);
    w = in_order<T>(values, order, scale);
    permute_rows(v, order, threads);
}

template <class T>
Matrix<T> symmetric_eigen_some(MatrixView<const T> a, std::vector<T>& w,
                               const std::function<Index(const std::vector<T>&)>& count, int threads)
{
    const Index n = a.n_rows;
    if (n <= worth_threads)
        threads = 1;
    const T scale = balance(largest_magnitude<T>(a, threads));
    TridiagonalForm<T> form = tridiagonalize<T>(a, scale, threads);
    Matrix<T> of_form(n, n);
    tridiagonal_eigen(form.diagonal, form.beside, of_form.view(), threads);
    const std::vector<Index> order = ascending(form.diagonal);
    w = in_order<T>(form.diagonal, order, scale);
    const Index k = count(w);
    Matrix<T> v(k, n);
    for (Index i = 0; i < k; ++i)
        std::copy_n(&of_form(order[static_cast<std::size_t>(n - k + i)], 0), n, &v(i, 0));
    apply_reflections(form, v.view(), threads);
    return v;
}

template <class T>
Matrix<T> symmetric_eigen_leading(MatrixView<const T> a, Index k, std::vector<T>& w, int threads,
                                  const Checkpoint& checkpoint)
{
    const Index n = a.n_rows;
    if (k == n) { // of all pairs, divide and conquer gives the more orthogonal vectors
        Matrix<T> all(n, n);
        symmetric_eigen(a, w, all.view(), threads, checkpoint);
        return all;
    }
    if (n <= worth_threads)
        threads = 1;
    const T scale = balance(largest_magnitude<T>(a, threads));
    const TridiagonalForm<T> form = tridiagonalize(a, scale, threads, checkpoint);
    Matrix<double> of_form(k, n);
    const std::vector<double> values = tridiagonal_leading(form.diagonal, form.beside, of_form.view(), threads);
    Matrix<T> v(k, n);
    w.clear();
    for (Index i = 0; i < k; ++i) {
        w.push_back(static_cast<T>(values[static_cast<std::size_t>(k - 1 - i)] / static_cast<double>(scale)));
        std::transform(&of_form(k - 1 - i, 0), &of_form(k - 1 - i, 0) + n, &v(i, 0),
                       [](double entry) { return static_cast<T>(entry); });
    }
    apply_reflections(form, v.view(), threads, checkpoint);
    return v;
}

template void symmetric_eigen(MatrixView<const float>, std::vector<float>&, MatrixView<float>, int, const Checkpoint&);
template void symmetric_eigen(MatrixView<const double>, std::vector<double>&, MatrixView<double>, int,
                              const Checkpoint&);
template Matrix<float> symmetric_eigen_some(MatrixView<const float>, std::vector<float>&,
                                            const std::function<Index(const std::vector<float>&)>&, int);
template Matrix<double> symmetric_eigen_some(MatrixView<const double>, std::vector<double>&,
                                             const std::function<Index(const std::vector<double>&)>&, int);
template Matrix<float> symmetric_eigen_leading(MatrixView<const float>, Index, std::vector<float>&, int,
                                               const Checkpoint&);
template Matrix<double> symmetric_eigen_leading(MatrixView<const double>, Index, std::vector<double>&, int,
                                                const Checkpoint&);

} // namespace matfact::linalg
