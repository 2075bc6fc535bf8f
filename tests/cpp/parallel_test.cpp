#include "parallel.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <vector>

using namespace matfact;

TEST_CASE("blocks cover everything once, for any number of threads")
{
    for (const int threads : {1, 2, 3, 7})
        for (const Index n : {0, 1, 9, 10, 11, 1000}) {
            std::vector<int> seen(static_cast<std::size_t>(n), 0);
            for_blocks(n, 10, threads, [&](Index begin, Index end, Index block) {
                CHECK(begin == block * 10);
                for (Index i = begin; i < end; ++i)
                    ++seen[static_cast<std::size_t>(i)];
            });
            for (const int count : seen)
                CHECK(count == 1);
        }
}

TEST_CASE("the number of blocks rounds up")
{
    CHECK(block_count(0, 4) == 0);
    CHECK(block_count(1, 4) == 1);
    CHECK(block_count(4, 4) == 1);
    CHECK(block_count(5, 4) == 2);
}

// 1e16 + 1 rounds to 1e16: the order of the sum is visible in its result.
TEST_CASE("partial sums are added in block order")
{
    CHECK(ordered_sum(std::vector<double>{1e16, 1.0, -1e16, 1.0}) == 1.0);
    CHECK(ordered_sum(std::vector<double>{1.0, 1.0, 1e16, -1e16}) == 2.0);
    CHECK(ordered_sum(std::vector<double>{}) == 0.0);
}

TEST_CASE("a parallel loop within a parallel loop still does all its work")
{
    std::atomic<int> count{0};
    for_each_task(4, 4, [&](Index) { for_each_task(5, 4, [&](Index) { ++count; }); });
    CHECK(count == 20);
}

TEST_CASE("a request for threads is honoured; zero asks for the default")
{
    CHECK(resolve_threads(3) == 3);
    CHECK(resolve_threads(0) >= 1);
}
