/// z = a q for a symmetric a, of which one triangle is read: half the memory traffic of an ordinary product.
#pragma once

#include "matfact/matrix.hpp"

#include <vector>

namespace matfact::linalg {

/// The symmetric a (n, n), ready to be multiplied again and again: partial sums keep their memory, which would cost a
/// good share of a product if each of them took it anew.
template <class T> class SymmetricProduct {
public:
    /// The entries of a on and above the diagonal are read, as long as there are products.
    SymmetricProduct(MatrixView<const T> a, int threads);

    /// Whether `times` takes a block of `width` columns: rows of a must be contiguous, and the width a multiple of the
    /// SIMD packet.
    bool suits(Index width) const;

    /// z = a q for row-major q and z (n, b) without gaps.
    void times(MatrixView<const T> q, MatrixView<T> z);

private:
    MatrixView<const T> a_;
    int threads_;
    std::vector<Index> ends_; ///< of the ranges of rows that sum into results of their own
    Matrix<T> partial_;       ///< those of all but the first range
};

} // namespace matfact::linalg
