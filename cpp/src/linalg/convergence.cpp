#include "linalg/convergence.hpp"

#include <algorithm>
#include <cmath>

namespace matfact::linalg {

double Convergence::pace(const Look& from, const Look& to)
{
    return from.excess >= far ? 0.0 : std::log(from.excess / to.excess) / static_cast<double>(to.pass - from.pass);
}

double Convergence::passes_to_go() const
{
    const double last = pace(before_, now_);
    if (!(last > 0.0))
        return far;
    // While nothing of the basis was dropped the pace grows with it, about linearly.
    const double between_middles = static_cast<double>(now_.pass - earlier_.pass) / 2;
    const double growth = has_restarted_ ? 0.0 : std::max(0.0, last - pace(earlier_, before_)) / between_middles;
    const double present = last + growth * static_cast<double>(now_.pass - before_.pass) / 2;
    const double left = std::log(now_.excess);
    return 2 * left / (present + std::sqrt(present * present + 2 * growth * left));
}

} // namespace matfact::linalg
