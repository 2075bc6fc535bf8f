/// Cholesky factorization of one small float32 matrix by rows of its upper triangle, on SIMD packets.
///
/// A matrix (n, n) is kept in rows of `stride` floats, a multiple of 16 and at least n. Of row i the columns from the
/// multiple of 16 at or below i up to `stride` are read and written: they must hold finite numbers.
#pragma once

#include "matfact/matrix.hpp"

namespace matfact::linalg {

constexpr Index small_block = 16; ///< rows that are eliminated together, and what widths are padded to

constexpr Index padded_width(Index n) { return (n + small_block - 1) / small_block * small_block; }

/// Overwrites `a` by R, where a = R'R, and inverse_pivots (n,) by 1 / R_ii. `scratch` has small_block * stride floats.
/// A pivot that rounding has made nearly zero or negative is lifted to a small share of its diagonal entry.
void factor_small(Index n, float* a, Index stride, float* inverse_pivots, float* scratch);

/// Overwrites x (stride,) by the solution of R'R x = b, where x holds b on entry and zeros from n on; `scratch` has
/// stride floats. Where `normals` (n,) are given, R^-1 times them is added: if they are standard normal, x is a draw
/// from the normal distribution with that mean and the precision R'R.
void solve_small(Index n, const float* r, Index stride, const float* inverse_pivots, float* x, float* scratch,
                 const float* normals = nullptr);

} // namespace matfact::linalg
