/// Matrices for the tests, and what is measured of the results. Loops in double: nothing of the library is reused.
#pragma once

#include "matfact/matrix.hpp"
#include "matfact/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <vector>

namespace matfact::testing {

/// `value` to within factor * eps(T), relative to 1 or to |value|, whichever is larger.
template <class T> doctest::Approx approx(double value, double factor)
{
    return doctest::Approx(value).epsilon(factor * static_cast<double>(std::numeric_limits<T>::epsilon()));
}
template <class T> double rounding(double factor)
{
    return factor * static_cast<double>(std::numeric_limits<T>::epsilon());
}

template <class T> Matrix<T> matrix(std::initializer_list<std::initializer_list<double>> rows)
{
    Matrix<T> x(static_cast<Index>(rows.size()), static_cast<Index>(rows.begin()->size()));
    T* out = x.data();
    for (const auto& row : rows)
        for (const double value : row)
            *out++ = static_cast<T>(value);
    return x;
}

/// Independent standard normal entries.
template <class T> Matrix<T> normal_matrix(Index n_rows, Index n_cols, std::uint64_t seed = 1)
{
    Matrix<T> x(n_rows, n_cols);
    for (Index i = 0; i < x.size(); ++i)
        x.data()[i] = static_cast<T>(random_normal(seed, 77, static_cast<std::uint64_t>(i)));
    return x;
}

template <class T> Matrix<T> symmetric_matrix(Index n, std::uint64_t seed = 1)
{
    Matrix<T> a = normal_matrix<T>(n, n, seed);
    for (Index i = 0; i < n; ++i)
        for (Index j = 0; j < i; ++j)
            a(i, j) = a(j, i);
    return a;
}

template <class T> Matrix<T> zero_matrix(Index n_rows, Index n_cols)
{
    Matrix<T> x(n_rows, n_cols);
    std::fill_n(x.data(), x.size(), T(0));
    return x;
}

template <class T> Matrix<T> copy(MatrixView<const T> x)
{
    Matrix<T> y(x.n_rows, x.n_cols);
    for (Index i = 0; i < x.n_rows; ++i)
        for (Index j = 0; j < x.n_cols; ++j)
            y(i, j) = x(i, j);
    return y;
}

template <class T> Matrix<double> widened(MatrixView<const T> x)
{
    Matrix<double> wide(x.n_rows, x.n_cols);
    for (Index i = 0; i < x.n_rows; ++i)
        for (Index j = 0; j < x.n_cols; ++j)
            wide(i, j) = static_cast<double>(x(i, j));
    return wide;
}

template <class T> MatrixView<const T> view(const Matrix<T>& x) { return x.view(); }

template <class T> Matrix<double> product(MatrixView<const T> a, MatrixView<const T> b)
{
    Matrix<double> c = zero_matrix<double>(a.n_rows, b.n_cols);
    for (Index i = 0; i < a.n_rows; ++i)
        for (Index k = 0; k < a.n_cols; ++k)
            for (Index j = 0; j < b.n_cols; ++j)
                c(i, j) += static_cast<double>(a(i, k)) * static_cast<double>(b(k, j));
    return c;
}

/// max |Q'Q - I|, in blocks of rows: a plain sum rounds entries of equal size to the same side, 1e-14 in 1500 rows.
template <class T> double orthonormality(MatrixView<const T> q)
{
    constexpr Index block_rows = 32;
    Matrix<double> gram(q.n_cols, q.n_cols);
    std::fill_n(gram.data(), gram.size(), 0.0);
    for (Index begin = 0; begin < q.n_rows; begin += block_rows) {
        const MatrixView<const T> rows = q.rows(begin, std::min(q.n_rows, begin + block_rows));
        const Matrix<double> part = product<T>(rows.transposed(), rows);
        for (Index i = 0; i < gram.size(); ++i)
            gram.data()[i] += part.data()[i];
    }
    double worst = 0.0;
    for (Index i = 0; i < gram.n_rows(); ++i)
        for (Index j = 0; j < gram.n_cols(); ++j)
            worst = std::max(worst, std::abs(gram(i, j) - (i == j ? 1.0 : 0.0)));
    return worst;
}

/// max |a - b|.
template <class A, class B> double distance(MatrixView<const A> a, MatrixView<const B> b)
{
    REQUIRE(a.n_rows == b.n_rows);
    REQUIRE(a.n_cols == b.n_cols);
    double worst = 0.0;
    for (Index i = 0; i < a.n_rows; ++i)
        for (Index j = 0; j < a.n_cols; ++j)
            worst = std::max(worst, std::abs(static_cast<double>(a(i, j)) - static_cast<double>(b(i, j))));
    return worst;
}
template <class A, class B> double distance(const Matrix<A>& a, const Matrix<B>& b)
{
    return distance<A, B>(a.view(), b.view());
}

template <class T> double largest_entry(MatrixView<const T> a)
{
    const Matrix<T> zero = zero_matrix<T>(a.n_rows, a.n_cols);
    return distance<T, T>(a, zero.view());
}

/// u diag(s) vt.
template <class T> Matrix<double> rebuild(const Matrix<T>& u, const std::vector<T>& s, const Matrix<T>& vt)
{
    Matrix<T> us = copy<T>(u.view());
    for (Index i = 0; i < us.n_rows(); ++i)
        for (Index j = 0; j < us.n_cols(); ++j)
            us(i, j) *= s[static_cast<std::size_t>(j)];
    return product<T>(us.view(), vt.view());
}

template <class T> bool same_bits(const Matrix<T>& a, const Matrix<T>& b)
{
    return a.n_rows() == b.n_rows() && a.n_cols() == b.n_cols() &&
           (a.size() == 0 || std::memcmp(a.data(), b.data(), sizeof(T) * static_cast<std::size_t>(a.size())) == 0);
}
template <class T> bool same_bits(const std::vector<T>& a, const std::vector<T>& b)
{
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), sizeof(T) * a.size()) == 0);
}

} // namespace matfact::testing
