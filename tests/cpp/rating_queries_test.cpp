#include "matfact/biased_gibbs.hpp"
#include "matfact/biased_mf.hpp"
#include "matfact/pair_scores.hpp"
#include "matfact/rating_queries.hpp"
#include "matfact/top_n.hpp"
#include "support/ratings.hpp"

#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

namespace {

/// mean + b_u + b_i + w_u . h_i, averaged over the draws that stand side by side, all with k components and a bias.
double rating(const Matrix<float>& w, const Matrix<float>& h, double mean, Index k, Index u, Index i)
{
    const Index n_draws = w.n_cols() / (k + 1);
    double sum = 0.0;
    for (Index d = 0; d < n_draws; ++d) {
        const Index first = d * (k + 1);
        sum += static_cast<double>(w(u, first + k)) + static_cast<double>(h(i, first + k));
        for (Index c = first; c < first + k; ++c)
            sum += static_cast<double>(w(u, c)) * static_cast<double>(h(i, c));
    }
    return mean + sum / static_cast<double>(n_draws);
}

/// Predictions and lists of all users are those of the model's formula.
void check_ratings_of(const Matrix<float>& w, const Matrix<float>& h, double mean, Index k, Index n_draws)
{
    const RatingQueries users = rating_queries(view(w), mean, true, n_draws);
    const auto seen = additive(false);
    const Matrix<double> known = dense(seen);
    const TopN found = top_n(view(users.queries), view(h), seen.view(), nullptr, 5);
    for (Index u = 0; u < w.n_rows(); ++u) {
        const double constant = users.constants[static_cast<std::size_t>(u)];
        const double predicted = pair_scores(view(users.queries), view(h), {u}, {3})[0] + constant;
        CHECK(predicted == approx<float>(rating(w, h, mean, k, u, 3), 20));
        double best = -1e9;
        for (Index i = 0; i < h.n_rows(); ++i)
            if (known(u, i) == 0.0)
                best = std::max(best, rating(w, h, mean, k, u, i));
        CHECK(static_cast<double>(found.scores(u, 0)) + constant == approx<float>(best, 20));
    }
}

} // namespace

TEST_CASE("rating_queries turn the factors of biased_mf into predictions and lists")
{
    const auto x = additive(false), xt = additive(true);
    BiasedOptions options;
    options.n_components = 3;
    const BiasedFactors f = biased_mf(x.view(), xt.view(), options);
    check_ratings_of(f.w, f.h, f.mean, 3, 1);
}

TEST_CASE("rating_queries average over the draws of biased_gibbs")
{
    const auto x = additive(false), xt = additive(true);
    GibbsOptions options;
    options.n_components = 2;
    options.burn_in = 2;
    options.n_samples = 4;
    const GibbsSamples f = biased_gibbs(x.view(), xt.view(), options);
    check_ratings_of(f.w, f.h, f.mean, 2, 4);
}

TEST_CASE("rating_queries leave factors without biases as they are, and refuse columns that no draws have")
{
    const Matrix<float> w = normal_matrix<float>(5, 4);
    const RatingQueries users = rating_queries(view(w), 3.5, false);
    CHECK(same_bits(users.queries, w));
    CHECK(users.constants == std::vector<double>(5, 3.5));
    CHECK_THROWS_AS(rating_queries(view(w), 0.0, true, 3), std::invalid_argument);
    CHECK_THROWS_AS(rating_queries(view(w), 0.0, true, 0), std::invalid_argument);
    const Matrix<float> none(5, 0);
    CHECK_THROWS_AS(rating_queries(view(none), 0.0), std::invalid_argument);
}
