#include "matfact/pure_svd.hpp"
#include "array.hpp"
#include "bindings.hpp"
#include "progress.hpp"

#include <pybind11/native_enum.h>

#include <string>

namespace matfact {

namespace {

template <class I> void bind_pure_svd_for(py::module_& m, const std::string& type)
{
    using Array = py::array_t<float>;
    using Indices = py::array_t<I>;
    m.def(("pure_svd_" + type).c_str(),
          [](const Array& values, const Indices& indices, const Indices& indptr, Index n_items, Index n_components,
             Normalize normalize, int num_threads, const PyProgress& progress) {
              const CsrView<float, I> x = as_csr(values, indices, indptr, indptr.size() - 1, n_items);
              PureSvdFactors r;
              {
                  const py::gil_scoped_release nogil; // `progress` takes it back by itself
                  r = pure_svd(x, {n_components, normalize, num_threads}, tick(progress));
              }
              return py::make_tuple(to_numpy(std::move(r.w)), to_numpy(std::move(r.h)), to_numpy(std::move(r.s)),
                                    to_numpy(std::move(r.residuals)), to_numpy(std::move(r.scale)), r.status);
          },
          py::arg("values").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(), py::kw_only(),
          py::arg("n_items"), py::arg("n_components"), py::arg("normalize"), py::arg("num_threads"),
          py::arg("progress").none(true));
    m.def(("pure_svd_rows_" + type).c_str(),
          [](const Array& values, const Indices& indices, const Indices& indptr, const Array& h,
             const std::optional<py::array_t<double>>& scale, int num_threads) {
              const MatrixView<const float> factor = as_view(h, "h");
              const CsrView<float, I> x = as_csr(values, indices, indptr, indptr.size() - 1, factor.n_rows);
              std::vector<double> diagonal;
              if (scale)
                  diagonal.assign(as_pointer(*scale, "scale"), as_pointer(*scale, "scale") + scale->size());
              Matrix<float> w;
              {
                  const py::gil_scoped_release nogil;
                  w = pure_svd_rows(x, factor, diagonal, num_threads);
              }
              return to_numpy(std::move(w));
          },
          py::arg("values").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(),
          py::arg("h").noconvert(), py::arg("scale").noconvert().none(true), py::kw_only(), py::arg("num_threads"));
}

} // namespace

void bind_pure_svd(py::module_& m)
{
    py::native_enum<Normalize>(m, "Normalize", "enum.Enum")
        .value("none", Normalize::none)
        .value("degree", Normalize::degree)
        .finalize();
    bind_pure_svd_for<std::int32_t>(m, "i32");
    bind_pure_svd_for<std::int64_t>(m, "i64");
}

} // namespace matfact
