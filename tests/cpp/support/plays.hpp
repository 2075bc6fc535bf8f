/// Implicit feedback for the tests.
#pragma once

#include "support/sparse.hpp"

#include <cstdint>

namespace matfact::testing {

/// Positive values; rows of very different lengths, some of them empty.
inline Csr<float, std::int32_t> plays(Index n_users = 60, Index n_items = 40)
{
    Csr<float, std::int32_t> x = random_csr<float, std::int32_t>(n_users, n_items, 0.3);
    for (float& value : x.values)
        value = 0.1f + std::abs(value);
    return x;
}

inline Csr<float, std::int32_t> transposed(const Csr<float, std::int32_t>& x)
{
    const Matrix<double> a = dense(x);
    Csr<float, std::int32_t> t;
    t.n_cols = x.n_rows();
    for (Index j = 0; j < a.n_cols(); ++j) {
        for (Index i = 0; i < a.n_rows(); ++i)
            if (a(i, j) != 0.0)
                t.add(i, a(i, j));
        t.end_row();
    }
    return t;
}

} // namespace matfact::testing
