#include "linalg/small_cholesky.hpp"
#include "support/matrices.hpp"

using namespace matfact;
using namespace matfact::testing;

TEST_CASE("small Cholesky solves systems of every size around its blocks")
{
    for (const Index n : {1, 2, 15, 16, 17, 31, 32, 33, 48, 64, 100, 129}) {
        CAPTURE(n);
        const Index stride = linalg::padded_width(n) + 16; // wider than needed
        const Matrix<float> x = normal_matrix<float>(2 * n, n);
        Matrix<float> a = zero_matrix<float>(n, stride);
        for (Index i = 0; i < n; ++i)
            for (Index j = 0; j < n; ++j) {
                double sum = i == j ? 1.0 : 0.0;
                for (Index r = 0; r < 2 * n; ++r)
                    sum += static_cast<double>(x(r, i)) * static_cast<double>(x(r, j));
                a(i, j) = static_cast<float>(sum);
            }
        const Matrix<float> before = copy<float>(a.view());
        std::vector<float> b(static_cast<std::size_t>(stride), 0.0f), pivots(b), scratch(16 * b.size());
        for (Index i = 0; i < n; ++i)
            b[static_cast<std::size_t>(i)] = static_cast<float>(random_normal(3, 1, static_cast<std::uint64_t>(i)));
        const std::vector<float> right = b;
        linalg::factor_small(n, a.data(), stride, pivots.data(), scratch.data());
        linalg::solve_small(n, a.data(), stride, pivots.data(), b.data(), scratch.data());
        double largest = 0.0, norm = 0.0;
        for (Index i = 0; i < n; ++i) {
            double residual = -static_cast<double>(right[static_cast<std::size_t>(i)]);
            for (Index j = 0; j < n; ++j)
                residual += static_cast<double>(before(i, j)) * static_cast<double>(b[static_cast<std::size_t>(j)]);
            largest = std::max(largest, std::abs(residual));
            norm = std::max(norm, static_cast<double>(before(i, i)) *
                                      std::abs(static_cast<double>(b[static_cast<std::size_t>(i)])));
        }
        // Backward stable: the residual is n roundings of |A| |x|, whose size is that of its diagonal here.
        CHECK(largest <= rounding<float>(4 * static_cast<double>(n)) * norm);
    }
}

TEST_CASE("small Cholesky lifts a pivot that is zero instead of dividing by it")
{
    std::vector<float> a(2 * 16, 0.0f), pivots(16), scratch(256), x(16, 0.0f);
    a[0] = a[1] = a[16] = a[17] = 1.0f; // singular: both rows are (1, 1)
    x[0] = x[1] = 1.0f;
    linalg::factor_small(2, a.data(), 16, pivots.data(), scratch.data());
    linalg::solve_small(2, a.data(), 16, pivots.data(), x.data(), scratch.data());
    CHECK(x[0] + x[1] == approx<float>(1.0, 16));
}
