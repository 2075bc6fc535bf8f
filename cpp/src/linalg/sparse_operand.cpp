#include "linalg/sparse_operand.hpp"

#include "linalg/balance.hpp"
#include "linalg/sparse_moments.hpp"
#include "parallel.hpp"

#include <cmath>
#include <type_traits>
#include <utility>

namespace matfact::linalg {

namespace {

/// weights' a, in float64; null weights are all ones.
template <class T> std::vector<T> weighted_sums(MatrixView<const T> a, const double* weights, int threads)
{
    constexpr Index block_rows = 1024;
    Matrix<double> sums(block_count(a.n_rows, block_rows), a.n_cols);
    for_blocks(a.n_rows, block_rows, threads, [&](Index begin, Index end, Index block) {
        double* const sum = &sums(block, 0);
        std::fill_n(sum, a.n_cols, 0.0);
        for (Index i = begin; i < end; ++i) {
            const double weight = weights ? weights[i] : 1.0;
            for (Index j = 0; j < a.n_cols; ++j)
                sum[j] += weight * static_cast<double>(a(i, j));
        }
    });
    std::vector<T> result;
    for (Index j = 0; j < a.n_cols; ++j) {
        double sum = 0.0;
        for (Index block = 0; block < sums.n_rows(); ++block)
            sum += sums(block, j);
        result.push_back(static_cast<T>(sum));
    }
    return result;
}

} // namespace

template <class S, class I>
SparseOperand<S, I>::SparseOperand(CsrView<S, I> stored, bool by_columns, bool center, bool keep_transpose,
                                   double largest, int threads, std::vector<double> roots)
    : by_columns_(by_columns), threads_(threads),
      scale_(static_cast<double>(balance_extremes(static_cast<S>(largest)))), roots_(std::move(roots)),
      moments_(by_columns ? row_moments(stored, center, scale_, threads, roots_)
                          : column_moments(stored, center, scale_, threads, roots_)),
      product_(stored, keep_transpose, threads)
{
}

template <class S, class I>
SparseOperand<S, I>::SparseOperand(CsrView<S, I> rows, ColumnMoments moments, bool keep_transpose, int threads)
    : by_columns_(false), threads_(threads), scale_(1.0), moments_(std::move(moments)),
      product_(rows, keep_transpose, threads)
{
}

template <class S, class I>
template <class T>
void SparseOperand<S, I>::times(MatrixView<const T> q, MatrixView<T> y) const
{
    RankOneUpdate<T> update;
    update.scale = static_cast<T>(scale_);
    std::vector<T> shift;
    const std::vector<T> roots(roots_.begin(), roots_.end());
    if (!moments_.mean.empty()) {
        shift = weighted_sums(q, moments_.mean.data(), threads_);
        update.right = shift.data();
        if (!roots.empty())
            update.left = roots.data();
    }
    if (by_columns_)
        product_.transposed_multiply_into(q, y, update, threads_);
    else
        product_.multiply_into(q, y, update, threads_);
}

template <class S, class I>
template <class T>
void SparseOperand<S, I>::transposed_times(MatrixView<const T> y, MatrixView<T> z) const
{
    RankOneUpdate<T> update;
    update.scale = static_cast<T>(scale_);
    std::vector<T> sums;
    const std::vector<T> mean(moments_.mean.begin(), moments_.mean.end());
    if (!mean.empty()) {
        sums = weighted_sums<T>(y, roots_.empty() ? nullptr : roots_.data(), threads_);
        update.left = mean.data();
        update.right = sums.data();
    }
    if (by_columns_)
        product_.multiply_into(y, z, update, threads_);
    else
        product_.transposed_multiply_into(y, z, update, threads_);
}

#define MATFACT_SPARSE_OPERAND_OF(S, I, T)                                                                             \
    template void SparseOperand<S, I>::times(MatrixView<const T>, MatrixView<T>) const;                                \
    template void SparseOperand<S, I>::transposed_times(MatrixView<const T>, MatrixView<T>) const;
#define MATFACT_SPARSE_OPERAND(I)                                                                                      \
    template class SparseOperand<float, I>;                                                                            \
    template class SparseOperand<double, I>;                                                                           \
    MATFACT_SPARSE_OPERAND_OF(float, I, float)                                                                         \
    MATFACT_SPARSE_OPERAND_OF(float, I, double)                                                                        \
    MATFACT_SPARSE_OPERAND_OF(double, I, double)
MATFACT_SPARSE_OPERAND(std::int32_t)
MATFACT_SPARSE_OPERAND(std::int64_t)

} // namespace matfact::linalg
