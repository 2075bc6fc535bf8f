#include "linalg/symmetry.hpp"

#include "support/matrices.hpp"

#include <cmath>
#include <limits>

using namespace matfact;
using namespace matfact::testing;

TEST_CASE_TEMPLATE("the largest entry and the largest difference are found anywhere, in both memory orders", T, float,
                   double)
{
    for (const Index n : {1, 7, 64, 131}) {
        Matrix<T> a(n, n);
        std::fill_n(a.data(), a.size(), T(1));
        for (const auto& [i, j] : {std::pair<Index, Index>{0, n - 1}, {n - 1, 0}, {n / 2, n / 3}, {n - 1, n - 1}}) {
            const T before = a(i, j);
            a(i, j) = T(-5);
            for (const auto& x : {view(a), view(a).transposed()})
                for (const int threads : {1, 2, 3, 7}) {
                    const auto found = linalg::symmetry_of(x, threads);
                    CHECK(found.magnitude == T(5));
                    CHECK(found.asymmetry == (i == j ? T(0) : T(6)));
                }
            for (const T bad : {std::numeric_limits<T>::quiet_NaN(), -std::numeric_limits<T>::infinity()}) {
                a(i, j) = bad;
                CHECK_FALSE(std::isfinite(linalg::symmetry_of(view(a), 2).magnitude));
            }
            a(i, j) = before;
        }
    }
}
