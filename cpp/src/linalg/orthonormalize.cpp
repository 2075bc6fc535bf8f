#include "linalg/orthonormalize.hpp"

#include "linalg/gemm.hpp"
#include "linalg/gram.hpp"
#include "linalg/projection.hpp"
#include "matfact/random.hpp"

#include <Eigen/Cholesky>
#include <Eigen/QR>

#include <algorithm>

namespace matfact::linalg {

namespace {

RowMajorMatrix inverse_of_upper(const RowMajorMatrix& r)
{
    return r.triangularView<Eigen::Upper>().solve(RowMajorMatrix::Identity(r.rows(), r.rows()));
}

constexpr Index few = 32; ///< columns that would be lost in the tiles of gram.hpp and gemm.hpp

Matrix<double> products_of_columns(const Matrix<double>& y, int threads)
{
    if (y.n_cols() > few)
        return gram<double>(y.view(), Centering::none, 1.0, threads).matrix;
    return overlap_with<double>(y.view(), y.view(), threads);
}

Matrix<double> times(MatrixView<const double> y, const RowMajorMatrix& m, int threads)
{
    if (y.n_cols > few)
        return multiply<double>(y, {m.data(), m.rows(), m.cols(), m.cols(), 1}, threads);
    Matrix<double> result(y.n_rows, m.cols());
    std::fill_n(result.data(), result.size(), 0.0);
    const RowMajorMatrix negative = -m;
    subtract_from<double>(result.view(), y, {negative.data(), m.rows(), m.cols(), m.cols(), 1}, threads);
    return result;
}

} // namespace

CholeskyFactor cholesky(const RowMajorMatrix& a)
{
    const RowMajorMatrix r = Eigen::LLT<RowMajorMatrix>(a).matrixU();
    return {r, inverse_of_upper(r)};
}

RowMajorMatrix householder_qr(Matrix<double>& y)
{
    auto map = as_map(y);
    const Eigen::HouseholderQR<RowMajorMatrix> qr(map);
    map = qr.householderQ() * RowMajorMatrix::Identity(map.rows(), map.cols());
    return qr.matrixQR().topRows(map.cols()).triangularView<Eigen::Upper>();
}

RowMajorMatrix orthonormalize(Matrix<double>& y, int threads)
{
    // Two rounds reach rounding level while the condition of y, its columns scaled to norm 1, is far below 1 /
    // sqrt(eps).
    constexpr double smallest_pivot = 1e-5;
    constexpr double near = 0.5; // overlaps that leave a condition number below 2, for which one round is enough
    const Matrix<double> g = products_of_columns(y, threads);
    const Eigen::VectorXd norms = as_map(g).diagonal().cwiseSqrt();
    if (!(norms.minCoeff() > 0.0))
        return householder_qr(y);
    const Eigen::VectorXd scale = norms.cwiseInverse();
    const RowMajorMatrix overlaps = scale.asDiagonal() * as_map(g) * scale.asDiagonal();
    const Eigen::LLT<RowMajorMatrix> first(overlaps);
    if (first.info() != Eigen::Success || !(first.matrixLLT().diagonal().minCoeff() > smallest_pivot))
        return householder_qr(y);
    const RowMajorMatrix r = first.matrixU();
    y = times(y.view(), scale.asDiagonal() * inverse_of_upper(r), threads);
    if ((overlaps - RowMajorMatrix::Identity(r.rows(), r.rows())).norm() <= near)
        return r * norms.asDiagonal();
    const CholeskyFactor correction = cholesky(as_map(products_of_columns(y, threads)));
    y = times(y.view(), correction.inverse, threads);
    return correction.r * r * norms.asDiagonal();
}

void complete_basis(Matrix<double>& q, Index rank, int threads)
{
    const Index n = q.n_rows(), missing = q.n_cols() - rank;
    if (missing == 0)
        return;
    Matrix<double> extra(n, missing);
    for (Index i = 0; i < extra.size(); ++i)
        extra.data()[i] = random_normal(0, 0, static_cast<std::uint64_t>(i));
    const auto known = MatrixView<const double>(q.view()).block(0, 0, n, rank);
    for (int round = 0; round < 2; ++round) {
        if (rank > 0) {
            const Matrix<double> overlap = multiply<double>(known.transposed(), extra.view(), threads);
            const Matrix<double> inside = multiply<double>(known, overlap.view(), threads);
            as_map(extra) -= as_map(inside);
        }
        orthonormalize(extra, threads);
    }
    as_map(q).rightCols(missing) = as_map(extra);
}

} // namespace matfact::linalg
