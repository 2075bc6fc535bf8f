#include "matfact/bpr.hpp"
#include "pair_sampler.hpp"
#include "support/sparse.hpp"

#include <functional>
#include <map>
#include <set>
#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

namespace {

/// Users and items of as many groups; an item of the own group is stored with probability 0.5, another with 0.02.
Csr<float, std::int32_t> groups(Index n_users, Index n_items, Index n_groups)
{
    Csr<float, std::int32_t> x;
    x.n_cols = n_items;
    for (Index u = 0; u < n_users; ++u) {
        for (Index i = 0; i < n_items; ++i) {
            Draws draws(1, 9, static_cast<std::uint64_t>(u), static_cast<std::uint64_t>(i));
            if (draws.unit() < (u % n_groups == i % n_groups ? 0.5 : 0.02))
                x.add(i, 1.0);
        }
        x.end_row();
    }
    return x;
}

/// Large enough for several blocks.
const Csr<float, std::int32_t>& many()
{
    static const auto x = groups(600, 300, 5);
    return x;
}

BprOptions small_options()
{
    BprOptions options;
    options.n_components = 5;
    options.max_iter = 4;
    options.seed = 3;
    return options;
}

template <class Body> void for_each_kind(const Body& body)
{
    for (const Negatives negatives : {Negatives::uniform, Negatives::popularity, Negatives::adaptive}) {
        BprOptions options = small_options();
        options.negatives = negatives;
        body(options);
    }
    BprOptions options = small_options();
    options.loss = PairLoss::warp;
    body(options);
}

using Triple = std::array<Index, 3>;

/// How often each (u, i, j) is met, a mean over epochs.
std::map<Triple, double> meetings(const Csr<float, std::int32_t>& x, bool is_weighted, Index n_shards, Index n_epochs)
{
    PairSampler<PairMethod::logistic, std::int32_t> sampler(x.view(), count_columns(x.view()), is_weighted, n_shards,
                                                            7);
    std::map<Triple, double> sums;
    for (Index epoch = 0; epoch < n_epochs; ++epoch) {
        sampler.start_epoch(epoch, 1, {});
        for (Index users = 0; users < n_shards; ++users)
            for (Index items = 0; items < n_shards; ++items)
                sampler.sample_block(users, items, [&](const auto* samples, int n, auto&) {
                    for (int s = 0; s < n; ++s)
                        sums[{samples[s].user, samples[s].item, samples[s].negatives[0]}] +=
                            1.0 / static_cast<double>(n_epochs);
                });
    }
    return sums;
}

} // namespace

TEST_CASE("A step goes down the gradient of the penalized loss of a pair")
{
    constexpr Index k = 16;
    const double l2[3] = {0.03, 0.02, 0.01};
    std::vector<double> at(3 * k);
    for (std::size_t c = 0; c < at.size(); ++c)
        at[c] = random_normal(1, 1, c);
    const auto loss = [&](const std::vector<double>& p) {
        double d = 0.0, penalty = 0.0;
        for (std::size_t c = 0; c < k; ++c) {
            d += p[c] * (p[k + c] - p[2 * k + c]);
            for (std::size_t role = 0; role < 3; ++role)
                penalty += l2[role] / 2 * p[role * k + c] * p[role * k + c];
        }
        return std::log1p(std::exp(-d)) + penalty;
    };
    std::vector<float> rows(at.begin(), at.end());
    const float d = linalg::dot_difference(&rows[0], &rows[k], &rows[2 * k], k);
    const double rate = 0.25;
    const auto keep = [&](int role) { return static_cast<float>(1.0 - rate * l2[role]); };
    linalg::pair_step(&rows[0], &rows[k], &rows[2 * k], k, static_cast<float>(rate) * Logistic(d).slope,
                      {keep(0), keep(1), keep(2)});
    for (std::size_t c = 0; c < at.size(); ++c) {
        std::vector<double> right = at, left = at;
        right[c] += 1e-5;
        left[c] -= 1e-5;
        const double slope = (loss(right) - loss(left)) / 2e-5;
        // Roundings of float32 in numbers of about 1, divided by the rate.
        CHECK(std::abs((at[c] - static_cast<double>(rows[c])) / rate - slope) <= 50 * rounding<float>(1));
    }
}

