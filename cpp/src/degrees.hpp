/// A matrix of positive entries over the square roots of the sums of its rows and of its columns.
#pragma once

#include "linalg/csr.hpp"
#include "parallel.hpp"

#include <cmath>
#include <vector>

namespace matfact {

/// Roots of the sums of rows and columns; 1 where there is no entry.
struct DegreeRoots {
    std::vector<double> rows, cols;
};

template <class I> DegreeRoots degree_roots(CsrView<float, I> x)
{
    DegreeRoots roots{std::vector<double>(static_cast<std::size_t>(x.n_rows), 0.0),
                      std::vector<double>(static_cast<std::size_t>(x.n_cols), 0.0)};
    for (Index i = 0; i < x.n_rows; ++i)
        for (I p = x.indptr[i]; p < x.indptr[i + 1]; ++p) {
            roots.rows[static_cast<std::size_t>(i)] += static_cast<double>(x.values[p]);
            roots.cols[static_cast<std::size_t>(x.indices[p])] += static_cast<double>(x.values[p]);
        }
    for (std::vector<double>* const sums : {&roots.rows, &roots.cols})
        for (double& sum : *sums)
            sum = sum > 0.0 ? std::sqrt(sum) : 1.0;
    return roots;
}

/// The values of x over both roots of their places: with the same bits in the transpose of an x with sorted rows.
template <class I> std::vector<float> values_over_degrees(CsrView<float, I> x, const DegreeRoots& roots, int threads)
{
    constexpr Index block_rows = 512;
    std::vector<float> values(static_cast<std::size_t>(linalg::stored_entries(x)));
    for_blocks(x.n_rows, block_rows, threads, [&](Index begin, Index end, Index) {
        for (Index i = begin; i < end; ++i)
            for (I p = x.indptr[i]; p < x.indptr[i + 1]; ++p)
                values[static_cast<std::size_t>(p)] = static_cast<float>(
                    static_cast<double>(x.values[p]) /
                    (roots.rows[static_cast<std::size_t>(i)] * roots.cols[static_cast<std::size_t>(x.indices[p])]));
    });
    return values;
}

} // namespace matfact
