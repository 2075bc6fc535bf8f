/// The sign rule: in each component the entry of largest magnitude is positive, ties to the lowest index.
#pragma once

#include "matfact/matrix.hpp"

#include <cmath>

namespace matfact::linalg {

/// -1 or 1: the factor that makes the entry of largest magnitude of a row positive.
template <class T> T orientation(const T* row, Index n, Index stride = 1)
{
    Index largest = 0;
    for (Index j = 1; j < n; ++j)
        if (std::abs(row[j * stride]) > std::abs(row[largest * stride]))
            largest = j;
    return row[largest * stride] < T(0) ? T(-1) : T(1);
}

} // namespace matfact::linalg
