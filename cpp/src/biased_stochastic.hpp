/// The stochastic solvers of biased_mf().
#pragma once

#include "biased_strata.hpp"
#include "checkpoint.hpp"
#include "sweeps.hpp"

#include <chrono>
#include <sstream>

namespace matfact {

/// Stochastic gradient descent, a user's ratings of a block sixteen at a time, with a rate of each row (
/// Chin, Zhuang, Juan and Lin 2015,
/// doi:10.1007/978-3-319-18038-0_35). result has its mean, and w and h of their full size.
template <class I>
void biased_sgd(CsrView<float, I> x, CsrView<float, I> xt, const BiasedOptions& options, int threads,
                const Progress& progress, BiasedFactors& result);

/// Adam (Kingma and Ba 2015, arXiv:1412.6980) with the gradients of a block of ratings at a time; a row takes part
/// where the block has ratings of it.
template <class I>
void biased_adam(CsrView<float, I> x, CsrView<float, I> xt, const BiasedOptions& options, int threads,
                 const Progress& progress, BiasedFactors& result);

/// Calls sweep(number, interrupt) until the options or `progress` say enough; the result is that of the last complete
/// sweep. `interrupt` is to be called between pieces; it is empty where the sweep is short enough to be finished first.
template <class I, class Sweep>
void run_sweeps(BiasedStrata<I>& rows, const BiasedOptions& options, double learning_rate, const Progress& progress,
                const Sweep& sweep, BiasedFactors& result)
{
    // A sweep works in place: to be interrupted it needs a copy of what the one before has made. Ctrl-C may wait for
    // 0.2 s.
    constexpr std::chrono::milliseconds short_sweep(50);
    const linalg::Checkpoint interrupt = checkpoint_of(progress);
    bool may_interrupt = true, is_kept = false;
    // More than at the start is no descent. A penalty may rise with the step, so some room is left.
    const double bound = 10.0 * rows.objective_without_products();
    const auto factors = [&] {
        rows.write(result);
        return SweepFactors{result.w.view(), result.h.view(), {result.mean}};
    };
    try {
        do {
            if (interrupt && !may_interrupt)
                interrupt(); // while all rows are those of the sweep before
            const auto begin = std::chrono::steady_clock::now();
            sweep(result.n_iter, may_interrupt ? interrupt : linalg::Checkpoint{});
            const double objective = rows.objective();
            if (!(objective <= bound)) {
                std::ostringstream message;
                if (!is_kept)
                    result.n_iter = 0; // nothing is left of what was complete
                message << "the objective grows without bound with learning_rate=" << learning_rate
                        << ": pass a lower learning_rate";
                throw NumericalError(message.str());
            }
            result.history.push_back(objective);
            may_interrupt = progress && std::chrono::steady_clock::now() - begin > short_sweep;
            is_kept = may_interrupt;
            if (is_kept)
                rows.keep();
        } while (!ends_after_sweep(result, options.max_iter, options.tol, progress, factors));
    } catch (...) {
        if (progress && result.n_iter > 0) {
            if (is_kept)
                rows.restore();
            rows.write(result);
        }
        throw;
    }
    rows.write(result);
}

} // namespace matfact
