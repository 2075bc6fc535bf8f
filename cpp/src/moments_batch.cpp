#include "moments_batch.hpp"

#include "matfact/status.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

namespace matfact {

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
