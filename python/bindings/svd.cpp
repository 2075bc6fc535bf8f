#include "matfact/svd.hpp"
#include "array.hpp"
#include "bindings.hpp"
#include "progress.hpp"

#include <pybind11/native_enum.h>
#include <pybind11/stl.h>

namespace matfact {

namespace {

template <class T> void bind_svd_for(py::module_& m, const char* name)
{
    m.def(
        name,
        [](const py::array_t<T>& x, Index n_components, double variance_fraction, SvdSolver solver, bool center,
           bool compute_u, bool compute_residuals, const Weights& weights, double tol, Index max_passes,
           std::uint64_t seed, int num_threads, const PyProgress& progress) {
            const MatrixView<const T> view = as_view(x, "x");
            SvdOptions options;
            options.weights = as_weights(weights, view.n_rows);
            options.n_components = n_components;
            options.variance_fraction = variance_fraction;
            options.max_passes = max_passes;
            options.seed = seed;
            options.solver = solver;
            options.center = center;
            options.compute_u = compute_u;
            options.compute_residuals = compute_residuals;
            options.tol = tol;
            options.num_threads = num_threads;
            SvdResult<T> r;
            {
                const py::gil_scoped_release nogil; // `progress` takes it back by itself
                r = svd<T>(view, options, tick(progress));
            }
            return py::make_tuple(to_numpy(std::move(r.u)), to_numpy(std::move(r.s)), to_numpy(std::move(r.vt)),
                                  to_numpy(std::move(r.mean)), to_numpy(std::move(r.residuals)),
                                  to_numpy(std::move(r.error_bounds)), r.total_variance, r.stable_rank, r.next_value,
                                  r.n_passes, r.status);
        },
        py::arg("x").noconvert(), py::kw_only(), py::arg("n_components"), py::arg("variance_fraction"),
        py::arg("solver"), py::arg("center"), py::arg("compute_u"), py::arg("compute_residuals"),
        py::arg("weights").noconvert().none(true), py::arg("tol"), py::arg("max_passes"), py::arg("seed"),
        py::arg("num_threads"), py::arg("progress").none(true));
}

template <class T> void bind_certificate_for(py::module_& m, const char* name)
{
    m.def(
        name,
        [](const py::array_t<T>& x, const py::array_t<T>& u, const py::array_t<T>& s, const py::array_t<T>& vt,
           const std::optional<py::array_t<T>>& mean, double next_value, int num_threads) {
            const MatrixView<const T> matrix = as_view(x, "x"), left = as_view(u, "u"), right = as_view(vt, "vt");
            const T* const values = as_pointer(s, "s");
            const T* const shift = mean ? as_pointer(*mean, "mean") : nullptr;
            if (mean && mean->size() != matrix.n_cols)
                throw std::invalid_argument("mean must have one entry for each column of x");
            const std::vector<T> copy(values, values + s.size());
            Certificate<T> certificate;
            {
                const py::gil_scoped_release nogil;
                certificate = svd_certificate<T>(matrix, left, copy, right, shift, next_value, num_threads);
            }
            return py::make_tuple(to_numpy(std::move(certificate.residuals)),
                                  to_numpy(std::move(certificate.error_bounds)));
        },
        py::arg("x").noconvert(), py::arg("u").noconvert(), py::arg("s").noconvert(), py::arg("vt").noconvert(),
        py::arg("mean").noconvert().none(true), py::kw_only(), py::arg("next_value"), py::arg("num_threads"));
}

/// Of right singular vectors alone.
template <class T> void bind_axes_certificate_for(py::module_& m, const char* name)
{
    m.def(
        name,
        [](const py::array_t<T>& x, const py::array_t<T>& s, const py::array_t<T>& vt, bool center, double next_value,
           int num_threads) {
            const MatrixView<const T> matrix = as_view(x, "x"), right = as_view(vt, "vt");
            const T* const values = as_pointer(s, "s");
            const std::vector<T> copy(values, values + s.size());
            Certificate<T> certificate;
            {
                const py::gil_scoped_release nogil;
                certificate = svd_certificate<T>(matrix, copy, right, center, next_value, num_threads);
            }
            return py::make_tuple(to_numpy(std::move(certificate.residuals)),
                                  to_numpy(std::move(certificate.error_bounds)));
        },
        py::arg("x").noconvert(), py::arg("s").noconvert(), py::arg("vt").noconvert(), py::arg("center"), py::kw_only(),
        py::arg("next_value"), py::arg("num_threads"));
}

template <class T> void bind_project_for(py::module_& m, const char* name)
{
    m.def(
        name,
        [](const py::array_t<T>& q, const py::array_t<T>& vt, const std::optional<py::array_t<T>>& mean,
           int num_threads) {
            const MatrixView<const T> rows = as_view(q, "q"), axes = as_view(vt, "vt");
            const T* shift = mean ? as_pointer(*mean, "mean") : nullptr;
            if (rows.n_cols != axes.n_cols || (mean && mean->size() != axes.n_cols))
                throw std::invalid_argument("q, vt and mean must have the same number of columns");
            Matrix<T> scores;
            {
                const py::gil_scoped_release nogil;
                scores = project<T>(rows, axes, shift, num_threads);
            }
            return to_numpy(std::move(scores));
        },
        py::arg("q").noconvert(), py::arg("vt").noconvert(), py::arg("mean").noconvert().none(true), py::kw_only(),
        py::arg("num_threads"));
}

} // namespace

void bind_svd(py::module_& m)
{
    py::native_enum<SvdSolver>(m, "SvdSolver", "enum.Enum")
        .value("auto", SvdSolver::automatic)
        .value("full", SvdSolver::full)
        .value("gram", SvdSolver::gram)
        .value("krylov", SvdSolver::krylov)
        .value("randomized", SvdSolver::randomized)
        .finalize();
    bind_svd_for<float>(m, "svd_f32");
    bind_svd_for<double>(m, "svd_f64");
    bind_certificate_for<float>(m, "svd_certificate_f32");
    bind_certificate_for<double>(m, "svd_certificate_f64");
    bind_axes_certificate_for<float>(m, "svd_axes_certificate_f32");
    bind_axes_certificate_for<double>(m, "svd_axes_certificate_f64");
    bind_project_for<float>(m, "project_f32");
    bind_project_for<double>(m, "project_f64");
}

} // namespace matfact
