#include "matfact/implicit_mf.hpp"
#include "support/plays.hpp"

#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

namespace {

double objective(const Matrix<double>& x, const ImplicitFactors& f, const ImplicitOptions& o)
{
    double sum = 0.0;
    std::vector<double> by_user(60, 0.0), by_item(40, 0.0);
    for (Index u = 0; u < x.n_rows(); ++u)
        for (Index i = 0; i < x.n_cols(); ++i) {
            double score = 0.0;
            for (Index c = 0; c < o.n_components; ++c)
                score += static_cast<double>(f.w(u, c)) * static_cast<double>(f.h(i, c));
            const bool stored = x(u, i) > 0.0;
            sum += (o.unobserved_weight + o.alpha * x(u, i)) * std::pow((stored ? 1.0 : 0.0) - score, 2);
            by_user[static_cast<std::size_t>(u)] += stored;
            by_item[static_cast<std::size_t>(i)] += stored;
        }
    for (Index c = 0; c < o.n_components; ++c) {
        for (Index u = 0; u < x.n_rows(); ++u)
            sum += o.l2 * std::pow(by_user[static_cast<std::size_t>(u)] + 40 * o.unobserved_weight, o.l2_scaling) *
                   std::pow(static_cast<double>(f.w(u, c)), 2);
        for (Index i = 0; i < x.n_cols(); ++i)
            sum += o.l2 * std::pow(by_item[static_cast<std::size_t>(i)] + 60 * o.unobserved_weight, o.l2_scaling) *
                   std::pow(static_cast<double>(f.h(i, c)), 2);
    }
    return sum;
}

ImplicitOptions small_options()
{
    ImplicitOptions options;
    options.n_components = 5;
    options.unobserved_weight = 0.3;
    options.l2_scaling = 0.5;
    options.block_size = 2; // of 5 components: the last block is narrower
    options.max_iter = 6;
    return options;
}

} // namespace

TEST_CASE("implicit_mf reports the objective that its factors have, and lowers it in every sweep")
{
    const auto x = plays(), xt = transposed(x);
    ImplicitOptions options = small_options();
    for (const ImplicitSolver solver : {ImplicitSolver::als, ImplicitSolver::cg, ImplicitSolver::block}) {
        options.solver = solver;
        const ImplicitFactors f = implicit_mf(x.view(), xt.view(), options);
        REQUIRE(f.history.size() == 6);
        CHECK(f.history.back() == approx<float>(objective(dense(x), f, options), 50));
        for (std::size_t i = 1; i < f.history.size(); ++i)
            CHECK(f.history[i] <= f.history[i - 1] * (1.0 + rounding<float>(50)));
    }
}

TEST_CASE("implicit_mf has the same bits at any number of threads")
{
    const auto x = plays(), xt = transposed(x);
    ImplicitOptions options = small_options();
    for (const ImplicitSolver solver : {ImplicitSolver::als, ImplicitSolver::cg, ImplicitSolver::block}) {
        options.solver = solver;
        options.num_threads = 1;
        const ImplicitFactors one = implicit_mf(x.view(), xt.view(), options);
        for (const int threads : {2, 3, 7}) {
            options.num_threads = threads;
            const ImplicitFactors many = implicit_mf(x.view(), xt.view(), options);
            CHECK(same_bits(one.w, many.w));
            CHECK(same_bits(one.h, many.h));
            CHECK(same_bits(one.history, many.history));
        }
    }
}

TEST_CASE("implicit_mf tells of the factors of each sweep, and goes on from a start")
{
    const auto x = plays(), xt = transposed(x);
    ImplicitOptions options = small_options();
    Matrix<float> w(60, options.n_components), h(40, options.n_components);
    std::vector<double> spectrum;
    const auto keep = [&](const Iteration& iteration) {
        if (!iteration.factors)
            return false;
        const SweepFactors made = iteration.factors();
        for (Index c = 0; c < options.n_components; ++c) {
            for (Index u = 0; u < 60; ++u)
                w(u, c) = made.w(u, c);
            for (Index i = 0; i < 40; ++i)
                h(i, c) = made.h(i, c);
        }
        spectrum = made.shared;
        return iteration.n_iter == 2;
    };
    const ImplicitFactors stopped = implicit_mf(x.view(), xt.view(), options, keep);
    REQUIRE(stopped.n_iter == 2);
    CHECK(std::equal(w.data(), w.data() + w.size(), stopped.w.data()));
    CHECK(std::equal(h.data(), h.data() + h.size(), stopped.h.data()));
    CHECK(spectrum == stopped.spectrum);

    options.start = stopped.w.view();
    CHECK(implicit_mf(x.view(), xt.view(), options).history[0] < stopped.history[1]);
    options.start = options.start.rows(0, 59);
    CHECK_THROWS_AS(implicit_mf(x.view(), xt.view(), options), std::invalid_argument);
}

TEST_CASE("implicit_rows gives the users of the fit their own factors")
{
    const auto x = plays(), xt = transposed(x);
    const ImplicitOptions options = small_options();
    const ImplicitFactors f = implicit_mf(x.view(), xt.view(), options);
    CHECK(same_bits(f.w, implicit_rows(x.view(), view(f.h), f.spectrum, options)));
}

TEST_CASE("implicit_mf refuses values that are not positive and shapes that do not fit")
{
    auto x = plays();
    const auto xt = transposed(x);
    CHECK_THROWS_AS(implicit_mf(x.view(), x.view(), small_options()), std::invalid_argument);
    ImplicitOptions options = small_options();
    options.alpha = 0.0;
    CHECK_THROWS_AS(implicit_mf(x.view(), xt.view(), options), std::invalid_argument);
    x.values[3] = 0.0f;
    CHECK_THROWS_AS(implicit_mf(x.view(), xt.view(), small_options()), std::invalid_argument);
}
