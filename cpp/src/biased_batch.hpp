/// One step of a row along several of its ratings at once, which the solver "sgd" of BiasedMF takes.
///
/// Errors are those before the batch. So its ratings wait for each other nowhere, and what a rating needs beside the
/// products of factors is computed in the lanes of packets.
#pragma once

#include "biased_strata.hpp"

#include <algorithm>

namespace matfact {

/// What sgd keeps of a row: mean squares of the gradients so far, whose roots divide the learning rate; ||factor||^2;
/// and what the stored factor is multiplied with, so that a penalty's step changes one number.
constexpr RowTail factor_squares = row_state, bias_squares = row_state_2, factor_norm = row_state_3,
                  factor_scale = row_state_4;

/// Multiplies a row by its scale, which becomes 1, and sums its squares anew.
inline void apply_scale(float* row, Index width)
{
    float squares = 0.0f;
    for (Index c = 0; c < width; ++c) {
        row[c] *= row[width + factor_scale];
        squares += row[c] * row[c];
    }
    row[width + factor_scale] = 1.0f;
    row[width + factor_norm] = squares;
}

struct StepRates {
    float factor, bias;
    float l2_ratio; ///< of the factor over the bias
    float inverse_k;
};

/// The gradient of one rating's share of the objective, halved, is l2 w - error h, and l2 b - error. The error's part
/// is a step along it; the penalty's is an implicit one, w / (1 + rate l2), which no l2 can make too long.
class RatingBatch {
public:
    static constexpr Index capacity = 16; ///< ratings

    RatingBatch(Index width, const StepRates& rates) : width_(width), rates_(rates) {}

    /// Steps of the row `own`, whose scale is 1, and of those of the other side that its entries name: as many as
    /// `capacity` from `first` on.
    template <class I> void step(float* own, Matrix<float>& others, const StrataEntry<I>* first, Index n)
    {
        gather(others, first, n);
        for_columns([&](auto packets, Index column) { dot<packets.value>(own, column); });
        const float keep = scalars(own + width_);
        float norm = 0.0f;
        for_columns([&](auto packets, Index column) { norm += move<packets.value>(own, column, keep); });
        own[width_ + factor_norm] = norm;
        scatter();
    }

private:
    using Packet = linalg::Packet<float>;
    static constexpr Index size = linalg::packet_size<float>;
    /// Packets of a factor in registers at once: the row's own, and what becomes of them.
#ifdef __AVX512F__
    static constexpr int chunk = 8;
#else
    static constexpr int chunk = 4;
#endif
    template <int n> using Packets = std::integral_constant<int, n>;

    template <class Body> void for_columns(const Body& body) const
    {
        Index column = 0;
        for (; column + chunk * size <= width_; column += chunk * size)
            body(Packets<chunk>(), column);
        for_rest<chunk - 1>((width_ - column) / size, column, body);
    }
    template <int n, class Body> static void for_rest(Index left, Index column, const Body& body)
    {
        if constexpr (n > 0) {
            if (left == n)
                body(Packets<n>(), column);
            else
                for_rest<n - 1>(left, column, body);
        }
    }

    template <class I> void gather(Matrix<float>& others, const StrataEntry<I>* first, Index n)
    {
        n_ = n;
        for (Index j = 0; j < n; ++j) {
            float* const row = &others(static_cast<Index>(first[j].col), 0);
            const float* const tail = row + width_;
            rows_[j] = row;
            value_[j] = first[j].value;
            bias_[j] = tail[row_bias];
            l2_[j] = tail[row_l2];
            squares_[j] = tail[factor_squares];
            bias_squares_[j] = tail[bias_squares];
            norm_[j] = tail[factor_norm];
            scale_[j] = tail[factor_scale];
            dot_[j] = 0.0f;
        }
        for (Index j = n; j % size != 0; ++j) { // nothing happens to these lanes
            value_[j] = dot_[j] = bias_[j] = l2_[j] = norm_[j] = 0.0f;
            squares_[j] = bias_squares_[j] = scale_[j] = 1.0f;
        }
    }

