#include "missing_patterns.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

using namespace matfact;

TEST_CASE_TEMPLATE("rows that miss the same entries stand together, in the order in which patterns appear", T, float,
                   double)
{
    const T nan = std::numeric_limits<T>::quiet_NaN();
    const T x[] = {nan, 1, 1, nan, nan, nan, nan, 1, 1, nan, 1, 1}; // 6 x 2
    for (const bool transposed : {false, true}) {
        // The same matrix, rows apart or columns apart.
        T columns[12];
        for (Index i = 0; i < 6; ++i)
            for (Index j = 0; j < 2; ++j)
                columns[j * 6 + i] = x[i * 2 + j];
        const MatrixView<const T> view =
            transposed ? MatrixView<const T>{columns, 6, 2, 1, 6} : MatrixView<const T>{x, 6, 2, 2, 1};
        const MissingPatterns found = find_missing_patterns(view, 2);
        CHECK(found.n_observed == 6);
        CHECK(found.order == std::vector<Index>{0, 3, 1, 4, 5}); // row 2 has nothing to say
        REQUIRE(found.runs.size() == 3);
        CHECK(found.runs[0].count == 2);
        CHECK(found.runs[1].count == 2);
        CHECK(found.runs[2].begin == 4);
    }
}

TEST_CASE("infinity is not a missing entry")
{
    const double x[] = {1, std::numeric_limits<double>::infinity()};
    CHECK_THROWS_AS(find_missing_patterns(MatrixView<const double>{x, 1, 2, 2, 1}, 1), std::invalid_argument);
}
