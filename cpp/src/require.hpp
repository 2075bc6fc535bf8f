/// Checks of arguments.
#pragma once

#include <stdexcept>

namespace matfact {

/// Throws std::invalid_argument where a condition on the caller's arguments does not hold.
inline void require(bool holds, const char* message)
{
    if (!holds)
        throw std::invalid_argument(message);
}

} // namespace matfact
