#include "gram_gradient.hpp"

#include "linalg/gram.hpp"
#include "linalg/row_pass.hpp"
#include "parallel.hpp"

#include <Eigen/Core>

#include <algorithm>
#include <vector>

namespace matfact {

namespace {

constexpr Index block_rows = 64;

template <class T> using Flat = Eigen::Map<Eigen::Array<T, 1, Eigen::Dynamic>>;
template <class T> using ConstFlat = Eigen::Map<const Eigen::Array<T, 1, Eigen::Dynamic>>;

/// products = factor * gram - products; returns <factor, products as they were>. Rows are padded.
template <class T>
double subtract_from_own_part(MatrixView<const T> factor, const Matrix<double>& gram, MatrixView<T> products,
                              int threads)
{
    const Index k = factor.n_cols, width = factor.row_stride, n_blocks = block_count(factor.n_rows, block_rows);
    Matrix<T> panel(k, width), scratch(std::clamp<Index>(threads, 1, n_blocks), block_rows * width);
    for (Index b = 0; b < k; ++b)
        for (Index c = 0; c < width; ++c)
            panel(b, c) = c < k ? static_cast<T>(gram(b, c)) : T(0);
    std::vector<double> inner(static_cast<std::size_t>(n_blocks), 0.0);
    for_each_task_on_worker(n_blocks, threads, [&](Index block, Index worker) {
        T* const own = &scratch(worker, 0);
        const Index begin = block * block_rows, rows = std::min(block_rows, factor.n_rows - begin);
        linalg::multiply_tiles<T>(rows, width, k, panel.data(), width, {&factor(begin, 0), width, 1}, own, width,
                                  false);
        const ConstFlat<T> w(&factor(begin, 0), rows * width);
        Flat<T> out(&products(begin, 0), rows * width);
        inner[static_cast<std::size_t>(block)] = (w.template cast<double>() * out.template cast<double>()).sum();
        out = ConstFlat<T>(own, rows * width) - out;
    });
    return ordered_sum(inner);
}

} // namespace

template <class T>
double gram_gradient(MatrixView<const T> x, double squared_norm, Index n_components, FactorPair<const T> at,
                     FactorPair<T> products, int threads)
{
    const Index k = n_components, stride = linalg::padded<T>(k);
    const MatrixView<const T> w{at.w, x.n_rows, k, stride, 1}, h{at.h, x.n_cols, k, stride, 1};
    const MatrixView<T> xh{products.w, x.n_rows, k, stride, 1}, xw{products.h, x.n_cols, k, stride, 1};
    linalg::times_both(linalg::Operand<T>{x}, h, xh, w, xw, threads);
    const Matrix<double> gram_w = linalg::gram(w, linalg::Centering::none, 1.0, threads).matrix;
    const Matrix<double> gram_h = linalg::gram(h, linalg::Centering::none, 1.0, threads).matrix;
    const double inner = subtract_from_own_part(w, gram_h, xh, threads);
    subtract_from_own_part(h, gram_w, xw, threads);
    double grams = 0.0;
    for (Index i = 0; i < gram_w.size(); ++i)
        grams += gram_w.data()[i] * gram_h.data()[i];
    return squared_norm - 2.0 * inner + grams;
}

template double gram_gradient(MatrixView<const float>, double, Index, FactorPair<const float>, FactorPair<float>, int);
template double gram_gradient(MatrixView<const double>, double, Index, FactorPair<const double>, FactorPair<double>,
                              int);

} // namespace matfact
