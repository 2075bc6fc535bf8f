/// A symmetric matrix in tridiagonal form, by Householder reflections.
#pragma once

#include "matfact/matrix.hpp"

#include <vector>

namespace matfact::linalg {

/// Row length, padding included, with which tridiagonalize wants its matrix: whole packets throughout.
template <class T> Index padded_cols(Index n);

/// q' a q with q = H_0 H_1 .., H_j = 1 - tau[j] v_j v_j'. Of a (n, n), whose rows are padded_cols(n) long, the upper
/// triangle is read; afterwards a(j, j + 1 ..) holds v_j, which starts with 1. d (n,) is the diagonal, e (n - 1,) what
/// is beside it. The same bits for any number of threads. For T = float and double.
template <class T>
void tridiagonalize(MatrixView<T> a, std::vector<double>& d, std::vector<double>& e, std::vector<T>& tau, int threads);

} // namespace matfact::linalg
