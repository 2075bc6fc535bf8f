/// All eigenpairs of a dense symmetric matrix.
#pragma once

#include "matfact/matrix.hpp"

#include <vector>

namespace matfact::linalg {

/// Of the symmetric a (n, n), whose upper triangle is read: w ascending, row i of a overwritten by the eigenvector of
/// w[i]. Reduction to tridiagonal form, divide and conquer, reflections back; the same bits for any number of threads.
/// For T = float and double.
template <class T> void symmetric_eigen(MatrixView<T> a, std::vector<T>& w, int threads);

} // namespace matfact::linalg
