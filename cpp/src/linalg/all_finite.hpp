/// Whether a matrix holds neither NaN nor infinity.
#pragma once

#include "matfact/matrix.hpp"
#include "parallel.hpp"

#include <Eigen/Core>

#include <algorithm>
#include <vector>

namespace matfact::linalg {

template <class T> bool all_finite(const Matrix<T>& a, int threads)
{
    constexpr Index block_entries = 1 << 15;
    std::vector<T> sums(static_cast<std::size_t>(block_count(a.size(), block_entries)));
    for_blocks(a.size(), block_entries, threads, [&](Index begin, Index end, Index block) {
        // 0 * value is NaN for NaN and infinity, and stays so.
        const Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>> part(a.data() + begin, end - begin);
        sums[static_cast<std::size_t>(block)] = (T(0) * part).sum();
    });
    return std::all_of(sums.begin(), sums.end(), [](T sum) { return sum == T(0); });
}

} // namespace matfact::linalg
