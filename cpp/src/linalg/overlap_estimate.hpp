/// How far the newest block of a Lanczos basis is from orthogonal to the older ones, without a look at these: rounding
/// errors obey the recurrence of the blocks themselves (Simon, doi:10.1090/S0025-5718-1984-0725988-X; for blocks:
/// Grimes, Lewis and Simon, doi:10.1137/S0895479888151111).
#pragma once

#include "linalg/orthonormalize.hpp"

namespace matfact::linalg {

class OverlapEstimate {
public:
    /// The products of the older columns of the basis with the block that comes next, not normalized, after it was
    /// freed of the last columns of the basis by `coupled` (n_coupled, width), its products with them. `projection` is
    /// that of the whole basis, of which the last `width` columns are the newest block; these couple to none but the
    /// last n_coupled columns. `noise` is the norm of what a step adds to a column. Returns (older, width).
    Matrix<double> of_next(MatrixView<const double> projection, const Matrix<double>& coupled, double noise) const;

    /// The next block joins the basis, as next * coupling = what `of_next` spoke of. `older` are the products of then,
    /// or without rows where they have been taken out; with the other columns of the basis it has noise in common.
    void append(const Matrix<double>& older, Index size, const RowMajorMatrix& coupling, double noise);

    /// The next block joins the basis with next to nothing in common.
    void append_orthogonal(Index size, Index width, double noise);

private:
    Matrix<double> newest_, before_; ///< products of the columns before a block with it, estimated
};

} // namespace matfact::linalg
