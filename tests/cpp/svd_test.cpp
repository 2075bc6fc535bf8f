#include "matfact/svd.hpp"

#include "support/matrices.hpp"

#include <stdexcept>
#include <utility>

using namespace matfact;
using namespace matfact::testing;

namespace {

constexpr SvdSolver solvers[] = {SvdSolver::automatic, SvdSolver::full, SvdSolver::gram};
constexpr std::pair<Index, Index> shapes[] = {{200, 20}, {20, 200}, {50, 50}, {1, 9}, {9, 1}, {1, 1}};

SvdOptions with(SvdSolver solver)
{
    SvdOptions options;
    options.solver = solver;
    return options;
}

} // namespace

// [[3, 0], [4, 5]]: X'X = [[25, 20], [20, 25]] has eigenvalues 45 and 5.
TEST_CASE_TEMPLATE("svd of a 2 x 2 matrix", T, float, double)
{
    const Matrix<T> x = matrix<T>({{3, 0}, {4, 5}});
    for (const SvdSolver solver : solvers) {
        const SvdResult<T> r = svd<T>(x.view(), with(solver));
        CHECK(r.s[0] == approx<T>(std::sqrt(45), 8));
        CHECK(r.s[1] == approx<T>(std::sqrt(5), 16));
        CHECK(r.total_variance == approx<T>(50, 8));
    }
}

TEST_CASE_TEMPLATE("the factors are orthonormal and rebuild x", T, float, double)
{
    for (const auto& [m, n] : shapes) {
        const Matrix<T> x = normal_matrix<T>(m, n);
        const double bound = rounding<T>(8 * std::sqrt(static_cast<double>(m + n)));
        for (const SvdSolver solver : solvers) {
            const SvdResult<T> r = svd<T>(x.view(), with(solver));
            CHECK(orthonormality<T>(r.u.view()) < bound);
            CHECK(orthonormality<T>(r.vt.view().transposed()) < bound);
            CHECK(distance(rebuild(r.u, r.s, r.vt), x) < bound * static_cast<double>(r.s[0]));
        }
    }
}

TEST_CASE_TEMPLATE("strides of any kind give the same answer", T, float, double)
{
    const Matrix<T> big = normal_matrix<T>(120, 60);
    const MatrixView<const T> strided{big.data(), 60, 20, 2 * 60, 3};
    const Matrix<T> packed = copy(strided);
    for (const SvdSolver solver : solvers) {
        const SvdResult<T> expected = svd<T>(packed.view(), with(solver));
        const SvdResult<T> r = svd<T>(strided, with(solver));
        const SvdResult<T> t = svd<T>(strided.transposed(), with(solver));
        for (std::size_t i = 0; i < expected.s.size(); ++i) {
            CHECK(r.s[i] == approx<T>(expected.s[i], 64));
            CHECK(t.s[i] == approx<T>(expected.s[i], 64));
        }
    }
}

TEST_CASE_TEMPLATE("centering equals the svd of the centered matrix", T, float, double)
{
    Matrix<T> x = normal_matrix<T>(90, 11);
    for (Index i = 0; i < x.size(); ++i)
        x.data()[i] += T(3);
    Matrix<T> centered = copy<T>(x.view());
    for (Index j = 0; j < 11; ++j) {
        double mean = 0;
        for (Index i = 0; i < 90; ++i)
            mean += static_cast<double>(x(i, j)) / 90;
        for (Index i = 0; i < 90; ++i)
            centered(i, j) = static_cast<T>(static_cast<double>(x(i, j)) - mean);
    }
    for (const SvdSolver solver : solvers) {
        SvdOptions options = with(solver);
        options.center = true;
        const SvdResult<T> r = svd<T>(x.view(), options);
        CHECK(distance(rebuild(r.u, r.s, r.vt), centered) < rounding<T>(256));
        CHECK(r.mean.size() == 11);
    }
}

TEST_CASE("without u the rest is the same")
{
    const Matrix<double> x = normal_matrix<double>(300, 12);
    for (const SvdSolver solver : solvers) {
        SvdOptions options = with(solver);
        const SvdResult<double> full = svd<double>(x.view(), options);
        options.compute_u = false;
        const SvdResult<double> r = svd<double>(x.view(), options);
        CHECK(r.u.size() == 0);
        CHECK(r.residuals.empty());
        CHECK(distance(r.vt, full.vt) < 1e-12);
    }
}