TEST_CASE("The logistic loss and its slope are right from -80 to 80")
{
    for (double d = -80.0; d <= 80.0; d += 0.37) {
        const Logistic loss(static_cast<float>(d));
        const auto x = static_cast<double>(static_cast<float>(d));
        CHECK(std::abs(static_cast<double>(loss.value) - (std::log1p(std::exp(-std::abs(x))) + std::max(0.0, -x))) <=
              4 * rounding<float>(1) * std::max(1.0, std::abs(x)));
        CHECK(std::abs(static_cast<double>(loss.slope) - 1.0 / (1.0 + std::exp(x))) <= 4 * rounding<float>(1));
    }
}

TEST_CASE("The loss of a rank falls with the draws that its estimate took")
{
    const RankLoss loss(100);
    CHECK(loss(100, 1) == 1.0f);
    CHECK(loss(90, 45) == approx<float>(1.5 / 5.082570603038, 8)); // L(2) / L(90)
    CHECK(loss(100, 2) < loss(100, 1));
    CHECK(loss(3, 100) == loss(3, 3)); // rank 1 is the least
}

TEST_CASE("Every pair is met once an epoch, and every item that the user lacks equally often")
{
    const auto x = groups(12, 20, 2);
    const auto counts = count_columns(x.view());
    const auto may_come = [&](Index j) { return counts[static_cast<std::size_t>(j)] > 0; };
    constexpr Index n_epochs = 20000;
    for (const Index shards : {Index{1}, Index{3}}) {
        const auto sums = meetings(x, false, shards, n_epochs);
        const Matrix<double> a = dense(x);
        for (Index u = 0; u < 12; ++u) {
            double free = 0.0;
            for (Index i = 0; i < 20; ++i)
                free += a(u, i) == 0.0 && may_come(i);
            for (Index i = 0; i < 20; ++i)
                for (Index j = 0; j < 20; ++j) {
                    const auto found = sums.find({u, i, j});
                    const double mean = found == sums.end() ? 0.0 : found->second;
                    const double expected = a(u, i) > 0.0 && a(u, j) == 0.0 && may_come(j) ? 1.0 / free : 0.0;
                    // A Bernoulli variable each epoch; six standard deviations, for some thousand of them.
                    CHECK(std::abs(mean - expected) <= 6.0 * std::sqrt(expected / n_epochs));
                }
        }
    }
}

TEST_CASE("Popular items are met in proportion to their entries, whatever the deal")
{
    auto x = groups(12, 20, 2);
    for (Index u = 0; u < 8; ++u) { // an item that all of them have
        x.add(0, 1.0);
        x.end_row();
    }
    const Matrix<double> a = dense(x);
    const auto counts = count_columns(x.view());
    constexpr Index n_epochs = 20000;
    for (const Index shards : {Index{1}, Index{3}}) {
        const auto sums = meetings(x, true, shards, n_epochs);
        for (Index u = 0; u < 20; ++u) {
            double free = 0.0;
            for (Index i = 0; i < 20; ++i)
                free += a(u, i) > 0.0 ? 0.0 : static_cast<double>(counts[static_cast<std::size_t>(i)]);
            for (Index i = 0; i < 20; ++i)
                for (Index j = 0; j < 20; ++j) {
                    const auto found = sums.find({u, i, j});
                    const double mean = found == sums.end() ? 0.0 : found->second;
                    const double expected = a(u, i) > 0.0 && a(u, j) == 0.0
                                                ? static_cast<double>(counts[static_cast<std::size_t>(j)]) / free
                                                : 0.0;
                    // At most some ten meetings at once, where the shard is heavy.
                    CHECK(std::abs(mean - expected) <= 6.0 * std::sqrt(10.0 * expected / n_epochs));
                }
        }
    }
}

