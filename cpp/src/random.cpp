#include "matfact/random.hpp"

#include <cmath>

namespace matfact {

namespace {

/// The upper and lower half of a 128-bit product.
std::array<std::uint64_t, 2> multiply_wide(std::uint64_t a, std::uint64_t b)
{
#ifdef __SIZEOF_INT128__
    __extension__ using Wide = unsigned __int128; // one instruction
    const Wide product = static_cast<Wide>(a) * b;
    return {static_cast<std::uint64_t>(product >> 64), static_cast<std::uint64_t>(product)};
#else
    const std::uint64_t low_mask = 0xffffffffu;
    const std::uint64_t a0 = a & low_mask, a1 = a >> 32, b0 = b & low_mask, b1 = b >> 32;
    const std::uint64_t middle = a1 * b0 + (a0 * b0 >> 32), cross = a0 * b1 + (middle & low_mask);
    return {a1 * b1 + (middle >> 32) + (cross >> 32), a * b};
#endif
}

/// Uniform in (0, 1), never an end point.
double to_unit(std::uint64_t bits) { return (static_cast<double>(bits >> 11) + 0.5) * 0x1p-53; }

} // namespace

Block4x64 philox4x64(const Block4x64& counter, const std::array<std::uint64_t, 2>& key)
{
    Block4x64 c = counter;
    std::array<std::uint64_t, 2> k = key;
    for (int round = 0; round < 10; ++round) {
        const auto p0 = multiply_wide(0xD2E7470EE14C6C93u, c[0]), p1 = multiply_wide(0xCA5A826395121157u, c[2]);
        c = {p1[0] ^ c[1] ^ k[0], p1[1], p0[0] ^ c[3] ^ k[1], p0[1]};
        k[0] += 0x9E3779B97F4A7C15u;
        k[1] += 0xBB67AE8584CAA73Bu;
    }
    return c;
}

double random_normal(std::uint64_t seed, std::uint64_t stream, std::uint64_t index)
{
    // Box and Muller (doi:10.1214/aoms/1177706645): one pair of uniforms for each pair of elements.
    const Block4x64 bits = philox4x64({index / 2, 0, 0, 0}, {seed, stream});
    const double radius = std::sqrt(-2.0 * std::log(to_unit(bits[0])));
    const double angle = 2.0 * 3.14159265358979323846 * to_unit(bits[1]);
    return radius * (index % 2 ? std::sin(angle) : std::cos(angle));
}

} // namespace matfact
