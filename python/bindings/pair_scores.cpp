#include "matfact/pair_scores.hpp"
#include "array.hpp"
#include "bindings.hpp"
#include "progress.hpp"

namespace matfact {

void bind_pair_scores(py::module_& m)
{
    using Indices = py::array_t<std::int64_t>;
    m.def(
        "pair_scores",
        [](const py::array_t<float>& queries, const py::array_t<float>& items, const Indices& rows, const Indices& cols,
           int num_threads) {
            const MatrixView<const float> q = as_view(queries, "queries"), h = as_view(items, "items");
            const std::int64_t *const first = as_pointer(rows, "rows"), *const other = as_pointer(cols, "cols");
            std::vector<double> scores;
            {
                const py::gil_scoped_release nogil;
                scores = pair_scores(q, h, {first, first + rows.size()}, {other, other + cols.size()}, num_threads,
                                     tick(std::nullopt));
            }
            return to_numpy(std::move(scores));
        },
        py::arg("queries").noconvert(), py::arg("items").noconvert(), py::arg("rows").noconvert(),
        py::arg("cols").noconvert(), py::kw_only(), py::arg("num_threads"));
}

} // namespace matfact
