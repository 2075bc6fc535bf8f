#include "linalg/orthonormalize.hpp"

#include "linalg/orientation.hpp"
#include "support/matrices.hpp"

using namespace matfact;
using namespace matfact::testing;

namespace {

/// Columns scaled by 10^(-decades j / (k - 1)) and then mixed with their left neighbour: condition about 10^decades.
Matrix<double> ill_conditioned(Index n, Index k, double decades)
{
    Matrix<double> y = normal_matrix<double>(n, k);
    for (Index j = 1; j < k; ++j) {
        const double size = std::pow(10.0, -decades * static_cast<double>(j) / static_cast<double>(k - 1));
        for (Index i = 0; i < n; ++i)
            y(i, j) = y(i, j - 1) + size * y(i, j);
    }
    return y;
}

} // namespace

TEST_CASE("columns that are nearly orthonormal become so to rounding")
{
    for (const double mixed : {1e-12, 1e-6, 1e-2, 0.2}) { // from far below to beyond what one round is trusted with
        Matrix<double> q = normal_matrix<double>(900, 40);
        linalg::orthonormalize(q, 1);
        for (Index i = 0; i < q.n_rows(); ++i)
            for (Index j = q.n_cols() - 1; j > 0; --j)
                q(i, j) += mixed * (q(i, j - 1) + q(i, 0));
        const Matrix<double> y = copy<double>(q.view());
        const linalg::RowMajorMatrix r = linalg::orthonormalize(q, 2);
        CHECK(orthonormality<double>(q.view()) < rounding<double>(16));
        Matrix<double> packed(40, 40);
        linalg::as_map(packed) = r;
        CHECK(distance(product<double>(q.view(), packed.view()), y) < rounding<double>(16));
    }
}

TEST_CASE("q is orthonormal and q r rebuilds y, whatever the condition")
{
    for (const double decades : {0.0, 3.0, 6.0, 9.0, 14.0})
        for (const auto& [n, k] : {std::pair<Index, Index>{1000, 20}, {30, 30}, {5, 2}}) {
            Matrix<double> q = ill_conditioned(n, k, decades);
            const Matrix<double> y = copy<double>(q.view());
            const linalg::RowMajorMatrix r = linalg::orthonormalize(q, 2);
            CHECK(orthonormality<double>(q.view()) < rounding<double>(256));
            Matrix<double> packed(k, k);
            linalg::as_map(packed) = r;
            CHECK(distance(product<double>(q.view(), packed.view()), y) <
                  rounding<double>(64) * std::sqrt(static_cast<double>(n)));
            CHECK(r.isUpperTriangular());
        }
}

TEST_CASE("repeated and zero columns still give an orthonormal q")
{
    Matrix<double> y = normal_matrix<double>(50, 6);
    for (Index i = 0; i < 50; ++i) {
        y(i, 2) = y(i, 1);
        y(i, 5) = 0.0;
    }
    linalg::orthonormalize(y, 2);
    CHECK(orthonormality<double>(y.view()) < rounding<double>(256));
}

TEST_CASE("a basis is completed, from nothing to nothing missing")
{
    for (const Index rank : {0, 1, 5, 9, 10})
        for (const Index n : {10, 400}) {
            Matrix<double> q = normal_matrix<double>(n, 10);
            linalg::orthonormalize(q, 2);
            const Matrix<double> before = copy<double>(q.view());
            linalg::complete_basis(q, rank, 2);
            CHECK(orthonormality<double>(q.view()) < rounding<double>(512));
            CHECK(distance<double, double>(q.view().block(0, 0, n, rank), before.view().block(0, 0, n, rank)) == 0.0);
        }
}

TEST_CASE("the bits of q do not depend on the threads")
{
    Matrix<double> one = ill_conditioned(3000, 30, 4.0);
    const Matrix<double> y = copy<double>(one.view());
    linalg::orthonormalize(one, 1);
    for (const int threads : {2, 3, 7}) {
        Matrix<double> many = copy<double>(y.view());
        linalg::orthonormalize(many, threads);
        CHECK(same_bits(one, many));
    }
}

TEST_CASE("the entry of largest magnitude decides the sign, ties go to the lowest index")
{
    const double positive[] = {1, -1, 0}, negative[] = {-2, 2, 1}, strided[] = {1, 9, -3, 9};
    CHECK(linalg::orientation(positive, Index{3}) == 1.0);
    CHECK(linalg::orientation(negative, Index{3}) == -1.0);
    CHECK(linalg::orientation(strided, Index{2}, Index{2}) == -1.0);
}
