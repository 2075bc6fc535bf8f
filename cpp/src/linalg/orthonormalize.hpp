/// Orthonormal bases of tall matrices: Cholesky QR where it is safe, Householder where it is not.
#pragma once

#include "linalg/gemm.hpp"
#include "linalg/gram.hpp"
#include "matfact/random.hpp"

#include <Eigen/Cholesky>
#include <Eigen/QR>

#include <cmath>
#include <limits>

namespace matfact::linalg
{

using RowMajorMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

inline Eigen::Map<RowMajorMatrix> as_map(Matrix<double>& a) { return {a.data(), a.n_rows(), a.n_cols()}; }
inline Eigen::Map<const RowMajorMatrix> as_map(const Matrix<double>& a) { return {a.data(), a.n_rows(), a.n_cols()}; }

/// max |q'q - I|.
inline double orthonormality_error(MatrixView<const double> q, int threads)
{
    const Matrix<double> g = gram<double>(q, Centering::none, 1.0, threads).matrix;
    return (as_map(g) - RowMajorMatrix::Identity(g.n_rows(), g.n_rows())).cwiseAbs().maxCoeff();
}

/// y R^-1 for an upper triangular r, as one product with the inverse.
inline Matrix<double> times_inverse(MatrixView<const double> y, const RowMajorMatrix& r, int threads)
{
    Matrix<double> inverse(r.rows(), r.rows());
    as_map(inverse) = r.triangularView<Eigen::Upper>().solve(RowMajorMatrix::Identity(r.rows(), r.rows()));
    return multiply<double>(y, inverse.view(), threads);
}

/// Householder QR of y, whatever its rank: y becomes the orthonormal factor, the upper triangle is returned.
inline RowMajorMatrix householder_qr(Matrix<double>& y)
{
    auto map = as_map(y);
    const Eigen::HouseholderQR<RowMajorMatrix> qr(map);
    map = qr.householderQ() * RowMajorMatrix::Identity(map.rows(), map.cols());
    return qr.matrixQR().topRows(map.cols()).triangularView<Eigen::Upper>();
}

/// QR of a tall y (n, k), n >= k: y becomes the orthonormal factor, the upper triangle is returned. Two rounds of
/// Cholesky QR (Fukaya et al., doi:10.1109/ScalA.2014.11), Householder where the Gram matrix of y is too close to
/// singular for them.
inline RowMajorMatrix orthonormalize(Matrix<double>& y, int threads)
{
    // Two rounds reach rounding level while cond(y)^2 eps stays well below 1.
    constexpr double smallest_pivot = 1e-7;
    const Eigen::LLT<RowMajorMatrix> first(as_map(gram<double>(y.view(), Centering::none, 1.0, threads).matrix));
    const auto pivots = first.matrixLLT().diagonal();
    if (first.info() != Eigen::Success || !(pivots.minCoeff() > smallest_pivot * pivots.maxCoeff()))
        return householder_qr(y);
    RowMajorMatrix r = first.matrixU();
    y = times_inverse(y.view(), r, threads);
    const Eigen::LLT<RowMajorMatrix> second(as_map(gram<double>(y.view(), Centering::none, 1.0, threads).matrix));
    const RowMajorMatrix correction = second.matrixU();
    y = times_inverse(y.view(), correction, threads);
    return correction * r;
}

/// Overwrites the columns [rank, k) of q by an orthonormal basis of a space orthogonal to its first `rank` columns,
/// which are orthonormal. Needs k <= n.
inline void complete_basis(Matrix<double>& q, Index rank, int threads)
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
