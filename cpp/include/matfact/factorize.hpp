/// X ~ W H by gradient descent, alternating least squares or in closed form; missing entries are left out.
#pragma once

#include "matfact/matrix.hpp"
#include "matfact/progress.hpp"
#include "matfact/status.hpp"

#include <cstdint>
#include <vector>

namespace matfact {

enum class FactorizeSolver {
    automatic, ///< exact where everything is observed, else als
    gd,        ///< W <- W - eta dL/dW, both factors at once
    momentum,  ///< heavy ball, momentum 0.9
    nesterov,  ///< Nesterov's momentum 0.9
    adam,      ///< Kingma and Ba, beta 0.9 / 0.999, epsilon 1e-8
    scaled_gd, ///< gradient preconditioned by the k x k Gram matrix of the other factor (Tong, Ma, Chi)
    als,       ///< alternating (ridge) least squares
    exact,     ///< truncated SVD; with l2, soft-thresholded singular values
};

enum class FactorizeInit { random, svd };
enum class Reduction { mean, sum };

/// Options of factorize(). The objective is
///   reduction over observed (x_ij - w_i . h_j)^2  +  l2_w ||W||^2  +  l2_h ||H||^2.
struct FactorizeOptions {
    Index n_components = 1; ///< columns of W and rows of H, at most min(n_rows, n_cols)
    FactorizeSolver solver = FactorizeSolver::automatic;
    double learning_rate = 0.0; ///< step; 0 = the solver's own safe step
    double l2_w = 0.0, l2_h = 0.0;
    Index max_iter = 1000;
    double tol = 1e-8; ///< relative gradient norm at which the iteration has converged; 0 = never
    FactorizeInit init = FactorizeInit::random;
    Reduction reduction = Reduction::mean;
    std::uint64_t seed = 0;
    int num_threads = 0;                             ///< 0 = the process default
    void validate(Index n_rows, Index n_cols) const; ///< throws std::invalid_argument naming the field
};

template <class T> struct Factorization {
    Matrix<T> w;                 ///< (n_rows, n_components)
    Matrix<T> h;                 ///< (n_cols, n_components): H is stored transposed
    double objective = 0.0;      ///< at (w, h); never negative
    std::vector<double> history; ///< objective before the first and after each iteration, n_iter + 1 values
    Index n_iter = 0;
    Status status = Status::converged;
};

/// A start given by the caller: w (n_rows, n_components), h (n_cols, n_components). Null data = use options.init.
template <class T> struct FactorizeStart {
    MatrixView<const T> w, h;
};

/// Dense x; NaN entries are missing. Throws std::invalid_argument on infinities, an empty x, no observed entry,
/// wrong start shapes, or solver exact with missing entries.
template <class T>
Factorization<T> factorize(MatrixView<const T> x, const FactorizeOptions& options, const FactorizeStart<T>& start = {},
                           const Progress& progress = {});

/// Sparse x; only stored entries are observed.
template <class T, class I>
Factorization<T> factorize(CsrView<T, I> x, const FactorizeOptions& options, const FactorizeStart<T>& start = {},
                           const Progress& progress = {});

/// The smallest objective any pair (W, H) reaches on a fully observed x: Eckart-Young, with l2 its soft-thresholded
/// form.
template <class T> double optimal_objective(MatrixView<const T> x, const FactorizeOptions& options);

/// Least-squares rows for a fixed H: row i minimizes sum over observed (x_ij - w_i . h_j)^2 + l2 ||w_i||^2.
/// A row without observed entries gives zeros.
template <class T> Matrix<T> solve_rows(MatrixView<const T> x, MatrixView<const T> h, double l2, int num_threads = 0);
template <class T, class I>
Matrix<T> solve_rows(CsrView<T, I> x, MatrixView<const T> h, double l2, int num_threads = 0);

#define MATFACT_FACTORIZE(EXTERN, T)                                                                                   \
    EXTERN template Factorization<T> factorize(MatrixView<const T>, const FactorizeOptions&, const FactorizeStart<T>&, \
                                               const Progress&);                                                       \
    EXTERN template Factorization<T> factorize(CsrView<T, std::int32_t>, const FactorizeOptions&,                      \
                                               const FactorizeStart<T>&, const Progress&);                             \
    EXTERN template Factorization<T> factorize(CsrView<T, std::int64_t>, const FactorizeOptions&,                      \
                                               const FactorizeStart<T>&, const Progress&);                             \
    EXTERN template double optimal_objective(MatrixView<const T>, const FactorizeOptions&);                            \
    EXTERN template Matrix<T> solve_rows(MatrixView<const T>, MatrixView<const T>, double, int);                       \
    EXTERN template Matrix<T> solve_rows(CsrView<T, std::int32_t>, MatrixView<const T>, double, int);                  \
    EXTERN template Matrix<T> solve_rows(CsrView<T, std::int64_t>, MatrixView<const T>, double, int);
MATFACT_FACTORIZE(extern, float)
MATFACT_FACTORIZE(extern, double)

} // namespace matfact
