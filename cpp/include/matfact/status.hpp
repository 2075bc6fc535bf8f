/// How a method ended, and the exception for arithmetic that failed.
#pragma once

#include <stdexcept>

namespace matfact {

enum class Status {
    converged, ///< the accuracy asked for was reached, or the method is direct
    max_iter,  ///< the iterations ran out first
    stopped,   ///< the progress callback asked to stop
    diverged,  ///< the objective grew without bound; the best state seen is returned
};

/// The arithmetic cannot give the answer: an overflow, or a LAPACK routine that did not converge.
struct NumericalError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

} // namespace matfact
