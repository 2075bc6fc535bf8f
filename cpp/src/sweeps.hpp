/// What methods that sweep over interactions have in common: checks, when they end, and what is left where they are
/// ended.
#pragma once

#include "linalg/csr.hpp"
#include "matfact/progress.hpp"
#include "matfact/status.hpp"
#include "require.hpp"

#include <cmath>
#include <utility>

namespace matfact {

/// Throws std::invalid_argument where one of the options that all have is out of its range.
template <class Options> void check_sweep_options(const Options& options)
{
    require(options.n_components >= 1, "n_components must be at least 1");
    require(std::isfinite(options.l2) && options.l2 >= 0.0, "l2 must not be negative");
    require(options.max_iter >= 1, "max_iter must be at least 1");
    require(options.tol >= 0.0, "tol must not be negative");
}

/// Throws std::invalid_argument where shapes and numbers of entries show that xt is not the transpose of x.
template <class I> void check_transpose(CsrView<float, I> x, CsrView<float, I> xt)
{
    require(x.n_rows == xt.n_cols && x.n_cols == xt.n_rows && linalg::stored_entries(x) == linalg::stored_entries(xt),
            "xt must be the transpose of x");
}

/// Throws std::invalid_argument where an entry is no sign of interest.
template <class I> void check_feedback(CsrView<float, I> x)
{
    for (Index p = 0; p < linalg::stored_entries(x); ++p)
        require(x.values[p] > 0.0f && std::isfinite(x.values[p]), "implicit feedback must be positive and finite");
}

/// Counts a sweep whose objective is the last of the history, tells `progress` of it and of what gives its factors, and
/// sets the status: whether it was the last one.
template <class Result>
bool ends_after_sweep(Result& result, Index max_iter, double tol, const Progress& progress,
                      const std::function<SweepFactors()>& factors)
{
    const double objective = result.history.back();
    ++result.n_iter;
    if (progress && progress({result.n_iter, objective, factors}))
        result.status = Status::stopped;
    else if (tol > 0.0 && result.n_iter > 1 &&
             result.history[result.history.size() - 2] - objective <= tol * result.history[result.history.size() - 2])
        result.status = Status::converged;
    else
        return result.n_iter >= max_iter;
    return true;
}

/// Calls sweep(), which changes `result` between its sweeps only, and then finish(). Where it throws after a complete
/// sweep, `last`, if there is one, gets the finished result of that.
template <class Result, class Sweep, class Finish>
void keep_last(Result& result, Result* last, const Sweep& sweep, const Finish& finish)
{
    try {
        sweep();
    } catch (...) {
        if (last && result.n_iter > 0) {
            result.status = Status::stopped;
            finish();
            *last = std::move(result);
        }
        throw;
    }
    finish();
}

} // namespace matfact
