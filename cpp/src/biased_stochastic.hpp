/// The stochastic solvers of biased_mf().
#pragma once

#include "biased_strata.hpp"
#include "checkpoint.hpp"
#include "sweeps.hpp"

#include <chrono>
#include <sstream>

namespace matfact {

/// Stochastic gradient descent, a user's ratings of a block sixteen at a time, with a rate of each row (Chin, Zhuang,
/// Juan and Lin 2015, doi:10.1007/978-3-319-18038-0_35). result has its mean, and w and h of their full size.
template <class I>
void biased_sgd(CsrView<float, I> x, CsrView<float, I> xt, const BiasedOptions& options, int threads,
                const Progress& progress, BiasedFactors& result);

/// Adam (Kingma and Ba 2015, arXiv:1412.6980) with the gradients of a block of ratings at a time; a row takes part
/// where the block has ratings of it.
template <class I>
void biased_adam(CsrView<float, I> x, CsrView<float, I> xt, const BiasedOptions& options, int threads,
                 const Progress& progress, BiasedFactors& result);

/// Ctrl-C may wait for 0.2 s.
constexpr std::chrono::milliseconds short_sweep(50);

/// Calls sweep(number, interrupt) until the options or `progress` say enough; the result is that of the last complete
/// sweep. `interrupt` is to be called between pieces. It is empty where the sweep before took no longer than
/// `uncopied`: a sweep works in place, and to be interrupted it needs a copy of what the one before has made.
template <class I, class Sweep>
void run_sweeps(BiasedStrata<I>& rows, const BiasedOptions& options, double learning_rate, const Progress& progress,
                const Sweep& sweep, BiasedFactors& result, std::chrono::milliseconds uncopied = short_sweep)
{
    const linalg::Checkpoint interrupt = checkpoint_of(progress);
    bool may_interrupt = true; // nothing is lost with the first sweep
    bool is_kept = false;      // in a copy of the rows
    bool is_current = false;   // the rows are those of the last complete sweep
    // Descent ends below what biases and factors of zero leave. A penalty may rise with the step, so some room is left.
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
            is_current = false;
            sweep(result.n_iter, may_interrupt ? interrupt : linalg::Checkpoint{});
            const double objective = rows.objective();
            if (!(objective <= bound)) {
                std::ostringstream message;
                message << "the objective grows without bound with learning_rate=" << learning_rate
                        << ": pass a lower learning_rate";
                throw NumericalError(message.str());
            }
            is_kept = false;
            may_interrupt = progress && std::chrono::steady_clock::now() - begin > uncopied;
            if (may_interrupt) {
                rows.keep();
                is_kept = true;
            }
            result.history.push_back(objective);
            is_current = true;
        } while (!ends_after_sweep(result, options.max_iter, options.tol, progress, factors));
    } catch (...) {
        if (!is_current && !is_kept)
            result.n_iter = 0; // nothing is left of what was complete
        if (progress && result.n_iter > 0) {
            if (!is_current)
                rows.restore();
            rows.write(result);
        }
        throw;
    }
    rows.write(result);
}

} // namespace matfact
