// Factorizes an Eigen matrix, at once and from moments of two halves; the consumer's own Eigen code checks the results.
#include "missing.hpp"

#include <matfact/eigen.hpp>
#include <matfact/matfact.hpp>

#include <Eigen/Dense>

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

    const double missing = error_with_missing_entries();

    std::printf("%g %g %g %g\n", rebuilt, values, variance, missing);
    return rebuilt < 1e-13 && values < 1e-13 && variance < 1e-13 && missing < 1e-3 ? 0 : 1;
}
