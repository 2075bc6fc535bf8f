/// Many small symmetric positive definite matrices at once, one in each SIMD lane.
///
/// Of a matrix (k, k) the lower triangle is kept by rows; entry (i, j) of all lanes is packet i (i + 1) / 2 + j. The
/// leading block of a matrix is therefore the beginning of its memory.
#pragma once

#include "linalg/kernel.hpp"

#include <Eigen/Core>

#include <cmath>

namespace matfact::linalg {

constexpr Index lanes = packet_size<double>;
using Lanes = Eigen::Array<double, static_cast<int>(lanes), 1>;

inline Index packed_size(Index k) { return k * (k + 1) / 2; }
inline Index packed_index(Index i, Index j) { return packed_size(i) + j; } ///< i >= j

/// Overwrites `a` by its Cholesky factor. A pivot that rounding has made nearly zero or negative is lifted to a small
/// share of its diagonal entry: the direction is then left alone.
inline void factor_packed(Index k, Lanes* a)
{
    constexpr double smallest = 1e-14;
    for (Index i = 0; i < k; ++i) {
        Lanes* const row = a + packed_size(i);
        for (Index j = 0; j < i; ++j) {
            const Lanes* const other = a + packed_size(j);
            Lanes sum = row[j];
            for (Index t = 0; t < j; ++t)
                sum -= row[t] * other[t];
            row[j] = sum / other[j];
        }
        Lanes sum = row[i];
        for (Index t = 0; t < i; ++t)
            sum -= row[t] * row[t];
        row[i] = sum.max(smallest * row[i]).sqrt();
    }
}

/// Logarithms of the determinants of the matrices with these factors.
inline Lanes log_determinant_packed(Index k, const Lanes* factor)
{
    Lanes sum = Lanes::Zero();
    for (Index i = 0; i < k; ++i)
        for (Index lane = 0; lane < lanes; ++lane)
            sum[lane] += 2.0 * std::log(factor[packed_index(i, i)][lane]);
    return sum;
}

/// Overwrites `right` (k,) by the solution for these factors.
inline void solve_packed(Index k, const Lanes* factor, Lanes* right)
{
    for (Index i = 0; i < k; ++i) {
        for (Index t = 0; t < i; ++t)
            right[i] -= factor[packed_index(i, t)] * right[t];
        right[i] /= factor[packed_index(i, i)];
    }
    for (Index i = k - 1; i >= 0; --i) {
        for (Index t = i + 1; t < k; ++t)
            right[i] -= factor[packed_index(t, i)] * right[t];
        right[i] /= factor[packed_index(i, i)];
    }
}

/// Overwrites Cholesky factors by the inverses of their matrices.
inline void invert_packed(Index k, Lanes* a)
{
    // L^-1 column by column: column j of it needs of L only what has not been overwritten yet.
    for (Index j = 0; j < k; ++j) {
        a[packed_index(j, j)] = a[packed_index(j, j)].inverse();
        for (Index i = j + 1; i < k; ++i) {
            Lanes* const row = a + packed_size(i);
            Lanes sum = row[j] * a[packed_index(j, j)];
            for (Index t = j + 1; t < i; ++t)
                sum += row[t] * a[packed_index(t, j)];
            row[j] = -sum / row[i];
        }
    }
    for (Index i = 0; i < k; ++i)
        for (Index j = 0; j <= i; ++j) {
            Lanes sum = Lanes::Zero();
            for (Index t = i; t < k; ++t)
                sum += a[packed_index(t, i)] * a[packed_index(t, j)];
            a[packed_index(i, j)] = sum;
        }
}

} // namespace matfact::linalg
