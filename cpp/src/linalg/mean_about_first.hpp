/// Means that are exact where all numbers are equal: of differences from the first of them.
#pragma once

namespace matfact::linalg {

/// The share of x in the sum that `mean_about_first` is made from; of halves, so that no difference is infinite.
inline double share_about_first(double x, double first, double inverse_count)
{
    return (0.5 * x - 0.5 * first) * inverse_count;
}

/// The mean, from the sum of all shares.
inline double mean_about_first(double first, double sum) { return sum == 0.0 ? first : 2.0 * (0.5 * first + sum); }

} // namespace matfact::linalg
