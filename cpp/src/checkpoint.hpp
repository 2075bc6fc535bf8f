/// A progress callback as the products of linalg/ know it: for methods without sweeps, which cannot stop early.
#pragma once

#include "linalg/gram.hpp"
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

} // namespace matfact
