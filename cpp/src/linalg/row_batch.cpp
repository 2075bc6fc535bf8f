#include "linalg/row_batch.hpp"

#include "linalg/csr.hpp"
#include "linalg/row_pass.hpp"
#include "linalg/sparse_moments.hpp"
#include "linalg/sparse_operand.hpp"
#include "parallel.hpp"

#include <cmath>

namespace matfact::linalg {

namespace {

template <class T> Operand<T> centered(MatrixView<const T> x, const std::vector<double>& mean)
{
    return {x, nullptr, mean.empty() ? nullptr : mean.data(), 1.0};
}

/// Without a transpose: it would be built anew for every pass.
template <class T, class I> SparseOperand<T, I> centered(CsrView<T, I> x, const std::vector<double>& mean, int threads)
{
    return {x, {mean, 0.0}, false, threads};
}

void add(const Matrix<double>& part, MatrixView<double> z, int threads)
{
    for_blocks(z.n_rows, 256, threads, [&](Index begin, Index end, Index) {
        for (Index i = begin * z.n_cols; i < end * z.n_cols; ++i)
            z.data[i] += part.data()[i];
    });
}

template <class T> double largest_of(MatrixView<const T> x, int threads)
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
    double result = 0.0;
    for (const double value : largest)
        result = std::isnan(result) || value <= result ? result : value;
    return result;
}

template <class T, class I> double largest_of(CsrView<T, I> x, int threads) { return largest_magnitude(x, threads); }

template <class T> ColumnMoments moments_of(MatrixView<const T> x, bool center, int threads)
{
    return column_moments(x, center, 1.0, threads);
}

template <class T, class I> ColumnMoments moments_of(CsrView<T, I> x, bool center, int threads)
{
    return column_moments(x, center, 1.0, threads);
}

template <class T> void check(MatrixView<const T>, int) {}
template <class T, class I> void check(CsrView<T, I> x, int threads) { check_structure(x, threads); }

template <class T>
void gram_product(MatrixView<const T> x, const std::vector<double>& mean, MatrixView<const double> q,
                  MatrixView<double> z, int threads)
{
    gram_times(centered(x, mean), q, z, threads);
}

template <class T, class I>
void gram_product(CsrView<T, I> x, const std::vector<double>& mean, MatrixView<const double> q, MatrixView<double> z,
                  int threads)
{
    const SparseOperand<T, I> b = centered(x, mean, threads);
    Matrix<double> between(x.n_rows, q.n_cols);
    b.template times<double>(q, between.view());
    b.template transposed_times<double>(between.view(), z);
}

template <class T>
void product(MatrixView<const T> x, const std::vector<double>& mean, MatrixView<const double> q, MatrixView<double> y,
             int threads)
{
    times_by_rows(centered(x, mean), q, y, threads);
}

template <class T, class I>
void product(CsrView<T, I> x, const std::vector<double>& mean, MatrixView<const double> q, MatrixView<double> y,
             int threads)
{
    centered(x, mean, threads).template times<double>(q, y);
}

template <class T>
void transposed_product(MatrixView<const T> x, const std::vector<double>& mean, MatrixView<const double> y,
                        MatrixView<double> z, int threads)
{
    transposed_times(centered(x, mean), y, z, threads);
}

template <class T, class I>
void transposed_product(CsrView<T, I> x, const std::vector<double>& mean, MatrixView<const double> y,
                        MatrixView<double> z, int threads)
{
    centered(x, mean, threads).template transposed_times<double>(y, z);
}

} // namespace

template <class T> Index rows_of(const RowBatch<T>& batch)
{
    return std::visit([](const auto& x) { return x.n_rows; }, batch);
}

template <class T> Index columns_of(const RowBatch<T>& batch)
{
    return std::visit([](const auto& x) { return x.n_cols; }, batch);
}

template <class T> void check_structure(const RowBatch<T>& batch, int threads)
{
    std::visit([&](const auto& x) { check(x, threads); }, batch);
}

template <class T> double largest_magnitude(const RowBatch<T>& batch, int threads)
{
    return std::visit([&](const auto& x) { return largest_of(x, threads); }, batch);
}

template <class T> ColumnMoments column_moments(const RowBatch<T>& batch, bool center, int threads)
{
    return std::visit([&](const auto& x) { return moments_of(x, center, threads); }, batch);
}

template <class T>
void add_gram_times(const RowBatch<T>& batch, const std::vector<double>& mean, MatrixView<const double> q,
                    MatrixView<double> z, int threads)
{
    Matrix<double> part(z.n_rows, z.n_cols);
    std::visit([&](const auto& x) { gram_product(x, mean, q, part.view(), threads); }, batch);
    add(part, z, threads);
}

template <class T>
void times(const RowBatch<T>& batch, const std::vector<double>& mean, MatrixView<const double> q, MatrixView<double> y,
           int threads)
{
    std::visit([&](const auto& x) { product(x, mean, q, y, threads); }, batch);
}

template <class T>
void add_transposed_times(const RowBatch<T>& batch, const std::vector<double>& mean, MatrixView<const double> y,
                          MatrixView<double> z, int threads)
{
    Matrix<double> part(z.n_rows, z.n_cols);
    std::visit([&](const auto& x) { transposed_product(x, mean, y, part.view(), threads); }, batch);
    add(part, z, threads);
}

#define MATFACT_ROW_BATCH(T)                                                                                           \
    template Index rows_of(const RowBatch<T>&);                                                                        \
    template Index columns_of(const RowBatch<T>&);                                                                     \
    template void check_structure(const RowBatch<T>&, int);                                                            \
    template double largest_magnitude(const RowBatch<T>&, int);                                                        \
    template ColumnMoments column_moments(const RowBatch<T>&, bool, int);                                              \
    template void add_gram_times(const RowBatch<T>&, const std::vector<double>&, MatrixView<const double>,             \
                                 MatrixView<double>, int);                                                             \
    template void times(const RowBatch<T>&, const std::vector<double>&, MatrixView<const double>, MatrixView<double>,  \
                        int);                                                                                          \
    template void add_transposed_times(const RowBatch<T>&, const std::vector<double>&, MatrixView<const double>,       \
                                       MatrixView<double>, int);
MATFACT_ROW_BATCH(float)
MATFACT_ROW_BATCH(double)

} // namespace matfact::linalg
