/// Eigenpairs of a symmetric matrix.
#pragma once

#include "matfact/matrix.hpp"
#include "matfact/progress.hpp"

#include <vector>

namespace matfact {

enum class EighSolver {
    automatic, ///< subset when few pairs are asked for, else full
    full,      ///< all pairs by divide and conquer, cut to the leading ones
    subset,    ///< the leading pairs only: bisection and inverse iteration
};

/// Options of eigh().
struct EighOptions {
    Index n_components = 0; ///< leading (largest) eigenpairs to return; 0 = all
    EighSolver solver = EighSolver::automatic;
    bool compute_residuals = true; ///< false leaves them empty: they cost one product with a
    int num_threads = 0;           ///< 0 = the process default
    void validate(Index n) const;  ///< throws std::invalid_argument naming the field
};

/// a v = v diag(w), w descending. residuals[i] = ||a v_i - w_i v_i|| / max(|w|, |a_ij|): the divisor is
/// at most ||a||_2.
template <class T> struct EighResult {
    std::vector<T> w;         ///< (n_components,), descending
    Matrix<T> v;              ///< (n, n_components), orthonormal columns; the largest entry of each is positive
    std::vector<T> residuals; ///< (n_components,)
};

/// Leading eigenpairs of a symmetric matrix. Throws std::invalid_argument if `a` is empty, not square, not symmetric
/// or not finite, and NumericalError if the tridiagonal solver does not converge.
template <class T>
EighResult<T> eigh(MatrixView<const T> a, const EighOptions& options = {}, const Progress& progress = {});

/// The residuals of eigenpairs found earlier: as EighResult::residuals, for w (k,) and v (n, k).
template <class T>
std::vector<T> eigh_residuals(MatrixView<const T> a, const std::vector<T>& w, MatrixView<const T> v,
                              int num_threads = 0);

extern template EighResult<float> eigh(MatrixView<const float>, const EighOptions&, const Progress&);
extern template EighResult<double> eigh(MatrixView<const double>, const EighOptions&, const Progress&);
extern template std::vector<float> eigh_residuals(MatrixView<const float>, const std::vector<float>&,
                                                  MatrixView<const float>, int);
extern template std::vector<double> eigh_residuals(MatrixView<const double>, const std::vector<double>&,
                                                   MatrixView<const double>, int);

} // namespace matfact