    template <int packets> void dot(const float* own, Index column)
    {
        namespace ei = Eigen::internal;
        Packet w[packets];
        for (int i = 0; i < packets; ++i)
            w[i] = ei::pload<Packet>(own + column + i * size);
        for (Index j = 0; j < n_; ++j) {
            const float* const row = rows_[j] + column;
            Packet sum = ei::pmul(w[0], ei::pload<Packet>(row));
            for (int i = 1; i < packets; ++i)
                sum = ei::pmadd(w[i], ei::pload<Packet>(row + i * size), sum);
            dot_[j] += ei::predux(sum);
        }
    }

    /// All that a step needs beside the factors; gives what remains of the own one.
    float scalars(float* own)
    {
        namespace ei = Eigen::internal;
        const auto all = [](float x) { return ei::pset1<Packet>(x); };
        const Packet one = all(1.0f), two = all(2.0f), zero = all(0.0f), inverse_k = all(rates_.inverse_k);
        const Packet rate = all(rates_.factor), rate_of_bias = all(rates_.bias), ratio = all(rates_.l2_ratio);
        const float own_l2 = own[row_l2], own_factor_l2 = rates_.l2_ratio * own_l2;
        const Packet own_bias = all(own[row_bias]), own_norm = all(own[factor_norm]);
        const Packet own_l2s = all(own_l2), own_factor_l2s = all(own_factor_l2);
        Packet errors = zero, own_slopes = zero, own_squares = zero;
        for (Index j = 0; j < n_; j += size) {
            const Packet lanes =
                ei::pcmp_lt(zero, ei::ploadu<Packet>(ones_and_zeros + capacity - std::min(n_ - j, size)));
            const auto present = [&](Packet x) { return ei::pselect(lanes, x, zero); }; // however large the others are
            const Packet scale = ei::pload<Packet>(scale_ + j), wh = ei::pmul(scale, ei::pload<Packet>(dot_ + j));
            const Packet bias = ei::pload<Packet>(bias_ + j), l2 = ei::pload<Packet>(l2_ + j);
            const Packet values = ei::pload<Packet>(value_ + j);
            const Packet error = present(ei::psub(ei::psub(ei::psub(values, own_bias), bias), wh));
            const Packet error_squared = ei::pmul(error, error), cross = ei::pmul(two, ei::pmul(error, wh));
            // ||l2 w - error h||^2 of both sides; rounding may not make it negative.
            const auto gradient = [&](Packet l2_here, Packet norm_here, Packet norm_there) {
                const Packet penalty = ei::pmul(l2_here, ei::psub(cross, ei::pmul(l2_here, norm_here)));
                return ei::pmul(inverse_k, ei::pmax(zero, ei::psub(ei::pmul(error_squared, norm_there), penalty)));
            };

            const Packet norm = ei::pload<Packet>(norm_ + j), squares = ei::pload<Packet>(squares_ + j);
            const Packet factor_l2 = ei::pmul(ratio, l2), step = ei::pdiv(rate, ei::psqrt(squares));
            const Packet keep = ei::pdiv(one, ei::pmadd(step, factor_l2, one)), along = ei::pmul(step, error);
            own_squares = ei::padd(own_squares, present(gradient(own_factor_l2s, own_norm, norm)));
            ei::pstore(squares_ + j,
                       ei::pmin(all(most_squares), ei::padd(squares, gradient(factor_l2, norm, own_norm))));
            ei::pstore(to_own_ + j, ei::pmul(error, scale));
            ei::pstore(to_other_ + j, ei::pdiv(along, scale));
            ei::pstore(scale_ + j, ei::pmul(scale, keep));
            const Packet longer = ei::pmadd(along, ei::pmadd(along, own_norm, ei::pmul(two, wh)), norm);
            ei::pstore(norm_ + j, ei::pmul(ei::pmul(keep, keep), ei::pmax(zero, longer)));

            const Packet bias_squares_here = ei::pload<Packet>(bias_squares_ + j);
            const Packet bias_step = ei::pdiv(rate_of_bias, ei::psqrt(bias_squares_here));
            const Packet slope = ei::psub(error, ei::pmul(l2, bias));
            const Packet own_slope = present(ei::psub(error, ei::pmul(own_l2s, own_bias)));
            ei::pstore(bias_ + j, ei::pdiv(ei::pmadd(bias_step, error, bias), ei::pmadd(bias_step, l2, one)));
            ei::pstore(bias_squares_ + j, ei::pmin(all(most_squares), ei::pmadd(slope, slope, bias_squares_here)));
            own_slopes = ei::pmadd(own_slope, own_slope, own_slopes);
            errors = ei::padd(errors, error);
        }
        const auto n = static_cast<float>(n_);
        const float step = rates_.factor / std::sqrt(own[factor_squares]);
        const float bias_step = rates_.bias / std::sqrt(own[bias_squares]);
        own[factor_squares] = std::min(most_squares, own[factor_squares] + ei::predux(own_squares));
        own[bias_squares] = std::min(most_squares, own[bias_squares] + ei::predux(own_slopes));
        own[row_bias] = (own[row_bias] + bias_step * ei::predux(errors)) / (1.0f + n * bias_step * own_l2);
        const float keep = 1.0f / (1.0f + n * step * own_factor_l2);
        const Packet by = all(keep * step);
        for (Index j = 0; j < n_; j += size)
            ei::pstore(to_own_ + j, ei::pmul(by, ei::pload<Packet>(to_own_ + j)));
        return keep;
    }

