#include "matfact/sketch.hpp"
#include "array.hpp"
#include "bindings.hpp"
#include "progress.hpp"

#include <pybind11/stl.h>

namespace matfact {

void bind_sketch(py::module_& m)
{
    m.def(
        "shrink_rows",
        [](py::array_t<double>& rows, Index n_exact, Index n_kept, int num_threads, const PyProgress& progress) {
            const MatrixView<const double> view = as_view(rows, "rows");
            const MatrixView<double> writable{rows.mutable_data(), view.n_rows, view.n_cols, view.row_stride,
                                              view.col_stride};
            const py::gil_scoped_release nogil; // `progress` takes it back by itself
            return shrink_rows(writable, n_exact, n_kept, num_threads, tick(progress));
        },
        py::arg("rows").noconvert(), py::kw_only(), py::arg("n_exact"), py::arg("n_kept"), py::arg("num_threads"),
        py::arg("progress").none(true));
}

} // namespace matfact
