#include "matfact/spectral_recommender.hpp"
#include "support/plays.hpp"

#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

namespace {

/// D_U^-1/2 X D_I^-1/2.
Matrix<double> normalized(const Matrix<double>& a)
{
    std::vector<double> rows(static_cast<std::size_t>(a.n_rows()), 0.0),
        cols(static_cast<std::size_t>(a.n_cols()), 0.0);
    for (Index u = 0; u < a.n_rows(); ++u)
        for (Index i = 0; i < a.n_cols(); ++i) {
            rows[static_cast<std::size_t>(u)] += a(u, i);
            cols[static_cast<std::size_t>(i)] += a(u, i);
        }
    Matrix<double> scaled = zero_matrix<double>(a.n_rows(), a.n_cols());
    for (Index u = 0; u < a.n_rows(); ++u)
        for (Index i = 0; i < a.n_cols(); ++i)
            if (a(u, i) != 0.0)
                scaled(u, i) =
                    a(u, i) / std::sqrt(rows[static_cast<std::size_t>(u)] * cols[static_cast<std::size_t>(i)]);
    return scaled;
}

} // namespace

TEST_CASE("spectral_recommender adds a step on the graph to the filter, in scores and in lists")
{
    const auto x = plays(), xt = transposed(x);
    SpectralOptions options;
    options.n_components = 5;
    const SpectralFactors f = spectral_recommender(x.view(), xt.view(), options);
    const auto graph = spectral_graph(x.view(), xt.view(), f.by_item, options.linear_weight);
    const Matrix<float> scores = all_scores(view(f.filter.w), view(f.filter.h), 0, {}, &graph);

    const Matrix<double> a = dense(x), scaled = normalized(a);
    const Matrix<double> smooth = product<float>(view(f.filter.w), view(f.filter.h).transposed());
    const Matrix<double> linear =
        product<double>(product<double>(a.view(), view(scaled).transposed()).view(), scaled.view());
    const double largest = largest_entry(view(linear));
    for (Index p = 0; p < scores.size(); ++p)
        CHECK(std::abs(static_cast<double>(scores.data()[p]) - smooth.data()[p] - 10.0 / 3.0 * linear.data()[p]) <=
              rounding<float>(50) * largest);

    const TopN found = top_n(view(f.filter.w), view(f.filter.h), x.view(), nullptr, 3, 0, {}, &graph);
    for (Index u = 0; u < 60; ++u)
        for (Index c = 0; c < 3; ++c) {
            CHECK(found.scores(u, c) == scores(u, found.items(u, c)));
            CHECK(a(u, found.items(u, c)) == 0.0);
        }
}

TEST_CASE("spectral_recommender filters as pure_svd by degree does, with the same bits at any number of threads")
{
    const auto x = plays(1500, 90), xt = transposed(x); // several tasks of every loop
    SpectralOptions options;
    options.n_components = 5;
    PureSvdOptions filter;
    filter.n_components = 5;
    filter.normalize = Normalize::degree;
    const PureSvdFactors pure = pure_svd(x.view(), filter);
    for (const int threads : {1, 2, 3, 7}) {
        options.num_threads = threads;
        const SpectralFactors f = spectral_recommender(x.view(), xt.view(), options);
        CHECK(same_bits(f.filter.w, pure.w));
        CHECK(same_bits(f.filter.h, pure.h));
        CHECK(same_bits(f.by_item, spectral_by_item(xt.view(), 1)));
    }
}

TEST_CASE("spectral_recommender names what it cannot take")
{
    auto x = plays();
    const auto xt = transposed(x);
    SpectralOptions options;
    CHECK_THROWS_AS(spectral_recommender(x.view(), xt.view(), options), std::invalid_argument); // 256 of 40
    options.n_components = 5;
    CHECK_THROWS_AS(spectral_recommender(x.view(), x.view(), options), std::invalid_argument);
    options.linear_weight = -1.0;
    CHECK_THROWS_AS(spectral_recommender(x.view(), xt.view(), options), std::invalid_argument);
    CHECK_THROWS_AS(spectral_graph(x.view(), xt.view(), {1.0f}, 1.0), std::invalid_argument);
    x.values[0] = 0.0f;
    options.linear_weight = 1.0;
    CHECK_THROWS_AS(spectral_recommender(x.view(), xt.view(), options), std::invalid_argument);
}
