#include "matfact/top_n.hpp"
#include "array.hpp"
#include "bindings.hpp"
#include "progress.hpp"

#include <pybind11/stl.h>

#include <string>
#include <tuple>

namespace matfact {

namespace {

/// Values, indices and indptr of the histories and of the matrix by items, its users, and the linear weight.
template <class I>
using Graph = std::optional<std::tuple<py::array_t<float>, py::array_t<I>, py::array_t<I>, py::array_t<float>,
                                       py::array_t<I>, py::array_t<I>, Index, float>>;

template <class I> std::optional<GraphTerm<I>> as_graph(const Graph<I>& graph, Index n_queries, Index n_items)
{
    if (!graph)
        return std::nullopt;
    const auto& [values, indices, indptr, i_values, i_indices, i_indptr, n_users, linear_weight] = *graph;
    return GraphTerm<I>{as_csr(values, indices, indptr, n_queries, n_items),
                        as_csr(i_values, i_indices, i_indptr, n_items, n_users), linear_weight};
}

template <class I> void bind_top_n_for(py::module_& m, const std::string& type)
{
    using Array = py::array_t<float>;
    using Indices = py::array_t<I>;
    m.def(("top_n_" + type).c_str(),
          [](const Array& queries, const Array& items, const Indices& seen_indices, const Indices& seen_indptr,
             const std::optional<std::vector<std::int64_t>>& candidates, Index n, const Graph<I>& graph,
             int num_threads) {
              const MatrixView<const float> q = as_view(queries, "queries"), h = as_view(items, "items");
              // The values are not read.
              const py::array_t<float> no_values(seen_indices.size());
              const CsrView<float, I> seen = as_csr(no_values, seen_indices, seen_indptr, q.n_rows, h.n_rows);
              const std::optional<GraphTerm<I>> term = as_graph(graph, q.n_rows, h.n_rows);
              TopN r;
              {
                  const py::gil_scoped_release nogil;
                  r = top_n(q, h, seen, candidates ? &*candidates : nullptr, n, num_threads, tick(std::nullopt),
                            term ? &*term : nullptr);
              }
              return py::make_tuple(to_numpy(std::move(r.items)), to_numpy(std::move(r.scores)));
          },
          py::arg("queries").noconvert(), py::arg("items").noconvert(), py::arg("seen_indices").noconvert(),
          py::arg("seen_indptr").noconvert(), py::kw_only(), py::arg("candidates").none(true), py::arg("n"),
          py::arg("graph").noconvert().none(true), py::arg("num_threads"));
    m.def(("all_scores_" + type).c_str(),
          [](const Array& queries, const Array& items, const Graph<I>& graph, int num_threads) {
              const MatrixView<const float> q = as_view(queries, "queries"), h = as_view(items, "items");
              const std::optional<GraphTerm<I>> term = as_graph(graph, q.n_rows, h.n_rows);
              Matrix<float> scores;
              {
                  const py::gil_scoped_release nogil;
                  scores = all_scores<I>(q, h, num_threads, tick(std::nullopt), term ? &*term : nullptr);
              }
              return to_numpy(std::move(scores));
          },
          py::arg("queries").noconvert(), py::arg("items").noconvert(), py::kw_only(),
          py::arg("graph").noconvert().none(true), py::arg("num_threads"));
}

} // namespace

void bind_top_n(py::module_& m)
{
    bind_top_n_for<std::int32_t>(m, "i32");
    bind_top_n_for<std::int64_t>(m, "i64");
}

} // namespace matfact
