/// Counter-based random numbers: a value depends on (seed, stream, index) only, never on threads or order.
/// Philox4x64-10 of Salmon, Moraes, Dror, Shaw 2011, doi:10.1145/2063384.2063405.
#pragma once

#include <array>
#include <cstdint>

namespace matfact {

using Block4x64 = std::array<std::uint64_t, 4>;

/// The block cipher itself: ten rounds, as numpy.random.Philox.
Block4x64 philox4x64(const Block4x64& counter, const std::array<std::uint64_t, 2>& key);

/// Element `index` of the standard normal stream `stream` under `seed`; the same on every platform.
double random_normal(std::uint64_t seed, std::uint64_t stream, std::uint64_t index);

} // namespace matfact
