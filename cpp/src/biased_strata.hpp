/// What the stochastic solvers of BiasedMF share: ratings in units of their standard deviation, dealt into strata, and
/// rows in the order of their places.
#pragma once

#include "linalg/kernel.hpp"
#include "matfact/biased_mf.hpp"
#include "strata.hpp"

namespace matfact {

/// A row is its factor, padded by zeros to whole packets, and a packet that begins with these numbers.
enum RowTail {
    row_bias,
    row_l2,      ///< of the bias, for each rating of the row
    row_state,   ///< numbers that a solver keeps
    row_state_2, ///
    row_state_3, ///
    row_state_4, ///
};

template <class I> class BiasedStrata {
public:
    /// The start: small random factors, no biases, both states at `state`; rows without ratings are and remain zero.
    BiasedStrata(CsrView<float, I> x, CsrView<float, I> xt, const BiasedOptions& options, double mean, float state,
                 int threads);

    const Strata<I>& strata() const { return strata_; }
    Matrix<float>& users() { return users_; } ///< by places
    Matrix<float>& items() { return items_; }
    Index width() const { return width_; }       ///< of a padded factor: the tail of a row begins there
    float l2_ratio() const { return l2_ratio_; } ///< of a row's l2 of the factor over that of the bias
    double objective() const;                    ///< of BiasedOptions, in units of the ratings
    double objective_without_products() const;   ///< the same, were all errors a standard deviation of the ratings
    void keep();                                 ///< remembers all rows, in their order: a copy is all it costs
    void restore();                              ///< as they were when keep() was called
    void write(BiasedFactors& result) const;     ///< w and h, of their full size

private:
    double with_penalties(double squared_errors) const;

    CsrView<float, I> x_, xt_;
    Index n_components_, width_;
    int threads_;
    double scale_; ///< standard deviation of the ratings
    float l2_ratio_;
    Strata<I> strata_;
    Matrix<float> users_, items_, kept_users_, kept_items_;
};

/// value - b_u - b_i - w . h
inline float prediction_error(const float* w, const float* h, Index width, float value)
{
    namespace ei = Eigen::internal;
    using Packet = linalg::Packet<float>;
    Packet sum = ei::pset1<Packet>(0.0f);
    for (Index c = 0; c < width; c += linalg::packet_size<float>)
        sum = ei::pmadd(ei::pload<Packet>(w + c), ei::pload<Packet>(h + c), sum);
    return value - w[width + row_bias] - h[width + row_bias] - ei::predux(sum);
}

} // namespace matfact
