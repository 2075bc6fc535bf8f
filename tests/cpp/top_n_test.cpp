#include "matfact/top_n.hpp"
#include "support/sparse.hpp"

#include <numeric>
#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

namespace {

/// Scores are small whole numbers, so that many are equal and none is rounded.
Matrix<float> whole_numbers(Index n_rows, Index k, std::uint64_t seed)
{
    Matrix<float> x = normal_matrix<float>(n_rows, k, seed);
    for (Index i = 0; i < x.size(); ++i)
        x.data()[i] = std::round(x.data()[i]);
    return x;
}

/// By sorting everything.
void check_against_sorting(const Matrix<float>& q, const Matrix<float>& h, const Csr<float, std::int32_t>& seen,
                           const std::vector<std::int64_t>* candidates, Index n, const TopN& found)
{
    const Matrix<double> scores = product<float>(q.view(), view(h).transposed()), hidden = dense(seen);
    for (Index i = 0; i < q.n_rows(); ++i) {
        std::vector<std::int64_t> order;
        for (std::int64_t j = 0; j < h.n_rows(); ++j)
            if (hidden(i, j) == 0.0 && (!candidates || std::count(candidates->begin(), candidates->end(), j)))
                order.push_back(j);
        std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return scores(i, a) > scores(i, b); });
        for (Index c = 0; c < n; ++c) {
            const bool there = c < static_cast<Index>(order.size());
            const std::int64_t expected = there ? order[static_cast<std::size_t>(c)] : -1;
            REQUIRE(found.items(i, c) == expected);
            CHECK(static_cast<double>(found.scores(i, c)) ==
                  (there ? scores(i, expected) : -std::numeric_limits<double>::infinity()));
        }
    }
}

} // namespace

TEST_CASE("top_n is what sorting all scores gives, ties and filters included")
{
    const auto q = whole_numbers(70, 9, 1), h = whole_numbers(1700, 9, 2);
    Csr<float, std::int32_t> seen = random_csr<float, std::int32_t>(70, 1700, 0.2);
    for (float& value : seen.values)
        value = 1.0f;
    std::vector<std::int64_t> some(600), few = {3, 900, 1699};
    std::iota(some.begin(), some.end(), 500);
    for (const std::vector<std::int64_t>* candidates :
         std::initializer_list<const std::vector<std::int64_t>*>{nullptr, &some, &few})
        for (const Index n : {1, 10, 50, 1700}) {
            const TopN found = top_n(view(q), view(h), seen.view(), candidates, n);
            check_against_sorting(q, h, seen, candidates, n, found);
        }
}

TEST_CASE("top_n has the same bits at any number of threads")
{
    const auto q = normal_matrix<float>(300, 20, 1), h = normal_matrix<float>(900, 20, 2);
    const auto seen = random_csr<float, std::int64_t>(300, 900, 0.1);
    const TopN one = top_n(view(q), view(h), seen.view(), nullptr, 10, 1);
    for (const int threads : {2, 3, 7}) {
        const TopN many = top_n(view(q), view(h), seen.view(), nullptr, 10, threads);
        CHECK(same_bits(one.items, many.items));
        CHECK(same_bits(one.scores, many.scores));
    }
}

TEST_CASE("top_n adds the way of a history through the graph, in lists and in all scores, at any number of threads")
{
    const Index n_queries = 70, n_users = 40, n_items = 1700;
    const auto q = whole_numbers(n_queries, 5, 1), h = whole_numbers(n_items, 5, 2);
    auto history = random_csr<float, std::int32_t>(n_queries, n_items, 0.01);
    auto by_item = random_csr<float, std::int32_t>(n_items, n_users, 0.1);
    for (auto* const x : {&history, &by_item})
        for (float& value : x->values)
            value = value < 0.0f ? -1.0f : 2.0f; // sums are exact
    const GraphTerm<std::int32_t> graph{history.view(), by_item.view(), 0.5f};
    const Matrix<float> scores = all_scores(view(q), view(h), 1, {}, &graph);

    const Matrix<double> near = product<float>(q.view(), view(h).transposed()), x = dense(history), a = dense(by_item);
    const Matrix<double> far = product<double>(product<double>(x.view(), a.view()).view(), a.view().transposed());
    for (Index i = 0; i < n_queries; ++i)
        for (Index j = 0; j < n_items; ++j)
            REQUIRE(static_cast<double>(scores(i, j)) == near(i, j) + 0.5 * far(i, j));

    std::vector<std::int64_t> some(900);
    std::iota(some.begin(), some.end(), 300);
    for (const int threads : {1, 2, 3, 7}) {
        CHECK(same_bits(scores, all_scores(view(q), view(h), threads, {}, &graph)));
        const TopN found = top_n(view(q), view(h), history.view(), &some, 10, threads, {}, &graph);
        for (Index i = 0; i < n_queries; ++i)
            for (Index c = 0; c < 10; ++c) {
                REQUIRE(found.scores(i, c) == scores(i, found.items(i, c)));
                Index above = 0;
                for (const std::int64_t j : some)
                    if (x(i, j) == 0.0)
                        above += scores(i, j) > found.scores(i, c) ||
                                 (scores(i, j) == found.scores(i, c) && j < found.items(i, c));
                REQUIRE(above == c);
            }
    }
    const GraphTerm<std::int32_t> crossed{by_item.view(), history.view(), 0.5f};
    CHECK_THROWS_AS(all_scores(view(q), view(h), 1, {}, &crossed), std::invalid_argument);
}

TEST_CASE("top_n refuses what does not fit together")
{
    const auto q = normal_matrix<float>(2, 3), h = normal_matrix<float>(4, 3);
    Csr<float, std::int32_t> seen;
    seen.n_cols = 4;
    seen.end_row();
    CHECK_THROWS_AS(top_n(view(q), view(h), seen.view(), nullptr, 1), std::invalid_argument);
    seen.end_row();
    CHECK_THROWS_AS(top_n(view(q), view(h), seen.view(), nullptr, 0), std::invalid_argument);
    const std::vector<std::int64_t> outside = {4}, unordered = {2, 1};
    CHECK_THROWS_AS(top_n(view(q), view(h), seen.view(), &outside, 1), std::invalid_argument);
    CHECK_THROWS_AS(top_n(view(q), view(h), seen.view(), &unordered, 1), std::invalid_argument);
    const std::vector<std::int64_t> none;
    CHECK(top_n(view(q), view(h), seen.view(), &none, 2).items(1, 1) == -1);
}
