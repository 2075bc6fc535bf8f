/// How far an iteration is from what is accepted, and how soon it will be there.
#pragma once

#include "matfact/matrix.hpp"

namespace matfact::linalg {

/// The excess of a residual over what is accepted, at the last three looks at it.
class Convergence {
public:
    static constexpr double far = 1e300; ///< larger than any excess that means something

    void look(double excess, Index pass)
    {
        earlier_ = before_;
        before_ = now_;
        now_ = {excess, pass};
    }

    /// From here on the pace does not grow.
    void restarted() { has_restarted_ = true; }

    double excess() const { return now_.excess; }

    /// Passes that are still needed, or `far` where the last looks do not tell.
    double passes_to_go() const;

private:
    struct Look {
        double excess = far;
        Index pass = 0;
    };

    /// What a pass gained between two looks, as a logarithm.
    static double pace(const Look& from, const Look& to);

    Look earlier_, before_, now_;
    bool has_restarted_ = false;
};

} // namespace matfact::linalg
