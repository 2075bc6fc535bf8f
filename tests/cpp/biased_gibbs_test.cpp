#include "matfact/biased_gibbs.hpp"
#include "support/ratings.hpp"

#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

namespace {

GibbsOptions small_options()
{
    GibbsOptions options;
    options.n_components = 2;
    options.burn_in = 3;
    options.n_samples = 4;
    return options;
}

} // namespace

TEST_CASE("biased_gibbs explains additive ratings within the noise that it finds")
{
    const auto x = additive(false), xt = additive(true);
    GibbsOptions options = small_options();
    options.burn_in = 100;
    options.n_samples = 50;
    const GibbsSamples f = biased_gibbs(x.view(), xt.view(), options);
    const Matrix<double> truth = dense(x);
    double squares = 0.0, spread = 0.0;
    for (Index u = 0; u < 30; ++u)
        for (Index i = 0; i < 20; ++i) {
            if (truth(u, i) == 0.0)
                continue;
            double score = 0.0;
            for (Index s = 0; s < options.n_samples; ++s) {
                score += f.mean + static_cast<double>(f.w(u, 3 * s + 2)) + static_cast<double>(f.h(i, 3 * s + 2));
                for (Index c = 3 * s; c < 3 * s + 2; ++c)
                    score += static_cast<double>(f.w(u, c)) * static_cast<double>(f.h(i, c));
            }
            score /= static_cast<double>(options.n_samples);
            squares += (score - truth(u, i)) * (score - truth(u, i));
            spread += (f.mean - truth(u, i)) * (f.mean - truth(u, i));
        }
    CHECK(squares <= 0.02 * spread);
    CHECK(f.noise.size() == 50);
    CHECK(f.n_iter == 150);
}

TEST_CASE("biased_gibbs has the same bits at any number of threads, with and without biases")
{
    const auto x = additive(false), xt = additive(true);
    GibbsOptions options = small_options();
    for (const bool biases : {true, false}) {
        options.biases = biases;
        options.num_threads = 1;
        const GibbsSamples one = biased_gibbs(x.view(), xt.view(), options);
        const Matrix<float> rows =
            gibbs_rows(x.view(), view(one.h), view(one.user_prior), one.mean, biases, options.num_threads);
        for (const int threads : {2, 3, 7}) {
            options.num_threads = threads;
            const GibbsSamples many = biased_gibbs(x.view(), xt.view(), options);
            CHECK(same_bits(one.w, many.w));
            CHECK(same_bits(one.h, many.h));
            CHECK(same_bits(one.user_prior, many.user_prior));
            CHECK(same_bits(one.item_prior, many.item_prior));
            CHECK(same_bits(one.history, many.history));
            CHECK(same_bits(rows, gibbs_rows(x.view(), view(one.h), view(one.user_prior), one.mean, biases, threads)));
        }
    }
}

TEST_CASE("biased_gibbs names options that are out of range")
{
    const auto x = additive(false), xt = additive(true);
    GibbsOptions options = small_options();
    options.n_samples = 0;
    CHECK_THROWS_AS(biased_gibbs(x.view(), xt.view(), options), std::invalid_argument);
    options = small_options();
    options.burn_in = -1;
    CHECK_THROWS_AS(biased_gibbs(x.view(), xt.view(), options), std::invalid_argument);
}
