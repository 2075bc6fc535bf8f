/// Inline adapters between Eigen and matfact views. Optional: nothing else in the public headers includes Eigen.
#pragma once

#include "matfact/matrix.hpp"

#include <Eigen/Core>

namespace matfact {

template <class T>
using EigenMap =
    Eigen::Map<Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;
template <class T>
using ConstEigenMap = Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>, 0,
                                 Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;

/// A view of an Eigen matrix, map or block with direct access; the Eigen object must outlive it.
template <class Derived> MatrixView<const typename Derived::Scalar> as_view(const Eigen::DenseBase<Derived>& x)
{
    const Derived& d = x.derived();
    const Index inner = d.innerStride(), outer = d.outerStride();
    return {d.data(), d.rows(), d.cols(), Derived::IsRowMajor ? outer : inner, Derived::IsRowMajor ? inner : outer};
}

/// An Eigen map of a view.
template <class T> EigenMap<T> as_eigen(MatrixView<T> x)
{
    return {x.data, x.n_rows, x.n_cols, {x.col_stride, x.row_stride}};
}
template <class T> ConstEigenMap<T> as_eigen(MatrixView<const T> x)
{
    return {x.data, x.n_rows, x.n_cols, {x.col_stride, x.row_stride}};
}
template <class T> ConstEigenMap<T> as_eigen(const Matrix<T>& x) { return as_eigen<T>(x.view()); }

} // namespace matfact