    /// The squared length of what the columns have become.
    template <int packets> float move(float* own, Index column, float keep)
    {
        namespace ei = Eigen::internal;
        Packet w[packets], next[packets];
        for (int i = 0; i < packets; ++i) {
            w[i] = ei::pload<Packet>(own + column + i * size);
            next[i] = ei::pmul(ei::pset1<Packet>(keep), w[i]);
        }
        for (Index j = 0; j < n_; ++j) {
            float* const row = rows_[j] + column;
            const Packet to_own = ei::pset1<Packet>(to_own_[j]), to_other = ei::pset1<Packet>(to_other_[j]);
            for (int i = 0; i < packets; ++i) {
                const Packet h = ei::pload<Packet>(row + i * size);
                next[i] = ei::pmadd(to_own, h, next[i]);
                ei::pstore(row + i * size, ei::pmadd(to_other, w[i], h));
            }
        }
        Packet squares = ei::pset1<Packet>(0.0f);
        for (int i = 0; i < packets; ++i) {
            squares = ei::pmadd(next[i], next[i], squares);
            ei::pstore(own + column + i * size, next[i]);
        }
        return ei::predux(squares);
    }

    void scatter()
    {
        for (Index j = 0; j < n_; ++j) {
            float* const tail = rows_[j] + width_;
            tail[row_bias] = bias_[j];
            tail[factor_squares] = squares_[j];
            tail[bias_squares] = bias_squares_[j];
            tail[factor_norm] = norm_[j];
            tail[factor_scale] = scale_[j];
            if (scale_[j] < least_scale)
                apply_scale(rows_[j], width_);
        }
    }

    static constexpr float least_scale = 1e-4f;
    static constexpr float most_squares = 1e36f; ///< the root of infinity is NaN where it is approximated
    static constexpr float ones_and_zeros[2 * capacity] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

    Index width_, n_ = 0;
    StepRates rates_;
    float* rows_[capacity];
    alignas(64) float value_[capacity], dot_[capacity], bias_[capacity], l2_[capacity], norm_[capacity];
    alignas(64) float squares_[capacity], bias_squares_[capacity], scale_[capacity];
    alignas(64) float to_own_[capacity], to_other_[capacity];
};

} // namespace matfact
