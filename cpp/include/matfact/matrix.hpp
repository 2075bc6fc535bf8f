/// Views in, owned matrices out: the only two ways in which data crosses the library's boundary.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace matfact {

using Index = std::ptrdiff_t;

/// A dense matrix that somebody else owns. Element (i, j) is data[i * row_stride + j * col_stride];
/// strides count elements and are not negative.
template <class T> struct MatrixView {
    T* data = nullptr;
    Index n_rows = 0, n_cols = 0;
    Index row_stride = 0, col_stride = 1;

    T& operator()(Index i, Index j) const { return data[i * row_stride + j * col_stride]; }
    MatrixView transposed() const { return {data, n_cols, n_rows, col_stride, row_stride}; }
    MatrixView block(Index row, Index col, Index rows, Index cols) const
    {
        return {data + row * row_stride + col * col_stride, rows, cols, row_stride, col_stride};
    }
    MatrixView rows(Index begin, Index end) const { return block(begin, 0, end - begin, n_cols); }
    operator MatrixView<const T>() const { return {data, n_rows, n_cols, row_stride, col_stride}; }
};

/// A sparse matrix in compressed rows that somebody else owns. Row i holds the entries indptr[i] .. indptr[i + 1];
/// explicit zeros count as stored. Indices are I = std::int32_t or std::int64_t, each below n_cols.
template <class T, class I> struct CsrView {
    const T* values = nullptr;
    const I* indices = nullptr;
    const I* indptr = nullptr;
    Index n_rows = 0, n_cols = 0;
};

/// The same in compressed columns: column j holds the entries indptr[j] .. indptr[j + 1], each index is below n_rows.
template <class T, class I> struct CscView {
    const T* values = nullptr;
    const I* indices = nullptr;
    const I* indptr = nullptr;
    Index n_rows = 0, n_cols = 0;

    CsrView<T, I> transposed() const { return {values, indices, indptr, n_cols, n_rows}; }
};

namespace detail {
/// Memory aligned to 64 bytes, on huge pages where it is large and the system has them. Throws std::bad_alloc.
void* allocate(std::size_t bytes);
void deallocate(void* data) noexcept;
/// Gives the pages behind the first `used` of `bytes` back to the system, where it takes them.
void give_back(void* data, std::size_t used, std::size_t bytes) noexcept;
} // namespace detail

/// An owned row-major matrix without padding, aligned to 64 bytes. Movable, not copyable; not initialized.
template <class T> class Matrix {
public:
    Matrix() = default;
    Matrix(Index n_rows, Index n_cols) : data_(allocate(n_rows * n_cols)), n_rows_(n_rows), n_cols_(n_cols) {}
    Matrix(Matrix&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), n_rows_(std::exchange(other.n_rows_, 0)),
          n_cols_(std::exchange(other.n_cols_, 0))
    {
    }
    Matrix& operator=(Matrix&& other) noexcept
    {
        std::swap(data_, other.data_);
        std::swap(n_rows_, other.n_rows_);
        std::swap(n_cols_, other.n_cols_);
        return *this;
    }
    ~Matrix() { deallocate(data_); }

    Index n_rows() const { return n_rows_; }
    Index n_cols() const { return n_cols_; }
    Index size() const { return n_rows_ * n_cols_; }
    T* data() { return data_; }
    const T* data() const { return data_; }
    T& operator()(Index i, Index j) { return data_[i * n_cols_ + j]; }
    const T& operator()(Index i, Index j) const { return data_[i * n_cols_ + j]; }
    MatrixView<T> view() { return {data_, n_rows_, n_cols_, n_cols_, 1}; }
    MatrixView<const T> view() const { return {data_, n_rows_, n_cols_, n_cols_, 1}; }

    /// Keeps the leading columns, at most all, in place.
    void narrow(Index n_cols)
    {
        for (Index i = 0; i < n_rows_; ++i)
            std::copy_n(data_ + i * n_cols_, n_cols, data_ + i * n_cols);
        detail::give_back(data_, bytes(n_rows_ * n_cols), bytes(size()));
        n_cols_ = n_cols;
    }

    /// Gives the buffer away; the new owner calls Matrix<T>::deallocate.
    T* release()
    {
        n_rows_ = n_cols_ = 0;
        return std::exchange(data_, nullptr);
    }
    static void deallocate(T* data) noexcept { detail::deallocate(data); }

private:
    static_assert(std::is_trivially_copyable_v<T>);
    static std::size_t bytes(Index size) { return sizeof(T) * static_cast<std::size_t>(size); }
    static T* allocate(Index size) { return static_cast<T*>(detail::allocate(bytes(size))); }
    T* data_ = nullptr;
    Index n_rows_ = 0, n_cols_ = 0;
};

} // namespace matfact
