#include "matfact/implicit_mf.hpp"
#include "array.hpp"
#include "bindings.hpp"
#include "sweep_progress.hpp"

#include <pybind11/native_enum.h>
#include <pybind11/stl.h>

#include <string>

namespace matfact {

namespace {

template <class I> void bind_implicit_for(py::module_& m, const std::string& type)
{
    using Array = py::array_t<float>;
    using Indices = py::array_t<I>;
    m.def(("implicit_mf_" + type).c_str(),
          [](const Array& values, const Indices& indices, const Indices& indptr, const Array& t_values,
             const Indices& t_indices, const Indices& t_indptr, Index n_components, ImplicitSolver solver, double alpha,
             double unobserved_weight, double l2, double l2_scaling, Index cg_steps, Index block_size, Index max_iter,
             double tol, std::uint64_t seed, int num_threads, const PyProgress& progress, bool wants_factors,
             const Start& start) {
              const Index n_users = indptr.size() - 1, n_items = t_indptr.size() - 1;
              const CsrView<float, I> x = as_csr(values, indices, indptr, n_users, n_items);
              const CsrView<float, I> xt = as_csr(t_values, t_indices, t_indptr, n_items, n_users);
              const ImplicitOptions options{n_components, solver,      alpha,          unobserved_weight, l2,
                                            l2_scaling,   cg_steps,    block_size,     max_iter,          tol,
                                            seed,         num_threads, as_start(start)};
              auto [r, raised] = keeping_last_sweep<ImplicitFactors>([&](ImplicitFactors* last) {
                  return implicit_mf(x, xt, options, tick(progress, wants_factors), last);
              });
              return py::make_tuple(to_numpy(std::move(r.w)), to_numpy(std::move(r.h)), to_numpy(std::move(r.spectrum)),
                                    to_numpy(std::move(r.history)), r.n_iter, r.status, raised);
          },
          py::arg("values").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(),
          py::arg("t_values").noconvert(), py::arg("t_indices").noconvert(), py::arg("t_indptr").noconvert(),
          py::kw_only(), py::arg("n_components"), py::arg("solver"), py::arg("alpha"), py::arg("unobserved_weight"),
          py::arg("l2"), py::arg("l2_scaling"), py::arg("cg_steps"), py::arg("block_size"), py::arg("max_iter"),
          py::arg("tol"), py::arg("seed"), py::arg("num_threads"), py::arg("progress").none(true),
          py::arg("wants_factors"), py::arg("start").none(true).noconvert());
    m.def(("implicit_rows_" + type).c_str(),
          [](const Array& values, const Indices& indices, const Indices& indptr, const Array& h,
             const std::vector<double>& spectrum, double alpha, double unobserved_weight, double l2, double l2_scaling,
             int num_threads) {
              const MatrixView<const float> factor = as_view(h, "h");
              const CsrView<float, I> x = as_csr(values, indices, indptr, indptr.size() - 1, factor.n_rows);
              ImplicitOptions options;
              options.alpha = alpha;
              options.unobserved_weight = unobserved_weight;
              options.l2 = l2;
              options.l2_scaling = l2_scaling;
              options.num_threads = num_threads;
              Matrix<float> w;
              {
                  const py::gil_scoped_release nogil;
                  w = implicit_rows(x, factor, spectrum, options, tick(std::nullopt));
              }
              return to_numpy(std::move(w));
          },
          py::arg("values").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(),
          py::arg("h").noconvert(), py::arg("spectrum"), py::kw_only(), py::arg("alpha"), py::arg("unobserved_weight"),
          py::arg("l2"), py::arg("l2_scaling"), py::arg("num_threads"));
}

} // namespace

void bind_implicit_mf(py::module_& m)
{
    py::native_enum<ImplicitSolver>(m, "ImplicitSolver", "enum.Enum")
        .value("als", ImplicitSolver::als)
        .value("cg", ImplicitSolver::cg)
        .value("block", ImplicitSolver::block)
        .finalize();
    bind_implicit_for<std::int32_t>(m, "i32");
    bind_implicit_for<std::int64_t>(m, "i64");
}

} // namespace matfact
