#include "biased_stochastic.hpp"

#include <cmath>

namespace matfact {

namespace {

namespace ei = Eigen::internal;
using Packet = linalg::Packet<float>;

/// Mean squares of the gradients so far, whose roots divide the learning rate.
constexpr RowTail factor_squares = row_state, bias_squares = row_state_2;

struct Rates {
    float factor, bias;
    float l2_ratio; ///< of the factor over the bias
    float inverse_k;
};

/// The gradient of one rating's share of the objective, halved, is l2 w - error h, and l2 b - error. The error's part
/// is a step along it; the penalty's is an implicit one, w / (1 + rate l2), which no l2 can make too long.
void update(float* w, float* h, Index width, float value, const Rates& rates)
{
    Packet products = ei::pset1<Packet>(0.0f), squares_w = products, squares_h = products;
    for (Index c = 0; c < width; c += linalg::packet_size<float>) {
        const Packet a = ei::pload<Packet>(w + c), b = ei::pload<Packet>(h + c);
        products = ei::pmadd(a, b, products);
        squares_w = ei::pmadd(a, a, squares_w);
        squares_h = ei::pmadd(b, b, squares_h);
    }
    const float wh = ei::predux(products), ww = ei::predux(squares_w), hh = ei::predux(squares_h);
    float *const u = w + width, *const i = h + width;
    const float error = value - u[row_bias] - i[row_bias] - wh;
    const float l2_w = rates.l2_ratio * u[row_l2], l2_h = rates.l2_ratio * i[row_l2];
    const float rate_w = rates.factor / std::sqrt(u[factor_squares]),
                rate_h = rates.factor / std::sqrt(i[factor_squares]);
    const float rate_u = rates.bias / std::sqrt(u[bias_squares]), rate_i = rates.bias / std::sqrt(i[bias_squares]);

    // ||l2 w - error h||^2; rounding may not make it negative.
    const float squares = error * error, cross = 2.0f * error * wh;
    u[factor_squares] += rates.inverse_k * std::max(0.0f, squares * hh - l2_w * (cross - l2_w * ww));
    i[factor_squares] += rates.inverse_k * std::max(0.0f, squares * ww - l2_h * (cross - l2_h * hh));
    const float slope_u = error - u[row_l2] * u[row_bias], slope_i = error - i[row_l2] * i[row_bias];
    u[bias_squares] += slope_u * slope_u;
    i[bias_squares] += slope_i * slope_i;
    u[row_bias] = (u[row_bias] + rate_u * error) / (1.0f + rate_u * u[row_l2]);
    i[row_bias] = (i[row_bias] + rate_i * error) / (1.0f + rate_i * i[row_l2]);

    const float keep_w = 1.0f / (1.0f + rate_w * l2_w), keep_h = 1.0f / (1.0f + rate_h * l2_h);
    const Packet own_w = ei::pset1<Packet>(keep_w), other_w = ei::pset1<Packet>(keep_w * rate_w * error);
    const Packet own_h = ei::pset1<Packet>(keep_h), other_h = ei::pset1<Packet>(keep_h * rate_h * error);
    for (Index c = 0; c < width; c += linalg::packet_size<float>) {
        const Packet a = ei::pload<Packet>(w + c), b = ei::pload<Packet>(h + c);
        ei::pstore(w + c, ei::pmadd(other_w, b, ei::pmul(own_w, a)));
        ei::pstore(h + c, ei::pmadd(other_h, a, ei::pmul(own_h, b)));
    }
}

} // namespace

template <class I>
void biased_sgd(CsrView<float, I> x, CsrView<float, I> xt, const BiasedOptions& options, int threads,
                const Progress& progress, BiasedFactors& result)
{
    const double learning_rate = options.learning_rate > 0.0 ? options.learning_rate : 0.05;
    const linalg::Checkpoint interrupt = checkpoint_of(progress);
    // Gradients are counted from 1, their size where errors and rows are: the first steps are no longer than the rate.
    BiasedStrata<I> rows(x, xt, options, result.mean, 1.0f, threads);
    const auto rate = static_cast<float>(learning_rate);
    const Rates rates{rate, options.biases ? rate : 0.0f, rows.l2_ratio(),
                      1.0f / static_cast<float>(options.n_components)};
    run_sweeps(
        rows, options, learning_rate, progress,
        [&](Index) {
            rows.strata().for_each_block(threads, interrupt, [&](Index row_group, Index col_group) {
                for (const StrataEntry<I>& entry : rows.strata().block(row_group, col_group))
                    update(&rows.users()(static_cast<Index>(entry.row), 0),
                           &rows.items()(static_cast<Index>(entry.col), 0), rows.width(), entry.value, rates);
            });
        },
        result);
}

#define MATFACT_SGD(I)                                                                                                 \
    template void biased_sgd(CsrView<float, I>, CsrView<float, I>, const BiasedOptions&, int, const Progress&,         \
                             BiasedFactors&);
MATFACT_SGD(std::int32_t)
MATFACT_SGD(std::int64_t)

} // namespace matfact
