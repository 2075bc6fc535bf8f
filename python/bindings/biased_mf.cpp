#include "matfact/biased_mf.hpp"
#include "array.hpp"
#include "bindings.hpp"
#include "matfact/biased_gibbs.hpp"
#include "sweep_progress.hpp"

#include <pybind11/native_enum.h>
#include <pybind11/stl.h>

#include <string>

namespace matfact {

namespace {

template <class I> void bind_biased_for(py::module_& m, const std::string& type)
{
    using Array = py::array_t<float>;
    using Indices = py::array_t<I>;
    m.def(("biased_mf_" + type).c_str(),
          [](const Array& values, const Indices& indices, const Indices& indptr, const Array& t_values,
             const Indices& t_indices, const Indices& t_indptr, BiasedSolver solver, Index cg_steps,
             double learning_rate, Index n_components, double l2, L2Scaling l2_scaling, bool biases, Index max_iter,
             double tol, std::uint64_t seed, int num_threads, const PyProgress& progress, bool wants_factors,
             const Start& start) {
              const Index n_users = indptr.size() - 1, n_items = t_indptr.size() - 1;
              const CsrView<float, I> x = as_csr(values, indices, indptr, n_users, n_items);
              const CsrView<float, I> xt = as_csr(t_values, t_indices, t_indptr, n_items, n_users);
              const BiasedOptions options{n_components,  l2,       l2_scaling, biases, solver,      cg_steps,
                                          learning_rate, max_iter, tol,        seed,   num_threads, as_start(start)};
              auto [r, raised] = keeping_last_sweep<BiasedFactors>(
                  [&](BiasedFactors* last) { return biased_mf(x, xt, options, tick(progress, wants_factors), last); });
              return py::make_tuple(r.mean, to_numpy(std::move(r.w)), to_numpy(std::move(r.h)),
                                    to_numpy(std::move(r.history)), r.n_iter, r.status, raised);
          },
          py::arg("values").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(),
          py::arg("t_values").noconvert(), py::arg("t_indices").noconvert(), py::arg("t_indptr").noconvert(),
          py::kw_only(), py::arg("solver"), py::arg("cg_steps"), py::arg("learning_rate"), py::arg("n_components"),
          py::arg("l2"), py::arg("l2_scaling"), py::arg("biases"), py::arg("max_iter"), py::arg("tol"), py::arg("seed"),
          py::arg("num_threads"), py::arg("progress").none(true), py::arg("wants_factors"),
          py::arg("start").none(true).noconvert());
    m.def(("biased_rows_" + type).c_str(),
          [](const Array& values, const Indices& indices, const Indices& indptr, const Array& h, double mean,
             Index n_components, double l2, L2Scaling l2_scaling, bool biases, int num_threads) {
              const MatrixView<const float> factor = as_view(h, "h");
              const CsrView<float, I> x = as_csr(values, indices, indptr, indptr.size() - 1, factor.n_rows);
              BiasedOptions options;
              options.n_components = n_components;
              options.l2 = l2;
              options.l2_scaling = l2_scaling;
              options.biases = biases;
              options.num_threads = num_threads;
              Matrix<float> w;
              {
                  const py::gil_scoped_release nogil;
                  w = biased_rows(x, factor, mean, options, tick(std::nullopt));
              }
              return to_numpy(std::move(w));
          },
          py::arg("values").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(),
          py::arg("h").noconvert(), py::arg("mean"), py::kw_only(), py::arg("n_components"), py::arg("l2"),
          py::arg("l2_scaling"), py::arg("biases"), py::arg("num_threads"));
}

template <class I> void bind_gibbs_for(py::module_& m, const std::string& type)
{
    using Array = py::array_t<float>;
    using Indices = py::array_t<I>;
    m.def(("biased_gibbs_" + type).c_str(),
          [](const Array& values, const Indices& indices, const Indices& indptr, const Array& t_values,
             const Indices& t_indices, const Indices& t_indptr, Index n_components, bool biases, Index burn_in,
             Index n_samples, std::uint64_t seed, int num_threads, const PyProgress& progress) {
              const Index n_users = indptr.size() - 1, n_items = t_indptr.size() - 1;
              const CsrView<float, I> x = as_csr(values, indices, indptr, n_users, n_items);
              const CsrView<float, I> xt = as_csr(t_values, t_indices, t_indptr, n_items, n_users);
              const GibbsOptions options{n_components, biases, burn_in, n_samples, seed, num_threads};
              auto [r, raised] = keeping_last_sweep<GibbsSamples>(
                  [&](GibbsSamples* last) { return biased_gibbs(x, xt, options, tick(progress), last); });
              return py::make_tuple(r.mean, to_numpy(std::move(r.w)), to_numpy(std::move(r.h)),
                                    to_numpy(std::move(r.user_prior)), to_numpy(std::move(r.item_prior)),
                                    to_numpy(std::move(r.noise)), to_numpy(std::move(r.history)), r.n_iter, r.status,
                                    raised);
          },
          py::arg("values").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(),
          py::arg("t_values").noconvert(), py::arg("t_indices").noconvert(), py::arg("t_indptr").noconvert(),
          py::kw_only(), py::arg("n_components"), py::arg("biases"), py::arg("burn_in"), py::arg("n_samples"),
          py::arg("seed"), py::arg("num_threads"), py::arg("progress").none(true));
    m.def(("gibbs_rows_" + type).c_str(),
          [](const Array& values, const Indices& indices, const Indices& indptr, const Array& h, const Array& prior,
             double mean, bool biases, int num_threads) {
              const MatrixView<const float> factor = as_view(h, "h"), priors = as_view(prior, "prior");
              const CsrView<float, I> x = as_csr(values, indices, indptr, indptr.size() - 1, factor.n_rows);
              Matrix<float> w;
              {
                  const py::gil_scoped_release nogil;
                  w = gibbs_rows(x, factor, priors, mean, biases, num_threads, tick(std::nullopt));
              }
              return to_numpy(std::move(w));
          },
          py::arg("values").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(),
          py::arg("h").noconvert(), py::arg("prior").noconvert(), py::arg("mean"), py::kw_only(), py::arg("biases"),
          py::arg("num_threads"));
}

} // namespace

void bind_biased_mf(py::module_& m)
{
    py::native_enum<L2Scaling>(m, "L2Scaling", "enum.Enum")
        .value("none", L2Scaling::none)
        .value("count", L2Scaling::count)
        .finalize();
    py::native_enum<BiasedSolver>(m, "BiasedSolver", "enum.Enum")
        .value("als", BiasedSolver::als)
        .value("cg", BiasedSolver::cg)
        .value("sgd", BiasedSolver::sgd)
        .value("adam", BiasedSolver::adam)
        .finalize();
    bind_biased_for<std::int32_t>(m, "i32");
    bind_biased_for<std::int64_t>(m, "i64");
    bind_gibbs_for<std::int32_t>(m, "i32");
    bind_gibbs_for<std::int64_t>(m, "i64");
}

} // namespace matfact
