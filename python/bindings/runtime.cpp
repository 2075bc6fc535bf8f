#include "matfact/runtime.hpp"
#include "bindings.hpp"
#include "matfact/status.hpp"

#include <pybind11/native_enum.h>

namespace matfact {

namespace py = pybind11;

void bind_runtime(py::module_& m)
{
    py::register_local_exception<NumericalError>(m, "NumericalError", PyExc_ArithmeticError);
    py::native_enum<Status>(m, "Status", "enum.Enum")
        .value("converged", Status::converged)
        .value("max_iter", Status::max_iter)
        .value("stopped", Status::stopped)
        .value("diverged", Status::diverged)
        .finalize();
    m.def("get_num_threads", &get_num_threads);
    m.def("set_num_threads", &set_num_threads, py::arg("n"));
    m.def("has_openmp", &has_openmp);
}

} // namespace matfact
