#include "matfact/list_metrics.hpp"
#include "support/sparse.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

namespace {

constexpr double eps = std::numeric_limits<double>::epsilon();

Matrix<std::int64_t> matrix(Index n_rows, Index n_cols, std::initializer_list<std::int64_t> values)
{
    Matrix<std::int64_t> x(n_rows, n_cols);
    std::copy(values.begin(), values.end(), x.data());
    return x;
}

/// Items {0, 3} of user 0, none of user 1, {1} of user 2; five items.
template <class I> Csr<float, I> relevant()
{
    Csr<float, I> x;
    x.n_cols = 5;
    x.add(0, 1);
    x.add(3, 1);
    x.end_row();
    x.end_row();
    x.add(1, 1);
    x.end_row();
    return x;
}

const std::vector<double> shares = {1.0, 0.5, 0.25, 0.125, 1.0};

} // namespace

TEST_CASE_TEMPLATE("list_metrics are those by hand", I, std::int32_t, std::int64_t)
{
    const auto lists = matrix(3, 4, {2, 3, 0, 1, 0, 1, 2, 3, 4, 1, -1, -1});
    const std::vector<std::int64_t> n_relevant = {3, 0, 1}; // user 0 has one that is none of the five
    const std::vector<ListMetricAt> asked = {
        {ListMetric::precision, 3}, {ListMetric::recall, 2}, {ListMetric::recall, 9},  {ListMetric::hit_rate, 1},
        {ListMetric::hit_rate, 2},  {ListMetric::mrr, 4},    {ListMetric::map, 3},     {ListMetric::ndcg, 3},
        {ListMetric::ndcg, 9},      {ListMetric::ndcg, 1},   {ListMetric::novelty, 3}, {ListMetric::precision, 9},
    };
    const double second = 1 / std::log2(3.0), third = 1 / std::log2(4.0);
    const double gained = (second + third) / (1 + second + third);
    const std::vector<std::vector<double>> expected = {
        {2. / 3, 1. / 2, 2. / 3, 0, 1, 1. / 2, (1. / 2 + 2. / 3) / 3, gained, gained, 0, (2 + 3 + 0) / 3., 2. / 9},
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (0 + 1 + 2) / 3., 0},
        {1. / 3, 1, 1, 0, 1, 1. / 2, 1. / 2, second, second, 0, (0 + 1) / 2., 1. / 9},
    };
    const auto x = relevant<I>();
    const Matrix<double> found = list_metrics(lists.view(), x.view(), n_relevant.data(), shares.data(), asked);
    for (Index u = 0; u < 3; ++u)
        for (Index m = 0; m < found.n_cols(); ++m) {
            CAPTURE(u);
            CAPTURE(m);
            // A few sums and quotients of terms of size 1.
            CHECK(std::abs(found(u, m) - expected[static_cast<std::size_t>(u)][static_cast<std::size_t>(m)]) <=
                  8 * eps);
        }
}

TEST_CASE("first_places are the best ranks of the items over all lists")
{
    const auto lists = matrix(2, 3, {4, 1, -1, 0, 4, 1});
    const std::int64_t nowhere = std::numeric_limits<std::int64_t>::max();
    CHECK(first_places(lists.view(), 5) == std::vector<std::int64_t>{0, 1, nowhere, nowhere, 0});
}

TEST_CASE_TEMPLATE("auc is the share of pairs in order, by comparing all of them", I, std::int32_t, std::int64_t)
{
    auto scores = normal_matrix<float>(60, 80, 1);
    for (Index i = 0; i < scores.size(); ++i) // many are equal, and some are not ranked
        scores.data()[i] = i % 7 == 0 ? std::numeric_limits<float>::quiet_NaN() : std::round(2 * scores.data()[i]);
    const auto x = random_csr<float, I>(60, 80, 0.2);
    const Matrix<double> is_relevant = dense(x);
    const std::vector<double> found = auc(view(scores), x.view());
    for (Index u = 0; u < 60; ++u) {
        Index n = 0, halves = 0;
        for (Index i = 0; i < 80; ++i)
            for (Index j = 0; j < 80; ++j)
                if (is_relevant(u, i) != 0.0 && is_relevant(u, j) == 0.0 && !std::isnan(scores(u, i) + scores(u, j))) {
                    ++n;
                    halves += scores(u, i) > scores(u, j) ? 2 : scores(u, i) == scores(u, j);
                }
        const double own = found[static_cast<std::size_t>(u)];
        if (n == 0)
            CHECK(std::isnan(own));
        else
            CHECK(own == static_cast<double>(halves) / (2.0 * static_cast<double>(n)));
    }
}

TEST_CASE("list_metrics and auc have the same bits at any number of threads")
{
    const auto scores = normal_matrix<float>(500, 90, 2);
    const auto x = random_csr<float, std::int64_t>(500, 90, 0.3);
    Matrix<std::int64_t> lists(500, 10);
    for (Index u = 0; u < 500; ++u)
        for (Index j = 0; j < 10; ++j)
            lists(u, j) = (u * 7 + j * 11) % 90;
    std::vector<std::int64_t> n_relevant;
    for (std::size_t u = 0; u < 500; ++u)
        n_relevant.push_back(x.indptr[u + 1] - x.indptr[u]);
    const std::vector<double> some_shares(90, 0.3);
    const std::vector<ListMetricAt> asked = {{ListMetric::ndcg, 10}, {ListMetric::map, 7}, {ListMetric::novelty, 5}};
    const auto values = [&](int threads) {
        return list_metrics(lists.view(), x.view(), n_relevant.data(), some_shares.data(), asked, threads);
    };
    const Matrix<double> one = values(1);
    const std::vector<double> share = auc(view(scores), x.view(), 1);
    for (const int threads : {2, 3, 7}) {
        CHECK(same_bits(one, values(threads)));
        CHECK(same_bits(share, auc(view(scores), x.view(), threads)));
    }
}

TEST_CASE("list_metrics refuse what does not fit together")
{
    const auto x = relevant<std::int32_t>();
    const std::vector<std::int64_t> n_relevant = {2, 0, 1}, too_few = {1, 0, 1};
    const auto ask = [&](const Matrix<std::int64_t>& lists, const std::vector<std::int64_t>& counts,
                         const std::vector<double>& of_items, Index k) {
        return list_metrics(lists.view(), x.view(), counts.data(), of_items.data(), {{ListMetric::ndcg, k}});
    };
    const auto lists = matrix(3, 1, {0, -1, 4});
    CHECK(ask(lists, n_relevant, shares, 1)(2, 0) == 0.0);
    CHECK_THROWS_AS(ask(lists, n_relevant, shares, 0), std::invalid_argument);
    CHECK_THROWS_AS(ask(lists, too_few, shares, 1), std::invalid_argument);
    CHECK_THROWS_AS(ask(lists, n_relevant, {1, 1, 0, 1, 1}, 1), std::invalid_argument);
    CHECK_THROWS_AS(ask(matrix(3, 1, {0, 5, 4}), n_relevant, shares, 1), std::invalid_argument);
    CHECK_THROWS_AS(ask(matrix(2, 1, {0, 4}), n_relevant, shares, 1), std::invalid_argument);
    CHECK_THROWS_AS(first_places(matrix(1, 1, {5}).view(), 5), std::invalid_argument);
    CHECK_THROWS_AS(auc(view(normal_matrix<float>(3, 4)), x.view()), std::invalid_argument);
}
