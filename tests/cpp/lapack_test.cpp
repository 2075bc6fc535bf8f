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
