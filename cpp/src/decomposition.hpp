/// A singular value decomposition on its way from the solvers to the result: what dense and sparse matrices share.
#pragma once

#include "linalg/iterative_svd.hpp"
#include "matfact/svd.hpp"

#include <string>
#include <type_traits>

namespace matfact {

struct Residuals {
    std::vector<double> norms;   ///< ||z' u_i - s_i v_i|| / s_1 for a tall z ~ u diag(s) v'
    std::vector<double> defects; ///< |u_i' z v_i - s_i| / s_1: zero but for rounding after a projection
};

/// The residuals of a projection, which leaves no defects.
Residuals without_defects(std::vector<double> norms);

/// Everything in float64, before it is rounded to T; u and vt in the orientation of x.
struct Decomposition {
    Matrix<double> u, vt;
    std::vector<double> s, mean;
    Residuals residuals;
    double next_value = std::numeric_limits<double>::quiet_NaN();
    double scale = 1.0;          ///< a power of two
    double total_variance = 0.0; ///< of scale * x, whose squares are within the range; the rest is that of x
    Index n_passes = 0;
    Index size = 0; ///< n_rows + n_cols of x
    Status status = Status::converged;
};

/// "(n_rows, n_cols)", for messages.
std::string shape(Index n_rows, Index n_cols);

/// What svd says about a matrix that is not finite.
[[noreturn]] void throw_not_finite();

template <class T> Matrix<double> as_double(MatrixView<const T> a)
{
    Matrix<double> result(a.n_rows, a.n_cols);
    for (Index i = 0; i < a.n_rows; ++i)
        for (Index j = 0; j < a.n_cols; ++j)
            result(i, j) = static_cast<double>(a(i, j));
    return result;
}

/// The leading block of a, in float64.
template <class T> Matrix<double> leading_block(Matrix<T> a, Index rows, Index cols)
{
    if constexpr (std::is_same_v<T, double>)
        if (rows == a.n_rows() && cols == a.n_cols())
            return a;
    return as_double(MatrixView<const T>(a.view()).block(0, 0, rows, cols));
}

/// tol with its default in the place of NaN: `is_single` for float32.
double resolved_tol(double tol, SvdSolver solver, bool is_single);

bool wants_residuals(const SvdOptions& options);

/// options for the iterations, which tell `progress` of their passes; those of k triplets, or of a fraction where k
/// is 0. `progress` must outlive the result.
linalg::IterativeOptions iterations_of(const SvdOptions& options, SvdSolver solver, Index k, double total_variance,
                                       int threads, const Progress& progress);

/// Takes the factors of a tall matrix: of x, or of its transpose where x is wide.
void take_factors(Decomposition& d, linalg::TallSvd factors, bool wide, int threads);
void take_iterations(Decomposition& d, linalg::IterativeSvd found, bool wide, int threads);

/// From the decomposition of scale * x to that of x; its mean is unscaled already, and squares stay as they are.
void unscale(Decomposition& d, double scale);

/// Cuts d to the leading triplets that hold the share of the total variance.
void cut_to_fraction(Decomposition& d, double fraction);

/// Sets the status of a direct solver from its residuals, if there are some.
void judge(Decomposition& d, double tol);

/// Residuals with the rounding of the triplets to T, and the error bounds that follow; `size` = n_rows + n_cols.
template <class T>
Certificate<T> certificate_of(const Residuals& residuals, const std::vector<T>& s, double next_value, Index size);

/// Fixes the signs, rounds to T and certifies.
template <class T> SvdResult<T> as_result(Decomposition d, const SvdOptions& options);

/// Bounds the errors of a result without u whose s are roots of eigenvalues of x'x, with the residual norms
/// `square_residuals`; n_samples counts rows, or sums their weights. Where means are `subtracted_late`, from products
/// with x, rounding is relative to the norm of x as it is.
template <class T>
void bound_roots(SvdResult<T>& result, const std::vector<double>& square_residuals, double n_samples,
                 bool subtracted_late);

} // namespace matfact
