#include "matfact/popularity.hpp"
#include "array.hpp"
#include "bindings.hpp"

#include <string>

namespace matfact {

namespace {

template <class I> void bind_popularity_for(py::module_& m, const std::string& type)
{
    m.def(("popularity_" + type).c_str(),
          [](const py::array_t<float>& values, const py::array_t<I>& indices, const py::array_t<I>& indptr,
             Index n_items, int num_threads) {
              const CsrView<float, I> x = as_csr(values, indices, indptr, indptr.size() - 1, n_items);
              Matrix<float> shares;
              {
                  const py::gil_scoped_release nogil;
                  shares = popularity(x, num_threads);
              }
              return to_numpy(std::move(shares));
          },
          py::arg("values").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(), py::kw_only(),
          py::arg("n_items"), py::arg("num_threads"));
}

} // namespace

void bind_popularity(py::module_& m)
{
    bind_popularity_for<std::int32_t>(m, "i32");
    bind_popularity_for<std::int64_t>(m, "i64");
}

} // namespace matfact
