#include "matfact/row_source.hpp"

#include "matfact/svd.hpp"
#include "support/sparse.hpp"

#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

namespace {

template <class T> RowSource<T> batches_of(MatrixView<const T> x, Index rows)
{
    return {x.n_cols, [x, rows](const std::function<void(const RowBatch<T>&)>& take) {
                for (Index begin = 0; begin < x.n_rows; begin += rows)
                    take(x.rows(begin, std::min(x.n_rows, begin + rows)));
            }};
}

SvdOptions leading(Index k, SvdSolver solver, bool center = false)
{
    SvdOptions options;
    options.n_components = k;
    options.solver = solver;
    options.center = center;
    options.tol = 1e-6;
    return options;
}

} // namespace

TEST_CASE_TEMPLATE("batches have the singular values of their matrix", T, float, double)
{
    for (const bool wide : {false, true})
        for (const bool center : {false, true})
            for (const SvdSolver solver : {SvdSolver::gram, SvdSolver::krylov}) {
                const Matrix<T> a = wide ? normal_matrix<T>(25, 70) : normal_matrix<T>(70, 25);
                const auto expected = svd<T>(view(a), leading(3, solver, center));
                const auto r = svd(batches_of(view(a), 9), leading(3, solver, center));
                for (std::size_t i = 0; i < 3; ++i) {
                    const double error = std::abs(static_cast<double>(r.s[i] - expected.s[i]));
                    CHECK(error <= static_cast<double>(r.error_bounds[i] + expected.error_bounds[i]));
                }
                CHECK(r.status == Status::converged);
                CHECK(r.total_variance == approx<T>(expected.total_variance, 200));
                CHECK(orthonormality<T>(view(r.u)) < rounding<T>(64));
                CHECK(r.mean.size() == (center ? static_cast<std::size_t>(a.n_cols()) : 0));
                CHECK((solver == SvdSolver::gram) == (r.n_passes == 3));
            }
}

TEST_CASE("a single pass serves where u is not wanted")
{
    const Matrix<double> a = normal_matrix<double>(70, 25);
    SvdOptions options = leading(3, SvdSolver::automatic, true);
    const auto expected = svd<double>(view(a), options);
    options.compute_u = false;
    const auto r = svd(batches_of(view(a), 20), options);
    CHECK(r.n_passes == 1);
    CHECK(r.u.size() == 0);
    CHECK(r.residuals.empty());
    const auto is_bounded = [&](const SvdResult<double>& found, std::size_t i) {
        return std::abs(found.s[i] - expected.s[i]) <= found.error_bounds[i] + expected.error_bounds[i];
    };
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(r.s[i] == approx<double>(expected.s[i], 100));
        CHECK(is_bounded(r, i));
    }
    options.solver = SvdSolver::krylov;
    const auto iterated = svd(batches_of(view(a), 20), options);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(iterated.s[i] == approx<double>(expected.s[i], 1e4)); // the square of tol
        CHECK(is_bounded(iterated, i));
    }
}

TEST_CASE("dense and sparse batches may alternate")
{
    const auto x = random_csr<double, std::int32_t>(60, 20, 0.5);
    const Matrix<double> a = dense(x);
    const RowSource<double> source{20, [&](const std::function<void(const RowBatch<double>&)>& take) {
                                       take(x.view());
                                       take(view(a));
                                   }};
    for (const SvdSolver solver : {SvdSolver::gram, SvdSolver::krylov})
        for (const bool center : {false, true}) {
            const auto once = svd<double>(view(a), leading(2, solver, center)),
                       r = svd(source, leading(2, solver, center));
            for (std::size_t i = 0; i < 2; ++i) // every row twice
                CHECK(r.s[i] == approx<double>(std::sqrt(2.0) * once.s[i], 1e4));
        }
}

TEST_CASE("a share of the variance is reached by both solvers")
{
    const Matrix<double> a = normal_matrix<double>(90, 30);
    for (const SvdSolver solver : {SvdSolver::gram, SvdSolver::krylov}) {
        SvdOptions options = leading(0, solver);
        options.variance_fraction = 0.3;
        const auto free = svd<double>(view(a), options);
        CHECK(svd(batches_of(view(a), 25), options).s.size() == free.s.size());
        for (const Index most : {1, 3, 29}) {
            options.max_components = most;
            const auto r = svd(batches_of(view(a), 25), options);
            CHECK(static_cast<Index>(r.s.size()) == std::min(most, static_cast<Index>(free.s.size())));
            CHECK(r.s.back() == approx<double>(free.s[r.s.size() - 1], 1e4)); // the square of tol
        }
    }
    SvdOptions options = leading(2, SvdSolver::gram);
    options.max_components = 2;
    CHECK_THROWS_AS(svd(batches_of(view(a), 25), options), std::invalid_argument);
    options.n_components = 0;
    options.variance_fraction = 0.3;
    CHECK_THROWS_AS(svd<double>(view(a), options), std::invalid_argument);
}

TEST_CASE("sources that cannot be decomposed are refused")
{
    Matrix<double> a = normal_matrix<double>(40, 10);
    const SvdOptions options = leading(2, SvdSolver::krylov);
    CHECK_THROWS_AS(svd(batches_of(view(a), 9), leading(2, SvdSolver::full)), std::invalid_argument);
    CHECK_THROWS_AS(svd(batches_of(view(a), 9), leading(11, SvdSolver::gram)), std::invalid_argument);

    int pass = 0;
    RowSource<double> once = batches_of(view(a), 10);
    once.read = [&, all = once.read](const std::function<void(const RowBatch<double>&)>& take) {
        if (pass++ == 0)
            all(take);
    };
    CHECK_THROWS_WITH_AS(
        svd(once, options),
        "pass 2 over X gave only 0 of the 40 rows of the first: every pass must read the same rows from "
        "the start",
        std::invalid_argument);
    RowSource<double> narrow = batches_of(view(a), 10);
    narrow.n_cols = 11;
    CHECK_THROWS_WITH_AS(svd(narrow, options), "a batch of rows has 10 columns instead of 11", std::invalid_argument);
    const RowSource<double> empty{10, [](const std::function<void(const RowBatch<double>&)>&) {}};
    CHECK_THROWS_AS(svd(empty, options), std::invalid_argument);
    const RowSource<double> broken{
        10, [](const std::function<void(const RowBatch<double>&)>&) { throw std::runtime_error("no disk"); }};
    CHECK_THROWS_WITH_AS(svd(broken, options), "no disk", std::runtime_error);

    a(33, 3) = std::numeric_limits<double>::quiet_NaN();
    for (const SvdSolver solver : {SvdSolver::gram, SvdSolver::krylov})
        CHECK_THROWS_AS(svd(batches_of(view(a), 10), leading(2, solver)), std::invalid_argument);
    for (const double scale : {1e-170, 1e170}) {
        Matrix<double> b = normal_matrix<double>(40, 10);
        for (Index i = 0; i < b.size(); ++i)
            b.data()[i] *= scale;
        CHECK_THROWS_AS(svd(batches_of(view(b), 10), options), NumericalError);
    }
}
