#include "linalg/sparse_moments.hpp"

#include "support/sparse.hpp"

using namespace matfact;
using namespace matfact::testing;
using linalg::ColumnMoments;

namespace {

/// By loops over the dense matrix, in two passes.
ColumnMoments reference(MatrixView<const double> a, bool center, double scale)
{
    ColumnMoments result;
    for (Index j = 0; j < a.n_cols; ++j) {
        double mean = 0.0;
        for (Index i = 0; center && i < a.n_rows; ++i)
            mean += a(i, j) / static_cast<double>(a.n_rows);
        if (center)
            result.mean.push_back(mean);
        for (Index i = 0; i < a.n_rows; ++i)
            result.squares += scale * scale * (a(i, j) - mean) * (a(i, j) - mean);
    }
    return result;
}

void check_same(const ColumnMoments& found, const ColumnMoments& expected)
{
    CHECK(found.squares == approx<double>(expected.squares, 1000));
    REQUIRE(found.mean.size() == expected.mean.size());
    for (std::size_t j = 0; j < found.mean.size(); ++j)
        CHECK(found.mean[j] == approx<double>(expected.mean[j], 1000));
}

} // namespace

// Sums of some hundred terms: an eps each, here and in the loops that check.
TEST_CASE_TEMPLATE("means and centered norms are those of the dense matrix", T, float, double)
{
    const auto x = random_csr<T, std::int64_t>(200, 30, 0.5);
    const Matrix<double> a = dense(x);
    for (const bool center : {true, false})
        for (const double scale : {1.0, 0.25}) {
            check_same(linalg::column_moments(x.view(), center, scale, 2), reference(a.view(), center, scale));
            check_same(linalg::row_moments(x.view(), center, scale, 2), reference(view(a).transposed(), center, scale));
        }
}

// Values 1e8 +- 1 everywhere: sum of squares minus n mean^2 would lose all 16 digits, and ends below zero or at 0.
TEST_CASE("nothing cancels where the means are large")
{
    Csr<double, std::int32_t> x;
    x.n_cols = 3;
    for (int i = 0; i < 1000; ++i) {
        for (Index j = 0; j < 3; ++j)
            x.add(j, 1e8 + (i % 2 ? 1.0 : -1.0));
        x.end_row();
    }
    CHECK(linalg::column_moments(x.view(), true, 1.0, 2).squares == doctest::Approx(3000.0).epsilon(1e-7));
}

TEST_CASE("entries that are stored several times count as their sum, in any order, and zeros as zeros")
{
    const Csr<double, std::int32_t> x{{1, 5, 2, 0, 4, -4}, {2, 0, 2, 1, 1, 1}, {0, 4, 4, 6}, 3};
    const Matrix<double> a = matrix<double>({{5, 0, 3}, {0, 0, 0}, {0, 0, 0}});
    for (const bool center : {true, false}) {
        check_same(linalg::column_moments(x.view(), center, 1.0, 2), reference(a.view(), center, 1.0));
        check_same(linalg::row_moments(x.view(), center, 1.0, 2), reference(view(a).transposed(), center, 1.0));
    }
}

TEST_CASE("moments have the same bits for any number of threads")
{
    const auto x = random_csr<double, std::int32_t>(3000, 20, 0.7, 10.0);
    const ColumnMoments one = linalg::column_moments(x.view(), true, 1.0, 1);
    for (const int threads : {2, 3, 7}) {
        const ColumnMoments many = linalg::column_moments(x.view(), true, 1.0, threads);
        CHECK(same_bits(one.mean, many.mean));
        CHECK(one.squares == many.squares);
    }
}
