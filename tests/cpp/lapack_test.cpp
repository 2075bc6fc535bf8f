#include "matfact/lapack.hpp"

#include "matfact/svd.hpp"
#include "support/matrices.hpp"

using namespace matfact;
using namespace matfact::testing;

namespace {

/// Puts the provider back, whatever a test does.
struct RestoreLapack {
    LapackTable before = get_lapack();
    ~RestoreLapack() { set_lapack(before); }
};

} // namespace

TEST_CASE("without a provider Eigen's solver serves as accurately")
{
    const RestoreLapack restore;
    const Matrix<double> x = normal_matrix<double>(120, 80);
    const SvdResult<double> borrowed = svd<double>(x.view());
    set_lapack({});
    CHECK(get_lapack().provider == nullptr);
    for (const SvdSolver solver : {SvdSolver::full, SvdSolver::gram}) {
        SvdOptions options;
        options.solver = solver;
        const SvdResult<double> own = svd<double>(x.view(), options);
        CHECK(orthonormality<double>(own.u.view()) < 1e-12);
        for (std::size_t i = 0; i < own.s.size(); ++i)
            CHECK(own.s[i] == approx<double>(borrowed.s[i], 1024));
    }
}

TEST_CASE("without a provider the vectors of matrices of rank 1 are orthonormal too")
{
    const RestoreLapack restore;
    set_lapack({});
    SvdOptions options;
    options.solver = SvdSolver::full;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        const Matrix<double> row = normal_matrix<double>(1, 25, seed);
        Matrix<double> x(40, 25);
        for (Index i = 0; i < 40; ++i)
            std::copy_n(row.data(), 25, &x(i, 0));
        const SvdResult<double> found = svd<double>(x.view(), options);
        CHECK(orthonormality<double>(found.u.view()) < 1e-12);
        CHECK(orthonormality<double>(MatrixView<const double>(found.vt.view()).transposed()) < 1e-12);
    }
}

TEST_CASE("a table is given back as it was set")
{
    const RestoreLapack restore;
    LapackTable table;
    table.provider = "none of the routines";
    table.ilp64 = true;
    set_lapack(table);
    CHECK(get_lapack().ilp64);
    // Every routine is missing, so nothing of it may be called.
    CHECK(svd<double>(normal_matrix<double>(50, 40).view()).s.size() == 40);
}
