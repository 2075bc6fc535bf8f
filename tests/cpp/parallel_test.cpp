#include "parallel.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sys/wait.h>
#include <unistd.h>
#endif

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

namespace {

/// Whether a parallel loop of n tasks does each of them once.
bool does_all_tasks(Index n, int threads)
{
    std::vector<int> done(static_cast<std::size_t>(n), 0);
    for_each_task(n, threads, [&](Index i) { ++done[static_cast<std::size_t>(i)]; });
    return std::all_of(done.begin(), done.end(), [](int times) { return times == 1; });
}

} // namespace

TEST_CASE("a parallel loop after a pause gathers its threads again and does all its work")
{
    for (const int threads : {2, 3, 7, 64}) // some of them more than there are cores
        for (const int pause_us : {0, 300, 20000}) {
            CHECK(does_all_tasks(100, threads));
            std::this_thread::sleep_for(std::chrono::microseconds(pause_us));
            CHECK(does_all_tasks(100, threads));
        }
}

#ifdef __linux__
TEST_CASE("a child process does the work of parallel loops of its parent's code alone")
{
    CHECK(does_all_tasks(100, 2));
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        alarm(20); // a child that hangs is ended, and told by its status
        _exit(does_all_tasks(100, 2) ? 0 : 1);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
#endif
