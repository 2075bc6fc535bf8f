/// All eigenpairs of a symmetric tridiagonal matrix by divide and conquer.
#pragma once

#include "linalg/checkpoint.hpp"
#include "matfact/matrix.hpp"

#include <vector>

namespace matfact::linalg {

/// The diagonal d (n,) is overwritten by the eigenvalues, in no order; row i of v (n, n) by the eigenvector of d[i].
/// e (n - 1,) is destroyed. Cuppen's method with the stable eigenvectors of Gu and Eisenstat
/// (doi:10.1137/S0895479892241287); the same bits for any number of threads. For T = float and double.
template <class T>
void tridiagonal_eigen(std::vector<double>& d, std::vector<double>& e, MatrixView<T> v, int threads,
                       const Checkpoint& checkpoint = {});

} // namespace matfact::linalg
