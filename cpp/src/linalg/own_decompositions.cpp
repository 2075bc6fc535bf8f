// Eigen's singular value decomposition, which serves where no LAPACK is installed.
#include "linalg/lapack_calls.hpp"
#include "matfact/status.hpp"

#include <Eigen/SVD>

namespace matfact::linalg {

namespace {

// Row-major memory is the transposed matrix to Eigen's column-major type.
using Map = Eigen::Map<Eigen::MatrixXd, 0, Eigen::OuterStride<>>;

Map transposed_map(MatrixView<double> a) { return {a.data, a.n_cols, a.n_rows, Eigen::OuterStride<>(a.row_stride)}; }

} // namespace

void own_singular_values_and_vectors(MatrixView<double> a, Matrix<double>& u, std::vector<double>& s,
                                     Matrix<double>& vt)
{
    const Eigen::BDCSVD<Eigen::MatrixXd> solver(transposed_map(a), Eigen::ComputeThinU | Eigen::ComputeThinV);
    if (solver.info() != Eigen::Success)
        throw NumericalError("the singular value decomposition did not converge");
    const Index rank = solver.singularValues().size();
    u = Matrix<double>(a.n_rows, rank);
    vt = Matrix<double>(rank, a.n_cols);
    transposed_map(u.view()) = solver.matrixV().transpose();
    transposed_map(vt.view()) = solver.matrixU();
    s.assign(solver.singularValues().begin(), solver.singularValues().end());
}

} // namespace matfact::linalg
