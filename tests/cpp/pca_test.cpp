#include "matfact/pca.hpp"

#include "support/sparse.hpp"

#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

// Points (+-2, 0), (0, +-1) around (5, 7): variances 8 / 3 and 2 / 3 along the axes.
TEST_CASE_TEMPLATE("pca of a cross of four points", T, float, double)
{
    const Matrix<T> x = matrix<T>({{7, 7}, {3, 7}, {5, 8}, {5, 6}});
    const PcaResult<T> r = pca<T>(x.view());
    CHECK(r.mean[0] == approx<T>(5, 8));
    CHECK(r.mean[1] == approx<T>(7, 8));
    CHECK(r.explained_variance[0] == approx<T>(8.0 / 3, 16));
    CHECK(r.explained_variance[1] == approx<T>(2.0 / 3, 16));
    CHECK(r.explained_variance_ratio[0] == approx<T>(0.8, 16));
    CHECK(r.singular_values[0] == approx<T>(std::sqrt(8), 16));
    CHECK(r.components(0, 0) == approx<T>(1, 16));
    CHECK(r.components(1, 1) == approx<T>(1, 16));
}

// Of three axes with variances 8/3, 2/3 and 0 the last two have the mean 1/3.
TEST_CASE("noise variance is the mean of what is left out")
{
    const Matrix<double> x = matrix<double>({{7, 7, 1}, {3, 7, 1}, {5, 8, 1}, {5, 6, 1}});
    const PcaResult<double> r = pca<double>(x.view(), {1});
    CHECK(r.noise_variance == approx<double>(1.0 / 3, 64));
    CHECK(r.components.n_rows() == 1);
}

TEST_CASE("one row has no variance to explain")
{
    CHECK_THROWS_AS(pca<double>(matrix<double>({{1, 2}}).view()), std::invalid_argument);
}

TEST_CASE_TEMPLATE("pca of a sparse matrix is that of the dense one", T, float, double)
{
    const auto x = random_csr<T, std::int64_t>(90, 20, 0.7, 0.5);
    const Matrix<double> a = dense(x);
    const CscView<T, std::int64_t> transposed{x.values.data(), x.indices.data(), x.indptr.data(), 20, 90};
    const auto check = [](const PcaResult<T>& r, const PcaResult<double>& expected) {
        for (std::size_t i = 0; i < 3; ++i)
            CHECK(static_cast<double>(r.explained_variance[i]) == approx<T>(expected.explained_variance[i], 200));
        CHECK(r.noise_variance == approx<T>(expected.noise_variance, 200));
        CHECK(distance(r.components, expected.components) < rounding<T>(4000)); // gaps of a tenth
    };
    check(pca(x.view(), {3}), pca<double>(a.view(), {3}));
    check(pca(transposed, {3}), pca<double>(view(a).transposed(), {3}));
    CHECK_THROWS_AS(pca(x.view(), {3, SvdSolver::full}), std::invalid_argument);
}
