/// The stochastic solvers of biased_mf().
#pragma once

#include "biased_strata.hpp"
#include "checkpoint.hpp"
#include "sweeps.hpp"

#include <sstream>

namespace matfact {

/// Stochastic gradient descent, rating by rating, with a rate of each row (Chin, Zhuang, Juan and Lin 2015,
/// doi:10.1007/978-3-319-18038-0_35). result has its mean, and w and h of their full size.
template <class I>
void biased_sgd(CsrView<float, I> x, CsrView<float, I> xt, const BiasedOptions& options, int threads,
                const Progress& progress, BiasedFactors& result);

/// Adam (Kingma and Ba 2015, arXiv:1412.6980) with the gradients of a block of ratings at a time; a row takes part
/// where the block has ratings of it.
template <class I>
void biased_adam(CsrView<float, I> x, CsrView<float, I> xt, const BiasedOptions& options, int threads,
                 const Progress& progress, BiasedFactors& result);

/// Calls sweep(number) until the options or `progress` say enough; the result is that of the last complete sweep.
template <class I, class Sweep>
void run_sweeps(BiasedStrata<I>& rows, const BiasedOptions& options, double learning_rate, const Progress& progress,
                const Sweep& sweep, BiasedFactors& result)
{
    // More than at the start is no descent. A penalty may rise with the step, so some room is left.
    const double bound = 10.0 * rows.objective();
    const auto factors = [&] {
        rows.write(result);
        return SweepFactors{result.w.view(), result.h.view(), {result.mean}};
    };
    try {
        do {
            sweep(result.n_iter);
            const double objective = rows.objective();
            if (!(objective <= bound)) {
                std::ostringstream message;
                message << "the objective grows without bound with learning_rate=" << learning_rate
                        << ": pass a lower learning_rate";
                throw NumericalError(message.str());
            }
            result.history.push_back(objective);
            if (progress)
                rows.keep(); // the next sweep works in place, and may be interrupted
        } while (!ends_after_sweep(result, options.max_iter, options.tol, progress, factors));
    } catch (...) {
        if (progress && result.n_iter > 0) {
            rows.restore();
            rows.write(result);
        }
        throw;
    }
    rows.write(result);
}

} // namespace matfact
