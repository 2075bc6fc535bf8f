#include "matfact/list_metrics.hpp"
#include "array.hpp"
#include "bindings.hpp"

#include <pybind11/native_enum.h>
#include <pybind11/stl.h>

#include <string>
#include <utility>

namespace matfact {

namespace {

using Lists = py::array_t<std::int64_t>;

template <class I> void bind_list_metrics_for(py::module_& m, const std::string& type)
{
    using Indices = py::array_t<I>;
    m.def(("list_metrics_" + type).c_str(),
          [](const Lists& lists, const Indices& indices, const Indices& indptr,
             const py::array_t<std::int64_t>& n_relevant, const py::array_t<double>& item_shares,
             const std::vector<std::pair<ListMetric, Index>>& metrics, int num_threads) {
              const MatrixView<const std::int64_t> listed = as_view(lists, "lists");
              const double* const shares = as_pointer(item_shares, "item_shares");
              const std::int64_t* const counts = as_pointer(n_relevant, "n_relevant");
              if (n_relevant.size() != listed.n_rows)
                  throw std::invalid_argument("n_relevant must have one entry for each list");
              // The values are not read.
              const py::array_t<float> no_values(indices.size());
              const CsrView<float, I> relevant = as_csr(no_values, indices, indptr, listed.n_rows, item_shares.size());
              std::vector<ListMetricAt> asked;
              for (const auto& [metric, k] : metrics)
                  asked.push_back({metric, k});
              Matrix<double> values;
              {
                  const py::gil_scoped_release nogil;
                  values = list_metrics(listed, relevant, counts, shares, asked, num_threads);
              }
              return to_numpy(std::move(values));
          },
          py::arg("lists").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(), py::kw_only(),
          py::arg("n_relevant").noconvert(), py::arg("item_shares").noconvert(), py::arg("metrics"),
          py::arg("num_threads"));
    m.def(("auc_" + type).c_str(),
          [](const py::array_t<float>& scores, const Indices& indices, const Indices& indptr, int num_threads) {
              const MatrixView<const float> s = as_view(scores, "scores");
              const py::array_t<float> no_values(indices.size());
              const CsrView<float, I> relevant = as_csr(no_values, indices, indptr, s.n_rows, s.n_cols);
              std::vector<double> shares;
              {
                  const py::gil_scoped_release nogil;
                  shares = auc(s, relevant, num_threads);
              }
              return to_numpy(std::move(shares));
          },
          py::arg("scores").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(), py::kw_only(),
          py::arg("num_threads"));
}

} // namespace

void bind_list_metrics(py::module_& m)
{
    py::native_enum<ListMetric>(m, "ListMetric", "enum.Enum")
        .value("precision", ListMetric::precision)
        .value("recall", ListMetric::recall)
        .value("hit_rate", ListMetric::hit_rate)
        .value("mrr", ListMetric::mrr)
        .value("map", ListMetric::map)
        .value("ndcg", ListMetric::ndcg)
        .value("novelty", ListMetric::novelty)
        .finalize();
    bind_list_metrics_for<std::int32_t>(m, "i32");
    bind_list_metrics_for<std::int64_t>(m, "i64");
    m.def(
        "first_places",
        [](const Lists& lists, Index n_items) {
            const MatrixView<const std::int64_t> listed = as_view(lists, "lists");
            std::vector<std::int64_t> places;
            {
                const py::gil_scoped_release nogil;
                places = first_places(listed, n_items);
            }
            return to_numpy(std::move(places));
        },
        py::arg("lists").noconvert(), py::arg("n_items"));
}

} // namespace matfact
