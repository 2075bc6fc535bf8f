#include "linalg/column_moments.hpp"

#include "support/matrices.hpp"

using namespace matfact;
using namespace matfact::testing;
using linalg::column_moments;
using linalg::ColumnMoments;

namespace {

/// Columns of deviation 1 around 1000 j: uncentered sums of squares would lose six digits.
template <class T> Matrix<T> far_from_origin(Index n, Index d)
{
    Matrix<T> x = normal_matrix<T>(n, d);
    for (Index i = 0; i < n; ++i)
        for (Index j = 0; j < d; ++j)
            x(i, j) += static_cast<T>(1000 * j);
    return x;
}

} // namespace

TEST_CASE_TEMPLATE("means and centered squares are those of two passes, in any memory order", T, float, double)
{
    for (const auto& [n, d] : {std::pair<Index, Index>{1, 3}, {5, 4}, {1000, 7}, {3, 900}}) {
        const Matrix<T> x = far_from_origin<T>(n, d);
        std::vector<double> mean(static_cast<std::size_t>(d), 0.0);
        double squares = 0.0;
        for (Index j = 0; j < d; ++j) {
            double& m = mean[static_cast<std::size_t>(j)];
            for (Index i = 0; i < n; ++i)
                m += static_cast<double>(x(i, j)) / static_cast<double>(n);
            for (Index i = 0; i < n; ++i)
                squares += std::pow(static_cast<double>(x(i, j)) - m, 2);
        }
        Matrix<T> transposed(d, n);
        for (Index i = 0; i < n; ++i)
            for (Index j = 0; j < d; ++j)
                transposed(j, i) = x(i, j);
        for (const MatrixView<const T> view : {x.view(), MatrixView<const T>(transposed.view()).transposed()}) {
            const ColumnMoments moments = column_moments<T>(view, true, 2.0, 2);
            CHECK(moments.squares == doctest::Approx(4 * squares).epsilon(1e-9));
            for (std::size_t j = 0; j < mean.size(); ++j)
                CHECK(moments.mean[j] == approx<double>(mean[j], 64));
        }
    }
}

TEST_CASE("without centering there are no means, and NaN reaches the sum with and without it")
{
    Matrix<double> x = matrix<double>({{3, 0}, {0, 4}});
    CHECK(column_moments<double>(x.view(), false, 1.0, 1).mean.empty());
    CHECK(column_moments<double>(x.view(), false, 1.0, 1).squares == 25.0);
    x(1, 0) = NAN;
    CHECK(std::isnan(column_moments<double>(x.view(), false, 1.0, 1).squares));
    CHECK(std::isnan(column_moments<double>(x.view(), true, 1.0, 1).squares));
}

TEST_CASE_TEMPLATE("any number of threads gives the same moments", T, float, double)
{
    const Matrix<T> x = far_from_origin<T>(3001, 60);
    const ColumnMoments one = column_moments<T>(x.view(), true, 1.0, 1);
    for (const int threads : {2, 3, 7}) {
        const ColumnMoments many = column_moments<T>(x.view(), true, 1.0, threads);
        CHECK(one.squares == many.squares);
        CHECK(same_bits(one.mean, many.mean));
    }
}
