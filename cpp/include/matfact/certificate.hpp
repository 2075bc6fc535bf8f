/// What proves a decomposition: residuals, and the error bounds that follow from them.
#pragma once

#include <vector>

namespace matfact {

/// Measured with the matrix itself, for each pair or triplet.
template <class T> struct Certificate {
    std::vector<T> residuals;    ///< relative, as the method defines them
    std::vector<T> error_bounds; ///< of |value - exact value|, rounding included
};

/// Bounds of |value_i - exact_i| for Rayleigh-Ritz approximations `values`, descending, of the leading eigenvalues of a
/// symmetric matrix whose orthonormal vectors leave the residual norms `residuals`.
///
/// The smallest of: the residual, together with those of values so close that they cannot be told apart (Weyl, Kahan);
/// and, where a gap between the leading j values and the next one is established, about the sum of their squared
/// residuals over the gap (Li and Li, doi:10.1016/j.laa.2004.06.024). `next_value` is an upper estimate of the
/// eigenvalue that follows, NaN where there is none. That no leading eigenvalue was missed is taken for granted.
/// Numbers may have any magnitude.
///
/// For singular triplets (u, s, v) with x v = s u: values s, residuals ||x'u - s v|| / sqrt(2), the residuals of
/// (u, v) / sqrt(2) in [0 x; x' 0].
std::vector<double> error_bounds(const std::vector<double>& values, const std::vector<double>& residuals,
                                 double next_value);

/// Bounds of |values_i - exact_i| for singular values that are the roots of eigenvalues of x'x, given the residual
/// norms ||x'x v - s^2 v||, an upper estimate of the next singular value, NaN where there is none, and the rounding
/// errors of the squares. Relative to s these grow as s falls, until their root is all that is known. All squares must
/// be within the range of float64: multiply x by a power of two where they are not.
std::vector<double> root_error_bounds(const std::vector<double>& values, const std::vector<double>& residuals,
                                      double next_value, double rounding);

/// What rounding leaves in eigenvalues of x'x where `norm` is the spectral norm of the x that is multiplied, before
/// means are subtracted: sums over n_rows products, and the eigenvalues of a matrix of n_cols, are off by about
/// (sqrt(n_rows) + n_cols) eps of its square.
double square_rounding(double norm, double n_rows, double n_cols);

} // namespace matfact
