/// Products with many Householder reflections at once, in their compact WY form.
#pragma once

#include "matfact/matrix.hpp"

#include <vector>

namespace matfact::linalg {

/// rows <- rows (H_0 H_1 ..)' with H_j = 1 - tau[j] v_j v_j', where v_j, which starts with 1, is
/// reflectors(j, j + 1 ..). Blocks of reflections become two products each (Schreiber and Van Loan,
/// doi:10.1137/0910005). The same bits for any number of threads. For T = float and double.
template <class T>
void reflect_rows(MatrixView<const T> reflectors, const std::vector<T>& tau, MatrixView<T> rows, int threads);

} // namespace matfact::linalg
