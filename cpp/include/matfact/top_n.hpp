/// The best items of each user by inner products: exact, in bounded memory.
#pragma once

#include "matfact/matrix.hpp"
#include "matfact/progress.hpp"

#include <cstdint>
#include <vector>

namespace matfact {

struct TopN {
    Matrix<std::int64_t> items; ///< (n_queries, n), best first, ties to the lower index; -1 where there are fewer
    Matrix<float> scores;       ///< (n_queries, n), -infinity where there are fewer
};

/// The n largest of queries (n_queries, k) times items' (n_items, k), row by row. Items of row q of `seen` are left
/// out; its indices ascend and its values are not read. Of the ascending `candidates`, or of all items where it is
/// null, the others are left out.
template <class I>
TopN top_n(MatrixView<const float> queries, MatrixView<const float> items, CsrView<float, I> seen,
           const std::vector<std::int64_t>* candidates, Index n, int num_threads = 0, const Progress& progress = {});

extern template TopN top_n(MatrixView<const float>, MatrixView<const float>, CsrView<float, std::int32_t>,
                           const std::vector<std::int64_t>*, Index, int, const Progress&);
extern template TopN top_n(MatrixView<const float>, MatrixView<const float>, CsrView<float, std::int64_t>,
                           const std::vector<std::int64_t>*, Index, int, const Progress&);

} // namespace matfact
