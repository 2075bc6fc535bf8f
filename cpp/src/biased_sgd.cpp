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
    float *const u = w + width, *const i = h + width;
    // Both factors and both biases at once: roots and quotients are what a short row waits for.
    const float learning[4] = {rates.factor, rates.factor, rates.bias, rates.bias};
    const float l2[4] = {rates.l2_ratio * u[row_l2], rates.l2_ratio * i[row_l2], u[row_l2], i[row_l2]};
    const float squares[4] = {u[factor_squares], i[factor_squares], u[bias_squares], i[bias_squares]};
    float rate[4], keep[4];
    for (int s = 0; s < 4; ++s)
        rate[s] = learning[s] / std::sqrt(squares[s]);
    for (int s = 0; s < 4; ++s)
        keep[s] = 1.0f / (1.0f + rate[s] * l2[s]);

    const float wh = ei::predux(products), ww = ei::predux(squares_w), hh = ei::predux(squares_h);
    const float error = value - u[row_bias] - i[row_bias] - wh;
    for (int s = 0; s < 4; ++s)
        rate[s] *= keep[s] * error;
    // ||l2 w - error h||^2; rounding may not make it negative.
    const float error_squared = error * error, cross = 2.0f * error * wh;
    u[factor_squares] += rates.inverse_k * std::max(0.0f, error_squared * hh - l2[0] * (cross - l2[0] * ww));
    i[factor_squares] += rates.inverse_k * std::max(0.0f, error_squared * ww - l2[1] * (cross - l2[1] * hh));
    const float slope_u = error - l2[2] * u[row_bias], slope_i = error - l2[3] * i[row_bias];
    u[bias_squares] += slope_u * slope_u;
    i[bias_squares] += slope_i * slope_i;
    u[row_bias] = keep[2] * u[row_bias] + rate[2];
    i[row_bias] = keep[3] * i[row_bias] + rate[3];

    const Packet own_w = ei::pset1<Packet>(keep[0]), other_w = ei::pset1<Packet>(rate[0]);
    const Packet own_h = ei::pset1<Packet>(keep[1]), other_h = ei::pset1<Packet>(rate[1]);
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