TEST_CASE_TEMPLATE("without u the certificate is found from the product with v", T, float, double)
{
    for (const bool center : {false, true})
        for (const auto& [m, n] : {std::pair<Index, Index>{80, 12}, {12, 80}}) {
            const Matrix<T> x = normal_matrix<T>(m, n);
            SvdOptions options = with(SvdSolver::full);
            options.center = center;
            options.n_components = 5;
            const SvdResult<T> r = svd<T>(x.view(), options);
            const auto certificate = [&](const std::vector<T>& s) {
                return svd_certificate<T>(x.view(), s, r.vt.view(), center, std::nan(""), 2);
            };
            const Certificate<T> exact = certificate(r.s);
            for (std::size_t i = 0; i < 5; ++i) {
                CHECK(exact.residuals[i] <= rounding<T>(32));
                CHECK(exact.error_bounds[i] <= rounding<T>(64) * static_cast<double>(r.s[0]));
            }
            std::vector<T> wrong = r.s;
            wrong[2] *= T(0.99);
            CHECK(certificate(wrong).error_bounds[2] >= r.s[2] - wrong[2]);
        }
    const Matrix<T> x = normal_matrix<T>(3, 4);
    CHECK_THROWS_AS(svd_certificate<T>(x.view(), {T(1)}, x.view(), false, 0.0), std::invalid_argument);
}

TEST_CASE("a truncated result is the leading part of the full one")
{
    const Matrix<double> x = normal_matrix<double>(100, 15);
    for (const SvdSolver solver : solvers) {
        SvdOptions options = with(solver);
        const SvdResult<double> full = svd<double>(x.view(), options);
        options.n_components = 4;
        const SvdResult<double> r = svd<double>(x.view(), options);
        CHECK(r.vt.n_rows() == 4);
        CHECK(r.u.n_cols() == 4);
        CHECK(distance<double, double>(r.vt.view(), full.vt.view().rows(0, 4)) < 1e-12);
    }
}

TEST_CASE("the largest entry of each right vector is positive")
{
    const SvdResult<double> r = svd<double>(normal_matrix<double>(40, 9).view());
    for (Index i = 0; i < 9; ++i) {
        double largest = 0;
        for (Index j = 0; j < 9; ++j)
            if (std::abs(r.vt(i, j)) > std::abs(largest))
                largest = r.vt(i, j);
        CHECK(largest > 0);
    }
}

TEST_CASE("bad input is refused by name")
{
    CHECK_THROWS_WITH_AS(svd<double>(matrix<double>({{1, 2}}).view(), {2}), doctest::Contains("n_components"),
                         std::invalid_argument);
    CHECK_THROWS_AS(svd<double>(MatrixView<const double>{}), std::invalid_argument);
    for (const SvdSolver solver : solvers) {
        CHECK_THROWS_WITH_AS(svd<double>(matrix<double>({{1, NAN}, {2, 3}}).view(), with(solver)),
                             doctest::Contains("NaN"), std::invalid_argument);
        CHECK_THROWS_AS(svd<double>(matrix<double>({{1, INFINITY}, {2, 3}}).view(), with(solver)),
                        std::invalid_argument);
    }
}

// Rows (3, 4) and mean (1, 0): (3 - 1, 4) on the axes (1, 0) and (0.6, 0.8).
TEST_CASE_TEMPLATE("project subtracts the mean and multiplies by the axes", T, float, double)
{
    const Matrix<T> q = matrix<T>({{3, 4}, {1, 0}}), vt = matrix<T>({{1, 0}, {0.6, 0.8}});
    const T mean[] = {1, 0};
    const Matrix<T> p = project<T>(q.view(), vt.view(), mean);
    CHECK(p(0, 0) == approx<T>(2, 4));
    CHECK(p(0, 1) == approx<T>(4.4, 4));
    CHECK(p(1, 1) == approx<T>(0, 4));
    CHECK(project<T>(q.view(), vt.view(), nullptr)(0, 0) == approx<T>(3, 4));
}
