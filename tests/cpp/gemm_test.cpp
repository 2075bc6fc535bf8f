#include "linalg/gemm.hpp"

#include "support/matrices.hpp"

using namespace matfact;
using namespace matfact::testing;
using linalg::Operand;

namespace {

struct Shape {
    Index m, n, k;
};
// Around the sizes of tiles, panels and blocks, and degenerate ones.
constexpr Shape shapes[] = {{1, 1, 1},    {3, 5, 7},     {8, 24, 384},  {9, 25, 385}, {64, 48, 33},
                            {65, 49, 10}, {130, 200, 9}, {17, 3, 1000}, {1, 300, 50}, {300, 1, 50}};

} // namespace

TEST_CASE_TEMPLATE("a product equals the sum over its inner index", T, float, double)
{
    for (const auto& [m, n, k] : shapes) {
        const Matrix<T> a = normal_matrix<T>(m, k, 1), b = normal_matrix<T>(k, n, 2);
        const Matrix<double> exact = product<T>(a.view(), b.view());
        // k roundings of partial sums that grow to sqrt(k): about k eps.
        CHECK(distance(linalg::multiply<T>(a.view(), b.view(), 2), exact) < rounding<T>(static_cast<double>(k + 16)));
    }
}

TEST_CASE_TEMPLATE("transposed and strided operands are read where they are", T, float, double)
{
    const Matrix<T> a = normal_matrix<T>(90, 160, 3), b = normal_matrix<T>(170, 90, 4);
    const MatrixView<const T> at = a.view().transposed();                // (160, 90)
    const MatrixView<const T> bt = b.view().transposed();                // (90, 170)
    const MatrixView<const T> every_third{a.data(), 30, 80, 3 * 160, 2}; // (30, 80)
    const MatrixView<const T> some{b.data(), 80, 30, 2 * 90, 3};         // (80, 30)
    CHECK(distance(linalg::multiply(at, bt, 2), product(at, bt)) < rounding<T>(256));
    CHECK(distance(linalg::multiply(every_third, some, 2), product(every_third, some)) < rounding<T>(256));
}

TEST_CASE("adding to a matrix that is part of another leaves the rest alone")
{
    const Matrix<double> a = normal_matrix<double>(10, 12, 5), b = normal_matrix<double>(12, 7, 6);
    Matrix<double> c = zero_matrix<double>(20, 20);
    for (Index i = 0; i < c.size(); ++i)
        c.data()[i] = 1.0;
    linalg::multiply_into(Operand<double>{a.view()}, b.view(), c.view().block(5, 6, 10, 7), 2, true);
    const Matrix<double> exact = product<double>(a.view(), b.view());
    for (Index i = 0; i < 20; ++i)
        for (Index j = 0; j < 20; ++j) {
            const bool inside = i >= 5 && i < 15 && j >= 6 && j < 13;
            CHECK(c(i, j) == doctest::Approx(inside ? 1.0 + exact(i - 5, j - 6) : 1.0));
        }
}

TEST_CASE_TEMPLATE("shifts and scale are applied while reading", T, float, double)
{
    const Matrix<T> a = normal_matrix<T>(40, 70, 7), b = normal_matrix<T>(70, 9, 8);
    std::vector<double> rows(40), cols(70);
    for (std::size_t i = 0; i < rows.size(); ++i)
        rows[i] = 0.1 * static_cast<double>(i);
    for (std::size_t j = 0; j < cols.size(); ++j)
        cols[j] = 1.0 - 0.05 * static_cast<double>(j);
    Matrix<double> shifted(40, 70), wide(70, 9);
    for (Index i = 0; i < 40; ++i)
        for (Index j = 0; j < 70; ++j)
            shifted(i, j) = 0.5 * (static_cast<double>(a(i, j)) - rows[static_cast<std::size_t>(i)] -
                                   cols[static_cast<std::size_t>(j)]);
    for (Index i = 0; i < wide.size(); ++i)
        wide.data()[i] = static_cast<double>(b.data()[i]);
    const Operand<T> operand{a.view(), rows.data(), cols.data(), 0.5};
    const Matrix<double> exact = product<double>(shifted.view(), wide.view());
    CHECK(distance(linalg::multiply(operand, b.view(), 2), exact) < rounding<T>(500));
}

TEST_CASE_TEMPLATE("any number of threads gives the same bits", T, float, double)
{
    for (const auto& [m, n, k] : {Shape{1000, 70, 500}, Shape{70, 1000, 500}, Shape{200, 5, 3000}}) {
        const Matrix<T> a = normal_matrix<T>(m, k, 1), b = normal_matrix<T>(k, n, 2);
        const Matrix<T> one = linalg::multiply<T>(a.view(), b.view(), 1);
        for (const int threads : {2, 3, 7})
            CHECK(same_bits(one, linalg::multiply<T>(a.view(), b.view(), threads)));
    }
}

// Row i of a product is row i of a times b: computing a part gives the bits of the whole.
TEST_CASE_TEMPLATE("a part of a product has the bits of the whole", T, float, double)
{
    const Matrix<T> a = normal_matrix<T>(100, 400, 1), b = normal_matrix<T>(400, 30, 2);
    const Matrix<T> whole = linalg::multiply<T>(a.view(), b.view(), 2);
    const Matrix<T> part = linalg::multiply<T>(a.view().rows(33, 60), b.view(), 2);
    CHECK(same_bits(part, copy<T>(MatrixView<const T>(whole.view()).rows(33, 60))));
}
