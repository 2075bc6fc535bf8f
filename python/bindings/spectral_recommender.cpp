#include "matfact/spectral_recommender.hpp"
#include "array.hpp"
#include "bindings.hpp"

#include <string>

namespace matfact {

namespace {

template <class I> void bind_spectral_for(py::module_& m, const std::string& type)
{
    m.def(("spectral_by_item_" + type).c_str(),
          [](const py::array_t<float>& t_values, const py::array_t<I>& t_indices, const py::array_t<I>& t_indptr,
             Index n_users, int num_threads) {
              const CsrView<float, I> xt = as_csr(t_values, t_indices, t_indptr, t_indptr.size() - 1, n_users);
              std::vector<float> by_item;
              {
                  const py::gil_scoped_release nogil;
                  by_item = spectral_by_item(xt, num_threads);
              }
              return to_numpy(std::move(by_item));
          },
          py::arg("t_values").noconvert(), py::arg("t_indices").noconvert(), py::arg("t_indptr").noconvert(),
          py::kw_only(), py::arg("n_users"), py::arg("num_threads"));
}

} // namespace

/// The rest of the fit is that of pure_svd by degree.
void bind_spectral_recommender(py::module_& m)
{
    bind_spectral_for<std::int32_t>(m, "i32");
    bind_spectral_for<std::int64_t>(m, "i64");
}

} // namespace matfact
