/// z = a q for a symmetric a, of which one triangle is read: half the memory traffic of an ordinary product.
#pragma once

#include "matfact/matrix.hpp"

namespace matfact::linalg {

/// z = a q for the symmetric a (n, n), whose rows are contiguous, and row-major q and z (n, b) without gaps; b is a
/// multiple of the SIMD packet, see `suits_symmetric_product`. The entries on and above the diagonal are read.
template <class T> void symmetric_product(MatrixView<const T> a, MatrixView<const T> q, MatrixView<T> z, int threads);

/// Whether symmetric_product takes `a` and a block of `width` columns.
template <class T> bool suits_symmetric_product(MatrixView<const T> a, Index width);

} // namespace matfact::linalg
