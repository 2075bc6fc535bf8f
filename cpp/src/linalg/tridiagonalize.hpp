/// A symmetric matrix in tridiagonal form by blocked Householder reflections, and the way back.
#pragma once

#include "linalg/checkpoint.hpp"
#include "matfact/matrix.hpp"

#include <vector>

namespace matfact::linalg {

/// scale * a = q t q' with t tridiagonal and q the product of reflections 1 - tau v v'.
template <class T> struct TridiagonalForm {
    std::vector<double> diagonal, beside; ///< of t: (n,) and (n - 1,)
    /// v of reflection i: one at i + 1, then row i from column i + 2 to n - 1. Other cells hold anything.
    Matrix<T> reflections;
    std::vector<T> factors; ///< tau, (n - 1,)
};

/// Reads the upper triangle of a (n, n), which is scaled by a power of two on the way. Half of the operations are
/// products of the remaining matrix with a vector, half are updates by blocks of reflections (Dongarra, Hammarling and
/// Sorensen, doi:10.1016/0377-0427(89)90367-1). The same bits for any number of threads. For T = float and double.
template <class T>
TridiagonalForm<T> tridiagonalize(MatrixView<const T> a, T scale, int threads, const Checkpoint& checkpoint = {});

/// rows <- rows q', blocks of reflections in their compact form (Schreiber and Van Loan, doi:10.1137/0910005): an
/// eigenvector of t becomes one of a. rows (count, n) has unit column stride.
template <class T>
void apply_reflections(const TridiagonalForm<T>& form, MatrixView<T> rows, int threads,
                       const Checkpoint& checkpoint = {});

} // namespace matfact::linalg
