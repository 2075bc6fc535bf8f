// Factorizes an Eigen matrix: at once, from moments of two halves, by its products alone, and in batches of rows; the
// consumer's own Eigen code checks the results.
#include "missing.hpp"
#include "recommend.hpp"

#include <matfact/eigen.hpp>
#include <matfact/matfact.hpp>

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

int main()
{
    const Eigen::MatrixXd x = Eigen::MatrixXd::Random(200, 30);
    const auto r = matfact::svd<double>(matfact::as_view(x));

    const Eigen::Map<const Eigen::VectorXd> s(r.s.data(), static_cast<Eigen::Index>(r.s.size()));
    const Eigen::MatrixXd back = matfact::as_eigen(r.u) * s.asDiagonal() * matfact::as_eigen(r.vt);
    const Eigen::BDCSVD<Eigen::MatrixXd> own(x, Eigen::ComputeThinU | Eigen::ComputeThinV);
    const double rebuilt = (back - x).norm() / x.norm(), values = (own.singularValues() - s).norm() / s(0);

    // What two machines would send each other: the moments of their rows, as bytes.
    matfact::Moments total = matfact::moments<double>(matfact::as_view(x.topRows(90)));
    const std::vector<std::byte> bytes =
        matfact::to_bytes(matfact::moments<double>(matfact::as_view(x.bottomRows(110))));
    matfact::merge(total, matfact::moments_from_bytes(bytes.data(), bytes.size()));
    const auto axes = matfact::pca(total, {3});
    const Eigen::MatrixXd centered = x.rowwise() - x.colwise().mean();
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> covariance(centered.transpose() * centered / 199);
    const double variance = std::abs(covariance.eigenvalues()(29) / axes.explained_variance[0] - 1);

    // The leading triplets by block Lanczos: of a matrix that is known by its products, and of one that is read in
    // batches. Each value is within its bound.
    using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    using View = matfact::MatrixView<double>;
    using ConstView = matfact::MatrixView<const double>;
    const auto in = [](ConstView a) { return Eigen::Map<const RowMajor>(a.data, a.n_rows, a.n_cols); };
    const auto out = [](View a) { return Eigen::Map<RowMajor>(a.data, a.n_rows, a.n_cols); };
    matfact::SvdOptions leading;
    leading.n_components = 4;
    leading.solver = matfact::SvdSolver::krylov;
    const matfact::LinearOperator<double> products{200, 30, [&](ConstView q, View y) { out(y) = x * in(q); },
                                                   [&](ConstView y, View z) { out(z) = x.transpose() * in(y); }};
    const RowMajor rows = x;
    const matfact::RowSource<double> batches{
        30, [&](const auto& take) {
            for (int begin = 0; begin < 200; begin += 60)
                take(ConstView{rows.data() + 30 * begin, std::min(60, 200 - begin), 30, 30, 1});
        }};
    double truncated = 0.0;
    const auto by_products = matfact::svd(products, leading), by_batches = matfact::svd(batches, leading);
    for (const auto* found : {&by_products, &by_batches})
        for (std::size_t i = 0; i < 4; ++i)
            truncated = std::max(truncated, std::abs(found->s[i] - r.s[i]) - found->error_bounds[i]);

    const double missing = error_with_missing_entries();
    const double lists = disagreement_of_lists(); // scores up to some ten, in float32

    std::printf("%g %g %g %g %g %g\n", rebuilt, values, variance, truncated, missing, lists);
    return rebuilt < 1e-13 && values < 1e-13 && variance < 1e-13 && truncated < 1e-13 && missing < 1e-3 && lists < 1e-5
               ? 0
               : 1;
}