TEST_CASE("The blocks of a round have no user and no item in common, and hold every pair once")
{
    const auto x = many().view();
    PairSampler<PairMethod::logistic, std::int32_t> sampler(x, count_columns(x), false, 4, 1);
    sampler.start_epoch(0, 2, {});
    std::set<std::array<std::int32_t, 2>> pairs;
    for (Index round = 0; round < 4; ++round) {
        std::map<std::int32_t, Index> user_of, item_of;
        for (Index s = 0; s < 4; ++s)
            sampler.sample_block(s, (s + round) % 4, [&](const auto* samples, int n, auto&) {
                for (int p = 0; p < n; ++p) {
                    CHECK(user_of.emplace(samples[p].user, s).first->second == s);
                    CHECK(item_of.emplace(samples[p].item, s).first->second == s);
                    CHECK(item_of.emplace(samples[p].negatives[0], s).first->second == s);
                    CHECK(pairs.insert({samples[p].user, samples[p].item}).second);
                }
            });
    }
    CHECK(pairs.size() == static_cast<std::size_t>(linalg::stored_entries(x)));
}

TEST_CASE("bpr has the same bits at any number of threads")
{
    REQUIRE(PairBlocks<std::int32_t>::shards_for(many().view(), 300, 5, 3) > 1);
    for_each_kind([](BprOptions options) {
        options.num_threads = 1;
        const BprFactors one = bpr(many().view(), options);
        const Matrix<float> rows = bpr_rows(many().view(), view(one.h), count_columns(many().view()), options);
        for (const int threads : {2, 3, 7}) {
            options.num_threads = threads;
            const BprFactors other = bpr(many().view(), options);
            CHECK(same_bits(one.w, other.w));
            CHECK(same_bits(one.h, other.h));
            CHECK(same_bits(one.history, other.history));
            CHECK(same_bits(rows, bpr_rows(many().view(), view(one.h), count_columns(many().view()), options)));
        }
    });
}

TEST_CASE("bpr ranks the items of a user's group first, and so do rows of new users")
{
    for_each_kind([](BprOptions options) {
        options.max_iter = 40;
        for (const bool deterministic : {true, false}) {
            options.deterministic = deterministic;
            const BprFactors f = bpr(many().view(), options);
            CHECK(f.auc.back() > 0.87); // what the groups alone give
            CHECK(f.auc.front() < 0.8);
            const Matrix<float> rows = bpr_rows(many().view(), view(f.h), count_columns(many().view()), options);
            for (const Matrix<float>* w : {&f.w, &rows}) {
                Index right = 0, all = 0;
                for (Index u = 0; u < 600; ++u)
                    for (Index i = 0; i < 300; ++i) {
                        const Index j = (i + 1 + u % 4) % 300; // of another group than i
                        if ((u % 5 != i % 5) || (j % 5 == i % 5))
                            continue;
                        const float d =
                            linalg::dot(&(*w)(u, 0), &f.h(i, 0), 6) - linalg::dot(&(*w)(u, 0), &f.h(j, 0), 6);
                        right += d > 0.0f;
                        ++all;
                    }
                CHECK(static_cast<double>(right) > 0.97 * static_cast<double>(all));
            }
        }
    });
}

TEST_CASE("bpr reports the mean loss before each step with its standard error")
{
    BprOptions options = small_options();
    options.learning_rate = 1e-6; // nothing moves
    const BprFactors f = bpr(many().view(), options);
    // Entries of the start are uniform within 0.5 / sqrt(5), of variance 1/60. A difference of two scores is a sum of
    // five products of one with the difference of two others, and the slope of the loss at 0 is a half.
    const double deviation = 0.5 * std::sqrt(5.0 * (1.0 / 60) * (2.0 / 60));
    const auto n = static_cast<double>(linalg::stored_entries(many().view()));
    for (std::size_t e = 0; e < 4; ++e) {
        CHECK(std::abs(f.history[e] - std::log(2.0)) <= 6.0 * f.errors[e]);
        // The factors of each row come in many pairs, so this estimate has an error of some percent.
        CHECK(f.errors[e] * std::sqrt(n) / deviation == doctest::Approx(1.0).epsilon(0.1));
        CHECK(std::abs(f.auc[e] - 0.5) < 0.05);
    }
}

