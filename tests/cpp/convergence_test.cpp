#include "linalg/convergence.hpp"

#include <cmath>
#include <doctest/doctest.h>

using matfact::linalg::Convergence;

TEST_CASE("a pace that stays or grows linearly is continued")
{
    for (const double growth : {0.0, 0.05}) {
        Convergence convergence;
        CHECK(convergence.passes_to_go() == Convergence::far);
        // log(excess) = 20 - 0.5 p - growth p^2 / 2, and 0 at the end.
        const auto excess = [&](double pass) { return std::exp(20 - 0.5 * pass - growth * pass * pass / 2); };
        for (const int pass : {4, 8, 15})
            convergence.look(excess(pass), pass);
        const double end = growth == 0.0 ? 40.0 : (-0.5 + std::sqrt(0.25 + 40 * growth)) / growth;
        CHECK(convergence.passes_to_go() == doctest::Approx(end - 15));
        convergence.restarted();
        CHECK(convergence.passes_to_go() >= end - 15 - 1e-9);
    }
}

TEST_CASE("an excess that does not fall tells nothing")
{
    Convergence convergence;
    convergence.look(10.0, 3);
    CHECK(convergence.passes_to_go() == Convergence::far);
    convergence.look(10.0, 5);
    CHECK(convergence.passes_to_go() == Convergence::far);
}
