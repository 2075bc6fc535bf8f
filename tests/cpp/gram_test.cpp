#include "linalg/gram.hpp"

#include "support/matrices.hpp"

using namespace matfact;
using namespace matfact::testing;
using linalg::Centering;
using linalg::Gram;

namespace {

constexpr std::pair<Index, Index> shapes[] = {{1, 1},    {5, 3},    {384, 24},  {385, 25},
                                              {900, 65}, {40, 200}, {800, 250}, {7000, 10}};

std::vector<double> column_means(const Matrix<double>& x)
{
    std::vector<double> mean(static_cast<std::size_t>(x.n_cols()), 0.0);
    for (Index i = 0; i < x.n_rows(); ++i)
        for (Index j = 0; j < x.n_cols(); ++j)
            mean[static_cast<std::size_t>(j)] += x(i, j) / static_cast<double>(x.n_rows());
    return mean;
}

Matrix<double> centered(Matrix<double> x)
{
    const std::vector<double> mean = column_means(x);
    for (Index i = 0; i < x.n_rows(); ++i)
        for (Index j = 0; j < x.n_cols(); ++j)
            x(i, j) -= mean[static_cast<std::size_t>(j)];
    return x;
}

/// m roundings of partial sums that grow to m, here and in the loops that check: m sqrt(m) eps each, and a few more.
double sum_of_squares_rounding(Index m)
{
    return rounding<double>(4.0 * static_cast<double>(m) * std::sqrt(static_cast<double>(m)) + 16.0);
}

/// x'x by loops.
Matrix<double> squared(const Matrix<double>& x) { return product<double>(x.view().transposed(), x.view()); }

} // namespace

// Products of two floats are exact in double, so float data give float64 sums: the bound is that of double for both.
TEST_CASE_TEMPLATE("the Gram matrix is summed in float64", T, float, double)
{
    for (const auto& [m, n] : shapes) {
        const Matrix<T> x = normal_matrix<T>(m, n);
        const Gram g = linalg::gram<T>(x.view(), Centering::none, 1.0, 2);
        CHECK(distance(g.matrix, squared(widened<T>(x.view()))) < sum_of_squares_rounding(m));
        CHECK(g.mean.empty());
    }
}

TEST_CASE_TEMPLATE("columns are centered in one pass", T, float, double)
{
    for (const auto& [m, n] : shapes) {
        Matrix<T> x = normal_matrix<T>(m, n);
        for (Index i = 0; i < x.size(); ++i)
            x.data()[i] += T(2);
        const Gram g = linalg::gram<T>(x.view(), Centering::columns, 1.0, 2);
        CHECK(distance(g.matrix, squared(centered(widened<T>(x.view())))) < 4 * sum_of_squares_rounding(m));
        const std::vector<double> mean = column_means(widened<T>(x.view()));
        for (std::size_t j = 0; j < mean.size(); ++j)
            CHECK(g.mean[j] == approx<double>(mean[j], 64));
    }
}

TEST_CASE("rows are centered too, as columns of the transposed matrix")
{
    const Matrix<double> x = normal_matrix<double>(300, 40);
    const Gram g = linalg::gram<double>(x.view().transposed(), Centering::rows, 1.0, 2);
    const Matrix<double> c = centered(copy<double>(x.view()));
    CHECK(distance(g.matrix, product<double>(c.view(), c.view().transposed())) < rounding<double>(4096));
}

// Mean 1e8 and spread 1: X'X - n mean mean' would be pure noise, for 1e16 eps = 2. What is left is the rounding of
// the entries themselves, 1e8 eps each.
TEST_CASE("a mean far above the spread does not cancel")
{
    for (const auto& [m, n] : {std::pair<Index, Index>{5000, 20}, {2000, 250}}) {
        Matrix<double> x = normal_matrix<double>(m, n);
        for (Index i = 0; i < x.size(); ++i)
            x.data()[i] += 1e8;
        const Gram g = linalg::gram<double>(x.view(), Centering::columns, 1.0, 2);
        // Centering after subtracting 1e8, which is exact.
        Matrix<double> near = copy<double>(x.view());
        for (Index i = 0; i < near.size(); ++i)
            near.data()[i] -= 1e8;
        CHECK(distance(g.matrix, squared(centered(std::move(near)))) <
              1e8 * rounding<double>(64 * std::sqrt(static_cast<double>(m))));
    }
}

TEST_CASE("scale enters squared, the mean stays that of x")
{
    const Matrix<double> x = normal_matrix<double>(500, 30);
    for (const Centering centering : {Centering::none, Centering::columns}) {
        const Gram one = linalg::gram<double>(x.view(), centering, 1.0, 2);
        const Gram half = linalg::gram<double>(x.view(), centering, 0.5, 2);
        for (Index i = 0; i < 30; ++i)
            for (Index j = 0; j < 30; ++j)
                CHECK(half.matrix(i, j) == doctest::Approx(0.25 * one.matrix(i, j)).epsilon(1e-12));
        for (std::size_t j = 0; j < one.mean.size(); ++j)
            CHECK(half.mean[j] == doctest::Approx(one.mean[j]).epsilon(1e-12));
    }
}

TEST_CASE_TEMPLATE("any number of threads gives the same bits", T, float, double)
{
    for (const auto& [m, n] : {std::pair<Index, Index>{9000, 30}, {2000, 300}})
        for (const Centering centering : {Centering::none, Centering::columns, Centering::rows}) {
            const Matrix<T> x = normal_matrix<T>(m, n);
            const Gram one = linalg::gram<T>(x.view(), centering, 1.0, 1);
            for (const int threads : {2, 3, 7}) {
                const Gram many = linalg::gram<T>(x.view(), centering, 1.0, threads);
                CHECK(same_bits(one.matrix, many.matrix));
                CHECK(same_bits(one.mean, many.mean));
            }
        }
}

TEST_CASE("a NaN shows on the diagonal")
{
    Matrix<double> x = normal_matrix<double>(100, 12);
    x(57, 5) = NAN;
    CHECK(std::isnan(linalg::gram<double>(x.view(), Centering::none, 1.0, 2).matrix(5, 5)));
    CHECK(std::isnan(linalg::gram<double>(x.view(), Centering::columns, 1.0, 2).matrix(5, 5)));
}

TEST_CASE("a checkpoint that throws interrupts")
{
    const Matrix<double> x = normal_matrix<double>(2000, 20);
    CHECK_THROWS_AS(linalg::gram<double>(x.view(), Centering::none, 1.0, 2, [] { throw 1; }), int);
}

TEST_CASE("sums in float32 over short blocks keep the promise of their noise")
{
    const Index n = 1500, d = 300;
    Matrix<float> x(n, d);
    for (Index i = 0; i < x.size(); ++i)
        x.data()[i] = static_cast<float>(random_normal(7, 0, static_cast<std::uint64_t>(i))) + 5.0f;
    for (const auto centering : {linalg::Centering::none, linalg::Centering::columns, linalg::Centering::rows}) {
        const auto exact = linalg::gram<float>(x.view(), centering, 1.0, 2);
        const auto single = linalg::gram<float>(x.view(), centering, 1.0, 2, {}, true);
        double error = 0.0;
        for (Index i = 0; i < d; ++i)
            for (Index j = 0; j < d; ++j)
                error += std::pow(exact.matrix(i, j) - single.matrix(i, j), 2);
        CHECK(exact.noise == 0.0);
        // The Frobenius norm: at most sqrt(d) times the spectral norm that is promised.
        CHECK(std::sqrt(error) <= std::sqrt(static_cast<double>(d)) * single.noise);
        CHECK(error > 0.0);
    }
}
