/// What a matrix that should be symmetric looks like, from one pass over it.
#pragma once

#include "matfact/matrix.hpp"

namespace matfact::linalg {

template <class T> struct Symmetry {
    T magnitude = 0; ///< the largest of an entry; not finite where one is not
    T asymmetry = 0; ///< the largest difference across the diagonal
};

/// Of a square matrix. For T = float and double.
template <class T> Symmetry<T> symmetry_of(MatrixView<const T> a, int threads);

} // namespace matfact::linalg
