#include "matfact/complete.hpp"
#include "matfact/random.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

using namespace matfact;

// Of a complete matrix the optimum has its singular values less l2: diag(5, 3, 1) at l2 = 2 becomes diag(3, 1, 0), with
// the objective (4 + 4 + 1) / 2 + 2 * 4.
TEST_CASE_TEMPLATE("complete lowers the singular values of a complete matrix", T, float, double)
{
    const T x[] = {5, 0, 0, 0, 3, 0, 0, 0, 1};
    CompleteOptions options;
    options.l2 = 2;
    options.tol = 1e-6;
    const Completion<T> c = complete(MatrixView<const T>{x, 3, 3, 3, 1}, options);
    REQUIRE(c.s.size() == 2);
    CHECK(c.s[0] == doctest::Approx(3).epsilon(1e-3));
    CHECK(c.s[1] == doctest::Approx(1).epsilon(1e-3));
    CHECK(c.objective == doctest::Approx(12.5).epsilon(1e-5));
    CHECK(c.lower_bound <= 12.5 * (1 + 1e-6));
    CHECK(c.dual_norm == doctest::Approx(2).epsilon(1e-3));
}

TEST_CASE("complete treats stored entries of a sparse matrix as a dense one with NaN elsewhere")
{
    constexpr Index m = 40, n = 25;
    std::vector<double> dense(m * n, std::numeric_limits<double>::quiet_NaN()), values;
    std::vector<std::int32_t> indices, indptr{0};
    for (Index i = 0; i < m; ++i) {
        for (Index j = 0; j < n; ++j) {
            const auto at = static_cast<std::uint64_t>(i * n + j);
            if (random_normal(0, 0, at) < 0)
                continue;
            const double value =
                std::sin(static_cast<double>(i)) * std::cos(static_cast<double>(j)) + 0.1 * random_normal(0, 1, at);
            dense[static_cast<std::size_t>(i * n + j)] = value;
            values.push_back(value);
            indices.push_back(static_cast<std::int32_t>(j));
        }
        indptr.push_back(static_cast<std::int32_t>(values.size()));
    }
    CompleteOptions options;
    options.l2 = 0.5;
    const auto a = complete(MatrixView<const double>{dense.data(), m, n, n, 1}, options);
    const auto b = complete(CsrView<double, std::int32_t>{values.data(), indices.data(), indptr.data(), m, n}, options);
    CHECK(a.status == Status::converged);
    CHECK(a.n_observed == b.n_observed);
    CHECK(a.objective == doctest::Approx(b.objective).epsilon(2e-5));
    CHECK(a.objective - a.lower_bound <= 1e-5 * a.objective);
}

TEST_CASE("complete refuses what it cannot do")
{
    const double x[] = {1, 2, 3, 4};
    const MatrixView<const double> view{x, 2, 2, 2, 1};
    CompleteOptions options;
    options.l2 = 0;
    CHECK_THROWS_AS(complete(view, options), std::invalid_argument);
    options.l2 = 1;
    options.max_components = 3;
    CHECK_THROWS_AS(complete(view, options), std::invalid_argument);
}
