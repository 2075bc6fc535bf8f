/// One row of a factor by least squares over its observed entries.
#pragma once

#include "linalg/kernel.hpp"
#include "linalg/normal_equations.hpp"

#include <vector>

namespace matfact {

/// Scratch of one worker.
template <class T> class RowLeastSquares {
public:
    RowLeastSquares(Index n_components, Index stride)
        : k_(n_components), stride_(stride), wide_(padded_double(n_components)),
          gathered_(static_cast<std::size_t>(batch * wide_)), values_(static_cast<std::size_t>(batch)),
          gram_(static_cast<std::size_t>(k_ * wide_)), system_(k_, k_), right_(k_)
    {
    }

    void begin()
    {
        filled_ = total_ = 0;
        std::fill(gram_.begin(), gram_.end(), 0.0);
        right_.setZero();
    }

    /// Adds the equation row . w = value.
    void add(const T* row, T value)
    {
        double* const out = gathered_.data() + filled_ * wide_;
        for (Index c = 0; c < k_; ++c)
            out[c] = static_cast<double>(row[c]);
        values_[static_cast<std::size_t>(filled_)] = static_cast<double>(value);
        if (++filled_ == batch)
            flush();
    }

    /// Solves for w under l2 ||w||^2; no equations give zeros.
    void finish(double l2, T* w)
    {
        flush();
        if (total_ == 0) {
            std::fill_n(w, stride_, T(0));
            return;
        }
        for (Index i = 0; i < k_; ++i)
            for (Index j = 0; j < k_; ++j)
                system_(i, j) = gram_[static_cast<std::size_t>(i * wide_ + j)];
        linalg::factor_normal_equations(system_, l2);
        linalg::solve_normal_equations(system_, right_);
        for (Index c = 0; c < k_; ++c)
            w[c] = static_cast<T>(right_[c]);
    }

private:
    static constexpr Index batch = 64;
    static Index padded_double(Index k)
    {
        return (k + linalg::packet_size<double> - 1) / linalg::packet_size<double> * linalg::packet_size<double>;
    }

    void flush()
    {
        using namespace linalg;
        for (Index i = 0; i < k_; i += tile_rows)
            for (Index c = 0; c < wide_; c += panel_width<double>) {
                const auto packets = static_cast<int>(std::min<Index>(tile_packets, (wide_ - c) / packet_size<double>));
                multiply_tile<double>(static_cast<int>(std::min<Index>(tile_rows, k_ - i)), packets, filled_,
                                      gathered_.data() + c, wide_, {gathered_.data() + i, 1, wide_},
                                      gram_.data() + i * wide_ + c, wide_);
            }
        for (Index r = 0; r < filled_; ++r)
            for (Index c = 0; c < k_; ++c)
                right_[c] += values_[static_cast<std::size_t>(r)] * gathered_[static_cast<std::size_t>(r * wide_ + c)];
        total_ += filled_;
        filled_ = 0;
    }

    Index k_, stride_, wide_, filled_ = 0, total_ = 0;
    std::vector<double> gathered_, values_, gram_;
    linalg::SmallMatrix system_;
    linalg::SmallVector right_;
};

} // namespace matfact
