#include "matfact/top_n.hpp"
#include "array.hpp"
#include "bindings.hpp"
#include "progress.hpp"

#include <pybind11/stl.h>

namespace matfact {

namespace {

template <class I> void bind_top_n_for(py::module_& m, const char* name)
{
    using Array = py::array_t<float>;
    using Indices = py::array_t<I>;
    m.def(
        name,
        [](const Array& queries, const Array& items, const Indices& seen_indices, const Indices& seen_indptr,
           const std::optional<std::vector<std::int64_t>>& candidates, Index n, int num_threads) {
            const MatrixView<const float> q = as_view(queries, "queries"), h = as_view(items, "items");
            // The values are not read.
            const py::array_t<float> no_values(seen_indices.size());
            const CsrView<float, I> seen = as_csr(no_values, seen_indices, seen_indptr, q.n_rows, h.n_rows);
            TopN r;
            {
                const py::gil_scoped_release nogil;
                r = top_n(q, h, seen, candidates ? &*candidates : nullptr, n, num_threads, tick(std::nullopt));
            }
            return py::make_tuple(to_numpy(std::move(r.items)), to_numpy(std::move(r.scores)));
        },
        py::arg("queries").noconvert(), py::arg("items").noconvert(), py::arg("seen_indices").noconvert(),
        py::arg("seen_indptr").noconvert(), py::kw_only(), py::arg("candidates").none(true), py::arg("n"),
        py::arg("num_threads"));
}

} // namespace

void bind_top_n(py::module_& m)
{
    bind_top_n_for<std::int32_t>(m, "top_n_i32");
    bind_top_n_for<std::int64_t>(m, "top_n_i64");
}

} // namespace matfact
