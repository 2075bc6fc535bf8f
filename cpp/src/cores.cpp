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
    for (int core = 0; core < count && core < CPU_SETSIZE; ++core)
        if (CPU_ISSET(core, &allowed) && is_free(core)) {
            cpu_set_t there;
            CPU_ZERO(&there);
            CPU_SET(core, &there);
            if (sched_setaffinity(0, sizeof(there), &there) == 0)
                sched_setaffinity(0, sizeof(allowed), &allowed); // moved already; the scheduler stays free
            return;
        }
}
#else
void Cores::take() {}
#endif

} // namespace matfact
