/// Progress reports of long work, and the way to stop it.
#pragma once

#include "matfact/matrix.hpp"

#include <functional>
#include <vector>

namespace matfact {

/// What the sweeps of a recommender have made so far; valid while the callback runs.
struct SweepFactors {
    MatrixView<const float> w, h;
    std::vector<double>
        shared; ///< what all rows have in common: spectrum of implicit_mf, mean of biased_mf; of bpr none
};

struct Iteration {
    Index n_iter = 0;       ///< sweeps done so far; passes over the matrix of svd and eigh
    double objective = 0.0; ///< value after the last sweep; NaN where the method has none. Of svd and eigh by krylov:
                            ///< the largest residual at the last look over what tol accepts, infinity before the first
    std::function<SweepFactors()> factors{}; ///< gives those of a recommender after a sweep; else empty
};

/// Called on the caller's thread between sweeps; true asks to stop, which counts where the objective is a number. It
/// may throw: the exception passes through.
using Progress = std::function<bool(const Iteration&)>;

} // namespace matfact
