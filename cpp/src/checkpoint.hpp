/// A progress callback as linalg/ knows it: between pieces of work that cannot stop early, and after passes that can.
#pragma once

#include "linalg/krylov.hpp"
#include "matfact/progress.hpp"

#include <limits>

namespace matfact {

/// Calls `progress`, which must outlive the result; empty where that is.
inline linalg::Checkpoint checkpoint_of(const Progress& progress)
{
    if (!progress)
        return {};
    return [&progress] { progress({0, std::numeric_limits<double>::quiet_NaN()}); };
}

/// Tells `progress`, which must outlive the result, of the passes of an iteration; empty where that is.
inline linalg::PassReport report_of(const Progress& progress)
{
    if (!progress)
        return {};
    return [&progress](Index n_passes, double excess) { return progress({n_passes, excess}); };
}

} // namespace matfact
