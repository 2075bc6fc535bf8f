#include "array.hpp"
#include "bindings.hpp"
#include "matfact/svd.hpp"
#include "progress.hpp"

#include <pybind11/stl.h>

#include <string>

namespace matfact {

namespace {

template <class T, class I> struct CsrLayout {
    static constexpr const char* name = "csr_";
    static CsrView<T, I> view(const py::array_t<T>& values, const py::array_t<I>& indices, const py::array_t<I>& indptr,
                              Index n_rows, Index n_cols)
    {
        return as_csr(values, indices, indptr, n_rows, n_cols);
    }
};

template <class T, class I> struct CscLayout {
    static constexpr const char* name = "csc_";
    static CscView<T, I> view(const py::array_t<T>& values, const py::array_t<I>& indices, const py::array_t<I>& indptr,
                              Index n_rows, Index n_cols)
    {
        const CsrView<T, I> columns = as_csr(values, indices, indptr, n_cols, n_rows);
        return {columns.values, columns.indices, columns.indptr, n_rows, n_cols};
    }
};

template <class T, class I, template <class, class> class Layout> void bind_layout(py::module_& m, const char* types)
{
    using Array = py::array_t<T>;
    using Indices = py::array_t<I>;
    const std::string suffix = std::string(Layout<T, I>::name) + types;
    m.def(("svd_" + suffix).c_str(),
          [](const Array& values, const Indices& indices, const Indices& indptr, Index n_rows, Index n_cols,
             Index n_components, double variance_fraction, SvdSolver solver, bool center, bool compute_u,
             const Weights& weights, double tol, Index max_passes, std::uint64_t seed, bool keep_transpose,
             int num_threads, const PyProgress& progress) {
              const auto x = Layout<T, I>::view(values, indices, indptr, n_rows, n_cols);
              SvdOptions options;
              options.weights = as_weights(weights, n_rows);
              options.n_components = n_components;
              options.variance_fraction = variance_fraction;
              options.solver = solver;
              options.center = center;
              options.compute_u = compute_u;
              options.tol = tol;
              options.max_passes = max_passes;
              options.seed = seed;
              options.keep_transpose = keep_transpose;
              options.num_threads = num_threads;
              SvdResult<T> r;
              {
                  const py::gil_scoped_release nogil; // `progress` takes it back by itself
                  r = svd(x, options, tick(progress));
              }
              return py::make_tuple(to_numpy(std::move(r.u)), to_numpy(std::move(r.s)), to_numpy(std::move(r.vt)),
                                    to_numpy(std::move(r.mean)), to_numpy(std::move(r.residuals)),
                                    to_numpy(std::move(r.error_bounds)), r.total_variance, r.stable_rank, r.next_value,
                                    r.n_passes, r.status);
          },
          py::arg("values").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(),
          py::arg("n_rows"), py::arg("n_cols"), py::kw_only(), py::arg("n_components"), py::arg("variance_fraction"),
          py::arg("solver"), py::arg("center"), py::arg("compute_u"), py::arg("weights").noconvert().none(true),
          py::arg("tol"), py::arg("max_passes"), py::arg("seed"), py::arg("keep_transpose"), py::arg("num_threads"),
          py::arg("progress").none(true));
    m.def(("project_" + suffix).c_str(),
          [](const Array& values, const Indices& indices, const Indices& indptr, Index n_rows, Index n_cols,
             const Array& vt, const std::optional<Array>& mean, int num_threads) {
              const auto rows = Layout<T, I>::view(values, indices, indptr, n_rows, n_cols);
              const MatrixView<const T> axes = as_view(vt, "vt");
              const T* const shift = mean ? as_pointer(*mean, "mean") : nullptr;
              if (mean && mean->size() != n_cols)
                  throw std::invalid_argument("mean must have one entry for each column of q");
              Matrix<T> scores;
              {
                  const py::gil_scoped_release nogil;
                  scores = project(rows, axes, shift, num_threads);
              }
              return to_numpy(std::move(scores));
          },
          py::arg("values").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(),
          py::arg("n_rows"), py::arg("n_cols"), py::arg("vt").noconvert(), py::arg("mean").noconvert().none(true),
          py::kw_only(), py::arg("num_threads"));
}

template <class T, class I> void bind_types(py::module_& m, const char* types)
{
    bind_layout<T, I, CsrLayout>(m, types);
    bind_layout<T, I, CscLayout>(m, types);
}

} // namespace

void bind_sparse_svd(py::module_& m)
{
    bind_types<float, std::int32_t>(m, "f32_i32");
    bind_types<float, std::int64_t>(m, "f32_i64");
    bind_types<double, std::int32_t>(m, "f64_i32");
    bind_types<double, std::int64_t>(m, "f64_i64");
}

} // namespace matfact
