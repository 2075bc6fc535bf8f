#include "matfact/baseline.hpp"
#include "matfact/pair_scores.hpp"
#include "matfact/rating_queries.hpp"
#include "matfact/top_n.hpp"
#include "support/ratings.hpp"

#include <limits>
#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

TEST_CASE("baseline is where the gradient of its objective is zero")
{
    const auto x = additive(false), xt = additive(true);
    BaselineOptions options;
    options.l2_user = 2.0;
    options.l2_item = 0.5;
    options.max_iter = 200;
    const BaselineFactors f = baseline(x.view(), xt.view(), options);
    const Matrix<double> truth = dense(x);
    std::vector<double> by_user(30, 0.0), by_item(20, 0.0);
    for (Index u = 0; u < 30; ++u)
        for (Index i = 0; i < 20; ++i)
            if (truth(u, i) != 0.0) {
                const double left =
                    truth(u, i) - f.mean - static_cast<double>(f.w(u, 0)) - static_cast<double>(f.h(i, 0));
                by_user[static_cast<std::size_t>(u)] += left;
                by_item[static_cast<std::size_t>(i)] += left;
            }
    // Sums of up to 15 values near 2, from biases in float32.
    for (Index u = 0; u < 30; ++u)
        CHECK(std::abs(by_user[static_cast<std::size_t>(u)] - 2.0 * static_cast<double>(f.w(u, 0))) <=
              rounding<float>(50));
    for (Index i = 0; i < 20; ++i)
        CHECK(std::abs(by_item[static_cast<std::size_t>(i)] - 0.5 * static_cast<double>(f.h(i, 0))) <=
              rounding<float>(50));
    CHECK(same_bits(f.w, baseline_rows(x.view(), view(f.h), f.mean, options.l2_user)));
}

TEST_CASE("baseline predicts additive ratings and lists the items that are liked")
{
    const auto x = additive(false), xt = additive(true);
    BaselineOptions options;
    options.l2_user = options.l2_item = 0.0;
    options.max_iter = 200;
    const BaselineFactors f = baseline(x.view(), xt.view(), options);
    const RatingQueries users = rating_queries(view(f.w), f.mean);
    const std::vector<std::int64_t> rows = {0, 7, 29}, cols = {1, 19, 3};
    const std::vector<double> products = pair_scores(view(users.queries), view(f.h), rows, cols);
    for (std::size_t p = 0; p < rows.size(); ++p) {
        const double truth = 2.0 + 0.1 * static_cast<double>(rows[p] % 7) - 0.2 * static_cast<double>(cols[p] % 5);
        CHECK(products[p] + users.constants[static_cast<std::size_t>(rows[p])] == approx<float>(truth, 20));
    }
    const TopN found = top_n(view(users.queries), view(f.h), x.view(), nullptr, 1);
    CHECK(found.items(1, 0) % 5 == 0); // the items of the highest bias are 0, 5, 10, 15, of which it lacks one
}

TEST_CASE("baseline has the same bits at any number of threads, and leaves empty rows at 0")
{
    // Of more rows than one task takes.
    Csr<float, std::int32_t> x, xt;
    x.n_cols = 1;
    xt.n_cols = 1500;
    for (Index u = 0; u < 1500; ++u) {
        if (u % 7 != 0) {
            x.add(0, static_cast<double>(u % 5));
            xt.add(u, static_cast<double>(u % 5));
        }
        x.end_row();
    }
    xt.end_row();
    BaselineOptions options;
    options.l2_user = 0.0;
    options.num_threads = 1;
    const BaselineFactors one = baseline(x.view(), xt.view(), options);
    CHECK(one.w(7, 0) == 0.0f);
    for (const int threads : {2, 3, 7}) {
        options.num_threads = threads;
        const BaselineFactors many = baseline(x.view(), xt.view(), options);
        CHECK(same_bits(one.w, many.w));
        CHECK(same_bits(one.h, many.h));
    }
}

TEST_CASE("baseline names what it cannot take")
{
    auto x = additive(false);
    const auto xt = additive(true);
    BaselineOptions options;
    options.l2_item = -1.0;
    CHECK_THROWS_WITH_AS(baseline(x.view(), xt.view(), options), "l2_item must not be negative", std::invalid_argument);
    options = {};
    options.max_iter = 0;
    CHECK_THROWS_AS(baseline(x.view(), xt.view(), options), std::invalid_argument);
    CHECK_THROWS_AS(baseline(x.view(), x.view(), {}), std::invalid_argument);
    const Matrix<float> two(20, 2);
    CHECK_THROWS_AS(baseline_rows(x.view(), view(two), 0.0, 1.0), std::invalid_argument);
    x.values[0] = std::numeric_limits<float>::infinity();
    CHECK_THROWS_AS(baseline(x.view(), xt.view(), {}), std::invalid_argument);
}
