/// The equations of one row (see row_solver.hpp), a block of features at a time: each block is solved exactly with the
/// others as they are (Rendle, Krichene, Zhang and Koren 2021, arXiv:2110.14044).
#pragma once

#include "linalg/row_solver.hpp"

namespace matfact::linalg {

/// Memory for one row at a time; one for each worker.
class BlockRowSolver {
public:
    /// For rows of at most `longest` entries; the last block may be narrower.
    BlockRowSolver(Index n_features, Index block, Index longest);

    /// Brings x (n_features,), which holds some row on entry, closer to the solution by one round over its blocks, and
    /// returns twice b'x less the quadratic form at x. `features` has unit column stride, d is positive.
    template <class I>
    double improve(MatrixView<const float> features, const RowEntries<I>& entries, const float* d, float* x);

private:
    Index k_, block_;
    RowSolver whole_, last_;
    std::vector<float> scores_; ///< f_j . x
    std::vector<float> right_;  ///< b_j less what the other blocks give
};

} // namespace matfact::linalg
