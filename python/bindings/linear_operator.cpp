#include "matfact/linear_operator.hpp"
#include "array.hpp"
#include "bindings.hpp"
#include "matfact/eigh.hpp"
#include "matfact/svd.hpp"
#include "progress.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <vector>

namespace matfact {

namespace {

/// A Python callable as a product: it takes an array (n, b) of its own and returns one that the facade has checked.
/// The GIL is held for the call alone. `callable` must outlive the result.
template <class T> typename LinearOperator<T>::Product product_of(const py::function& callable)
{
    // A borrowed handle: the core may copy the closure without holding the GIL.
    return [handle = py::handle(callable)](MatrixView<const T> in, MatrixView<T> out) {
        const py::gil_scoped_acquire gil;
        py::array_t<T> block(std::vector<py::ssize_t>{in.n_rows, in.n_cols});
        std::copy_n(in.data, in.n_rows * in.n_cols, block.mutable_data());
        const auto answer = handle(std::move(block)).template cast<py::array_t<T>>();
        const MatrixView<const T> view = as_view(answer, "product");
        if (view.n_rows != out.n_rows || view.n_cols != out.n_cols)
            throw std::invalid_argument("the product has the wrong shape");
        for (Index i = 0; i < out.n_rows; ++i)
            for (Index j = 0; j < out.n_cols; ++j)
                out(i, j) = view(i, j);
    };
}

template <class T> void bind_svd_for(py::module_& m, const char* name)
{
    m.def(
        name,
        [](const py::function& times, const py::function& transposed_times, Index n_rows, Index n_cols,
           Index n_components, SvdSolver solver, bool center, double tol, Index max_passes, std::uint64_t seed,
           int num_threads, const PyProgress& progress) {
            const LinearOperator<T> x{n_rows, n_cols, product_of<T>(times), product_of<T>(transposed_times)};
            SvdOptions options;
            options.n_components = n_components;
            options.solver = solver;
            options.center = center;
            options.tol = tol;
            options.max_passes = max_passes;
            options.seed = seed;
            options.num_threads = num_threads;
            SvdResult<T> r;
            {
                const py::gil_scoped_release nogil; // products and `progress` take it back by themselves
                r = svd(x, options, tick(progress));
            }
            return py::make_tuple(to_numpy(std::move(r.u)), to_numpy(std::move(r.s)), to_numpy(std::move(r.vt)),
                                  to_numpy(std::move(r.mean)), to_numpy(std::move(r.residuals)),
                                  to_numpy(std::move(r.error_bounds)), r.total_variance, r.stable_rank, r.next_value,
                                  r.n_passes, r.status);
        },
        py::arg("times"), py::arg("transposed_times"), py::arg("n_rows"), py::arg("n_cols"), py::kw_only(),
        py::arg("n_components"), py::arg("solver"), py::arg("center"), py::arg("tol"), py::arg("max_passes"),
        py::arg("seed"), py::arg("num_threads"), py::arg("progress").none(true));
}

template <class T> void bind_eigh_for(py::module_& m, const char* name)
{
    m.def(
        name,
        [](const py::function& times, Index n, Index n_components, EighSolver solver, double tol, Index max_passes,
           std::uint64_t seed, int num_threads, const PyProgress& progress) {
            const LinearOperator<T> a{n, n, product_of<T>(times), {}};
            EighOptions options;
            options.n_components = n_components;
            options.solver = solver;
            options.tol = tol;
            options.max_passes = max_passes;
            options.seed = seed;
            options.num_threads = num_threads;
            EighResult<T> r;
            {
                const py::gil_scoped_release nogil;
                r = eigh(a, options, tick(progress));
            }
            return py::make_tuple(to_numpy(std::move(r.w)), to_numpy(std::move(r.v)), to_numpy(std::move(r.residuals)),
                                  to_numpy(std::move(r.error_bounds)), r.next_value, r.n_passes, r.status);
        },
        py::arg("times"), py::arg("n"), py::kw_only(), py::arg("n_components"), py::arg("solver"), py::arg("tol"),
        py::arg("max_passes"), py::arg("seed"), py::arg("num_threads"), py::arg("progress").none(true));
}

} // namespace

void bind_linear_operator(py::module_& m)
{
    bind_svd_for<float>(m, "svd_operator_f32");
    bind_svd_for<double>(m, "svd_operator_f64");
    bind_eigh_for<float>(m, "eigh_operator_f32");
    bind_eigh_for<double>(m, "eigh_operator_f64");
}

} // namespace matfact
