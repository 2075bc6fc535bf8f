#include "matfact/eigh.hpp"
#include "array.hpp"
#include "bindings.hpp"
#include "progress.hpp"

#include <pybind11/native_enum.h>
#include <pybind11/stl.h>

namespace matfact {

namespace {

template <class T> void bind_eigh_for(py::module_& m, const char* name)
{
    m.def(
        name,
        [](const py::array_t<T>& a, Index n_components, EighSolver solver, bool compute_residuals, double tol,
           Index max_passes, std::uint64_t seed, int num_threads, const PyProgress& progress) {
            const MatrixView<const T> view = as_view(a, "a");
            EighOptions options;
            options.n_components = n_components;
            options.solver = solver;
            options.compute_residuals = compute_residuals;
            options.tol = tol;
            options.max_passes = max_passes;
            options.seed = seed;
            options.num_threads = num_threads;
            EighResult<T> r;
            {
                const py::gil_scoped_release nogil; // `progress` takes it back by itself
                r = eigh<T>(view, options, tick(progress));
            }
            return py::make_tuple(to_numpy(std::move(r.w)), to_numpy(std::move(r.v)), to_numpy(std::move(r.residuals)),
                                  to_numpy(std::move(r.error_bounds)), r.next_value, r.n_passes, r.status);
        },
        py::arg("a").noconvert(), py::kw_only(), py::arg("n_components"), py::arg("solver"),
        py::arg("compute_residuals"), py::arg("tol"), py::arg("max_passes"), py::arg("seed"), py::arg("num_threads"),
        py::arg("progress").none(true));
}

template <class T> void bind_certificate_for(py::module_& m, const char* name)
{
    m.def(
        name,
        [](const py::array_t<T>& a, const py::array_t<T>& w, const py::array_t<T>& v, double next_value,
           int num_threads) {
            const MatrixView<const T> matrix = as_view(a, "a"), vectors = as_view(v, "v");
            const T* const values = as_pointer(w, "w");
            const std::vector<T> copy(values, values + w.size());
            Certificate<T> certificate;
            {
                const py::gil_scoped_release nogil;
                certificate = eigh_certificate<T>(matrix, copy, vectors, next_value, num_threads);
            }
            return py::make_tuple(to_numpy(std::move(certificate.residuals)),
                                  to_numpy(std::move(certificate.error_bounds)));
        },
        py::arg("a").noconvert(), py::arg("w").noconvert(), py::arg("v").noconvert(), py::kw_only(),
        py::arg("next_value"), py::arg("num_threads"));
}

} // namespace

void bind_eigh(py::module_& m)
{
    py::native_enum<EighSolver>(m, "EighSolver", "enum.Enum")
        .value("auto", EighSolver::automatic)
        .value("full", EighSolver::full)
        .value("subset", EighSolver::subset)
        .value("krylov", EighSolver::krylov)
        .finalize();
    bind_eigh_for<float>(m, "eigh_f32");
    bind_eigh_for<double>(m, "eigh_f64");
    bind_certificate_for<float>(m, "eigh_certificate_f32");
    bind_certificate_for<double>(m, "eigh_certificate_f64");
}

} // namespace matfact
