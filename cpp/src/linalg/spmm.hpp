/// Products of a sparse matrix with a dense matrix of few columns. The same bits at any number of threads: rows are
/// cut by their entries, and what several tasks add to is private to fixed lanes that are summed in order.
#pragma once

#include "linalg/csr.hpp"
#include "linalg/sparse_transpose.hpp"

#include <optional>

namespace matfact::linalg {

/// What becomes of a product P: scale (P - left right'). A null `left` is all ones, a null `right` subtracts nothing.
template <class T> struct RankOneUpdate {
    const T* left = nullptr;
    const T* right = nullptr;
    T scale = T(1);
};

/// A CSR matrix A whose structure was checked, ready to be multiplied from both sides. The arithmetic is that of T:
/// float or double, and at least S. Dense matrices are row-major with unit column stride.
template <class S, class I> class SparseProduct {
public:
    /// `keep_transpose` takes memory for a second A and makes products with A' faster; without it each of them takes
    /// room for up to 16 results, never more than stored entries times the columns of the result / 8.
    SparseProduct(CsrView<S, I> a, bool keep_transpose, int threads);

    /// C = A B, updated.
    template <class T>
    void multiply_into(MatrixView<const T> b, MatrixView<T> c, RankOneUpdate<T> update, int threads) const;

    /// Z = A' Y, updated.
    template <class T>
    void transposed_multiply_into(MatrixView<const T> y, MatrixView<T> z, RankOneUpdate<T> update, int threads) const;

    CsrView<S, I> matrix() const { return a_; }

private:
    CsrView<S, I> a_;
    std::vector<RowChunk> chunks_;
    std::optional<SparseTranspose<S, I>> transpose_;
    std::vector<RowChunk> transposed_chunks_; ///< of the transpose
    std::vector<Index> lanes_;                ///< of A, where there is no transpose
};

} // namespace matfact::linalg
