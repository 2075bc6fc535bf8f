/// What the functions of bpr ask of their arguments, and the options as constants.
#pragma once

#include "linalg/csr.hpp"
#include "matfact/bpr.hpp"
#include "pair_loss.hpp"
#include "require.hpp"

#include <type_traits>

namespace matfact {

template <class I> void check_pairs(CsrView<float, I> x, int threads)
{
    linalg::check_structure(x, threads);
    require(x.n_cols < Index{1} << 32, "x must have less than 2^32 columns");
    for (Index u = 0; u < x.n_rows; ++u)
        for (auto p = static_cast<Index>(x.indptr[u]) + 1; p < static_cast<Index>(x.indptr[u + 1]); ++p)
            require(x.indices[p - 1] < x.indices[p], "the column indices of each row must ascend");
}

constexpr Index most_rows_at_once = 256;

/// The end of the rows that begin with `first` and go through a pass between two looks for an interrupt: one, or as
/// many as have few entries together, when each of them meets so many `others` too.
template <class I> Index end_of_batch(CsrView<float, I> x, Index first, Index others = 0)
{
    constexpr Index few = 1 << 14;
    Index end = first + 1;
    while (end < x.n_rows && end - first < most_rows_at_once &&
           static_cast<Index>(x.indptr[end + 1] - x.indptr[first]) + (end + 1 - first) * others <= few)
        ++end;
    return end;
}

/// Calls body with the method that the options stand for, as a constant.
template <class Body> auto with_method(const BprOptions& options, const Body& body)
{
    if (options.loss == PairLoss::warp)
        return body(std::integral_constant<PairMethod, PairMethod::warp>());
    if (options.negatives == Negatives::adaptive)
        return body(std::integral_constant<PairMethod, PairMethod::highest>());
    return body(std::integral_constant<PairMethod, PairMethod::logistic>());
}

} // namespace matfact
