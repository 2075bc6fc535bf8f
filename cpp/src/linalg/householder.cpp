#include "linalg/householder.hpp"

#include "linalg/gemm.hpp"
#include "parallel.hpp"

#include <algorithm>

namespace matfact::linalg {

namespace {

/// Reflections applied together, whole panels of the product's kernel: many make its products fast, and cost more where
/// they are short.
Index block_size(Index n) { return n <= 512 ? 48 : 96; }

/// T' with H_first .. = 1 - V T V', from the inner products V'V.
template <class T> Matrix<T> transposed_factor(const Matrix<T>& inner, const T* tau)
{
    const Index k = inner.n_rows();
    Matrix<T> t(k, k); // row i of T' is column i of T
    for (Index i = 0; i < k; ++i) {
        std::fill_n(&t(i, 0), k, T(0));
        for (Index j = 0; j < i; ++j)
            for (Index c = 0; c <= j; ++c)
                t(i, c) -= tau[i] * inner(i, j) * t(j, c);
        t(i, i) = tau[i];
    }
    return t;
}

} // namespace

template <class T>
void reflect_rows(MatrixView<const T> reflectors, const std::vector<T>& tau, MatrixView<T> rows, int threads)
{
    const auto count = static_cast<Index>(tau.size());
    const Index n = rows.n_cols, block = block_size(n);
    Matrix<T> along(rows.n_rows, block);
    for (Index begin = (block_count(count, block) - 1) * block; begin >= 0; begin -= block) {
        const Index k = std::min(block, count - begin), first = begin + 1, length = n - first;
        Matrix<T> v(k, length); // V'
        for (Index i = 0; i < k; ++i) {
            std::fill_n(&v(i, 0), i, T(0));
            std::copy_n(&reflectors(begin + i, first + i), length - i, &v(i, i));
        }
        const MatrixView<const T> vt = v.view();
        Matrix<T> t = transposed_factor(multiply(vt, vt.transposed(), threads), tau.data() + begin);
        for (Index i = 0; i < t.size(); ++i)
            t.data()[i] = -t.data()[i];
        const Matrix<T> tv = multiply(MatrixView<const T>(t.view()), vt, threads);
        // rows - (rows V) T' V'
        const MatrixView<T> part = rows.block(0, first, rows.n_rows, length);
        const MatrixView<T> products = along.view().block(0, 0, rows.n_rows, k);
        multiply_into(Operand<T>{part}, vt.transposed(), products, threads);
        multiply_into(Operand<T>{products}, tv.view(), part, threads, true);
    }
}

template void reflect_rows(MatrixView<const float>, const std::vector<float>&, MatrixView<float>, int);
template void reflect_rows(MatrixView<const double>, const std::vector<double>&, MatrixView<double>, int);

} // namespace matfact::linalg
