#include "matfact/linear_operator.hpp"

#include "matfact/eigh.hpp"
#include "matfact/svd.hpp"
#include "support/matrices.hpp"

#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

namespace {

/// The products of a matrix, by loops.
template <class T> LinearOperator<T> products_of(const Matrix<T>& a)
{
    const auto multiply = [](MatrixView<const T> m, MatrixView<const T> in, MatrixView<T> out) {
        const Matrix<double> c = product<T>(m, in);
        for (Index i = 0; i < c.size(); ++i)
            out.data[i] = static_cast<T>(c.data()[i]);
    };
    return {a.n_rows(), a.n_cols(),
            [&a, multiply](MatrixView<const T> q, MatrixView<T> y) { multiply(a.view(), q, y); },
            [&a, multiply](MatrixView<const T> y, MatrixView<T> z) { multiply(view(a).transposed(), y, z); }};
}

SvdOptions leading(Index k, bool center = false)
{
    SvdOptions options;
    options.n_components = k;
    options.center = center;
    options.solver = SvdSolver::krylov;
    return options;
}

} // namespace

TEST_CASE_TEMPLATE("an operator has the singular values of its matrix, centered too", T, float, double)
{
    const double tol = std::is_same_v<T, float> ? 1e-4 : 1e-6;
    for (const bool wide : {false, true})
        for (const bool center : {false, true}) {
            const Matrix<T> a = wide ? normal_matrix<T>(25, 70) : normal_matrix<T>(70, 25);
            const auto expected = svd<T>(view(a), leading(3, center)), r = svd(products_of(a), leading(3, center));
            for (std::size_t i = 0; i < 3; ++i) {
                const double error = std::abs(static_cast<double>(r.s[i] - expected.s[i]));
                CHECK(error <= static_cast<double>(r.error_bounds[i] + expected.error_bounds[i]));
                CHECK(static_cast<double>(r.residuals[i]) <= tol);
            }
            CHECK(r.status == Status::converged);
            CHECK(std::isnan(r.total_variance));
            CHECK(orthonormality<T>(view(r.u)) < rounding<T>(64));
        }
}

TEST_CASE_TEMPLATE("an operator has the eigenvalues of its matrix", T, float, double)
{
    const Matrix<T> a = symmetric_matrix<T>(60);
    EighOptions options;
    options.n_components = 4;
    options.solver = EighSolver::full;
    const auto expected = eigh<T>(view(a), options);
    options.solver = EighSolver::automatic;
    const auto r = eigh(products_of(a), options);
    for (std::size_t i = 0; i < 4; ++i)
        CHECK(static_cast<double>(r.w[i]) == approx<T>(static_cast<double>(expected.w[i]), 200));
    CHECK(r.n_passes > 0);
}

TEST_CASE("operators that cannot be decomposed are refused")
{
    const Matrix<double> a = normal_matrix<double>(20, 20);
    LinearOperator<double> x = products_of(a);
    CHECK_THROWS_AS(eigh(x), std::invalid_argument); // not symmetric
    SvdOptions options = leading(2);
    options.solver = SvdSolver::gram;
    CHECK_THROWS_AS(svd(x, options), std::invalid_argument);
    options = leading(0);
    options.variance_fraction = 0.5;
    CHECK_THROWS_AS(svd(x, options), std::invalid_argument);
    x.transposed_times = {};
    CHECK_THROWS_AS(svd(x, leading(2)), std::invalid_argument);
    x.times = [](MatrixView<const double>, MatrixView<double> y) {
        std::fill_n(y.data, y.n_rows * y.n_cols, std::numeric_limits<double>::quiet_NaN());
    };
    CHECK_THROWS_WITH_AS(eigh(x), "the operator returned NaN or infinity from times", std::invalid_argument);
    x.times = [](MatrixView<const double>, MatrixView<double>) { throw std::runtime_error("no network"); };
    CHECK_THROWS_WITH_AS(eigh(x), "no network", std::runtime_error);
}
