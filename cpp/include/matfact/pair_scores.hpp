/// Scores of pairs of users and items: what a model of factors predicts, but for constants of the user.
#pragma once

#include "matfact/matrix.hpp"
#include "matfact/progress.hpp"

#include <cstdint>
#include <vector>

namespace matfact {

/// (n_pairs,): queries.row(rows[p]) . items.row(cols[p]), summed in float64. An index below 0 stands for a row of
/// zeros: somebody, or something, of whom nothing is known.
std::vector<double> pair_scores(MatrixView<const float> queries, MatrixView<const float> items,
                                const std::vector<std::int64_t>& rows, const std::vector<std::int64_t>& cols,
                                int num_threads = 0, const Progress& progress = {});

} // namespace matfact
