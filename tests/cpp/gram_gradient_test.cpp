#include "gram_gradient.hpp"

#include "support/matrices.hpp"

#include "matfact/factorize.hpp"

using namespace matfact;
using namespace matfact::testing;

namespace {

template <class T> Matrix<T> with_padded_rows(const Matrix<T>& factor)
{
    Matrix<T> result = zero_matrix<T>(factor.n_rows(), linalg::padded<T>(factor.n_cols()));
    for (Index i = 0; i < factor.n_rows(); ++i)
        for (Index c = 0; c < factor.n_cols(); ++c)
            result(i, c) = factor(i, c);
    return result;
}

template <class T> MatrixView<const T> without_padding(const Matrix<T>& padded, Index k)
{
    return {padded.data(), padded.n_rows(), k, padded.n_cols(), 1};
}

} // namespace

TEST_CASE_TEMPLATE("the gradient through Gram matrices is that of the residual", T, float, double)
{
    for (const Index k : {1, 5, 20, 33}) {
        const Index m = 150, n = 77;
        const Matrix<T> x = normal_matrix<T>(m, n, 1), w = normal_matrix<T>(m, k, 2), h = normal_matrix<T>(n, k, 3);
        Matrix<double> e = product<T>(w.view(), h.view().transposed());
        double squares = 0.0, squared_norm = 0.0;
        for (Index i = 0; i < m; ++i)
            for (Index j = 0; j < n; ++j) {
                e(i, j) -= static_cast<double>(x(i, j));
                squares += e(i, j) * e(i, j);
                squared_norm += static_cast<double>(x(i, j)) * static_cast<double>(x(i, j));
            }
        const Matrix<double> eh = product<double>(e.view(), widened<T>(h.view()).view());
        const Matrix<double> ew = product<double>(e.view().transposed(), widened<T>(w.view()).view());

        const Matrix<T> padded_w = with_padded_rows(w), padded_h = with_padded_rows(h);
        Matrix<T> of_w = with_padded_rows(w), of_h = with_padded_rows(h), first_w, first_h;
        for (const int threads : {1, 2, 3, 7}) {
            const double found = gram_gradient<T>(x.view(), squared_norm, k, {padded_w.data(), padded_h.data()},
                                                  {of_w.data(), of_h.data()}, threads);
            CHECK(found == approx<T>(squares, 64));
            // The sums are of up to k m products of normal numbers, and so large themselves.
            const double size = 16.0 * static_cast<double>(k * m);
            CHECK(distance<T>(without_padding(of_w, k), eh.view()) <= rounding<T>(size));
            CHECK(distance<T>(without_padding(of_h, k), ew.view()) <= rounding<T>(size));
            if (threads == 1) {
                first_w = copy<T>(of_w.view());
                first_h = copy<T>(of_h.view());
            }
            CHECK(same_bits(of_w, first_w));
            CHECK(same_bits(of_h, first_h));
        }
    }
}

// Through the Gram matrices alone no objective below eps ||X||^2 could be told from zero.
TEST_CASE("gradient descent on a matrix of low rank goes on to the last digits")
{
    const Matrix<double> w = normal_matrix<double>(200, 3, 1), h = normal_matrix<double>(90, 3, 2);
    const Matrix<double> x = product<double>(w.view(), h.view().transposed());
    FactorizeOptions options;
    options.solver = FactorizeSolver::scaled_gd;
    options.n_components = 3;
    options.max_iter = 300;
    options.tol = 0.0;
    const Factorization<double> r = factorize<double>(x.view(), options);
    CHECK(r.objective >= 0.0);
    CHECK(r.objective <= 1e-26);
}
