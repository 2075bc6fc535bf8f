/// Random factors to start an iteration from.
#pragma once

#include "matfact/matrix.hpp"

#include <cstdint>

namespace matfact {

/// Uniform entries between `low` and `high`. The same on every platform: integers and products only.
void fill_uniform(MatrixView<float> x, float low, float high, std::uint64_t seed, std::uint64_t stream, int threads);

} // namespace matfact
