/// Where long work lets the caller in: to look for Ctrl-C, say.
#pragma once

#include <functional>

namespace matfact::linalg {

/// Called on the calling thread between pieces of work; ends the work by throwing. May be empty.
using Checkpoint = std::function<void()>;

} // namespace matfact::linalg
