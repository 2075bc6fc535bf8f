/// Progress reports that also let Ctrl-C through.
#pragma once

#include "matfact/progress.hpp"

#include <pybind11/pybind11.h>

#include <chrono>
#include <optional>

namespace matfact {

namespace py = pybind11;
using PyProgress = std::optional<py::function>;

inline bool is_true(const py::object& answer)
{
    const int truth = PyObject_IsTrue(answer.ptr());
    if (truth < 0)
        throw py::error_already_set();
    return truth != 0;
}

/// Wraps a Python callable, or none, for a call that has released the GIL. Exceptions of the callable and
/// KeyboardInterrupt pass through the core unchanged. Without a callable the GIL is taken at most every 20 ms, so that
/// thousands of tiny iterations cost nothing. `callback` must outlive the result.
inline Progress tick(const PyProgress& callback)
{
    using Clock = std::chrono::steady_clock;
    // A borrowed handle: the core may copy the closure without holding the GIL.
    const py::handle callable = callback ? py::handle(*callback) : py::handle();
    return [callable, last = Clock::now()](const Iteration& iteration) mutable {
        const Clock::time_point now = Clock::now();
        if (!callable && now - last < std::chrono::milliseconds(20))
            return false;
        last = now;
        const py::gil_scoped_acquire gil;
        if (PyErr_CheckSignals() != 0)
            throw py::error_already_set();
        return callable && is_true(callable(iteration.n_iter, iteration.objective));
    };
}

} // namespace matfact
