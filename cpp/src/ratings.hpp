/// What the solvers of BiasedMF have in common.
#pragma once

#include "linalg/csr.hpp"
#include "linalg/small_cholesky.hpp"
#include "parallel.hpp"
#include "require.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace matfact {

template <class I> void check_ratings(CsrView<float, I> x, int threads)
{
    linalg::check_structure(x, threads);
    require(std::isfinite(linalg::largest_magnitude(x, threads)), "ratings must be finite");
}

/// Of the stored values; 0 where there are none.
template <class I> double mean_value(CsrView<float, I> x)
{
    double sum = 0.0;
    for (Index p = 0; p < linalg::stored_entries(x); ++p)
        sum += static_cast<double>(x.values[p]);
    return sum / static_cast<double>(std::max<Index>(1, linalg::stored_entries(x)));
}

/// Of the stored values around their mean; 1 where they do not differ.
template <class I> double standard_deviation(CsrView<float, I> x, double mean)
{
    const Index n = linalg::stored_entries(x);
    double squares = 0.0;
    for (Index p = 0; p < n; ++p)
        squares += (static_cast<double>(x.values[p]) - mean) * (static_cast<double>(x.values[p]) - mean);
    return squares > 0.0 ? std::sqrt(squares / static_cast<double>(n)) : 1.0;
}

/// What a row's own factor and bias are multiplied with: the other side's factor, and ones in place of its biases,
/// which are known and are subtracted from the ratings. Rows are padded by zeros to whole packets.
class Features {
public:
    Features(Index n_rows, Index k, bool biases)
        : values_(n_rows, linalg::padded_width(k)), k_(k), has_biases_(biases),
          biases_(static_cast<std::size_t>(n_rows), 0.0f)
    {
        std::fill_n(values_.data(), values_.size(), 0.0f);
    }

    /// Row i from a factor of the same shape.
    void copy_row(MatrixView<const float> factor, Index i)
    {
        std::copy_n(&factor(i, 0), k_, &values_(i, 0));
        if (has_biases_)
            biases_[static_cast<std::size_t>(i)] = std::exchange(values_(i, k_ - 1), 1.0f);
    }
    void copy(MatrixView<const float> factor, int threads)
    {
        constexpr Index block_rows = 512;
        for_blocks(factor.n_rows, block_rows, threads, [&](Index begin, Index end, Index) {
            for (Index i = begin; i < end; ++i)
                copy_row(factor, i);
        });
    }
    MatrixView<const float> view() const { return values_.view().block(0, 0, values_.n_rows(), k_); }
    const float* biases() const { return biases_.data(); } ///< of the rows; zeros where there are none

private:
    Matrix<float> values_;
    Index k_;
    bool has_biases_;
    std::vector<float> biases_;
};

} // namespace matfact
