/// The list that everybody gets: what any recommender has to beat.
#pragma once

#include "matfact/matrix.hpp"

#include <cstdint>

namespace matfact {

/// (n_items, 1): the share of the rows of x (n_users, n_items) that have an entry in each column. Everybody's query is
/// 1. No pair twice; values are not looked at.
template <class I> Matrix<float> popularity(CsrView<float, I> x, int num_threads = 0);

extern template Matrix<float> popularity(CsrView<float, std::int32_t>, int);
extern template Matrix<float> popularity(CsrView<float, std::int64_t>, int);

} // namespace matfact
