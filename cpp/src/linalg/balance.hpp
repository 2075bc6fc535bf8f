/// Powers of two that keep squares within the range of the arithmetic: a product with one rounds nothing.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

namespace matfact::linalg {

/// Brings `magnitude` near 1; 1 for zero. It and its inverse are normal numbers of T.
template <class T> T balance(T magnitude)
{
    constexpr int limit = std::numeric_limits<T>::max_exponent - 2;
    int exponent = 0;
    std::frexp(magnitude, &exponent);
    return std::ldexp(T(1), std::clamp(-exponent, -limit, limit));
}

/// The same, but 1 for magnitudes whose squares are far from the ends of the range: they need no care.
template <class T> T balance_extremes(T magnitude)
{
    constexpr T huge = std::is_same_v<T, float> ? T(1e12) : T(1e100);
    return magnitude > huge || magnitude < 1 / huge ? balance(magnitude) : T(1);
}

} // namespace matfact::linalg
