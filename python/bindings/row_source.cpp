#include "matfact/row_source.hpp"
#include "array.hpp"
#include "bindings.hpp"
#include "matfact/svd.hpp"
#include "progress.hpp"

#include <pybind11/stl.h>

namespace matfact {

namespace {

/// Calls take(batch) for a dense array, or for the tuple (values, indices, indptr, n_rows, n_cols) of a sparse one.
/// Holds the GIL on entry and on exit.
template <class T> void take_batch(const py::handle& item, const std::function<void(const RowBatch<T>&)>& take)
{
    const auto run = [&take](const RowBatch<T>& batch) {
        const py::gil_scoped_release nogil;
        take(batch);
    };
    if (!py::isinstance<py::tuple>(item)) {
        const auto rows = item.cast<py::array_t<T>>();
        run(as_view(rows, "batch"));
        return;
    }
    const auto parts = item.cast<py::tuple>();
    const auto run_csr = [&](auto index) {
        using I = decltype(index);
        const auto values = parts[0].cast<py::array_t<T>>();
        const auto indices = parts[1].cast<py::array_t<I>>(), indptr = parts[2].cast<py::array_t<I>>();
        run(as_csr(values, indices, indptr, parts[3].cast<Index>(), parts[4].cast<Index>()));
    };
    if (py::isinstance<py::array_t<std::int32_t>>(parts[1]))
        run_csr(std::int32_t{});
    else
        run_csr(std::int64_t{});
}

/// `batches` is called for each pass and returns an iterable. It must outlive the result.
template <class T> RowSource<T> source_of(const py::function& batches, Index n_cols)
{
    // A borrowed handle: the core may copy the closure without holding the GIL.
    return {n_cols, [handle = py::handle(batches)](const std::function<void(const RowBatch<T>&)>& take) {
                const py::gil_scoped_acquire gil;
                const py::iterator rows = py::iter(handle());
                // By hand: py::iterator would keep a batch until the next one is there.
                while (const auto item = py::reinterpret_steal<py::object>(PyIter_Next(rows.ptr())))
                    take_batch<T>(item, take);
                if (PyErr_Occurred() != nullptr)
                    throw py::error_already_set();
            }};
}

template <class T> void bind_svd_for(py::module_& m, const char* name)
{
    m.def(
        name,
        [](const py::function& batches, Index n_cols, Index n_components, double variance_fraction,
           Index max_components, SvdSolver solver, bool center, bool compute_u, double tol, Index max_passes,
           Index block, std::uint64_t seed, int num_threads, const PyProgress& progress) {
            const RowSource<T> x = source_of<T>(batches, n_cols);
            SvdOptions options;
            options.n_components = n_components;
            options.variance_fraction = variance_fraction;
            options.max_components = max_components;
            options.solver = solver;
            options.center = center;
            options.compute_u = compute_u;
            options.tol = tol;
            options.max_passes = max_passes;
            options.block = block;
            options.seed = seed;
            options.num_threads = num_threads;
            SvdResult<T> r;
            {
                const py::gil_scoped_release nogil; // `batches` and `progress` take it back by themselves
                r = svd(x, options, tick(progress));
            }
            return py::make_tuple(to_numpy(std::move(r.u)), to_numpy(std::move(r.s)), to_numpy(std::move(r.vt)),
                                  to_numpy(std::move(r.mean)), to_numpy(std::move(r.residuals)),
                                  to_numpy(std::move(r.error_bounds)), r.total_variance, r.stable_rank, r.next_value,
                                  r.n_passes, r.status);
        },
        py::arg("batches"), py::arg("n_cols"), py::kw_only(), py::arg("n_components"), py::arg("variance_fraction"),
        py::arg("max_components"), py::arg("solver"), py::arg("center"), py::arg("compute_u"), py::arg("tol"),
        py::arg("max_passes"), py::arg("block"), py::arg("seed"), py::arg("num_threads"),
        py::arg("progress").none(true));
}

} // namespace

void bind_row_source(py::module_& m)
{
    bind_svd_for<float>(m, "svd_batches_f32");
    bind_svd_for<double>(m, "svd_batches_f64");
}

} // namespace matfact
