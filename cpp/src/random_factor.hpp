/// Factors to start an iteration from.
#pragma once

#include "matfact/matrix.hpp"

#include <cstdint>

namespace matfact {

/// Uniform entries between `low` and `high`. The same on every platform: integers and products only.
void fill_uniform(MatrixView<float> x, float low, float high, std::uint64_t seed, std::uint64_t stream, int threads);

/// Copies `start` into x if there is one; std::invalid_argument where it has another shape or is not finite.
bool copy_start(MatrixView<const float> start, MatrixView<float> x);

} // namespace matfact
