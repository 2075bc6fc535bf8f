#include "matfact/pair_scores.hpp"
#include "matfact/pure_svd.hpp"
#include "matfact/top_n.hpp"
#include "support/plays.hpp"

#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

namespace {

PureSvdOptions small_options(Normalize normalize)
{
    PureSvdOptions options;
    options.n_components = 6;
    options.normalize = normalize;
    return options;
}

} // namespace

TEST_CASE("pure_svd projects users on orthonormal axes, of which no others of the rank leave less")
{
    const auto x = plays();
    const PureSvdFactors f = pure_svd(x.view(), small_options(Normalize::none));
    CHECK(f.status == Status::converged);
    CHECK(orthonormality(view(f.h)) <= rounding<float>(50));
    const Matrix<double> a = dense(x),
                         scores = product<double>(widened(view(f.w)).view(), widened(view(f.h)).view().transposed());
    // Stationary: A'A V = V S^2, relative to the largest of S^2.
    const Matrix<double> v = widened(view(f.h));
    const Matrix<double> image = product<double>(view(a).transposed(), product<double>(a.view(), v.view()).view());
    for (Index i = 0; i < v.n_rows(); ++i)
        for (Index c = 0; c < v.n_cols(); ++c) {
            const double s = static_cast<double>(f.s[static_cast<std::size_t>(c)]), s1 = static_cast<double>(f.s[0]);
            CHECK(std::abs(image(i, c) - s * s * v(i, c)) <= rounding<float>(100) * s1 * s1);
        }
    // |A - W V'|^2 = |A|^2 - sum of the squares of S.
    double left = 0.0, expected = 0.0;
    for (Index p = 0; p < a.size(); ++p) {
        left += std::pow(a.data()[p] - scores.data()[p], 2);
        expected += std::pow(a.data()[p], 2);
    }
    for (const float s : f.s)
        expected -= std::pow(static_cast<double>(s), 2);
    CHECK(left == approx<float>(expected, 100));
}

TEST_CASE("pure_svd predicts pairs and lists items, which are those of folded-in histories")
{
    const auto x = plays();
    for (const Normalize normalize : {Normalize::none, Normalize::degree}) {
        const PureSvdFactors f = pure_svd(x.view(), small_options(normalize));
        CHECK(same_bits(f.w, pure_svd_rows(x.view(), view(f.h), f.scale)));
        const TopN found = top_n(view(f.w), view(f.h), x.view(), nullptr, 4);
        for (const std::int64_t u : {0, 30, 57}) {
            const std::int64_t item = found.items(u, 1);
            const double score = pair_scores(view(f.w), view(f.h), {u}, {item})[0];
            CHECK(static_cast<double>(found.scores(u, 1)) == approx<float>(score, 20));
        }
    }
}

TEST_CASE("pure_svd by degree decomposes entries over the roots of both sums")
{
    const auto x = plays();
    const PureSvdFactors f = pure_svd(x.view(), small_options(Normalize::degree));
    const Matrix<double> a = dense(x);
    Matrix<double> scaled = copy<double>(a.view());
    for (Index u = 0; u < 60; ++u)
        for (Index i = 0; i < 40; ++i) {
            double by_user = 0.0, by_item = 0.0;
            for (Index j = 0; j < 40; ++j)
                by_user += a(u, j);
            for (Index j = 0; j < 60; ++j)
                by_item += a(j, i);
            CHECK(f.scale[static_cast<std::size_t>(i)] == approx<double>(by_item > 0.0 ? std::sqrt(by_item) : 1.0, 50));
            if (a(u, i) != 0.0)
                scaled(u, i) /= std::sqrt(by_user) * std::sqrt(by_item);
        }
    Matrix<double> v = widened(view(f.h));
    for (Index i = 0; i < 40; ++i)
        for (Index c = 0; c < 6; ++c)
            v(i, c) /= f.scale[static_cast<std::size_t>(i)];
    CHECK(orthonormality(view(v)) <= rounding<float>(50));
    const Matrix<double> image =
        product<double>(view(scaled).transposed(), product<double>(scaled.view(), v.view()).view());
    for (Index i = 0; i < 40; ++i)
        for (Index c = 0; c < 6; ++c)
            CHECK(std::abs(image(i, c) - std::pow(static_cast<double>(f.s[static_cast<std::size_t>(c)]), 2) *
                                             v(i, c)) <= rounding<float>(100));
    CHECK(static_cast<double>(f.s[0]) == approx<float>(1.0, 50)); // the norm of a graph's normalized matrix
}

TEST_CASE("pure_svd has the same bits at any number of threads")
{
    const auto x = plays(1500, 90); // several tasks of every loop
    PureSvdOptions options = small_options(Normalize::degree);
    options.num_threads = 1;
    const PureSvdFactors one = pure_svd(x.view(), options);
    for (const int threads : {2, 3, 7}) {
        options.num_threads = threads;
        const PureSvdFactors many = pure_svd(x.view(), options);
        CHECK(same_bits(one.w, many.w));
        CHECK(same_bits(one.h, many.h));
    }
}

TEST_CASE("pure_svd refuses more components than there are, entries that cannot be normalized, and other shapes")
{
    auto x = plays();
    PureSvdOptions options;
    CHECK_THROWS_AS(pure_svd(x.view(), options), std::invalid_argument); // 50 of 40
    options.n_components = 0;
    CHECK_THROWS_AS(pure_svd(x.view(), options), std::invalid_argument);
    const Matrix<float> h = normal_matrix<float>(39, 6), fits = normal_matrix<float>(40, 6);
    CHECK_THROWS_AS(pure_svd_rows(x.view(), view(h), {}), std::invalid_argument);
    CHECK_THROWS_AS(pure_svd_rows(x.view(), view(fits), {1.0}), std::invalid_argument);
    x.values[3] = -1.0f;
    CHECK_THROWS_AS(pure_svd(x.view(), small_options(Normalize::degree)), std::invalid_argument);
    CHECK(pure_svd(x.view(), small_options(Normalize::none)).s[0] > 0.0f);
    x.values[3] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_AS(pure_svd(x.view(), small_options(Normalize::none)), std::invalid_argument);
    x.values[3] = std::numeric_limits<float>::max();
    x.values[4] = std::numeric_limits<float>::max();
    Matrix<float> ones(40, 1);
    std::fill_n(ones.data(), 40, 1.0f);
    CHECK_THROWS_AS(pure_svd_rows(x.view(), view(ones), {}), NumericalError);
}
