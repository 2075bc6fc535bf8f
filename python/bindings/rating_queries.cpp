#include "matfact/rating_queries.hpp"
#include "array.hpp"
#include "bindings.hpp"

namespace matfact {

void bind_rating_queries(py::module_& m)
{
    m.def(
        "rating_queries",
        [](const py::array_t<float>& w, double mean, bool biases, Index n_draws) {
            const MatrixView<const float> rows = as_view(w, "w");
            RatingQueries r;
            {
                const py::gil_scoped_release nogil;
                r = rating_queries(rows, mean, biases, n_draws);
            }
            return py::make_tuple(to_numpy(std::move(r.queries)), to_numpy(std::move(r.constants)));
        },
        py::arg("w").noconvert(), py::arg("mean"), py::kw_only(), py::arg("biases"), py::arg("n_draws"));
}

} // namespace matfact
