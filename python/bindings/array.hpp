/// NumPy arrays <-> matfact views and matrices, without a copy in either direction.
#pragma once

#include "matfact/matrix.hpp"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace matfact {

namespace py = pybind11;

template <class T> void require_dimensions(const py::array_t<T>& x, py::ssize_t ndim, const char* name)
{
    if (x.ndim() != ndim)
        throw std::invalid_argument(std::string(name) + " must have " + std::to_string(ndim) + " dimension(s), got " +
                                    std::to_string(x.ndim()));
    if (reinterpret_cast<std::uintptr_t>(x.data()) % alignof(T) != 0)
        throw std::invalid_argument(std::string(name) + " must be aligned to its element size");
}

/// The stride of one axis in elements. An axis of at most one entry may carry any stride: it is never used.
template <class T> Index element_stride(const py::array_t<T>& x, py::ssize_t axis, const char* name)
{
    if (x.shape(axis) <= 1)
        return axis == 0 ? static_cast<Index>(x.shape(x.ndim() - 1)) : 1;
    const py::ssize_t stride = x.strides(axis), size = static_cast<py::ssize_t>(sizeof(T));
    if (stride < 0 || stride % size != 0)
        throw std::invalid_argument(std::string(name) + " must have strides that are non-negative multiples of " +
                                    std::to_string(size) + " bytes, got " + std::to_string(stride));
    return stride / size;
}

template <class T> MatrixView<const T> as_view(const py::array_t<T>& x, const char* name)
{
    require_dimensions(x, 2, name);
    return {x.data(), x.shape(0), x.shape(1), element_stride(x, 0, name), element_stride(x, 1, name)};
}

/// The entries of a one-dimensional array without gaps.
template <class T> const T* as_pointer(const py::array_t<T>& x, const char* name)
{
    require_dimensions(x, 1, name);
    if (x.shape(0) > 1 && element_stride(x, 0, name) != 1)
        throw std::invalid_argument(std::string(name) + " must be contiguous");
    return x.data();
}

/// Weights of rows, None for ones.
using Weights = std::optional<py::array_t<double>>;

inline const double* as_weights(const Weights& weights, Index n_rows)
{
    if (!weights)
        return nullptr;
    const double* const data = as_pointer(*weights, "weights");
    if (weights->size() != n_rows)
        throw std::invalid_argument("weights must have one entry for each row, got " + std::to_string(weights->size()));
    return data;
}

/// A sparse matrix whose arrays are as long as indptr says. Where its indices point is checked by the core.
template <class T, class I>
CsrView<T, I> as_csr(const py::array_t<T>& values, const py::array_t<I>& indices, const py::array_t<I>& indptr,
                     Index n_rows, Index n_cols)
{
    const CsrView<T, I> x{as_pointer(values, "values"), as_pointer(indices, "indices"), as_pointer(indptr, "indptr"),
                          n_rows, n_cols};
    if (n_rows < 0 || n_cols < 0)
        throw std::invalid_argument("n_rows and n_cols must not be negative");
    if (indptr.size() != n_rows + 1)
        throw std::invalid_argument("indptr must have n_rows + 1 entries, got " + std::to_string(indptr.size()));

    const py::ssize_t stored = values.size() < indices.size() ? values.size() : indices.size();
    if (x.indptr[n_rows] < 0 || static_cast<py::ssize_t>(x.indptr[n_rows]) > stored)
        throw std::invalid_argument("indptr points outside of indices");
    return x;
}

/// Hands the buffer of a matrix to a new array, which frees it.
template <class T> py::array_t<T> to_numpy(Matrix<T>&& x)
{
    const py::ssize_t n_rows = x.n_rows(), n_cols = x.n_cols();
    if (x.data() == nullptr)
        return py::array_t<T>(std::vector<py::ssize_t>{n_rows, n_cols});
    py::capsule owner(x.data(), [](void* data) { Matrix<T>::deallocate(static_cast<T*>(data)); });
    return py::array_t<T>(std::vector<py::ssize_t>{n_rows, n_cols}, x.release(), owner);
}

template <class T> py::array_t<T> to_numpy(std::vector<T>&& x)
{
    auto kept = std::make_unique<std::vector<T>>(std::move(x));
    py::capsule owner(kept.get(), [](void* data) { delete static_cast<std::vector<T>*>(data); });
    const std::vector<T>& values = *kept.release();
    return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data(), owner);
}

} // namespace matfact
