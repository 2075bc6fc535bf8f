#include "matfact/bpr.hpp"
#include "array.hpp"
#include "bindings.hpp"
#include "sweep_progress.hpp"

#include <pybind11/native_enum.h>
#include <pybind11/stl.h>

#include <string>

namespace matfact {

namespace {

template <class I> void bind_bpr_for(py::module_& m, const std::string& type)
{
    using Array = py::array_t<float>;
    using Indices = py::array_t<I>;
    m.def(("bpr_" + type).c_str(),
          [](const Array& values, const Indices& indices, const Indices& indptr, Index n_items, Index n_components,
             PairLoss loss, Negatives negatives, double learning_rate, double l2_user, double l2_positive,
             double l2_negative, bool item_bias, Index max_iter, bool deterministic, std::uint64_t seed,
             int num_threads, const PyProgress& progress, bool wants_factors) {
              const CsrView<float, I> x = as_csr(values, indices, indptr, indptr.size() - 1, n_items);
              const BprOptions options{n_components, loss,      negatives, learning_rate, l2_user, l2_positive,
                                       l2_negative,  item_bias, max_iter,  deterministic, seed,    num_threads};
              auto [r, raised] = keeping_last_sweep<BprFactors>(
                  [&](BprFactors* last) { return bpr(x, options, tick(progress, wants_factors), last); });
              return py::make_tuple(to_numpy(std::move(r.w)), to_numpy(std::move(r.h)), to_numpy(std::move(r.history)),
                                    to_numpy(std::move(r.errors)), to_numpy(std::move(r.auc)), r.n_iter, r.status,
                                    raised);
          },
          py::arg("values").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(),
          py::arg("n_items"), py::kw_only(), py::arg("n_components"), py::arg("loss"), py::arg("negatives"),
          py::arg("learning_rate"), py::arg("l2_user"), py::arg("l2_positive"), py::arg("l2_negative"),
          py::arg("item_bias"), py::arg("max_iter"), py::arg("deterministic"), py::arg("seed"), py::arg("num_threads"),
          py::arg("progress").none(true), py::arg("wants_factors"));
    m.def(("bpr_rows_" + type).c_str(),
          [](const Array& values, const Indices& indices, const Indices& indptr, const Array& h,
             const py::array_t<std::int64_t>& item_counts, Index n_components, PairLoss loss, Negatives negatives,
             double learning_rate, double l2_user, bool item_bias, Index max_iter, std::uint64_t seed,
             int num_threads) {
              const MatrixView<const float> factor = as_view(h, "h");
              const CsrView<float, I> x = as_csr(values, indices, indptr, indptr.size() - 1, factor.n_rows);
              BprOptions options;
              options.n_components = n_components;
              options.loss = loss;
              options.negatives = negatives;
              options.learning_rate = learning_rate;
              options.l2_user = l2_user;
              options.item_bias = item_bias;
              options.max_iter = max_iter;
              options.seed = seed;
              options.num_threads = num_threads;
              const std::int64_t* const first = as_pointer(item_counts, "item_counts");
              const std::vector<Index> counts(first, first + item_counts.size());
              Matrix<float> w;
              {
                  const py::gil_scoped_release nogil;
                  w = bpr_rows(x, factor, counts, options, tick(std::nullopt));
              }
              return to_numpy(std::move(w));
          },
          py::arg("values").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(),
          py::arg("h").noconvert(), py::arg("item_counts").noconvert(), py::kw_only(), py::arg("n_components"),
          py::arg("loss"), py::arg("negatives"), py::arg("learning_rate"), py::arg("l2_user"), py::arg("item_bias"),
          py::arg("max_iter"), py::arg("seed"), py::arg("num_threads"));
    m.def(("bpr_items_" + type).c_str(),
          [](const Array& values, const Indices& indices, const Indices& indptr, const Array& c_values,
             const Indices& c_indices, const Indices& c_indptr, const py::array_t<std::int64_t>& codes, const Array& w,
             const Array& h, Index n_components, PairLoss loss, Negatives negatives, double learning_rate,
             double l2_positive, double l2_negative, bool item_bias, Index max_iter, std::uint64_t seed,
             int num_threads) {
              const MatrixView<const float> users = as_view(w, "w"), items = as_view(h, "h");
              const CsrView<float, I> x = as_csr(values, indices, indptr, users.n_rows, items.n_rows);
              const CsrView<float, I> columns = as_csr(c_values, c_indices, c_indptr, codes.size(), users.n_rows);
              BprOptions options;
              options.n_components = n_components;
              options.loss = loss;
              options.negatives = negatives;
              options.learning_rate = learning_rate;
              options.l2_positive = l2_positive;
              options.l2_negative = l2_negative;
              options.item_bias = item_bias;
              options.max_iter = max_iter;
              options.seed = seed;
              options.num_threads = num_threads;
              const std::int64_t* const first = as_pointer(codes, "codes");
              const std::vector<Index> places(first, first + codes.size());
              Matrix<float> rows;
              {
                  const py::gil_scoped_release nogil;
                  rows = bpr_items(x, columns, places, users, items, options, tick(std::nullopt));
              }
              return to_numpy(std::move(rows));
          },
          py::arg("values").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(),
          py::arg("c_values").noconvert(), py::arg("c_indices").noconvert(), py::arg("c_indptr").noconvert(),
          py::arg("codes").noconvert(), py::arg("w").noconvert(), py::arg("h").noconvert(), py::kw_only(),
          py::arg("n_components"), py::arg("loss"), py::arg("negatives"), py::arg("learning_rate"),
          py::arg("l2_positive"), py::arg("l2_negative"), py::arg("item_bias"), py::arg("max_iter"), py::arg("seed"),
          py::arg("num_threads"));
}

} // namespace

void bind_bpr(py::module_& m)
{
    py::native_enum<PairLoss>(m, "PairLoss", "enum.Enum")
        .value("bpr", PairLoss::bpr)
        .value("warp", PairLoss::warp)
        .finalize();
    py::native_enum<Negatives>(m, "Negatives", "enum.Enum")
        .value("uniform", Negatives::uniform)
        .value("popularity", Negatives::popularity)
        .value("adaptive", Negatives::adaptive)
        .finalize();
    bind_bpr_for<std::int32_t>(m, "i32");
    bind_bpr_for<std::int64_t>(m, "i64");
}

} // namespace matfact
