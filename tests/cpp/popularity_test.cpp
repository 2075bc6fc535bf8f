#include "matfact/popularity.hpp"
#include "matfact/top_n.hpp"
#include "support/plays.hpp"

#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

TEST_CASE("popularity is the share of users, and a list of it holds what most of them have")
{
    const auto x = plays();
    const Matrix<float> shares = popularity(x.view());
    REQUIRE(shares.n_rows() == 40);
    REQUIRE(shares.n_cols() == 1);
    const Matrix<double> a = dense(x);
    for (Index i = 0; i < 40; ++i) {
        double users = 0.0;
        for (Index u = 0; u < 60; ++u)
            users += a(u, i) != 0.0;
        CHECK(shares(i, 0) == static_cast<float>(users / 60.0));
    }
    Matrix<float> everybody(60, 1);
    std::fill_n(everybody.data(), 60, 1.0f);
    const TopN found = top_n(view(everybody), view(shares), x.view(), nullptr, 3);
    for (Index u = 0; u < 60; ++u)
        for (Index i = 0; i < 40; ++i)
            if (a(u, i) == 0.0 && i != found.items(u, 0))
                CHECK(shares(i, 0) <= found.scores(u, 0));
}

TEST_CASE("popularity of nobody is 0, and indices that point outside are refused")
{
    Csr<float, std::int64_t> x;
    x.n_cols = 2;
    CHECK(popularity(x.view())(1, 0) == 0.0f);
    x.add(2, 1.0);
    x.end_row();
    CHECK_THROWS_AS(popularity(x.view()), std::invalid_argument);
}
