#include "cores.hpp"

#include <doctest/doctest.h>

#ifdef __linux__
#include <memory>
#include <sched.h>
#include <thread>

using namespace matfact;

namespace {

cpu_set_t allowed_cores()
{
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof(set), &set);
    return set;
}

void bind_to(int core)
{
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(core, &only);
    sched_setaffinity(0, sizeof(only), &only);
}

} // namespace

TEST_CASE("a thread on the core of another leaves it, and may run where it might before")
{
    const cpu_set_t before = allowed_cores();
    const int core = sched_getcpu();
    const auto cores = std::make_unique<Cores>();
    std::thread([&] {
        bind_to(core);
        cores->take();
    }).join();
    bool has_moved = false, is_as_free = false;
    std::thread([&] {
        bind_to(core);
        sched_setaffinity(0, sizeof(before), &before); // still there, but free to go
        cores->take();
        has_moved = sched_getcpu() != core;
        const cpu_set_t after = allowed_cores();
        is_as_free = CPU_EQUAL(&after, &before);
    }).join();
    CHECK(is_as_free);
    if (CPU_COUNT(&before) > 1)
        CHECK(has_moved);
}

TEST_CASE("a thread that is bound to a taken core stays there")
{
    const int core = sched_getcpu();
    const auto cores = std::make_unique<Cores>();
    int last = -1;
    for (int i = 0; i < 2; ++i)
        std::thread([&] {
            bind_to(core);
            cores->take();
            last = sched_getcpu();
        }).join();
    CHECK(last == core);
}
#endif
