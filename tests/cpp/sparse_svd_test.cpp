#include "matfact/svd.hpp"

#include "linalg/transpose.hpp"
#include "support/sparse.hpp"

using namespace matfact;
using namespace matfact::testing;

namespace {

SvdOptions options_of(SvdSolver solver, bool center = false)
{
    SvdOptions options;
    options.n_components = 4;
    options.solver = solver;
    options.center = center;
    options.tol = 0.0;
    return options;
}

template <class T, class I> CscView<T, I> transposed(const Csr<T, I>& x)
{
    return {x.values.data(), x.indices.data(), x.indptr.data(), x.n_cols, x.n_rows()};
}

} // namespace

// Both are within some eps sigma_1 of the exact values; sigma_1 is near 20.
TEST_CASE_TEMPLATE("singular values are those of the dense matrix, stored by rows or by columns", T, float, double)
{
    const auto x = random_csr<T, std::int64_t>(90, 40, 0.8, 0.5);
    const Matrix<double> a = dense(x);
    for (const SvdSolver solver : {SvdSolver::gram, SvdSolver::krylov})
        for (const bool center : {false, true}) {
            const SvdOptions options = options_of(solver, center);
            const auto tall = svd(x.view(), options), wide = svd(transposed(x), options);
            const auto expected_tall = svd<double>(a.view(), options);
            const auto expected_wide = svd<double>(view(a).transposed(), options);
            for (std::size_t i = 0; i < 4; ++i) {
                CHECK(static_cast<double>(tall.s[i]) == approx<T>(expected_tall.s[i], 200));
                CHECK(static_cast<double>(wide.s[i]) == approx<T>(expected_wide.s[i], 200));
            }
            CHECK(tall.total_variance == approx<double>(expected_tall.total_variance, 1000));
            CHECK(wide.total_variance == approx<double>(expected_wide.total_variance, 1000));
            CHECK(orthonormality<T>(tall.u.view()) < rounding<T>(100));
            CHECK(orthonormality<T>(view(wide.vt).transposed()) < rounding<T>(100));
        }
}

TEST_CASE("the full solver and matrices that are not finite are refused")
{
    auto x = random_csr<double, std::int32_t>(20, 10, 0.8);
    CHECK_THROWS_WITH_AS(svd(x.view(), options_of(SvdSolver::full)),
                         "solver full needs a dense X; gram and krylov take a sparse one", std::invalid_argument);
    x.values[3] = std::numeric_limits<double>::infinity();
    CHECK_THROWS_AS(svd(x.view(), options_of(SvdSolver::gram)), std::invalid_argument);
    x.values[3] = 1.0;
    x.indices[3] = 10;
    CHECK_THROWS_AS(svd(x.view(), options_of(SvdSolver::krylov)), std::invalid_argument);
}

TEST_CASE("sparse rows are projected like dense ones")
{
    const auto x = random_csr<double, std::int32_t>(30, 10, 0.8);
    const auto f = svd(x.view(), options_of(SvdSolver::gram, true));
    const Matrix<double> a = dense(x);
    const Matrix<double> expected = project<double>(a.view(), f.vt.view(), f.mean.data());
    const Matrix<double> scores = project(x.view(), view(f.vt), f.mean.data());
    CHECK(distance(scores, expected) < rounding<double>(100));
    const Matrix<double> v = linalg::transposed(f.vt, 1); // axes that lie in columns
    CHECK(same_bits(scores, project(x.view(), view(v).transposed(), f.mean.data())));
    CHECK_THROWS_AS(project(transposed(x), view(f.vt), f.mean.data()), std::invalid_argument);
}

TEST_CASE("a checkpoint stops the iterations on a sparse matrix")
{
    const auto x = random_csr<double, std::int32_t>(300, 100, 0.8);
    const Progress stop = [](const Iteration&) -> bool { throw std::runtime_error("stopped"); };
    CHECK_THROWS_WITH_AS(svd(x.view(), options_of(SvdSolver::krylov), stop), "stopped", std::runtime_error);
    CHECK_THROWS_WITH_AS(svd(x.view(), options_of(SvdSolver::gram), stop), "stopped", std::runtime_error);
}
