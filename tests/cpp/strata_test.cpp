#include "strata.hpp"
#include "support/sparse.hpp"

#include <set>

using namespace matfact;
using namespace matfact::testing;

namespace {

/// Entry (i, j) is 100 i + j; row 0 is full, the last row and column are empty.
Csr<float, std::int32_t> numbered(bool transposed)
{
    constexpr Index n_rows = 60, n_cols = 35;
    Csr<float, std::int32_t> x;
    x.n_cols = transposed ? n_rows : n_cols;
    for (Index a = 0; a < (transposed ? n_cols : n_rows); ++a) {
        for (Index b = 0; b < x.n_cols; ++b) {
            const Index i = transposed ? b : a, j = transposed ? a : b;
            if (i + 1 < n_rows && j + 1 < n_cols && (i == 0 || (7 * i + 3 * j) % 5 == 0))
                x.add(b, 100.0 * static_cast<double>(i) + static_cast<double>(j));
        }
        x.end_row();
    }
    return x;
}

Strata<std::int32_t> strata_of_numbered(int threads)
{
    const auto x = numbered(false), xt = numbered(true);
    return {x.view(), xt.view(), threads, [](float value) { return value; }};
}

} // namespace

TEST_CASE("strata hold every entry once, in the block of its row and column, under their places")
{
    const auto strata = strata_of_numbered(2);
    const auto x = numbered(false);
    std::set<float> seen;
    for (Index a = 0; a < strata.size(); ++a)
        for (Index b = 0; b < strata.size(); ++b)
            for (const auto& entry : strata.block(a, b)) {
                const auto row = static_cast<std::size_t>(entry.row), col = static_cast<std::size_t>(entry.col);
                CHECK(entry.value == static_cast<float>(100 * strata.rows().rows[row] + strata.cols().rows[col]));
                CHECK(strata.rows().begins[static_cast<std::size_t>(a)] <= static_cast<Index>(row));
                CHECK(static_cast<Index>(row) < strata.rows().begins[static_cast<std::size_t>(a) + 1]);
                CHECK(strata.cols().begins[static_cast<std::size_t>(b)] <= static_cast<Index>(col));
                CHECK(static_cast<Index>(col) < strata.cols().begins[static_cast<std::size_t>(b) + 1]);
                seen.insert(entry.value);
            }
    CHECK(seen == std::set<float>(x.values.begin(), x.values.end()));
    for (std::size_t i = 0; i < 60; ++i)
        CHECK(strata.rows().rows[static_cast<std::size_t>(strata.rows().places[i])] == static_cast<Index>(i));
}

TEST_CASE("groups of rows have equally many entries but for one row")
{
    const auto strata = strata_of_numbered(1);
    std::vector<Index> loads;
    for (Index a = 0; a < strata.size(); ++a) {
        Index load = 0;
        for (Index b = 0; b < strata.size(); ++b)
            load += strata.block(a, b).last - strata.block(a, b).first;
        loads.push_back(load);
    }
    const auto [least, most] = std::minmax_element(loads.begin(), loads.end());
    CHECK(*most - *least <= 34); // the full row
}

TEST_CASE("blocks are visited once each, and no two of a stratum share a group")
{
    const auto strata = strata_of_numbered(1);
    std::vector<std::pair<Index, Index>> visited;
    Index pieces = 0;
    strata.for_each_block(1, [&] { ++pieces; }, [&](Index a, Index b) { visited.push_back({a, b}); });
    const auto n = static_cast<std::size_t>(strata.size());
    CHECK(pieces == strata.size());
    CHECK(std::set<std::pair<Index, Index>>(visited.begin(), visited.end()).size() == n * n);
    for (std::size_t stratum = 0; stratum < n; ++stratum) {
        std::set<Index> rows, cols;
        for (std::size_t i = n * stratum; i < n * (stratum + 1); ++i) {
            rows.insert(visited[i].first);
            cols.insert(visited[i].second);
        }
        CHECK(rows.size() == n);
        CHECK(cols.size() == n);
    }
}

TEST_CASE("entries of a block are in the order of their rows, and those of a row in that of the matrix")
{
    const auto strata = strata_of_numbered(1);
    for (Index a = 0; a < strata.size(); ++a)
        for (Index b = 0; b < strata.size(); ++b) {
            const auto block = strata.block(a, b);
            CHECK(std::is_sorted(block.begin(), block.end(), [](const auto& x, const auto& y) {
                return std::pair(x.row, x.value) < std::pair(y.row, y.value); // values ascend with the columns
            }));
        }
}

TEST_CASE("the order of entries does not depend on the threads")
{
    const auto values = [](const Strata<std::int32_t>& strata) {
        std::vector<float> all;
        for (Index a = 0; a < strata.size(); ++a)
            for (Index b = 0; b < strata.size(); ++b)
                for (const auto& entry : strata.block(a, b))
                    all.push_back(entry.value);
        return all;
    };
    const auto one = values(strata_of_numbered(1));
    for (const int threads : {2, 3, 7})
        CHECK(values(strata_of_numbered(threads)) == one);
}
