#include "moments_batch.hpp"

#include "matfact/status.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

namespace matfact {

RowWeights row_weights(const double* weights, Index n_rows)
{
    RowWeights w;
    w.values.assign(static_cast<std::size_t>(n_rows), 1.0);
    if (weights)
        w.values.assign(weights, weights + n_rows);
    for (Index i = 0; i < n_rows; ++i) {
        const double weight = w.values[static_cast<std::size_t>(i)];
        if (!(weight >= 0.0) || !std::isfinite(weight))
            throw std::invalid_argument("sample_weight must be finite and not negative, got " + std::to_string(weight) +
                                        " for row " + std::to_string(i));
        w.roots.push_back(std::sqrt(weight));
        w.total += weight;
        w.n_present += weight > 0.0 ? 1 : 0;
    }
    if (!std::isfinite(w.total))
        throw std::invalid_argument("sample_weight has an infinite sum; scale it down");
    return w;
}

Moments empty_moments(Index n_cols)
{
    Moments m;
    m.mean.assign(static_cast<std::size_t>(n_cols), 0.0);
    m.scatter = Matrix<double>(n_cols, n_cols);
    std::fill_n(m.scatter.data(), m.scatter.size(), 0.0);
    return m;
}

void require_rows(Index n_rows, Index n_cols)
{
    if (n_rows == 0 || n_cols == 0)
        throw std::invalid_argument("X must have at least one row and one column, got shape (" +
                                    std::to_string(n_rows) + ", " + std::to_string(n_cols) + ")");
}

bool is_finite(const Moments& moments)
{
    bool finite = std::isfinite(moments.n_samples);
    for (Index j = 0; j < moments.n_cols(); ++j)
        finite =
            finite && std::isfinite(moments.mean[static_cast<std::size_t>(j)]) && std::isfinite(moments.scatter(j, j));
    return finite;
}

void throw_not_finite(bool batch_is_finite)
{
    if (batch_is_finite)
        throw NumericalError("the squares of X exceed the range of float64; scale X down");
    throw std::invalid_argument("X holds NaN or infinity; moments need finite entries (give rows to be left out the "
                                "sample_weight 0)");
}

} // namespace matfact
