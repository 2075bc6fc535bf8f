/// Users of a model of ratings (biased_mf, biased_gibbs, baseline) as pair_scores() and top_n() take them.
#pragma once

#include "matfact/matrix.hpp"

#include <vector>

namespace matfact {

/// A rating of item i by user u is queries.row(u) . h.row(i) + constants[u].
struct RatingQueries {
    Matrix<float> queries;         ///< (n_rows, columns of h): rows of w with 1 in place of the bias, which meets h's
    std::vector<double> constants; ///< (n_rows,): mean and the row's own bias
};

/// `w` (n_rows, n_draws K) and `mean` are of a fit, or rows of w those of its biased_rows(), gibbs_rows() or
/// baseline_rows(). With `biases` the last of K columns is the bias. Of several draws it is their average that rates.
RatingQueries rating_queries(MatrixView<const float> w, double mean, bool biases = true, Index n_draws = 1);

} // namespace matfact
