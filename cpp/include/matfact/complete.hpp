/// Matrix completion with the nuclear norm: the convex problem behind low-rank models of incomplete matrices.
#pragma once

#include "matfact/matrix.hpp"
#include "matfact/progress.hpp"
#include "matfact/status.hpp"

#include <cstdint>
#include <vector>

namespace matfact {

/// Options of complete(). The objective is  1/2 sum over observed (x_ij - z_ij)^2  +  l2 ||Z||_*, or, the same over
/// factors Z = A B',  1/2 sum (x_ij - a_i . b_j)^2  +  l2 / 2 (||A||^2 + ||B||^2).
struct CompleteOptions {
    double l2 = 1.0;          ///< weight of the nuclear norm, positive: what the singular values of Z are lowered by
    Index max_components = 0; ///< largest rank of Z; 0 = min(n_rows, n_cols, 50)
    double tol = 1e-5;        ///< share of the objective that it may lie above its lower bound
    Index max_iter = 1000;    ///< sweeps, those at larger l2 on the way included
    int num_threads = 0;      ///< 0 = the process default
    void validate(Index n_rows, Index n_cols) const; ///< throws std::invalid_argument naming the field
};

/// Z = u diag(s) vt of rank k.
template <class T> struct Completion {
    Matrix<T> u;      ///< (n_rows, k) orthonormal columns
    std::vector<T> s; ///< (k,) descending, positive
    Matrix<T> vt;     ///< (k, n_cols) orthonormal rows; the largest entry of each is positive
    double objective = 0.0;
    double lower_bound = 0.0;    ///< of the objective over all Z of any rank, from the dual problem
    double dual_norm = 0.0;      ///< ||P(X - Z)||_2, P keeping the observed entries: l2 at the optimum, less if Z = 0
    std::vector<double> history; ///< objective before each sweep at the l2 asked for, and at the end
    Index n_observed = 0;
    Index n_iter = 0;
    Status status = Status::converged; ///< max_iter also where max_components keeps Z from the optimum
};

/// Dense x; NaN entries are missing. `progress` is told the objective before each sweep, and NaN, which cannot stop,
/// while the certificate is computed. Throws std::invalid_argument on infinities, an empty x or no observed entry.
template <class T>
Completion<T> complete(MatrixView<const T> x, const CompleteOptions& options, const Progress& progress = {});

/// Sparse x; only stored entries are observed. It is never made dense.
template <class T, class I>
Completion<T> complete(CsrView<T, I> x, const CompleteOptions& options, const Progress& progress = {});

#define MATFACT_COMPLETE(EXTERN, T)                                                                                    \
    EXTERN template Completion<T> complete(MatrixView<const T>, const CompleteOptions&, const Progress&);              \
    EXTERN template Completion<T> complete(CsrView<T, std::int32_t>, const CompleteOptions&, const Progress&);         \
    EXTERN template Completion<T> complete(CsrView<T, std::int64_t>, const CompleteOptions&, const Progress&);
MATFACT_COMPLETE(extern, float)
MATFACT_COMPLETE(extern, double)

} // namespace matfact
