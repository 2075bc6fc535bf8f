#include "linalg/overlap_estimate.hpp"

#include "linalg/projection.hpp"

#include <algorithm>
#include <cmath>

namespace matfact::linalg {

namespace {

Matrix<double> filled(Index n_rows, Index n_cols, double value)
{
    Matrix<double> result(n_rows, n_cols);
    std::fill_n(result.data(), result.size(), value);
    return result;
}

Matrix<double> negative_rows(const Matrix<double>& a, Index begin, Index end)
{
    Matrix<double> result(end - begin, a.n_cols());
    as_map(result) = -as_map(a).middleRows(begin, end - begin);
    return result;
}

} // namespace

Matrix<double> OverlapEstimate::of_next(MatrixView<const double> projection, const Matrix<double>& coupled,
                                        double noise) const
{
    const Index size = projection.n_rows, width = coupled.n_cols(), first = size - width;
    const Index older = size - coupled.n_rows();
    Matrix<double> result = filled(older, width, 0.0);
    if (older == 0)
        return result;
    // older' A newest = (A older)' newest, and A older = basis * projection. The sign is of no interest.
    subtract_from<double>(result.view(), projection.block(0, 0, older, first), newest_.view(), 1);
    const Matrix<double> along_before = negative_rows(coupled, 0, first - older);
    const Matrix<double> along_newest = negative_rows(coupled, first - older, size - older);
    subtract_from<double>(result.view(), before_.view(), along_before.view(), 1);
    subtract_from<double>(result.view(), newest_.view().rows(0, older), along_newest.view(), 1);
    const double each = noise / std::sqrt(static_cast<double>(older));
    for (Index i = 0; i < result.size(); ++i)
        result.data()[i] += std::copysign(each, result.data()[i]);
    return result;
}

void OverlapEstimate::append(const Matrix<double>& older, Index size, const RowMajorMatrix& coupling, double noise)
{
    append_orthogonal(size, coupling.cols(), noise);
    std::copy_n(older.data(), older.size(), newest_.data());
    auto products = as_map(newest_);
    coupling.triangularView<Eigen::Upper>().solveInPlace<Eigen::OnTheRight>(products);
}

void OverlapEstimate::append_orthogonal(Index size, Index width, double noise)
{
    before_ = std::move(newest_);
    newest_ = filled(size, width, noise / std::sqrt(static_cast<double>(std::max<Index>(1, size))));
}

} // namespace matfact::linalg
