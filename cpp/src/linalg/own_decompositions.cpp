// Eigen's singular value decomposition, which serves where no LAPACK is installed.
#include "linalg/lapack_calls.hpp"
#include "matfact/status.hpp"

#include <Eigen/SVD>

#include <cmath>
#include <limits>

namespace matfact::linalg {

namespace {

// Row-major memory is the transposed matrix to Eigen's column-major type.
using Map = Eigen::Map<Eigen::MatrixXd, 0, Eigen::OuterStride<>>;

/// Whether the columns are orthonormal but for rounding; NaN is not.
bool are_orthonormal(const Eigen::MatrixXd& q)
{
    const auto terms = static_cast<double>(q.cols()) + std::sqrt(static_cast<double>(q.rows()));
    const double allowed = 16.0 * terms * std::numeric_limits<double>::epsilon();
    const Eigen::MatrixXd defect = q.transpose() * q - Eigen::MatrixXd::Identity(q.cols(), q.cols());
    return defect.cwiseAbs().maxCoeff<Eigen::PropagateNaN>() <= allowed;
}

Map transposed_map(MatrixView<double> a) { return {a.data, a.n_cols, a.n_rows, Eigen::OuterStride<>(a.row_stride)}; }

} // namespace

void own_singular_values_and_vectors(MatrixView<double> a, Matrix<double>& u, std::vector<double>& s,
                                     Matrix<double>& vt)
{
    const auto take = [&](const auto& solver) {
        const Index rank = solver.singularValues().size();
        u = Matrix<double>(a.n_rows, rank);
        vt = Matrix<double>(rank, a.n_cols);
        transposed_map(u.view()) = solver.matrixV().transpose();
        transposed_map(vt.view()) = solver.matrixU();
        s.assign(solver.singularValues().begin(), solver.singularValues().end());
    };
    constexpr unsigned vectors = Eigen::ComputeThinU | Eigen::ComputeThinV;
    const Eigen::BDCSVD<Eigen::MatrixXd> divided(transposed_map(a), vectors);
    // Divide and conquer loses orthogonality on some matrices of deficient rank.
    if (divided.info() == Eigen::Success && are_orthonormal(divided.matrixU()) && are_orthonormal(divided.matrixV()))
        return take(divided);
    const Eigen::JacobiSVD<Eigen::MatrixXd> rotated(transposed_map(a), vectors);
    if (rotated.info() != Eigen::Success)
        throw NumericalError("the singular value decomposition did not converge");
    take(rotated);
}

} // namespace matfact::linalg
