#include "matfact/random.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace matfact;

namespace {
constexpr std::uint64_t ones = std::numeric_limits<std::uint64_t>::max();
}

// Known answers that Salmon et al. published with Random123 for philox4x64-10.
TEST_CASE("philox gives the published block for zeros")
{
    CHECK(philox4x64({0, 0, 0, 0}, {0, 0}) ==
          Block4x64{0x16554d9eca36314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b, 0x7e68b68aec7ba23b});
}

TEST_CASE("philox gives the published block for ones")
{
    CHECK(philox4x64({ones, ones, ones, ones}, {ones, ones}) ==
          Block4x64{0x87b092c3013fe90b, 0x438c3c67be8d0224, 0x9cc7d7c69cd777b6, 0xa09caebf594f0ba0});
}

TEST_CASE("philox gives the published block for the digits of pi")
{
    CHECK(philox4x64({0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89},
                     {0x452821e638d01377, 0xbe5466cf34e90c6c}) ==
          Block4x64{0xa528f45403e61d95, 0x38c72dbd566e9788, 0xa5a1610e72fd18b5, 0x57bd43b5e52b7fe6});
}

// Standard errors of the first four moments at n draws; five of them.
TEST_CASE("normals have the moments of a normal")
{
    const int n = 200000;
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
    for (int i = 0; i < n; ++i) {
        const double z = random_normal(42, 0, static_cast<std::uint64_t>(i));
        m1 += z / n;
        m2 += z * z / n;
        m3 += z * z * z / n;
        m4 += z * z * z * z / n;
    }
    const double root = std::sqrt(n);
    CHECK(std::abs(m1) < 5 / root);
    CHECK(std::abs(m2 - 1) < 5 * std::sqrt(2) / root);
    CHECK(std::abs(m3) < 5 * std::sqrt(15) / root);
    CHECK(std::abs(m4 - 3) < 5 * std::sqrt(96) / root);
}

TEST_CASE("a normal depends on seed, stream and index")
{
    CHECK(random_normal(1, 2, 3) == random_normal(1, 2, 3));
    CHECK(random_normal(1, 2, 3) != random_normal(2, 2, 3));
    CHECK(random_normal(1, 2, 3) != random_normal(1, 3, 3));
    CHECK(random_normal(1, 2, 3) != random_normal(1, 2, 4));
}

TEST_CASE("normals are finite at both ends of the index range")
{
    for (const std::uint64_t index : {std::uint64_t{0}, std::uint64_t{1}, ones - 1, ones})
        CHECK(std::isfinite(random_normal(ones, ones, index)));
}
