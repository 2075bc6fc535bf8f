#include "matfact/eigh.hpp"

#include "matfact/status.hpp"
#include "support/matrices.hpp"

#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

namespace {
constexpr EighSolver solvers[] = {EighSolver::automatic, EighSolver::full, EighSolver::subset};
}

// Eigenvalues 3 and 1 along (1, 1) and (1, -1).
TEST_CASE_TEMPLATE("eigh of a 2 x 2 matrix", T, float, double)
{
    const Matrix<T> a = matrix<T>({{2, 1}, {1, 2}});
    for (const EighSolver solver : solvers) {
        const EighResult<T> r = eigh<T>(a.view(), {0, solver});
        REQUIRE(r.w.size() == 2);
        CHECK(r.w[0] == approx<T>(3, 8));
        CHECK(r.w[1] == approx<T>(1, 8));
        CHECK(r.v(0, 0) == approx<T>(std::sqrt(0.5), 8));
        CHECK(r.v(1, 0) == approx<T>(std::sqrt(0.5), 8));
        CHECK(r.v(0, 1) * r.v(1, 1) < 0);
    }
}

TEST_CASE_TEMPLATE("eigenpairs satisfy their equation with orthonormal vectors", T, float, double)
{
    const Index n = 60;
    const Matrix<T> a = symmetric_matrix<T>(n);
    for (const EighSolver solver : solvers)
        for (const Index k : {Index{1}, Index{7}, n}) {
            const EighResult<T> r = eigh<T>(a.view(), {k, solver});
            REQUIRE(r.v.n_cols() == k);
            CHECK(orthonormality<T>(r.v.view()) < rounding<T>(16 * std::sqrt(n)));
            const Matrix<double> av = product<T>(a.view(), r.v.view());
            for (Index j = 0; j < k; ++j)
                for (Index i = 0; i < n; ++i)
                    CHECK(std::abs(av(i, j) - static_cast<double>(r.w[static_cast<std::size_t>(j)] * r.v(i, j))) <
                          rounding<T>(16 * std::sqrt(n)) * static_cast<double>(r.w[0]));
        }
}

// The path graph's Laplacian: 2 - 2 cos(pi j / n).
TEST_CASE_TEMPLATE("eigenvalues of a path graph are known in closed form", T, float, double)
{
    const Index n = 40;
    Matrix<T> a = zero_matrix<T>(n, n);
    for (Index i = 0; i < n; ++i) {
        a(i, i) = i == 0 || i == n - 1 ? T(1) : T(2);
        if (i > 0)
            a(i, i - 1) = a(i - 1, i) = T(-1);
    }
    for (const EighSolver solver : solvers) {
        const EighResult<T> r = eigh<T>(a.view(), {5, solver});
        for (std::size_t j = 0; j < 5; ++j)
            CHECK(r.w[j] ==
                  approx<T>(2 - 2 * std::cos(std::acos(-1.0) * static_cast<double>(n - 1 - static_cast<Index>(j)) /
                                             static_cast<double>(n)),
                            64));
    }
}

TEST_CASE("what is not a symmetric finite square matrix is refused")
{
    CHECK_THROWS_AS(eigh<double>(matrix<double>({{1, 2}, {3, 4}}).view()), std::invalid_argument);
    CHECK_THROWS_AS(eigh<double>(matrix<double>({{1, 2, 3}, {2, 4, 5}}).view()), std::invalid_argument);
    CHECK_THROWS_AS(eigh<double>(matrix<double>({{1, NAN}, {NAN, 4}}).view()), std::invalid_argument);
    CHECK_THROWS_AS(eigh<double>(MatrixView<const double>{}), std::invalid_argument);
    CHECK_THROWS_AS(eigh<double>(matrix<double>({{1}}).view(), {2}), std::invalid_argument);
}

TEST_CASE_TEMPLATE("an eigenvalue beyond the range is an error, though every entry is within it", T, float, double)
{
    const T huge = std::numeric_limits<T>::max() / T(1.5);
    Matrix<T> a = zero_matrix<T>(12, 12);
    std::fill_n(a.data(), a.size(), huge);
    for (const EighSolver solver : solvers) {
        CHECK_THROWS_AS(eigh<T>(a.view(), {2, solver}), NumericalError);
        Matrix<T> diagonal = zero_matrix<T>(12, 12);
        for (Index i = 0; i < 12; ++i)
            diagonal(i, i) = huge;
        CHECK(eigh<T>(diagonal.view(), {2, solver}).w[0] == approx<T>(huge, 64));
    }
}
