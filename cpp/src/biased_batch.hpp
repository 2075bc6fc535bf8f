/// One step of a row along several of its ratings at once, which the solver "sgd" of BiasedMF takes.
///
/// Errors are those before the batch. So its ratings wait for each other nowhere, and what a rating needs beside the
/// products of factors is computed in the lanes of packets.
#pragma once

#include "biased_products.hpp"
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
    RatingBatch(Index width, const StepRates& rates) : width_(width), rates_(rates)
    {
        nowhere_[factor_squares] = nowhere_[bias_squares] = nowhere_[factor_scale] = 1.0f;
    }

    /// Steps along the entries of the first one's row that follow it, `capacity` of them at most, of that row and of
    /// those of the other side; gives the entry behind them. Scales of `owns` are 1.
    template <class I>
    const StrataEntry<I>* step(Matrix<float>& owns, Matrix<float>& others, const StrataEntry<I>* first,
                               const StrataEntry<I>* last)
    {
        // What needs no error is under way while products are summed, and what no row waits for comes last: it is left
        // to the time in which the next batch begins.
        float* const own = &owns(static_cast<Index>(first->row), 0);
        gather(others, first, std::min(capacity, static_cast<Index>(last - first)));
        prepare(own + width_);
        products_.multiply(own, rows_, n_, width_);
        find_errors();
        float norm = 0.0f;
        for_packets(width_, [&](auto packets, Index column) { norm += move<packets.value>(own, column); });
        finish(own + width_, norm);
        scatter();
        return first + n_;
    }

