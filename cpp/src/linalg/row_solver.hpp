/// The equations of one row in alternating least squares,
///   (diag(d) + sum_j a_j f_j f_j') x = sum_j b_j f_j,
/// where f_j are rows of the other factor. Many rows are short: they are solved in as many unknowns as they have
/// entries (Woodbury), the others in as many as there are features.
#pragma once

#include "matfact/matrix.hpp"

#include <vector>

namespace matfact::linalg {

/// The entries j of one row, n of each: a_j = root[j]^2 > 0, b_j = right[j].
template <class I> struct RowEntries {
    const I* indices;
    const float *root, *right;
    Index n;
    Index n_readable; ///< indices from the first on, at least n: those that follow are of rows that come next
};

/// Memory for one row at a time; one for each worker.
class RowSolver {
public:
    explicit RowSolver(Index n_features);

    /// Overwrites x (n_features,) by the solution and returns b'x = sum_j b_j f_j . x. `features` has unit column
    /// stride, d (n_features,) is positive.
    template <class I>
    double solve(MatrixView<const float> features, const RowEntries<I>& entries, const float* d, float* x);

    /// Overwrites x (n_features,) by a draw from the normal distribution whose precision is the matrix of the system
    /// and whose mean is its solution, made of n_features standard normals.
    template <class I>
    void sample(MatrixView<const float> features, const RowEntries<I>& entries, const float* d, const float* normals,
                float* x);

    /// Brings x (n_features,), which holds some row on entry, closer to the solution by `steps` steps of conjugate
    /// gradients and returns twice b'x less the quadratic form at x. `preconditioner` (n_features,), positive, is about
    /// the diagonal of the system. Rows of `features` are padded by zeros up to padded_width(n_features).
    template <class I>
    double improve(MatrixView<const float> features, const RowEntries<I>& entries, const float* d,
                   const float* preconditioner, Index steps, float* x);

    /// Whether a row of n entries is solved in n unknowns.
    static bool is_short(Index n, Index n_features) { return 4 * n <= 3 * n_features; }

private:
    template <class I>
    void gather(MatrixView<const float> features, const RowEntries<I>& entries, Index begin, Index end);
    void transpose_gathered(Index rows);
    void accumulate(Index rows, bool add);
    template <class I> void solve_in_entries(MatrixView<const float> features, const RowEntries<I>& entries);
    template <class I>
    void solve_in_features(MatrixView<const float> features, const RowEntries<I>& entries, const float* d,
                           const float* normals = nullptr);

    Index k_, wide_;
    std::vector<float> scale_;      ///< of the features: sqrt(1 / d) in entries, else 1
    std::vector<float> gathered_;   ///< rows root_j scale f_j, padded by zeros
    std::vector<float> transposed_; ///< of gathered_
    std::vector<float> system_, inverse_pivots_, scratch_;
    std::vector<float> right_; ///< sum_j b_j scale f_j
    std::vector<float> solution_;
    std::vector<float> residual_, direction_, image_; ///< of conjugate gradients
};

} // namespace matfact::linalg
