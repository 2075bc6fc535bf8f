#include "linalg/row_pass.hpp"

#include "support/matrices.hpp"

#include <type_traits>

using namespace matfact;
using namespace matfact::testing;
using linalg::Operand;

namespace {

struct Shape {
    Index n, d, b;
};
// Around the sizes of tiles, blocks and lanes, and degenerate ones.
constexpr Shape shapes[] = {{1, 1, 1}, {7, 3, 2}, {300, 40, 8}, {1025, 33, 25}, {50, 60, 50}, {4000, 9, 16}};

template <class S> Matrix<double> shifted(const Operand<S>& a)
{
    Matrix<double> result(a.x.n_rows, a.x.n_cols);
    for (Index i = 0; i < a.x.n_rows; ++i)
        for (Index j = 0; j < a.x.n_cols; ++j)
            result(i, j) = a.scale * (static_cast<double>(a.x(i, j)) - (a.row_shift ? a.row_shift[i] : 0.0) -
                                      (a.col_shift ? a.col_shift[j] : 0.0));
    return result;
}

template <class T> Matrix<double> widened(const Matrix<T>& a)
{
    Matrix<double> result(a.n_rows(), a.n_cols());
    for (Index i = 0; i < a.size(); ++i)
        result.data()[i] = static_cast<double>(a.data()[i]);
    return result;
}

/// The products of `a`, compared with the textbook's. Sums of n d products of normal numbers leave about
/// sqrt(n d) eps times their size, which is at most sqrt(n) (sqrt(n) + sqrt(d)).
template <class S, class T> void check(const Operand<S>& a, Index b)
{
    const Index n = a.x.n_rows, d = a.x.n_cols;
    const Matrix<double> exact = shifted(a);
    const MatrixView<const double> x = exact.view();
    const double size = (1.0 + a.scale * a.scale) * (64.0 + std::sqrt(n * d) * static_cast<double>(n + d));
    const Matrix<T> q = normal_matrix<T>(d, b, 5), y = normal_matrix<T>(n, b, 6);
    Matrix<T> z(d, b);
    linalg::gram_times<S, T>(a, q.view(), z.view(), 2);
    const Matrix<double> xq = product<double>(x, widened(q).view());
    CHECK(distance(z, product<double>(x.transposed(), xq.view())) < rounding<T>(size));
    Matrix<T> aq(n, b);
    linalg::times_by_rows<S, T>(a, q.view(), aq.view(), 2);
    CHECK(distance(aq, xq) < rounding<T>(size));
    linalg::transposed_times<S, T>(a, y.view(), z.view(), 2);
    CHECK(distance(z, product<double>(x.transposed(), widened(y).view())) < rounding<T>(size));
}

} // namespace

TEST_CASE_TEMPLATE("products by row blocks equal the textbook's", T, float, double)
{
    for (const auto& [n, d, b] : shapes) {
        const Matrix<T> a = normal_matrix<T>(n, d, 1), at = normal_matrix<T>(d, n, 2);
        check<T, T>({a.view()}, b);
        check<T, T>(Operand<T>{at.view()}.transposed(), b);
    }
}

TEST_CASE("products of float32 data can be formed in float64")
{
    const Matrix<float> a = normal_matrix<float>(700, 50, 1);
    check<float, double>({a.view()}, 10);
    check<float, double>({a.view().transposed()}, 10);
}

TEST_CASE_TEMPLATE("shifts, scale and strides are applied while reading", T, float, double)
{
    const Matrix<T> a = normal_matrix<T>(400, 120, 3);
    std::vector<double> rows(400), cols(120);
    for (std::size_t i = 0; i < rows.size(); ++i)
        rows[i] = 0.01 * static_cast<double>(i % 7);
    for (std::size_t j = 0; j < cols.size(); ++j)
        cols[j] = 1.0 - 0.02 * static_cast<double>(j);
    const Operand<T> centered{a.view(), nullptr, cols.data(), 0.5}, both{a.view(), rows.data(), cols.data(), 2.0};
    check<T, T>(centered, 9);
    check<T, T>(both, 9);
    check<T, T>(both.transposed(), 9);
    check<T, T>({{a.data(), 200, 40, 240, 3}}, 9);
}

TEST_CASE_TEMPLATE("any number of threads gives the same bits in a pass over rows", T, float, double)
{
    const Matrix<T> a = normal_matrix<T>(3000, 90, 1), q = normal_matrix<T>(90, 16, 2);
    Matrix<T> one(90, 16), many(90, 16);
    linalg::gram_times<T, T>({a.view()}, q.view(), one.view(), 1);
    for (const int threads : {2, 3, 7}) {
        linalg::gram_times<T, T>({a.view()}, q.view(), many.view(), threads);
        CHECK(same_bits(one, many));
    }
}