TEST_CASE("bpr stops when it is told to, and keeps whole epochs")
{
    const BprOptions options = small_options();
    const BprFactors stopped =
        bpr(many().view(), options, [](const Iteration& it) { return !std::isnan(it.objective) && it.n_iter == 2; });
    CHECK(stopped.status == Status::stopped);
    BprOptions two = options;
    two.max_iter = 2;
    CHECK(same_bits(stopped.h, bpr(many().view(), two).h));
}

TEST_CASE("bpr serves users who have everything or nothing, and items that nobody has")
{
    Csr<float, std::int32_t> x;
    x.n_cols = 4;
    for (const std::vector<Index>& row : {std::vector<Index>{0, 1, 2}, {}, {0}}) {
        for (const Index i : row)
            x.add(i, 1.0);
        x.end_row();
    }
    for_each_kind([&](const BprOptions& options) {
        const BprFactors f = bpr(x.view(), options);
        for (Index c = 0; c < 5; ++c) {
            CHECK(f.w(1, c) == 0.0f);
            CHECK(f.h(3, c) == 0.0f);
        }
        float least = f.h(0, 5);
        for (Index i = 0; i < 4; ++i)
            least = std::min(least, f.h(i, 5));
        CHECK(least == 0.0f);
        CHECK(f.h(3, 5) == 0.0f);
    });
}

TEST_CASE("bpr refuses options out of range and rows that do not ascend")
{
    const auto refused = [](const std::function<void(BprOptions&)>& change) {
        BprOptions options = small_options();
        change(options);
        CHECK_THROWS_AS(bpr(many().view(), options), std::invalid_argument);
    };
    refused([](BprOptions& o) { o.n_components = 0; });
    refused([](BprOptions& o) { o.learning_rate = 0.0; });
    refused([](BprOptions& o) { o.l2_user = -1.0; });
    refused([](BprOptions& o) { o.l2_negative = 20.0; });
    refused([](BprOptions& o) { o.max_iter = 0; });
    refused([](BprOptions& o) {
        o.loss = PairLoss::warp;
        o.negatives = Negatives::popularity;
    });
    auto x = groups(5, 6, 1);
    std::swap(x.indices[0], x.indices[1]);
    CHECK_THROWS_AS(bpr(x.view(), small_options()), std::invalid_argument);
    x.indices[0] = x.indices[1];
    CHECK_THROWS_AS(bpr(x.view(), small_options()), std::invalid_argument);
}

TEST_CASE("bpr_items refuses what does not fit together, and gives an item that nobody has zeros")
{
    const auto x = groups(40, 20, 2);
    const BprOptions options = small_options();
    const BprFactors fit = bpr(x.view(), options);
    Csr<float, std::int32_t> columns;
    columns.n_cols = 40;
    columns.end_row();
    const auto solve = [&](const std::vector<Index>& codes, Index n_rows) {
        return bpr_items(x.view(), columns.view(), codes, view(fit.w).rows(0, n_rows), view(fit.h), options);
    };
    const Matrix<float> nobody = solve({20}, 40);
    for (Index c = 0; c < nobody.n_cols(); ++c)
        CHECK(nobody(0, c) == 0.0f);
    CHECK_THROWS_AS(solve({20}, 39), std::invalid_argument);
    CHECK_THROWS_AS(solve({20, 21}, 40), std::invalid_argument);
    CHECK_THROWS_AS(solve({-1}, 40), std::invalid_argument);
    columns.n_cols = 41;
    CHECK_THROWS_AS(solve({20}, 40), std::invalid_argument);
}
