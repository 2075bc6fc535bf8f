#include "matfact/factorize.hpp"

#include "support/matrices.hpp"

#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

namespace {

constexpr FactorizeSolver iterative[] = {FactorizeSolver::gd,   FactorizeSolver::momentum,  FactorizeSolver::nesterov,
                                         FactorizeSolver::adam, FactorizeSolver::scaled_gd, FactorizeSolver::als};

FactorizeOptions with(FactorizeSolver solver, Index k, Index max_iter = 1000)
{
    FactorizeOptions options;
    options.solver = solver;
    options.n_components = k;
    options.max_iter = max_iter;
    options.tol = 0.0;
    return options;
}

} // namespace

// The best rank-1 fit of diag(3, 2) keeps sigma = 3 and leaves 2^2 behind.
TEST_CASE_TEMPLATE("factorize reaches the Eckart-Young optimum of a 2 x 2 matrix", T, float, double)
{
    const Matrix<T> x = matrix<T>({{3, 0}, {0, 2}});
    for (const FactorizeSolver solver :
         {FactorizeSolver::exact, FactorizeSolver::automatic, FactorizeSolver::als, FactorizeSolver::scaled_gd}) {
        FactorizeOptions options = with(solver, 1, 200);
        options.reduction = Reduction::sum;
        const Factorization<T> r = factorize<T>(x.view(), options);
        CHECK(r.objective == approx<T>(4, 64));
        CHECK(r.w(0, 0) * r.h(0, 0) == approx<T>(3, 64));
    }
}

// diag(3, 2) with sum (x - w h)^2 + (||w||^2 + ||h||^2) / 2: sigma falls to 2.5, the objective is
// 0.5^2 + 2^2 + 2 * 0.5 * 2.5 = 6.75.
TEST_CASE_TEMPLATE("ridge thresholds the singular values", T, float, double)
{
    const Matrix<T> x = matrix<T>({{3, 0}, {0, 2}});
    FactorizeOptions options = with(FactorizeSolver::exact, 1);
    options.reduction = Reduction::sum;
    options.l2_w = options.l2_h = 0.5;
    const Factorization<T> r = factorize<T>(x.view(), options);
    CHECK(r.objective == approx<T>(6.75, 64));
    CHECK(r.w(0, 0) * r.h(0, 0) == approx<T>(2.5, 64));
    CHECK(optimal_objective<T>(x.view(), options) == approx<T>(6.75, 64));
}

// One step by hand: x = 2, w = h = 1, mean of one entry: dL/dw = 2 (1 - 2) = -2, so w = h = 1 + 0.1 * 2.
TEST_CASE_TEMPLATE("one step of gradient descent", T, float, double)
{
    const Matrix<T> x = matrix<T>({{2}}), one = matrix<T>({{1}});
    FactorizeOptions options = with(FactorizeSolver::gd, 1, 1);
    options.learning_rate = 0.1;
    const Factorization<T> r = factorize<T>(x.view(), options, {one.view(), one.view()});
    CHECK(r.w(0, 0) == approx<T>(1.2, 8));
    CHECK(r.h(0, 0) == approx<T>(1.2, 8));
    REQUIRE(r.history.size() == 2);
    CHECK(r.history[0] == approx<T>(1, 8));
    CHECK(r.history[1] == approx<T>(0.3136, 64));
    CHECK(r.n_iter == 1);
}

// The first step of Adam has the length of the learning rate, whatever the gradient: m / sqrt(v) = 1.
TEST_CASE("the first step of Adam is the learning rate")
{
    const Matrix<double> x = matrix<double>({{200}}), one = matrix<double>({{1}});
    FactorizeOptions options = with(FactorizeSolver::adam, 1, 1);
    options.learning_rate = 0.01;
    CHECK(factorize<double>(x.view(), options, {one.view(), one.view()}).w(0, 0) ==
          doctest::Approx(1.01).epsilon(1e-9));
}

TEST_CASE("Adam fits the 4 x 2 toy to rounding in 5,000 iterations")
{
    const Matrix<double> x = matrix<double>({{5, 3}, {3, 2}, {2, 1}, {1, 1}});
    FactorizeOptions options = with(FactorizeSolver::adam, 2, 5000);
    options.learning_rate = 0.01;
    CHECK(factorize<double>(x.view(), options).objective <= 1e-12);
}

