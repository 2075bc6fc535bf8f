/// The secular equation 1 / rho + sum z_i^2 / (d_i - x) = 0, whose roots are the eigenvalues of diag(d) + rho z z'.
#pragma once

#include "matfact/matrix.hpp"

namespace matfact::linalg {

/// A root as d[origin] + offset, with the nearer pole as origin: its distance to every pole keeps all digits.
struct SecularRoot {
    Index origin = 0;
    double offset = 0.0;
};

/// Root j of k, ascending, between d[j] and d[j + 1]; the last lies within `rho` above d[k - 1]. d ascends strictly, no
/// z is zero, rho > 0 and z has unit norm.
SecularRoot secular_root(Index j, Index k, const double* d, const double* z, double rho);

} // namespace matfact::linalg
