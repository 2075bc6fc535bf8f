// An exact matrix of rank 3, of which every fourth entry is taken out and given back by two models.
#include "missing.hpp"

#include <matfact/eigen.hpp>
#include <matfact/matfact.hpp>

#include <Eigen/Dense>

#include <algorithm>
#include <limits>

namespace {

using Eigen::MatrixXd;

/// Probabilistic PCA: what each row of x says of its latent coordinates gives the rest of the row.
MatrixXd by_ppca(const MatrixXd& x)
{
    const auto fit = matfact::ppca<double>(matfact::as_view(x), {3});
    const auto rows = matfact::ppca_rows<double>(matfact::as_view(x), fit.model);
    const Eigen::Map<const Eigen::RowVectorXd> mean(fit.model.mean.data(), x.cols());
    return (matfact::as_eigen(rows.latent) * matfact::as_eigen(fit.model.loadings).transpose()).rowwise() + mean;
}

/// Least nuclear norm: no number of components is given.
MatrixXd by_completion(const MatrixXd& x)
{
    const auto fit = matfact::complete<double>(matfact::as_view(x), {1e-3});
    const Eigen::Map<const Eigen::VectorXd> s(fit.s.data(), static_cast<Eigen::Index>(fit.s.size()));
    return matfact::as_eigen(fit.u) * s.asDiagonal() * matfact::as_eigen(fit.vt);
}

} // namespace

double error_with_missing_entries()
{
    const MatrixXd full = MatrixXd::Random(120, 3) * MatrixXd::Random(3, 30);
    MatrixXd x = full;
    for (Eigen::Index i = 0; i < x.rows(); ++i)
        for (Eigen::Index j = i % 4; j < x.cols(); j += 4)
            x(i, j) = std::numeric_limits<double>::quiet_NaN();
    return std::max((by_ppca(x) - full).norm(), (by_completion(x) - full).norm()) / full.norm();
}
