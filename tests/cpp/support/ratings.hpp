/// Ratings for the tests.
#pragma once

#include "support/sparse.hpp"

#include <cstdint>

namespace matfact::testing {

/// 2 + b_u + b_i exactly, for half of the pairs.
inline Csr<float, std::int32_t> additive(bool transposed)
{
    Csr<float, std::int32_t> x;
    x.n_cols = transposed ? 30 : 20;
    const Index n_rows = transposed ? 20 : 30;
    for (Index i = 0; i < n_rows; ++i) {
        for (Index j = 0; j < x.n_cols; ++j) {
            const Index user = transposed ? j : i, item = transposed ? i : j;
            if ((3 * user + 5 * item) % 4 < 2)
                x.add(j, 2.0 + 0.1 * static_cast<double>(user % 7) - 0.2 * static_cast<double>(item % 5));
        }
        x.end_row();
    }
    return x;
}

} // namespace matfact::testing
