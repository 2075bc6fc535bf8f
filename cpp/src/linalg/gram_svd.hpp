/// SVD of a tall matrix through the eigenvectors of its Gram matrix, with the small singular values repaired.
#pragma once

#include "linalg/gram.hpp"

#include <functional>
#include <optional>

namespace matfact::linalg {

/// z ~ u diag(s) vt, s descending.
struct TallSvd {
    Matrix<double> u; ///< (n, k); empty where it was not asked for
    std::vector<double> s;
    Matrix<double> vt; ///< (k, d)
};

/// The product of a matrix with v, whose columns may have any stride.
using Product = std::function<Matrix<double>(MatrixView<const double> v)>;

/// The triplets of z restricted to the rows of vt (k, d), which are orthonormal and nearly its right singular vectors,
/// from the product y = z v: exact there up to rounding, however small they are. s is sorted; where it vanishes u is
/// completed to an orthonormal basis.
TallSvd svd_from_product(Matrix<double> y, Matrix<double> vt, bool want_u, int threads);

/// The k leading triplets of z (n, d), n >= d, from its Gram matrix, which is destroyed, and `times`, which
/// gives z v. T is the type that the result will be rounded to.
///
/// The eigenvectors V alone leave sigma_i wrong by eps sigma_1^2 / sigma_i. So Y = Z V is formed, whose columns are
/// nearly orthogonal, and its own decomposition corrects V and sigma: by one first-order rotation where that is exact
/// to rounding (after Ogita and Aishima, doi:10.1007/s13160-019-00389-8), else through a QR factorization of Y. The
/// errors that remain are of size eps sigma_1. Where sigma_k is so small that its eigenvector is mixed with those left
/// out by more than `tol`, all d triplets are repaired and then cut to k.
///
/// `noise` is the spectral norm of the error of the Gram matrix where that is more than float64's rounding, else 0.
/// Where it would be seen nothing is returned: a better Gram matrix is needed.
template <class T>
std::optional<TallSvd> gram_svd(Index n, const Product& times, Matrix<double> gram_matrix, double noise, Index k,
                                bool want_u, double tol, int threads, const Checkpoint& checkpoint);

} // namespace matfact::linalg
