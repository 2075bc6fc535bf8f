#include "matfact/certificate.hpp"

#include "support/matrices.hpp"

#include <limits>
#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

namespace {
constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
}

// [1 r; r 0] has the eigenvalues (1 +- sqrt(1 + 4 r^2)) / 2; the first unit vector has the residual r.
TEST_CASE("with a gap the bound is that of a 2 x 2 matrix, where it is exact")
{
    const double r = 0.01, exact = (1 + std::sqrt(1 + 4 * r * r)) / 2;
    CHECK(error_bounds({1.0}, {r}, 0.0)[0] == approx<double>(exact - 1, 8));
}

TEST_CASE("without a gap the bound is the residual")
{
    CHECK(error_bounds({1.0}, {0.01}, unknown)[0] == 0.01);
    CHECK(error_bounds({1.0}, {0.01}, 1.0)[0] == 0.01);
    CHECK(error_bounds({1.0}, {0.01}, 2.0)[0] == 0.01);
}

TEST_CASE("values that cannot be told apart share their residuals")
{
    const std::vector<double> bounds = error_bounds({5.0, 1.0, 1.0}, {0.0, 0.3, 0.4}, unknown);
    CHECK(bounds[0] == 0.0);
    CHECK(bounds[1] == approx<double>(0.5, 4));
    CHECK(bounds[2] == approx<double>(0.5, 4));
}

TEST_CASE("a gap inside of the values serves those above it")
{
    const std::vector<double> bounds = error_bounds({2.0, 1.0}, {1e-4, 1e-4}, unknown);
    CHECK(bounds[0] == doctest::Approx(1e-8).epsilon(1e-3)); // the rest may reach 1.0001
    CHECK(bounds[1] == 1e-4);
}

TEST_CASE("exact pairs have no error")
{
    for (const double bound : error_bounds({2.0, 2.0, 1.0}, {0.0, 0.0, 0.0}, 0.5))
        CHECK(bound == 0.0);
}

TEST_CASE("roots of squares are known to the error of the square over the root, and never worse than its root")
{
    const double error = square_rounding(1.0, 36, 2); // 8 + sqrt(36) + 2
    CHECK(error == 16 * std::numeric_limits<double>::epsilon());
    const std::vector<double> bounds = root_error_bounds({1.0, 1e-3, 0.0}, {0.0, 0.0, 0.0}, unknown, error);
    CHECK(bounds[0] == approx<double>(error, 4));
    CHECK(bounds[1] == doctest::Approx(error / 1e-3));
    CHECK(bounds[2] == doctest::Approx(std::sqrt(error)));
    CHECK(root_error_bounds({2.0}, {1e-6}, unknown, error)[0] == doctest::Approx(0.5e-6).epsilon(1e-6));
    CHECK(root_error_bounds({0.0}, {0.0}, unknown, 0.0)[0] == 0.0);
}

TEST_CASE("powers of two change no digit of a bound, also where squares overflow or vanish")
{
    const std::vector<double> values{3.0, 2.0, 1.999, 1.0}, residuals{1e-3, 1e-4, 2e-4, 1e-9};
    const std::vector<double> expected = error_bounds(values, residuals, 0.9);
    for (const double scale : {0x1p-900, 0x1p-600, 0x1p600, 0x1p1000}) {
        std::vector<double> v = values, r = residuals;
        for (std::size_t i = 0; i < v.size(); ++i) {
            v[i] *= scale;
            r[i] *= scale;
        }
        const std::vector<double> bounds = error_bounds(v, r, 0.9 * scale);
        for (std::size_t i = 0; i < v.size(); ++i)
            CHECK(bounds[i] == scale * expected[i]);
    }
}

TEST_CASE("each value needs a residual") { CHECK_THROWS_AS(error_bounds({1.0}, {}, 0.0), std::invalid_argument); }
