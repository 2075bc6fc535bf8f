#include "matfact/biased_mf.hpp"
#include "support/ratings.hpp"

#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

namespace {

BiasedOptions small_options()
{
    BiasedOptions options;
    options.n_components = 3;
    options.l2 = 1e-4;
    options.max_iter = 200;
    return options;
}

} // namespace

TEST_CASE("biased_mf explains additive ratings")
{
    const auto x = additive(false), xt = additive(true);
    const BiasedFactors f = biased_mf(x.view(), xt.view(), small_options());
    const Matrix<double> truth = dense(x);
    for (Index u = 0; u < 30; ++u)
        for (Index i = 0; i < 20; ++i) {
            if (truth(u, i) == 0.0)
                continue;
            double score = f.mean + static_cast<double>(f.w(u, 3)) + static_cast<double>(f.h(i, 3));
            for (Index c = 0; c < 3; ++c)
                score += static_cast<double>(f.w(u, c)) * static_cast<double>(f.h(i, c));
            // The penalty moves each prediction by about l2 times the size of the biases.
            CHECK(std::abs(score - truth(u, i)) <= 20 * 1e-4);
        }
    // The objective is that of all zeros less what the solutions in float32 gain.
    double at_zero = 0.0;
    for (const float value : x.values)
        at_zero += std::pow(static_cast<double>(value) - f.mean, 2);
    for (std::size_t i = 1; i < f.history.size(); ++i)
        CHECK(f.history[i] <= f.history[i - 1] + rounding<float>(50) * at_zero);
}

namespace {

/// Several threads give the bits of `one`, which is the fit of the additive ratings by one thread.
void check_threads(const BiasedFactors& one, BiasedOptions options)
{
    const auto x = additive(false), xt = additive(true);
    for (const int threads : {2, 3, 7}) {
        options.num_threads = threads;
        const BiasedFactors many = biased_mf(x.view(), xt.view(), options);
        CHECK(same_bits(one.w, many.w));
        CHECK(same_bits(one.h, many.h));
        CHECK(same_bits(one.history, many.history));
    }
}

} // namespace

TEST_CASE("biased_mf has the same bits at any number of threads, and users of the fit fold in as themselves")
{
    const auto x = additive(false), xt = additive(true);
    BiasedOptions options = small_options();
    options.max_iter = 4;
    for (const bool biases : {true, false}) {
        options.biases = biases;
        options.num_threads = 1;
        const BiasedFactors one = biased_mf(x.view(), xt.view(), options);
        check_threads(one, options);
        options.num_threads = 7;
        CHECK(same_bits(one.w, biased_rows(x.view(), view(one.h), one.mean, options)));
    }
}

TEST_CASE(
    "biased_mf by conjugate gradients has the same bits at any number of threads, and the minimum of exact solutions")
{
    const auto x = additive(false), xt = additive(true);
    BiasedOptions options = small_options();
    options.l2 = 0.05;
    const double best = biased_mf(x.view(), xt.view(), options).history.back();
    options.solver = BiasedSolver::cg;
    for (const Index steps : {1, 3}) {
        options.cg_steps = steps;
        options.num_threads = 1;
        const BiasedFactors one = biased_mf(x.view(), xt.view(), options);
        CHECK(one.history.back() == doctest::Approx(best).epsilon(1e-4)); // 200 sweeps leave that
        for (std::size_t i = 1; i < one.history.size(); ++i)
            CHECK(one.history[i] <= one.history[i - 1] * (1.0 + rounding<float>(50)));
        check_threads(one, options);
    }
    options.cg_steps = 0;
    CHECK_THROWS_AS(biased_mf(x.view(), xt.view(), options), std::invalid_argument);
}

TEST_CASE("biased_mf tells of the factors of each sweep, and goes on from a start")
{
    const auto x = additive(false), xt = additive(true);
    BiasedOptions options = small_options();
    options.max_iter = 1;
    float told = 0.0f;
    const auto keep = [&](const Iteration& iteration) {
        if (iteration.factors)
            told = iteration.factors().w(3, 1);
        return false;
    };
    const BiasedFactors first = biased_mf(x.view(), xt.view(), options, keep);
    CHECK(told == first.w(3, 1));
    options.start = first.w.view();
    const BiasedFactors second = biased_mf(x.view(), xt.view(), options);
    options.start = {};
    options.max_iter = 2;
    const BiasedFactors whole = biased_mf(x.view(), xt.view(), options);
    CHECK(second.history[0] == whole.history[1]);
    options.start = first.w.view().block(0, 0, 30, 3);
    CHECK_THROWS_AS(biased_mf(x.view(), xt.view(), options), std::invalid_argument);
}

TEST_CASE("biased_mf leaves the last complete sweep where progress throws in the next one")
{
    const auto x = additive(false), xt = additive(true);
    for (const BiasedSolver solver : {BiasedSolver::als, BiasedSolver::cg, BiasedSolver::sgd, BiasedSolver::adam}) {
        BiasedOptions options = small_options();
        options.solver = solver;
        options.max_iter = 9;
        for (const Index done : {0, 2}) {
            Index n_iter = 0;
            const auto fail = [&](const Iteration& iteration) -> bool {
                if (std::isnan(iteration.objective) && n_iter == done)
                    throw std::range_error("mine");
                n_iter = std::max(n_iter, iteration.n_iter);
                return false;
            };
            BiasedFactors last;
            CHECK_THROWS_AS(biased_mf(x.view(), xt.view(), options, fail, &last), std::range_error);
            CHECK(last.n_iter == done);
            if (done == 0)
                continue;
            BiasedOptions two = options;
            two.max_iter = done;
            const BiasedFactors whole = biased_mf(x.view(), xt.view(), two);
            CHECK(same_bits(last.w, whole.w));
            CHECK(same_bits(last.h, whole.h));
            CHECK(last.history == whole.history);
            CHECK(last.status == Status::stopped);
        }
    }
}

TEST_CASE("biased_mf refuses ratings that are not finite")
{
    auto x = additive(false);
    const auto xt = additive(true);
    x.values[0] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_AS(biased_mf(x.view(), xt.view(), small_options()), std::invalid_argument);
}
