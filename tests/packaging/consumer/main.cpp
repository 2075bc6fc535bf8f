// Factorizes an Eigen matrix; the consumer's own Eigen code checks the result.
#include <matfact/eigen.hpp>
#include <matfact/matfact.hpp>

#include <Eigen/Dense>

#include <cstdio>

int main()
{
    const Eigen::MatrixXd x = Eigen::MatrixXd::Random(200, 30);
    const auto r = matfact::svd<double>(matfact::as_view(x));

    const Eigen::Map<const Eigen::VectorXd> s(r.s.data(), static_cast<Eigen::Index>(r.s.size()));
    const Eigen::MatrixXd back = matfact::as_eigen(r.u) * s.asDiagonal() * matfact::as_eigen(r.vt);
    const Eigen::BDCSVD<Eigen::MatrixXd> own(x, Eigen::ComputeThinU | Eigen::ComputeThinV);
    const double rebuilt = (back - x).norm() / x.norm(), values = (own.singularValues() - s).norm() / s(0);
    std::printf("%g %g\n", rebuilt, values);
    return rebuilt < 1e-13 && values < 1e-13 ? 0 : 1;
}
