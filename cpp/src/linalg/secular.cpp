#include "linalg/secular.hpp"

#include "linalg/kernel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace matfact::linalg {

namespace {

/// sum z_i^2 / (d_i - x) over some poles, and its derivative. The terms of either have one sign on one side of x.
struct PoleSums {
    double value = 0.0, slope = 0.0;
};

PoleSums pole_sums(const double* d, const double* z, Index begin, Index end, double origin, double offset)
{
    namespace ei = Eigen::internal;
    using P = Packet<double>;
    constexpr Index width = packet_size<double>;
    const P at_origin = ei::pset1<P>(origin), at_offset = ei::pset1<P>(offset);
    P value = ei::pset1<P>(0.0), slope = value;
    Index i = begin;
    for (; i + width <= end; i += width) {
        const P weight = ei::ploadu<P>(z + i);
        const P ratio = ei::pdiv(weight, ei::psub(ei::psub(ei::ploadu<P>(d + i), at_origin), at_offset));
        value = ei::pmadd(weight, ratio, value);
        slope = ei::pmadd(ratio, ratio, slope);
    }
    PoleSums sums{ei::predux(value), ei::predux(slope)};
    for (; i < end; ++i) {
        const double ratio = z[i] / (d[i] - origin - offset);
        sums.value += z[i] * ratio;
        sums.slope += ratio * ratio;
    }
    return sums;
}

struct Bracket {
    double low, high;
    bool holds(double x) const { return low < x && x < high; }
};

/// The root of a x^2 - b x + c that the bracket holds (shifted by `shift`); NaN where there is none.
double root_within(double a, double b, double c, double shift, const Bracket& bracket)
{
    const double larger = (b + std::copysign(std::sqrt(std::max(0.0, b * b - 4.0 * a * c)), b)) / 2.0;
    for (const double x : {c / larger, larger / a})
        if (bracket.holds(shift + x))
            return shift + x;
    return std::numeric_limits<double>::quiet_NaN();
}

/// Between the ends, by their geometric mean where that is far nearer to the pole at zero.
double halfway(const Bracket& bracket)
{
    const double product = bracket.low * bracket.high;
    if (product > 0.0)
        return std::copysign(std::sqrt(std::abs(bracket.low)) * std::sqrt(std::abs(bracket.high)), bracket.low);
    return (bracket.low + bracket.high) / 2.0;
}

} // namespace

SecularRoot secular_root(Index j, Index k, const double* d, const double* z, double rho)
{
    if (k == 1)
        return {0, rho * z[0] * z[0]};
    constexpr double eps = std::numeric_limits<double>::epsilon();
    constexpr int most_steps = 100; // a handful is usual; a bracket that halves each time needs fewer
    const bool last = j == k - 1;
    const Index left = last ? j - 1 : j, right = left + 1;
    const double gap = last ? rho * (1.0 + 8.0 * eps) : d[j + 1] - d[j];
    const auto sums_below = [&](Index origin, double x) { return pole_sums(d, z, 0, right, d[origin], x); };
    const auto sums_above = [&](Index origin, double x) { return pole_sums(d, z, right, k, d[origin], x); };

    double x = gap / 2.0;
    const PoleSums below_middle = sums_below(j, x), above_middle = sums_above(j, x);
    const double at_middle = 1.0 / rho + below_middle.value + above_middle.value; // increasing between two poles
    SecularRoot root{j, x};
    Bracket bracket{0.0, gap / 2.0};
    if (at_middle < 0.0) {
        bracket = last ? Bracket{gap / 2.0, gap} : Bracket{-gap / 2.0, 0.0};
        if (!last) {
            root.origin = j + 1;
            x = -gap / 2.0;
        }
    }
    const double to_left = d[left] - d[root.origin], to_right = d[right] - d[root.origin];

    // The first guess keeps the two nearest poles and takes the others as they are in the middle.
    const double left_weight = z[left] * z[left], right_weight = z[right] * z[right];
    const double others = at_middle - left_weight / (to_left - x) - right_weight / (to_right - x);
    const double guess =
        root_within(others, others * (to_left + to_right) + left_weight + right_weight,
                    others * to_left * to_right + left_weight * to_right + right_weight * to_left, 0.0, bracket);
    x = bracket.holds(guess) ? guess : halfway(bracket);

    for (int step = 0; step < most_steps; ++step) {
        const PoleSums below = sums_below(root.origin, x), above = sums_above(root.origin, x);
        const double f = 1.0 / rho + below.value + above.value;
        const double rounding = 8.0 * (std::abs(below.value) + std::abs(above.value)) + 1.0 / rho +
                                std::abs(x) * (below.slope + above.slope);
        if (!(std::abs(f) > eps * rounding))
            break;
        (f > 0.0 ? bracket.high : bracket.low) = x;
        // The middle way (Li, LAPACK working note 89): a pole on either side, each with the slope of its sum.
        const double dl = to_left - x, dr = to_right - x;
        const double a = f - dl * below.slope - dr * above.slope;
        const double b = (dl + dr) * f - dl * dr * (below.slope + above.slope), c = dl * dr * f;
        double next = root_within(a, b, c, x, bracket);
        if (!bracket.holds(next))
            next = halfway(bracket);
        if (next == x || !bracket.holds(next))
            break;
        x = next;
    }
    root.offset = x;
    return root;
}

} // namespace matfact::linalg
