#include "biased_stochastic.hpp"

#include <cmath>

namespace matfact {

namespace {

using Row = Eigen::Map<Eigen::Array<float, 1, Eigen::Dynamic>>;
using ConstRow = Eigen::Map<const Eigen::Array<float, 1, Eigen::Dynamic>>;

constexpr float beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-8f;
/// Powers of beta1 and beta2: how much of the moments is still missing.
constexpr RowTail power1 = row_state, power2 = row_state_2;

/// The rows of one side with what Adam keeps of each of their numbers.
struct Side {
    explicit Side(Matrix<float>& rows)
        : values(rows), gradient(rows.n_rows(), rows.n_cols()), mean(rows.n_rows(), rows.n_cols()),
          square(rows.n_rows(), rows.n_cols()), counts(static_cast<std::size_t>(rows.n_rows()))
    {
        for (Matrix<float>* const x : {&gradient, &mean, &square})
            std::fill_n(x->data(), x->size(), 0.0f);
    }
    Matrix<float>& values;
    Matrix<float> gradient, mean, square;
    std::vector<float> counts; ///< ratings of the row in the block

    /// Adds a rating's share of the gradient, halved and without the penalty.
    void add(Index row, Index width, const float* other, float error, float bias_error)
    {
        Row(&gradient(row, 0), width) -= error * ConstRow(other, width);
        gradient(row, width + row_bias) -= bias_error;
        counts[static_cast<std::size_t>(row)] += 1.0f;
    }

    /// A step of the rows that were added to.
    void step(Index begin, Index end, Index width, float l2_ratio, float rate)
    {
        for (Index i = begin; i < end; ++i) {
            float& count = counts[static_cast<std::size_t>(i)];
            if (count == 0.0f)
                continue;
            float *const row = &values(i, 0), *const tail = row + width;
            Row v(row, width + 1), g(&gradient(i, 0), width + 1), m(&mean(i, 0), width + 1),
                s(&square(i, 0), width + 1);
            const float l2 = count * tail[row_l2];
            g.head(width) += l2_ratio * l2 * v.head(width);
            g[width] += l2 * v[width];
            m += (1.0f - beta1) * (g - m);
            s += (1.0f - beta2) * (g * g - s);
            tail[power1] *= beta1;
            tail[power2] *= beta2;
            v -= rate / (1.0f - tail[power1]) * m / ((s / (1.0f - tail[power2])).sqrt() + epsilon);
            g.setZero();
            count = 0.0f;
        }
    }
};

} // namespace

template <class I>
void biased_adam(CsrView<float, I> x, CsrView<float, I> xt, const BiasedOptions& options, int threads,
                 const Progress& progress, BiasedFactors& result)
{
    const double learning_rate = options.learning_rate > 0.0 ? options.learning_rate : 0.02;
    BiasedStrata<I> rows(x, xt, options, result.mean, 1.0f, threads);
    Side users(rows.users()), items(rows.items());
    const float bias_share = options.biases ? 1.0f : 0.0f;
    const auto& user_groups = rows.strata().rows().begins;
    const auto& item_groups = rows.strata().cols().begins;
    run_sweeps(
        rows, options, learning_rate, progress,
        [&](Index sweep, const linalg::Checkpoint& interrupt) {
            const auto rate = static_cast<float>(learning_rate / std::sqrt(1.0 + static_cast<double>(sweep)));
            rows.strata().for_each_block(threads, interrupt, [&](Index row_group, Index col_group) {
                for (const StrataEntry<I>& entry : rows.strata().block(row_group, col_group)) {
                    const auto u = static_cast<Index>(entry.row), i = static_cast<Index>(entry.col);
                    const float *const w = &users.values(u, 0), *const h = &items.values(i, 0);
                    const float error = prediction_error(w, h, rows.width(), entry.value);
                    users.add(u, rows.width(), h, error, bias_share * error);
                    items.add(i, rows.width(), w, error, bias_share * error);
                }
                const auto r = static_cast<std::size_t>(row_group), c = static_cast<std::size_t>(col_group);
                users.step(user_groups[r], user_groups[r + 1], rows.width(), rows.l2_ratio(), rate);
                items.step(item_groups[c], item_groups[c + 1], rows.width(), rows.l2_ratio(), rate);
            });
        },
        result);
}

#define MATFACT_ADAM(I)                                                                                                \
    template void biased_adam(CsrView<float, I>, CsrView<float, I>, const BiasedOptions&, int, const Progress&,        \
                              BiasedFactors&);
MATFACT_ADAM(std::int32_t)
MATFACT_ADAM(std::int64_t)

} // namespace matfact
