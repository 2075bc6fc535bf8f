#include "linalg/secular.hpp"

#include "support/matrices.hpp"

using namespace matfact;
using namespace matfact::testing;

// det(diag(0, 1) + rho z z' - x) = x^2 - (1 + rho) x + rho / 2 for z = (1, 1) / sqrt 2.
TEST_CASE("the roots of two poles are those of the characteristic polynomial")
{
    const double d[] = {0.0, 1.0}, z[] = {std::sqrt(0.5), std::sqrt(0.5)};
    for (const double rho : {1e-12, 0.3, 1.0, 7.0, 1e12}) {
        const double larger = (1 + rho + std::sqrt(1 + rho * rho)) / 2;
        const double exact[] = {rho / 2 / larger, larger};
        for (Index j = 0; j < 2; ++j) {
            const linalg::SecularRoot root = linalg::secular_root(j, 2, d, z, rho);
            CHECK(d[root.origin] + root.offset == approx<double>(exact[j], 16));
        }
    }
}

TEST_CASE("roots lie between their poles and add up to the trace, also where poles crowd or weights nearly vanish")
{
    constexpr Index k = 40;
    std::vector<double> d, z;
    double norm = 0.0;
    for (Index i = 0; i < k; ++i) {
        d.push_back(i % 3 == 0 ? static_cast<double>(i) : d.back() + 1e-10);
        z.push_back(i % 5 == 0 ? 1e-9 : 1.0 + 0.1 * static_cast<double>(i));
        norm += z.back() * z.back();
    }
    for (double& value : z)
        value /= std::sqrt(norm);
    double moved = 0.0;
    for (Index j = 0; j < k; ++j) {
        const linalg::SecularRoot root = linalg::secular_root(j, k, d.data(), z.data(), 2.0);
        CHECK((root.origin == j ? root.offset > 0 : root.origin == j + 1 && root.offset < 0));
        moved += d[static_cast<std::size_t>(root.origin)] - d[static_cast<std::size_t>(j)] + root.offset;
    }
    CHECK(moved == approx<double>(2.0, 64 * k)); // each root carries the rounding of d, up to k
}
