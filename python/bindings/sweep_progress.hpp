/// Progress reports of recommenders, with what the sweeps have made so far.
#pragma once

#include "array.hpp"
#include "progress.hpp"

#include <algorithm>
#include <utility>

namespace matfact {

/// A copy without gaps.
inline py::array_t<float> copy_to_numpy(MatrixView<const float> x)
{
    Matrix<float> copy(x.n_rows, x.n_cols);
    for (Index i = 0; i < x.n_rows; ++i)
        for (Index j = 0; j < x.n_cols; ++j)
            copy(i, j) = x(i, j);
    return to_numpy(std::move(copy));
}

/// As tick(); after a sweep `callback` is also given copies of w, h and what all rows share, if it `wants_factors`.
inline Progress tick(const PyProgress& callback, bool wants_factors)
{
    if (!callback || !wants_factors)
        return tick(callback);
    return [plain = tick(callback), callable = py::handle(*callback)](const Iteration& iteration) {
        if (!iteration.factors)
            return plain(iteration);
        const py::gil_scoped_acquire gil;
        if (PyErr_CheckSignals() != 0)
            throw py::error_already_set();
        const SweepFactors made = iteration.factors();
        return is_true(callable(iteration.n_iter, iteration.objective, copy_to_numpy(made.w), copy_to_numpy(made.h),
                                to_numpy(std::vector<double>(made.shared))));
    };
}

/// fit(last) without the GIL. Where Python ends it, by an exception of the callback or Ctrl-C, that is given beside
/// what the last complete sweep has made, and passes through where none was complete.
template <class Result, class Fit> std::pair<Result, py::object> keeping_last_sweep(const Fit& fit)
{
    Result last;
    try {
        const py::gil_scoped_release nogil; // the callback takes it back by itself
        return {fit(&last), py::none()};
    } catch (const py::error_already_set& error) {
        if (last.n_iter == 0)
            throw;
        if (error.trace())
            PyException_SetTraceback(error.value().ptr(), error.trace().ptr());
        return {std::move(last), error.value()};
    }
}

/// None for a random start.
using Start = std::optional<py::array_t<float>>;

inline MatrixView<const float> as_start(const Start& start)
{
    return start ? as_view(*start, "start") : MatrixView<const float>{};
}

} // namespace matfact
