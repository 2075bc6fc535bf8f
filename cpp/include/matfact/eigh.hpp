/// Eigenpairs of a symmetric matrix, or of one that is known by its products.
#pragma once

#include "matfact/certificate.hpp"
#include "matfact/linear_operator.hpp"
#include "matfact/matrix.hpp"
#include "matfact/progress.hpp"
#include "matfact/status.hpp"

#include <cstdint>
#include <limits>
#include <vector>

namespace matfact {

enum class EighSolver {
    automatic, ///< the fastest for the shape (rule in docs/methods/eigh.md)
    full,      ///< all pairs by divide and conquer, cut to the leading ones
    subset,    ///< the leading pairs only: bisection and inverse iteration
    krylov,    ///< the leading pairs by thick-restart block Lanczos
};

/// Options of eigh().
struct EighOptions {
    Index n_components = 0; ///< leading (largest) eigenpairs to return; 0 = all
    EighSolver solver = EighSolver::automatic;
    bool compute_residuals = true; ///< false leaves them and error_bounds empty: they cost one product with a
    double tol = 0.0;              ///< krylov: largest residual; 0 = 1e-12 for float64, 1e-6 for float32
    Index max_passes = 1000;       ///< krylov: products of a with a block of vectors, at most
    std::uint64_t seed = 0;        ///< krylov: of its start
    int num_threads = 0;           ///< 0 = the process default
    void validate(Index n) const;  ///< throws std::invalid_argument naming the field
};

/// a v = v diag(w), w descending. residuals[i] = ||a v_i - w_i v_i|| / max(|w|, |a_ij|): the divisor is
/// at most ||a||_2.
template <class T> struct EighResult {
    std::vector<T> w;            ///< (n_components,), descending
    Matrix<T> v;                 ///< (n, n_components), orthonormal columns; the largest entry of each is positive
    std::vector<T> residuals;    ///< (n_components,)
    std::vector<T> error_bounds; ///< (n_components,) of |w_i - exact|
    double next_value =
        std::numeric_limits<double>::quiet_NaN(); ///< krylov: estimate from above of the next eigenvalue
    Index n_passes = 0;                           ///< krylov: products of a with a block of vectors
    Status status = Status::converged;            ///< max_iter where krylov could not reach tol; stopped by progress
};

/// Leading eigenpairs of a symmetric matrix. Throws std::invalid_argument if `a` is empty, not square, not symmetric
/// or not finite, and NumericalError if the tridiagonal solver does not converge, or an eigenvalue exceeds the range of
/// T.
template <class T>
EighResult<T> eigh(MatrixView<const T> a, const EighOptions& options = {}, const Progress& progress = {});

/// The same for a matrix that is known by its products. `automatic` is krylov; `full` and `subset` are not accepted.
/// Residuals are always measured, in the arithmetic of the operator; they are relative to the largest |w| that the
/// iterations have seen. Symmetry is tested on a few random vectors. Throws std::invalid_argument where a product is
/// not finite.
template <class T>
EighResult<T> eigh(const LinearOperator<T>& a, const EighOptions& options = {}, const Progress& progress = {});

extern template EighResult<float> eigh(const LinearOperator<float>&, const EighOptions&, const Progress&);
extern template EighResult<double> eigh(const LinearOperator<double>&, const EighOptions&, const Progress&);

/// Residuals and error bounds of eigenpairs found earlier: as in EighResult, for w (k,) descending and v (n, k).
template <class T>
Certificate<T> eigh_certificate(MatrixView<const T> a, const std::vector<T>& w, MatrixView<const T> v,
                                double next_value, int num_threads = 0);

extern template EighResult<float> eigh(MatrixView<const float>, const EighOptions&, const Progress&);
extern template EighResult<double> eigh(MatrixView<const double>, const EighOptions&, const Progress&);
extern template Certificate<float> eigh_certificate(MatrixView<const float>, const std::vector<float>&,
                                                    MatrixView<const float>, double, int);
extern template Certificate<double> eigh_certificate(MatrixView<const double>, const std::vector<double>&,
                                                     MatrixView<const double>, double, int);

} // namespace matfact
