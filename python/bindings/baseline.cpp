#include "matfact/baseline.hpp"
#include "array.hpp"
#include "bindings.hpp"
#include "progress.hpp"

#include <string>

namespace matfact {

namespace {

template <class I> void bind_baseline_for(py::module_& m, const std::string& type)
{
    using Array = py::array_t<float>;
    using Indices = py::array_t<I>;
    m.def(("baseline_" + type).c_str(),
          [](const Array& values, const Indices& indices, const Indices& indptr, const Array& t_values,
             const Indices& t_indices, const Indices& t_indptr, double l2_user, double l2_item, Index max_iter,
             int num_threads) {
              const Index n_users = indptr.size() - 1, n_items = t_indptr.size() - 1;
              const CsrView<float, I> x = as_csr(values, indices, indptr, n_users, n_items);
              const CsrView<float, I> xt = as_csr(t_values, t_indices, t_indptr, n_items, n_users);
              BaselineFactors r;
              {
                  const py::gil_scoped_release nogil;
                  r = baseline(x, xt, {l2_user, l2_item, max_iter, num_threads}, tick(std::nullopt));
              }
              return py::make_tuple(r.mean, to_numpy(std::move(r.w)), to_numpy(std::move(r.h)));
          },
          py::arg("values").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(),
          py::arg("t_values").noconvert(), py::arg("t_indices").noconvert(), py::arg("t_indptr").noconvert(),
          py::kw_only(), py::arg("l2_user"), py::arg("l2_item"), py::arg("max_iter"), py::arg("num_threads"));
    m.def(("baseline_rows_" + type).c_str(),
          [](const Array& values, const Indices& indices, const Indices& indptr, const Array& h, double mean, double l2,
             int num_threads) {
              const MatrixView<const float> biases = as_view(h, "h");
              const CsrView<float, I> x = as_csr(values, indices, indptr, indptr.size() - 1, biases.n_rows);
              Matrix<float> w;
              {
                  const py::gil_scoped_release nogil;
                  w = baseline_rows(x, biases, mean, l2, num_threads);
              }
              return to_numpy(std::move(w));
          },
          py::arg("values").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(),
          py::arg("h").noconvert(), py::arg("mean"), py::kw_only(), py::arg("l2"), py::arg("num_threads"));
}

} // namespace

void bind_baseline(py::module_& m)
{
    bind_baseline_for<std::int32_t>(m, "i32");
    bind_baseline_for<std::int64_t>(m, "i64");
}

} // namespace matfact
