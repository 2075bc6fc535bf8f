#include "linalg/integer_gram.hpp"

#include "support/matrices.hpp"

#include <cmath>
#include <limits>

using namespace matfact;
using namespace matfact::testing;
using linalg::Gram;
using linalg::integer_gram;

namespace {

constexpr Index largest = 2047;
constexpr std::pair<Index, Index> shapes[] = {{1, 1}, {2, 5}, {511, 47}, {513, 49}, {700, 250}, {1000, 481}};

/// Whole numbers between `low` and `high`.
template <class T> Matrix<T> whole_numbers(Index m, Index n, Index low, Index high)
{
    Matrix<T> x(m, n);
    for (Index i = 0; i < x.size(); ++i) {
        const double uniform = std::abs(std::sin(1.0 + static_cast<double>(i) * 12.9898));
        x.data()[i] =
            static_cast<T>(low + static_cast<Index>(uniform * static_cast<double>(high - low + 1)) % (high - low + 1));
    }
    return x;
}

template <class T> std::int64_t product_of_columns(const Matrix<T>& x, Index a, Index b)
{
    std::int64_t sum = 0;
    for (Index i = 0; i < x.n_rows(); ++i)
        sum += static_cast<std::int64_t>(x(i, a)) * static_cast<std::int64_t>(x(i, b));
    return sum;
}

template <class T> std::int64_t sum_of_column(const Matrix<T>& x, Index a)
{
    std::int64_t sum = 0;
    for (Index i = 0; i < x.n_rows(); ++i)
        sum += static_cast<std::int64_t>(x(i, a));
    return sum;
}

} // namespace

TEST_CASE_TEMPLATE("products of whole numbers are exact", T, float, double)
{
    for (const auto& [m, n] : shapes) {
        const Matrix<T> x = whole_numbers<T>(m, n, -largest, largest);
        const auto g = integer_gram<T>(x.view(), false, 2, {});
        REQUIRE(g);
        Index wrong = 0;
        for (Index i = 0; i < n; ++i)
            for (Index j = 0; j < n; ++j)
                wrong += g->matrix(i, j) != static_cast<double>(product_of_columns(x, i, j));
        CHECK(wrong == 0);
        CHECK(g->mean.empty());
    }
}

TEST_CASE("the largest sums of a block do not overflow")
{
    for (const double value : {2047.0, -2047.0}) {
        Matrix<double> x(1024, 3);
        std::fill_n(x.data(), x.size(), value);
        CHECK(integer_gram<double>(x.view(), false, 1, {})->matrix(0, 2) == 1024 * 2047.0 * 2047.0);
    }
}

// n X'X - s s' is a whole number below 2^63: only the division by n may round.
TEST_CASE_TEMPLATE("centering far from zero cancels nothing", T, float, double)
{
    for (const auto& [m, n] : shapes) {
        const Matrix<T> x = whole_numbers<T>(m, n, largest - 2, largest);
        const auto g = integer_gram<T>(x.view(), true, 2, {});
        REQUIRE(g);
        for (Index i = 0; i < n; i += 7)
            for (Index j = 0; j < n; j += 5) {
                const std::int64_t exact = m * product_of_columns(x, i, j) - sum_of_column(x, i) * sum_of_column(x, j);
                CHECK(g->matrix(i, j) == approx<double>(static_cast<double>(exact) / static_cast<double>(m), 2));
            }
        for (Index j = 0; j < n; ++j)
            CHECK(g->mean[static_cast<std::size_t>(j)] ==
                  static_cast<double>(sum_of_column(x, j)) / static_cast<double>(m));
    }
}

TEST_CASE_TEMPLATE("one entry that is no small whole number refuses the route", T, float, double)
{
    for (const T value :
         {T(0.5), T(2048), T(-2048), T(1e30), std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity()})
        for (const Index row : {0, 1, 511, 512, 600}) {
            Matrix<T> x = whole_numbers<T>(601, 60, 0, 9);
            x(row, 59) = value;
            CHECK(!integer_gram<T>(x.view(), false, 2, {}));
        }
}

TEST_CASE("strides and any number of threads give the same bits")
{
    const Matrix<float> x = whole_numbers<float>(700, 250, -20, 20);
    const auto one = integer_gram<float>(x.view().block(3, 1, 601, 240), true, 1, {});
    const Matrix<float> columns = copy<float>(x.view().block(3, 1, 601, 240).transposed());
    for (const int threads : {2, 3, 7}) {
        CHECK(same_bits(one->matrix, integer_gram<float>(x.view().block(3, 1, 601, 240), true, threads, {})->matrix));
        CHECK(same_bits(one->matrix, integer_gram<float>(columns.view().transposed(), true, threads, {})->matrix));
    }
}

TEST_CASE("wide enough data of whole numbers take the exact route by themselves")
{
    const Matrix<float> x = whole_numbers<float>(500, 300, 0, 255);
    const Gram g = linalg::gram<float>(x.view(), linalg::Centering::columns, 1.0, 2, {}, true);
    CHECK(g.noise == 0.0);
    CHECK(same_bits(g.matrix, integer_gram<float>(x.view(), true, 2, {})->matrix));
}
