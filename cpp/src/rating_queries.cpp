#include "matfact/rating_queries.hpp"

#include "require.hpp"

namespace matfact {

RatingQueries rating_queries(MatrixView<const float> w, double mean, bool biases, Index n_draws)
{
    require(n_draws >= 1 && w.n_cols % n_draws == 0, "w must have equally many columns for each draw");
    const Index k = w.n_cols / n_draws;
    require(!biases || k >= 1, "w must have a column of biases");
    const auto n = static_cast<double>(n_draws);
    RatingQueries result{Matrix<float>(w.n_rows, w.n_cols), std::vector<double>(static_cast<std::size_t>(w.n_rows))};
    for (Index i = 0; i < w.n_rows; ++i) {
        double bias = 0.0;
        for (Index c = 0; c < w.n_cols; ++c) {
            const bool is_bias = biases && c % k == k - 1;
            if (is_bias)
                bias += static_cast<double>(w(i, c));
            result.queries(i, c) = static_cast<float>((is_bias ? 1.0 : static_cast<double>(w(i, c))) / n);
        }
        result.constants[static_cast<std::size_t>(i)] = mean + bias / n;
    }
    return result;
}

} // namespace matfact
