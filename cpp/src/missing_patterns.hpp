/// Rows of a matrix in the order of what they miss: rows that miss the same entries share their normal equations.
#pragma once

#include "matfact/matrix.hpp"

#include <vector>

namespace matfact {

/// Rows order[begin] .. order[begin + count - 1] have the same observed entries.
struct PatternRun {
    Index begin = 0, count = 0;
};

struct MissingPatterns {
    std::vector<Index> order; ///< rows with at least one observed entry, pattern by pattern
    std::vector<PatternRun> runs;
    Index n_observed = 0; ///< entries
    double largest = 0.0; ///< magnitude among them
};

/// Throws std::invalid_argument if x holds infinity.
template <class T> MissingPatterns find_missing_patterns(MatrixView<const T> x, int threads);

} // namespace matfact
