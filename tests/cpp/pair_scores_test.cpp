#include "matfact/pair_scores.hpp"
#include "support/matrices.hpp"

#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

TEST_CASE("pair_scores are inner products, 0 with somebody unknown, at any number of threads")
{
    const Index n = 20000, k = 13;
    const auto w = normal_matrix<float>(50, k, 1), h = normal_matrix<float>(30, k, 2);
    std::vector<std::int64_t> rows, cols;
    for (std::int64_t p = 0; p < n; ++p) {
        rows.push_back(p * 7 % 51 - 1);
        cols.push_back(p * 5 % 31 - 1);
    }
    const std::vector<double> scores = pair_scores(view(w), view(h), rows, cols, 1);
    const Matrix<double> all = product<float>(w.view(), view(h).transposed());
    for (std::size_t p = 0; p < scores.size(); ++p) {
        const double expected = rows[p] < 0 || cols[p] < 0 ? 0.0 : all(rows[p], cols[p]);
        // Both are sums of 13 products of size 1 in float64, in another order.
        REQUIRE(std::abs(scores[p] - expected) <= 100.0 * std::numeric_limits<double>::epsilon());
    }
    for (const int threads : {2, 3, 7})
        CHECK(pair_scores(view(w), view(h), rows, cols, threads) == scores);
}

TEST_CASE("pair_scores refuses indices outside and unequal numbers")
{
    const auto w = normal_matrix<float>(2, 3), h = normal_matrix<float>(4, 3), narrow = normal_matrix<float>(4, 2);
    CHECK_THROWS_AS(pair_scores(view(w), view(h), {2}, {0}), std::invalid_argument);
    CHECK_THROWS_AS(pair_scores(view(w), view(h), {0}, {4}), std::invalid_argument);
    CHECK_THROWS_AS(pair_scores(view(w), view(h), {0, 1}, {0}), std::invalid_argument);
    CHECK_THROWS_AS(pair_scores(view(w), view(narrow), {0}, {0}), std::invalid_argument);
    CHECK(pair_scores(view(w), view(h), {}, {}).empty());
}
