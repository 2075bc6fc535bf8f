#include "matfact/pca.hpp"

#include "support/sparse.hpp"

#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

namespace {

template <class T> Matrix<T> repeated(const Matrix<T>& x, const std::vector<double>& counts)
{
    std::vector<Index> rows;
    for (Index i = 0; i < x.n_rows(); ++i)
        rows.insert(rows.end(), static_cast<std::size_t>(counts[static_cast<std::size_t>(i)]), i);
    Matrix<T> result(static_cast<Index>(rows.size()), x.n_cols());
    for (Index i = 0; i < result.n_rows(); ++i)
        std::copy_n(&x(rows[static_cast<std::size_t>(i)], 0), x.n_cols(), &result(i, 0));
    return result;
}

std::vector<double> counts(Index n)
{
    std::vector<double> result;
    for (Index i = 0; i < n; ++i)
        result.push_back(static_cast<double>(i % 4));
    return result;
}

} // namespace

TEST_CASE_TEMPLATE("whole weights are repeated rows", T, float, double)
{
    const Matrix<T> x = normal_matrix<T>(40, 6);
    const std::vector<double> weights = counts(40);
    const Matrix<T> expanded = repeated(x, weights);
    for (const SvdSolver solver : {SvdSolver::full, SvdSolver::gram, SvdSolver::krylov}) {
        SvdOptions options;
        options.solver = solver;
        options.center = true;
        const SvdResult<T> expected = svd<T>(expanded.view(), options);
        options.weights = weights.data();
        const SvdResult<T> r = svd<T>(x.view(), options);
        for (std::size_t i = 0; i < 6; ++i) {
            CHECK(r.s[i] == approx<T>(static_cast<double>(expected.s[i]), 64));
            CHECK(r.mean[i] == approx<T>(static_cast<double>(expected.mean[i]), 8));
        }
        CHECK(r.total_variance == approx<T>(expected.total_variance, 64));
        CHECK(r.u.n_rows() == 40);
        CHECK(r.u(4, 2) == T(0));
        CHECK(orthonormality<T>(r.u.view()) < rounding<T>(64));
    }
    PcaOptions options;
    options.n_components = 2;
    const PcaResult<T> expected = pca<T>(expanded.view(), options);
    options.weights = weights.data();
    const PcaResult<T> r = pca<T>(x.view(), options);
    CHECK(r.explained_variance[1] == approx<T>(static_cast<double>(expected.explained_variance[1]), 64));
    CHECK(r.noise_variance == approx<T>(expected.noise_variance, 64));
}

TEST_CASE_TEMPLATE("weighted rows of a sparse matrix are those of the dense one", T, float, double)
{
    const auto x = random_csr<T, std::int64_t>(90, 20, 0.7, 0.5);
    const Matrix<double> a = dense(x);
    const std::vector<double> weights = counts(90), of_columns = counts(20);
    const CscView<T, std::int64_t> transposed{x.values.data(), x.indices.data(), x.indptr.data(), 20, 90};
    const auto check = [](const SvdResult<T>& r, const SvdResult<double>& expected) {
        for (std::size_t i = 0; i < expected.s.size(); ++i)
            CHECK(static_cast<double>(r.s[i]) == approx<T>(expected.s[i], 200));
        CHECK(r.total_variance == approx<T>(expected.total_variance, 200));
        CHECK(distance(rebuild(r.u, r.s, r.vt), rebuild(expected.u, expected.s, expected.vt)) < rounding<T>(4000));
    };
    SvdOptions options;
    options.solver = SvdSolver::gram;
    options.center = true;
    options.weights = weights.data();
    check(svd(x.view(), options), svd<double>(a.view(), options));
    options.weights = of_columns.data();
    check(svd(transposed, options), svd<double>(MatrixView<const double>(a.view()).transposed(), options));
}

TEST_CASE("weights that make no sense are refused")
{
    const Matrix<double> x = normal_matrix<double>(3, 2);
    const auto run = [&](const std::vector<double>& weights, Index n_components = 0) {
        SvdOptions options;
        options.weights = weights.data();
        options.n_components = n_components;
        svd<double>(x.view(), options);
    };
    CHECK_THROWS_AS(run({1, -1, 1}), std::invalid_argument);
    CHECK_THROWS_AS(run({1, std::nan(""), 1}), std::invalid_argument);
    CHECK_THROWS_WITH_AS(run({0, 0, 0}), "sample_weight must have a positive entry, got zeros only",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(run({0, 1, 0}, 2), "n_components must be between 1 and 1, got 2", std::invalid_argument);
    PcaOptions options;
    const std::vector<double> small{0.5, 0.5, 0.5};
    options.weights = small.data();
    CHECK_THROWS_AS(pca<double>(x.view(), options), std::invalid_argument);
}
