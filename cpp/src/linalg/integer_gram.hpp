/// X'X of small whole numbers (pixels, counts, ratings, one-hot codes): exact, and several times faster than the same
/// products in floating point.
#pragma once

#include "linalg/gram.hpp"

#include <optional>

namespace matfact::linalg {

/// (X - mean)'(X - mean), or X'X, where every entry of X is a whole number of at most 2,047 in magnitude; nothing where
/// one is not, as soon as it is met. Sums are exact while they stay below 2^53, so only the final division by the
/// number of rows rounds. For T = float and double.
template <class T>
std::optional<Gram> integer_gram(MatrixView<const T> x, bool center, int threads, const Checkpoint& checkpoint);

} // namespace matfact::linalg
