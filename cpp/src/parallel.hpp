/// The only file that knows the threads. Work is cut by its shape, never by their number, so results do not depend on
/// it.
#pragma once

#include "cores.hpp"
#include "matfact/matrix.hpp"

#include <algorithm>
#include <vector>

#ifdef _OPENMP
#include <atomic>
#include <chrono>
#include <omp.h>
#include <thread>
#endif

namespace matfact {

/// Threads for one call: `requested`, or the process default where it is 0.
int resolve_threads(int requested);

/// False where a parallel region would nest or, in a forked child, hang.
bool may_run_parallel();

inline Index block_count(Index n, Index block) { return (n + block - 1) / block; }

#ifdef _OPENMP
/// Waits until every thread of the team runs, on a core of its own where there are enough.
inline void gather_team(int team)
{
    constexpr int glances = 2000, naps = 100;
    constexpr std::chrono::microseconds nap(20);
    std::atomic<int> arrived{0};
    Cores cores;
    cores.take();
#pragma omp parallel num_threads(team) default(none) shared(arrived, cores, nap)
    {
        if (omp_get_thread_num() > 0) {
            cores.take();
            arrived.fetch_add(1, std::memory_order_relaxed);
        } else
            // A thread that woke up behind this one runs while it sleeps.
            for (int i = 0; i < glances + naps && arrived.load(std::memory_order_relaxed) + 1 < omp_get_num_threads();
                 ++i)
                if (i >= glances)
                    std::this_thread::sleep_for(nap);
    }
}

inline thread_local std::chrono::steady_clock::time_point last_region; ///< when this thread last left one
#endif

/// Calls body(i, worker) for i in 0 .. count - 1, in any order. `worker` < max(1, threads) tells concurrent calls
/// apart: it picks scratch memory and must not touch the result. The body must not throw: memory is taken before.
template <class Body> void for_each_task_on_worker(Index count, int threads, const Body& body)
{
#ifdef _OPENMP
    const int team = static_cast<int>(std::min<Index>(threads, count));
    if (team > 1 && may_run_parallel()) {
        constexpr std::chrono::microseconds awake(200); // for which idle threads look out for work
        if (std::chrono::steady_clock::now() - last_region > awake && team <= omp_get_num_procs())
            gather_team(team);
#pragma omp parallel for schedule(dynamic, 1) num_threads(team)
        for (Index i = 0; i < count; ++i)
            body(i, static_cast<Index>(omp_get_thread_num()));
        last_region = std::chrono::steady_clock::now();
        return;
    }
#endif
    (void)threads;
    for (Index i = 0; i < count; ++i)
        body(i, Index{0});
}

/// Calls body(i) for i in 0 .. count - 1, in any order; see for_each_task_on_worker.
template <class Body> void for_each_task(Index count, int threads, const Body& body)
{
    for_each_task_on_worker(count, threads, [&](Index i, Index) { body(i); });
}

/// Calls body(begin, end, block) for the blocks of 0 .. n - 1.
template <class Body> void for_blocks(Index n, Index block, int threads, const Body& body)
{
    for_each_task(block_count(n, block), threads, [&](Index i) { body(i * block, std::min(n, (i + 1) * block), i); });
}

/// The sum of the blocks' partial results, in block order.
template <class T> T ordered_sum(const std::vector<T>& partials)
{
    T sum{};
    for (const T& partial : partials)
        sum += partial;
    return sum;
}

} // namespace matfact
