#include "matfact/sketch.hpp"

#include "matfact/eigh.hpp"
#include "support/matrices.hpp"

#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

// Orthogonal rows of lengths 4, 3, 2: two are kept, the square of the third is taken off.
TEST_CASE("the classic step takes the first square left out off every row that is kept")
{
    Matrix<double> rows = matrix<double>({{0, 2, 0, 0}, {0, 0, 4, 0}, {3, 0, 0, 0}});
    CHECK(shrink_rows(rows.view(), 0, 2) == approx<double>(4, 16));
    const Matrix<double> gram = product<double>(view(rows).transposed(), rows.view());
    CHECK(gram(2, 2) == approx<double>(16 - 4, 16));
    CHECK(gram(0, 0) == approx<double>(9 - 4, 16));
    CHECK(gram(1, 1) == approx<double>(0, 16));
    CHECK(rows(2, 2) == 0.0);
}

TEST_CASE("exact rows lose nothing")
{
    Matrix<double> rows = matrix<double>({{0, 2, 0, 0}, {0, 0, 4, 0}, {3, 0, 0, 0}});
    CHECK(shrink_rows(rows.view(), 1, 2) == approx<double>(4, 16));
    const Matrix<double> gram = product<double>(view(rows).transposed(), rows.view());
    CHECK(gram(2, 2) == approx<double>(16, 16));
    CHECK(gram(0, 0) == approx<double>(9 - 4, 16));
}

TEST_CASE("a step takes off a positive semidefinite matrix of at most the norm it returns")
{
    Matrix<double> rows = normal_matrix<double>(40, 90);
    const Matrix<double> before = product<double>(view(rows).transposed(), rows.view());
    const double taken = shrink_rows(rows.view(), 5, 20);
    Matrix<double> lost = product<double>(view(rows).transposed(), rows.view());
    for (Index i = 0; i < lost.size(); ++i)
        lost.data()[i] = before.data()[i] - lost.data()[i];
    for (Index i = 0; i < 90; ++i) // the products are symmetric to rounding only
        for (Index j = 0; j < i; ++j)
            lost(i, j) = lost(j, i);
    const EighResult<double> spectrum = eigh<double>(lost.view());
    const double allowed = rounding<double>(1000) * spectrum.w.front();
    CHECK(taken > 0.0);
    CHECK(spectrum.w.front() <= taken + allowed);
    CHECK(spectrum.w.back() >= -allowed);
}

TEST_CASE("few rows, and rows of low rank, are kept as they are")
{
    Matrix<double> few = normal_matrix<double>(3, 9);
    const Matrix<double> before = copy<double>(few.view());
    CHECK(shrink_rows(few.view(), 1, 3) == 0.0);
    CHECK(same_bits(few, before));

    Matrix<double> twice = matrix<double>({{1, 2, 3}, {1, 2, 3}, {2, 4, 6}});
    CHECK(shrink_rows(twice.view(), 1, 1) <= rounding<double>(1000));
    CHECK(product<double>(view(twice).transposed(), twice.view())(2, 2) == approx<double>(54, 64));
    Matrix<double> zero = zero_matrix<double>(4, 5);
    CHECK(shrink_rows(zero.view(), 1, 2) == 0.0);
    CHECK(largest_entry<double>(zero.view()) == 0.0);
}

TEST_CASE("a sketch refuses counts and rows that make no sense")
{
    Matrix<double> rows = normal_matrix<double>(4, 5);
    CHECK_THROWS_AS(shrink_rows(rows.view(), 3, 2), std::invalid_argument);
    rows(0, 0) = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_AS(shrink_rows(rows.view(), 1, 2), std::invalid_argument);
}
