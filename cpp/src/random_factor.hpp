/// Random factors to start an iteration from.
#pragma once

#include "matfact/matrix.hpp"

#include <cstdint>

namespace matfact {

/// Uniform entries of the standard deviation `deviation`. The same on every platform: integers and products only.
void fill_uniform(MatrixView<float> x, double deviation, std::uint64_t seed, std::uint64_t stream, int threads);

} // namespace matfact