TEST_CASE_TEMPLATE("a sparse matrix equals a dense one with NaN", T, float, double)
{
    const Matrix<T> dense = matrix<T>({{1, NAN, 3}, {NAN, 0, 2}, {4, 5, NAN}, {NAN, NAN, NAN}});
    const T values[] = {1, 3, 0, 2, 4, 5};
    const std::int32_t indices[] = {0, 2, 1, 2, 0, 1}, indptr[] = {0, 2, 4, 6, 6};
    const CsrView<T, std::int32_t> sparse{values, indices, indptr, 4, 3};
    for (const FactorizeSolver solver : iterative) {
        FactorizeOptions options = with(solver, 2, 10);
        options.l2_w = options.l2_h = 0.01;
        const Factorization<T> a = factorize<T>(dense.view(), options), b = factorize<T>(sparse, options);
        REQUIRE(a.history.size() == b.history.size());
        for (std::size_t i = 0; i < a.history.size(); ++i)
            CHECK(b.history[i] == approx<T>(a.history[i], 1024));
    }
}

TEST_CASE("rows are solved one by one, empty ones are zero")
{
    const Matrix<double> x = matrix<double>({{2, 4}, {NAN, 6}, {NAN, NAN}}), h = matrix<double>({{1}, {2}});
    const Matrix<double> w = solve_rows<double>(x.view(), h.view(), 0.0);
    CHECK(w(0, 0) == approx<double>(2, 8)); // (1 * 2 + 2 * 4) / (1 + 4)
    CHECK(w(1, 0) == approx<double>(3, 8)); // 6 / 2
    CHECK(w(2, 0) == 0.0);
    CHECK(solve_rows<double>(x.view(), h.view(), 1.0)(0, 0) == approx<double>(10.0 / 6, 8));
}

TEST_CASE("any number of threads gives the same bits")
{
    const Matrix<double> x = normal_matrix<double>(2000, 130);
    for (const FactorizeSolver solver : iterative) {
        FactorizeOptions options = with(solver, 7, 3);
        options.num_threads = 1;
        const Factorization<double> one = factorize<double>(x.view(), options);
        for (const int threads : {2, 3, 7}) {
            options.num_threads = threads;
            const Factorization<double> many = factorize<double>(x.view(), options);
            CHECK(same_bits(one.w, many.w));
            CHECK(same_bits(one.h, many.h));
            CHECK(same_bits(one.history, many.history));
        }
    }
}

TEST_CASE("progress can stop and throw")
{
    const Matrix<double> x = normal_matrix<double>(30, 20);
    for (const FactorizeSolver solver : iterative) {
        const Factorization<double> r =
            factorize<double>(x.view(), with(solver, 3), {}, [](const Iteration& it) { return it.n_iter == 4; });
        CHECK(r.status == Status::stopped);
        CHECK(r.n_iter == 4);
        CHECK_THROWS_AS(factorize<double>(x.view(), with(solver, 3), {}, [](const Iteration&) -> bool { throw 7; }),
                        int);
    }
}

TEST_CASE("too long a step diverges without NaN")
{
    const Matrix<double> x = normal_matrix<double>(30, 20);
    FactorizeOptions options = with(FactorizeSolver::gd, 3, 1000);
    options.learning_rate = 1e6;
    const Factorization<double> r = factorize<double>(x.view(), options);
    CHECK(r.status == Status::diverged);
    CHECK(std::isfinite(r.objective));
    CHECK(std::isfinite(largest_entry<double>(r.w.view())));
}

TEST_CASE("bad input is refused by name")
{
    const Matrix<double> x = normal_matrix<double>(4, 3), w = normal_matrix<double>(4, 2),
                         h = normal_matrix<double>(3, 1);
    CHECK_THROWS_AS(factorize<double>(x.view(), with(FactorizeSolver::gd, 4)), std::invalid_argument);
    CHECK_THROWS_AS(factorize<double>(x.view(), with(FactorizeSolver::gd, 2), {w.view(), h.view()}),
                    std::invalid_argument);
    CHECK_THROWS_AS(factorize<double>(matrix<double>({{1, INFINITY}}).view(), with(FactorizeSolver::gd, 1)),
                    std::invalid_argument);
    CHECK_THROWS_AS(factorize<double>(matrix<double>({{1, NAN}}).view(), with(FactorizeSolver::exact, 1)),
                    std::invalid_argument);
    CHECK_THROWS_AS(factorize<double>(matrix<double>({{NAN, NAN}}).view(), with(FactorizeSolver::als, 1)),
                    std::invalid_argument);
    FactorizeOptions options = with(FactorizeSolver::gd, 1);
    options.learning_rate = -1;
    CHECK_THROWS_WITH_AS(factorize<double>(x.view(), options), doctest::Contains("learning_rate"),
                         std::invalid_argument);
}
