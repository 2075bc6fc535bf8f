/// A dense matrix as a product sees it: shifted and scaled while it is read, never in memory.
#pragma once

#include "matfact/matrix.hpp"

namespace matfact::linalg {

/// Element (i, j) is scale * (x(i, j) - row_shift[i] - col_shift[j]); a null shift is zero.
template <class T> struct Operand {
    MatrixView<const T> x;
    const double* row_shift = nullptr;
    const double* col_shift = nullptr;
    double scale = 1.0;

    Operand transposed() const { return {x.transposed(), col_shift, row_shift, scale}; }
    bool is_plain() const { return !row_shift && !col_shift && scale == 1.0; }
};

} // namespace matfact::linalg
