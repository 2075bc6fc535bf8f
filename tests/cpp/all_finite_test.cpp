#include "linalg/all_finite.hpp"

#include "support/matrices.hpp"

#include <limits>

using namespace matfact;
using namespace matfact::testing;

TEST_CASE_TEMPLATE("one entry that is not finite is seen anywhere, the largest numbers are no infinity", T, float,
                   double)
{
    Matrix<T> a = normal_matrix<T>(500, 150);
    CHECK(linalg::all_finite(Matrix<T>(0, 3), 2));
    for (const Index i : {Index{0}, Index{32767}, Index{32768}, a.size() - 1}) {
        T& entry = a.data()[i];
        for (const T bad : {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity(),
                            -std::numeric_limits<T>::infinity()}) {
            entry = bad;
            for (const int threads : {1, 2, 3, 7})
                CHECK_FALSE(linalg::all_finite(a, threads));
        }
        entry = std::numeric_limits<T>::max();
        CHECK(linalg::all_finite(a, 2));
    }
}
