#include "biased_batch.hpp"
#include "biased_stochastic.hpp"

#include <algorithm>
#include <cmath>

namespace matfact {

namespace {

/// What a step expects of a row beside the numbers that all solvers keep.
void start_rows(Matrix<float>& rows, Index width)
{
    for (Index i = 0; i < rows.n_rows(); ++i) {
        float* const row = &rows(i, 0);
        row[width + factor_scale] = 1.0f;
        apply_scale(row, width);
    }
}

} // namespace

template <class I>
void biased_sgd(CsrView<float, I> x, CsrView<float, I> xt, const BiasedOptions& options, int threads,
                const Progress& progress, BiasedFactors& result)
{
    const double learning_rate = options.learning_rate > 0.0 ? options.learning_rate : 0.05;
    // Gradients are counted from 1, their size where errors and rows are: the first steps are no longer than the rate.
    BiasedStrata<I> rows(x, xt, options, result.mean, 1.0f, threads);
    const auto rate = static_cast<float>(learning_rate);
    const StepRates rates{rate, options.biases ? rate : 0.0f, rows.l2_ratio(),
                          1.0f / static_cast<float>(options.n_components)};
    const Index width = rows.width();
    start_rows(rows.users(), width);
    start_rows(rows.items(), width);
    run_sweeps(
        rows, options, learning_rate, progress,
        [&](Index, const linalg::Checkpoint& interrupt) {
            rows.strata().for_each_block(threads, interrupt, [&](Index row_group, Index col_group) {
                RatingBatch batch(width, rates);
                const auto block = rows.strata().block(row_group, col_group);
                for (const StrataEntry<I>* next = block.begin(); next != block.end();)
                    next = batch.step(rows.users(), rows.items(), next, block.end());
            });
            for_blocks(rows.items().n_rows(), 256, threads, [&](Index begin, Index end, Index) {
                for (Index i = begin; i < end; ++i)
                    apply_scale(&rows.items()(i, 0), width);
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
