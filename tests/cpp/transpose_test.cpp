#include "linalg/transpose.hpp"

#include "support/matrices.hpp"

using namespace matfact;
using namespace matfact::testing;

TEST_CASE("a transpose holds every entry in its place, for any shape and number of threads")
{
    for (const auto& [n, d] : {std::pair<Index, Index>{1, 1}, {1, 70}, {100, 3}, {33, 65}, {200, 96}})
        for (const int threads : {1, 2, 3, 7}) {
            const Matrix<double> a = normal_matrix<double>(n, d), t = linalg::transposed(a, threads);
            REQUIRE(t.n_rows() == d);
            REQUIRE(t.n_cols() == n);
            bool is_same = true;
            for (Index i = 0; i < n; ++i)
                for (Index j = 0; j < d; ++j)
                    is_same = is_same && t(j, i) == a(i, j);
            CHECK(is_same);
        }
}
