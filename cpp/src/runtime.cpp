#include "matfact/runtime.hpp"

#include "parallel.hpp"

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>

#ifndef _WIN32
#include <pthread.h>
#endif

namespace matfact {

namespace {

std::atomic<int> default_threads{0};
std::atomic<bool> forked_child{false};

/// The quota of the process's control group (version 2, as containers see it), in whole processors; 0 = none.
int cgroup_quota()
{
    std::ifstream file("/sys/fs/cgroup/cpu.max");
    std::string quota;
    double period = 0.0;
    if (!(file >> quota >> period) || quota == "max" || period <= 0.0)
        return 0;
    return static_cast<int>(std::max(1.0, std::ceil(std::strtod(quota.c_str(), nullptr) / period)));
}

int environment_threads()
{
#ifdef _OPENMP
    int threads = std::min(omp_get_max_threads(), omp_get_thread_limit());
    if (!std::getenv("OMP_NUM_THREADS"))
        if (const int quota = cgroup_quota())
            threads = std::min(threads, quota);
    return std::max(1, threads);
#else
    return 1;
#endif
}

// libgomp's pool does not survive fork: a parallel region in the child of a parent that ran one never returns.
const int watch_fork = [] {
#ifndef _WIN32
    return pthread_atfork(nullptr, nullptr, [] { forked_child.store(true); });
#else
    return 0;
#endif
}();

} // namespace

int get_num_threads()
{
    const int threads = default_threads.load();
    return threads > 0 ? threads : environment_threads();
}

void set_num_threads(int n)
{
    if (n < 0)
        throw std::invalid_argument("num_threads must be at least 1, or 0 for the environment's default, got " +
                                    std::to_string(n));
    default_threads.store(n);
}

bool has_openmp()
{
#ifdef _OPENMP
    return true;
#else
    return false;
#endif
}

int resolve_threads(int requested)
{
    if (requested < 0)
        throw std::invalid_argument("num_threads must be at least 1, or 0 for the process default, got " +
                                    std::to_string(requested));
    return requested > 0 ? requested : get_num_threads();
}

bool may_run_parallel()
{
    (void)watch_fork;
#ifdef _OPENMP
    return !forked_child.load(std::memory_order_relaxed) && !omp_in_parallel();
#else
    return false;
#endif
}

} // namespace matfact
