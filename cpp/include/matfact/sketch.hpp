/// A few rows that stand for many: frequent directions, for streams whose second moments would not fit.
#pragma once

#include "matfact/matrix.hpp"
#include "matfact/progress.hpp"

namespace matfact {

/// Replaces the rows by n_kept rows in their span, written to the front; the others become zero. With squared singular
/// values s_1 >= s_2 >= ... the step takes s_{n_kept + 1} off each of those from n_exact + 1 to n_kept, and drops the
/// rest. Returns what was taken off: R'R before minus R'R after is positive semidefinite with at most that spectral
/// norm, so over a stream the returned values add up to a bound. 0, with nothing changed, if there are no more than
/// n_kept rows. n_exact = 0 is the rule of Liberty, doi:10.1145/2487575.2487623, and of Ghashami et al.,
/// doi:10.1137/15M1009718. Throws std::invalid_argument unless n_exact <= n_kept and the rows and their squares are
/// finite.
double shrink_rows(MatrixView<double> rows, Index n_exact, Index n_kept, int num_threads = 0,
                   const Progress& progress = {});

} // namespace matfact
