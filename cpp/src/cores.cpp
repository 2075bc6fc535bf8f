#include "cores.hpp"

#ifdef __linux__
#include <sched.h>
#endif

namespace matfact {

#ifdef __linux__
void Cores::take()
{
    const auto is_free = [&](int core) { return !is_taken_[static_cast<std::size_t>(core)].exchange(true); };
    const int here = sched_getcpu(), count = static_cast<int>(is_taken_.size());
    cpu_set_t allowed;
    if (here < 0 || here >= count || is_free(here) || sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        return;
    for (int step = 1; step < count; ++step) {
        const int core = (here + step) % count; // not the same one for every team of a process
        if (core >= CPU_SETSIZE || !CPU_ISSET(core, &allowed) || !is_free(core))
            continue;
        cpu_set_t only;
        CPU_ZERO(&only);
        CPU_SET(core, &only);
        if (sched_setaffinity(0, sizeof(only), &only) != 0)
            return;
        if (sched_setaffinity(0, sizeof(allowed), &allowed) != 0) { // the set has changed meanwhile
            for (int any = 0; any < CPU_SETSIZE; ++any)
                CPU_SET(any, &allowed);
            sched_setaffinity(0, sizeof(allowed), &allowed);
        }
        return;
    }
}
#else
void Cores::take() {}
#endif

} // namespace matfact
