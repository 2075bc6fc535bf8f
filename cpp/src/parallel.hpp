/// The only file that knows the threads. Work is cut by its shape, never by their number, so results do not depend on
/// it.
#pragma once

#include "matfact/matrix.hpp"

#include <algorithm>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace matfact {

/// Threads for one call: `requested`, or the process default where it is 0.
int resolve_threads(int requested);

/// False where a parallel region would nest or, in a forked child, hang.
bool may_run_parallel();

inline Index block_count(Index n, Index block) { return (n + block - 1) / block; }

/// Calls body(i, worker) for i in 0 .. count - 1, in any order. `worker` < max(1, threads) tells concurrent calls
/// apart: it picks scratch memory and must not touch the result. The body must not throw: memory is taken before.
template <class Body> void for_each_task_on_worker(Index count, int threads, const Body& body)
{
#ifdef _OPENMP
    const int team = static_cast<int>(std::min<Index>(threads, count));
    if (team > 1 && may_run_parallel()) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(team)
        for (Index i = 0; i < count; ++i)
            body(i, static_cast<Index>(omp_get_thread_num()));
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
