/// Singular value decomposition of a dense matrix.
#pragma once

#include "matfact/matrix.hpp"
#include "matfact/progress.hpp"
#include "matfact/status.hpp"

#include <vector>

namespace matfact {

enum class SvdSolver {
    automatic, ///< gram where one side is much shorter, else full (rule in docs/methods/svd.md)
    full,      ///< bidiagonalization and divide and conquer (LAPACK gesdd)
    gram,      ///< eigendecomposition of the smaller of x'x and x x', small singular values repaired
};

/// Options of svd().
struct SvdOptions {
    Index n_components = 0; ///< leading triplets to return; 0 = all of min(n_rows, n_cols)
    SvdSolver solver = SvdSolver::automatic;
    bool center = false;           ///< subtract column means without forming the centered matrix
    bool compute_u = true;         ///< false leaves u and residuals empty
    double tol = 0.0;              ///< largest residual relative to s_1; 0 = as accurate as the arithmetic allows
    bool compute_residuals = true; ///< false leaves them empty, unless tol asks for them: they cost one product with x
    int num_threads = 0;           ///< 0 = the process default
    void validate(Index n_rows, Index n_cols) const; ///< throws std::invalid_argument naming the field
};

/// x ~ u diag(s) vt. The residual of triplet i is ||x' u_i - s_i v_i|| / s_1, or for a wide x ||x v_i - s_i u_i|| /
/// s_1: the other side holds by construction.
template <class T> struct SvdResult {
    Matrix<T> u;                       ///< (n_rows, n_components)
    std::vector<T> s;                  ///< (n_components,), descending
    Matrix<T> vt;                      ///< (n_components, n_cols); the largest entry of each row is positive
    std::vector<T> mean;               ///< (n_cols,) subtracted column means; empty without centering
    std::vector<T> residuals;          ///< (n_components,)
    double total_variance = 0.0;       ///< squared Frobenius norm of x (centered if asked)
    Status status = Status::converged; ///< max_iter where a residual stays above tol
};

/// Leading singular triplets. Throws std::invalid_argument if x is empty or not finite, NumericalError on overflow.
template <class T>
SvdResult<T> svd(MatrixView<const T> x, const SvdOptions& options = {}, const Progress& progress = {});

extern template SvdResult<float> svd(MatrixView<const float>, const SvdOptions&, const Progress&);
extern template SvdResult<double> svd(MatrixView<const double>, const SvdOptions&, const Progress&);

/// The residuals of triplets found earlier, as in SvdResult: u (n_rows, k), s (k,), vt (k, n_cols); `mean` may be null.
template <class T>
std::vector<T> svd_residuals(MatrixView<const T> x, MatrixView<const T> u, const std::vector<T>& s,
                             MatrixView<const T> vt, const T* mean, int num_threads = 0);

extern template std::vector<float> svd_residuals(MatrixView<const float>, MatrixView<const float>,
                                                 const std::vector<float>&, MatrixView<const float>, const float*, int);
extern template std::vector<double> svd_residuals(MatrixView<const double>, MatrixView<const double>,
                                                  const std::vector<double>&, MatrixView<const double>, const double*,
                                                  int);

/// (q - mean) vt' : rows of q in latent space, (n_rows, n_components). `mean` may be null.
template <class T> Matrix<T> project(MatrixView<const T> q, MatrixView<const T> vt, const T* mean, int num_threads = 0);

extern template Matrix<float> project(MatrixView<const float>, MatrixView<const float>, const float*, int);
extern template Matrix<double> project(MatrixView<const double>, MatrixView<const double>, const double*, int);

} // namespace matfact
