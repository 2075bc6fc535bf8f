#include "matfact/complete.hpp"
#include "array.hpp"
#include "bindings.hpp"
#include "progress.hpp"

#include <pybind11/stl.h>

#include <string>

namespace matfact {

namespace {

/// Defines `name` with the parameters of the matrix, given as `array_args`, followed by those of the options.
/// `as_x` turns the former (of types `X...`) into a view.
template <class T, class... X, class AsX, class... Args>
void def_complete(py::module_& m, const std::string& name, AsX as_x, const Args&... array_args)
{
    m.def(
        name.c_str(),
        [as_x](X... x, double l2, Index max_components, double tol, Index max_iter, int num_threads,
               const PyProgress& progress) {
            const auto view = as_x(x...);
            CompleteOptions options;
            options.l2 = l2;
            options.max_components = max_components;
            options.tol = tol;
            options.max_iter = max_iter;
            options.num_threads = num_threads;
            Completion<T> r;
            {
                const py::gil_scoped_release nogil; // `progress` takes it back by itself
                r = complete(view, options, tick(progress));
            }
            return py::make_tuple(to_numpy(std::move(r.u)), to_numpy(std::move(r.s)), to_numpy(std::move(r.vt)),
                                  r.objective, r.lower_bound, r.dual_norm, to_numpy(std::move(r.history)), r.n_observed,
                                  r.n_iter, r.status);
        },
        array_args..., py::kw_only(), py::arg("l2"), py::arg("max_components"), py::arg("tol"), py::arg("max_iter"),
        py::arg("num_threads"), py::arg("progress").none(true));
}

template <class T> void bind_dense_for(py::module_& m, const std::string& type)
{
    using Array = py::array_t<T>;
    def_complete<T, const Array&>(
        m, "complete_" + type, [](const Array& x) { return as_view(x, "x"); }, py::arg("x").noconvert());
}

template <class T, class I> void bind_csr_for(py::module_& m, const std::string& type)
{
    using Array = py::array_t<T>;
    using Indices = py::array_t<I>;
    def_complete<T, const Array&, const Indices&, const Indices&, Index, Index>(
        m, "complete_csr_" + type,
        [](const Array& values, const Indices& indices, const Indices& indptr, Index n_rows, Index n_cols) {
            return as_csr(values, indices, indptr, n_rows, n_cols);
        },
        py::arg("values").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(), py::arg("n_rows"),
        py::arg("n_cols"));
}

} // namespace

void bind_complete(py::module_& m)
{
    bind_dense_for<float>(m, "f32");
    bind_dense_for<double>(m, "f64");
    bind_csr_for<float, std::int32_t>(m, "f32_i32");
    bind_csr_for<float, std::int64_t>(m, "f32_i64");
    bind_csr_for<double, std::int32_t>(m, "f64_i32");
    bind_csr_for<double, std::int64_t>(m, "f64_i64");
}

} // namespace matfact