private:
    using Packet = linalg::Packet<float>;
    static constexpr Index size = linalg::packet_size<float>, capacity = RowProducts::capacity;
    static constexpr Index numbers = (row_state_4 + lanes) / lanes * lanes; ///< of a tail

    static Lanes all(float x) { return Eigen::internal::pset1<Lanes>(x); }
    static Lanes load(const float* x) { return Eigen::internal::pload<Lanes>(x); }
    /// x in lanes that have a rating, and zero in others, however large they are.
    Lanes present(const Lanes& x, Index first) const
    {
        namespace ei = Eigen::internal;
        const float* const ones = ones_and_zeros + capacity - std::min(n_ - first, capacity);
        return ei::pselect(ei::pcmp_lt(all(0.0f), ei::ploadu<Lanes>(ones)), x, all(0.0f));
    }

    template <class I> void gather(Matrix<float>& others, const StrataEntry<I>* first, Index room)
    {
        namespace ei = Eigen::internal;
        Index n = 0;
        do {
            rows_[n] = &others(static_cast<Index>(first[n].col), 0);
            tails_[n] = rows_[n] + width_;
            value_[n] = first[n].value;
            ++n;
        } while (n < room && first[n].row == first->row);
        std::fill_n(tails_ + n, lanes, static_cast<float*>(nowhere_));
        n_ = n;
        n_lanes_ = (n + lanes - 1) / lanes * lanes;
        for (Index j = 0; j < n_lanes_; j += lanes)
            for (Index part = 0; part < numbers; part += lanes)
                transpose_lanes([&](int i) { return load(tails_[j + i] + part); },
                                [&](int i, const Lanes& x) { ei::pstore(tail_[part + i] + j, x); });
    }

    void scatter()
    {
        namespace ei = Eigen::internal;
        for (Index j = 0; j < n_lanes_; j += lanes)
            for (Index part = 0; part < numbers; part += lanes)
                transpose_lanes([&](int i) { return load(tail_[part + i] + j); },
                                [&](int i, const Lanes& x) { ei::pstore(tails_[j + i] + part, x); });
        if (has_small_scale_)
            for (Index j = 0; j < n_; ++j)
                if (tail_[factor_scale][j] < least_scale)
                    apply_scale(rows_[j], width_);
    }

    /// The lengths of the steps.
    void prepare(const float* own)
    {
        namespace ei = Eigen::internal;
        const float own_factor_l2 = rates_.l2_ratio * own[row_l2];
        const float step = rates_.factor / std::sqrt(own[factor_squares]);
        keep_ = 1.0f / (1.0f + static_cast<float>(n_) * step * own_factor_l2);
        step_ = keep_ * step;
        own_bias_ = own[row_bias];
        for (Index j = 0; j < n_lanes_; j += lanes) {
            const Lanes scale = load(tail_[factor_scale] + j),
                        steps = rate(rates_.factor, load(tail_[factor_squares] + j));
            ei::pstore(steps_ + j, steps);
            ei::pstore(to_own_ + j, ei::pmul(all(step_), scale));
            ei::pstore(to_other_ + j, ei::pdiv(steps, scale));
        }
    }

    static Lanes rate(float first, const Lanes& squares)
    {
        return Eigen::internal::pdiv(all(first), Eigen::internal::psqrt(squares));
    }

    void find_errors()
    {
        namespace ei = Eigen::internal;
        for (Index j = 0; j < n_lanes_; j += lanes) {
            const Lanes wh = ei::pmul(load(tail_[factor_scale] + j), products_.products(j));
            const Lanes known = ei::psub(ei::psub(load(value_ + j), all(own_bias_)), load(tail_[row_bias] + j));
            const Lanes error = present(ei::psub(known, wh), j);
            ei::pstore(to_own_ + j, ei::pmul(error, load(to_own_ + j)));
            ei::pstore(to_other_ + j, ei::pmul(error, load(to_other_ + j)));
            ei::pstore(error_ + j, error);
            ei::pstore(wh_ + j, wh);
        }
    }

    /// The squared length of what the columns have become.
    template <int packets> float move(float* own, Index column)
    {
        namespace ei = Eigen::internal;
        Packet w[packets], next[packets];
        MATFACT_UNROLL
        for (int i = 0; i < packets; ++i) {
            w[i] = ei::pload<Packet>(own + column + i * size);
            next[i] = ei::pmul(ei::pset1<Packet>(keep_), w[i]);
        }
        for (Index j = 0; j < n_; ++j) {
            float* const row = rows_[j] + column;
            const Packet to_own = ei::pset1<Packet>(to_own_[j]), to_other = ei::pset1<Packet>(to_other_[j]);
            MATFACT_UNROLL
            for (int i = 0; i < packets; ++i) {
                const Packet h = ei::pload<Packet>(row + i * size);
                next[i] = ei::pmadd(to_own, h, next[i]);
                ei::pstore(row + i * size, ei::pmadd(to_other, w[i], h));
            }
        }
        Packet squares = ei::pset1<Packet>(0.0f);
        MATFACT_UNROLL
        for (int i = 0; i < packets; ++i) {
            squares = ei::pmadd(next[i], next[i], squares);
            ei::pstore(own + column + i * size, next[i]);
        }
        return ei::predux(squares);
    }

    /// All numbers of both sides' tails, the own one's norm being `norm` from now on.
    void finish(float* own, float norm)
    {
        namespace ei = Eigen::internal;
        const Lanes one = all(1.0f), two = all(2.0f), zero = all(0.0f), inverse_k = all(rates_.inverse_k);
        const float own_l2 = own[row_l2];
        const Lanes own_bias = all(own_bias_), own_norm = all(own[factor_norm]);
        const Lanes own_l2s = all(own_l2), own_factor_l2s = all(rates_.l2_ratio * own_l2);
        Lanes errors = zero, own_slopes = zero, own_squares = zero, least = one;
        for (Index j = 0; j < n_lanes_; j += lanes) {
            const Lanes scale = load(tail_[factor_scale] + j), error = load(error_ + j), wh = load(wh_ + j);
            const Lanes bias = load(tail_[row_bias] + j), l2 = load(tail_[row_l2] + j);
            const Lanes norms = load(tail_[factor_norm] + j), squares = load(tail_[factor_squares] + j);
            const Lanes error_squared = ei::pmul(error, error), cross = ei::pmul(two, ei::pmul(error, wh));
            // ||l2 w - error h||^2 of both sides; rounding may not make it negative.
            const auto gradient = [&](const Lanes& l2_here, const Lanes& norm_here, const Lanes& norm_there) {
                const Lanes penalty = ei::pmul(l2_here, ei::psub(cross, ei::pmul(l2_here, norm_here)));
                return ei::pmul(inverse_k, ei::pmax(zero, ei::psub(ei::pmul(error_squared, norm_there), penalty)));
            };
            const Lanes factor_l2 = ei::pmul(all(rates_.l2_ratio), l2), step = load(steps_ + j);
            const Lanes keep = ei::pdiv(one, ei::pmadd(step, factor_l2, one)), along = ei::pmul(step, error);
            own_squares = ei::padd(own_squares, present(gradient(own_factor_l2s, own_norm, norms), j));
            ei::pstore(tail_[factor_squares] + j,
                       ei::pmin(all(most_squares), ei::padd(squares, gradient(factor_l2, norms, own_norm))));
            const Lanes smaller = ei::pmul(scale, keep);
            least = ei::pmin(least, smaller);
            ei::pstore(tail_[factor_scale] + j, smaller);
            const Lanes longer = ei::pmadd(along, ei::pmadd(along, own_norm, ei::pmul(two, wh)), norms);
            ei::pstore(tail_[factor_norm] + j, ei::pmul(ei::pmul(keep, keep), ei::pmax(zero, longer)));

            const Lanes slope = ei::psub(error, ei::pmul(l2, bias));
            const Lanes own_slope = present(ei::psub(error, ei::pmul(own_l2s, own_bias)), j);
            const Lanes bias_squares_here = load(tail_[bias_squares] + j);
            const Lanes bias_step = rate(rates_.bias, bias_squares_here);
            ei::pstore(tail_[row_bias] + j, ei::pdiv(ei::pmadd(bias_step, error, bias), ei::pmadd(bias_step, l2, one)));
            ei::pstore(tail_[bias_squares] + j,
                       ei::pmin(all(most_squares), ei::pmadd(slope, slope, bias_squares_here)));
            own_slopes = ei::pmadd(own_slope, own_slope, own_slopes);
            errors = ei::padd(errors, error);
        }
        has_small_scale_ = ei::predux_min(least) < least_scale;
        const float bias_step = rates_.bias / std::sqrt(own[bias_squares]);
        own[factor_norm] = norm;
        own[factor_squares] = std::min(most_squares, own[factor_squares] + ei::predux(own_squares));
        own[bias_squares] = std::min(most_squares, own[bias_squares] + ei::predux(own_slopes));
        own[row_bias] =
            (own_bias_ + bias_step * ei::predux(errors)) / (1.0f + static_cast<float>(n_) * bias_step * own_l2);
    }

    static constexpr float least_scale = 1e-4f;
    static constexpr float most_squares = 1e36f; ///< the root of infinity is NaN where it is approximated
    static constexpr float ones_and_zeros[2 * capacity] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

    Index width_, n_ = 0, n_lanes_ = 0;
    StepRates rates_;
    float keep_ = 1.0f, step_ = 0.0f, own_bias_ = 0.0f; ///< of the own row, in this batch
    bool has_small_scale_ = false;
    RowProducts products_;
    float *rows_[capacity], *tails_[capacity + lanes];
    alignas(64) float nowhere_[numbers] = {};   ///< the tail of lanes without a rating, whose steps leave it as it is
    alignas(64) float tail_[numbers][capacity]; ///< those of the other side's rows
    alignas(64) float value_[capacity] = {}, steps_[capacity], wh_[capacity], error_[capacity];
    alignas(64) float to_own_[capacity], to_other_[capacity];
};

} // namespace matfact
