#include "matfact/moments.hpp"
#include "array.hpp"
#include "bindings.hpp"
#include "progress.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace matfact {

namespace {

// Moments outlive a call and are updated in place, so Python holds them in a capsule of this name.
constexpr const char* capsule_name = "matfact.moments";

py::capsule to_capsule(Moments&& moments)
{
    auto kept = std::make_unique<Moments>(std::move(moments));
    py::capsule capsule(kept.get(), capsule_name, [](void* p) { delete static_cast<Moments*>(p); });
    (void)kept.release();
    return capsule;
}

Moments& as_moments(const py::capsule& capsule)
{
    if (capsule.name() == nullptr || std::strcmp(capsule.name(), capsule_name) != 0)
        throw py::type_error("this capsule holds no moments");
    return *static_cast<Moments*>(capsule.get_pointer());
}

template <class View>
py::capsule run(const View& x, const Weights& weights, int num_threads, const PyProgress& progress)
{
    const double* const data = as_weights(weights, x.n_rows);
    Moments m;
    {
        const py::gil_scoped_release nogil; // `progress` takes it back by itself
        m = moments(x, data, num_threads, tick(progress));
    }
    return to_capsule(std::move(m));
}

template <class T> void bind_dense_for(py::module_& m, const char* name)
{
    m.def(
        name,
        [](const py::array_t<T>& x, const Weights& weights, int num_threads, const PyProgress& progress) {
            return run(as_view(x, "x"), weights, num_threads, progress);
        },
        py::arg("x").noconvert(), py::kw_only(), py::arg("weights").noconvert().none(true), py::arg("num_threads"),
        py::arg("progress").none(true));
}

template <class T, class I> void bind_csr_for(py::module_& m, const char* name)
{
    m.def(
        name,
        [](const py::array_t<T>& values, const py::array_t<I>& indices, const py::array_t<I>& indptr, Index n_rows,
           Index n_cols, const Weights& weights, int num_threads, const PyProgress& progress) {
            return run(as_csr(values, indices, indptr, n_rows, n_cols), weights, num_threads, progress);
        },
        py::arg("values").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(), py::arg("n_rows"),
        py::arg("n_cols"), py::kw_only(), py::arg("weights").noconvert().none(true), py::arg("num_threads"),
        py::arg("progress").none(true));
}

template <class T> py::array_t<double> copied(const T& values)
{
    return to_numpy(std::vector<double>(values.begin(), values.end()));
}

} // namespace

void bind_moments(py::module_& m)
{
    bind_dense_for<float>(m, "moments_f32");
    bind_dense_for<double>(m, "moments_f64");
    bind_csr_for<float, std::int32_t>(m, "moments_csr_f32_i32");
    bind_csr_for<float, std::int64_t>(m, "moments_csr_f32_i64");
    bind_csr_for<double, std::int32_t>(m, "moments_csr_f64_i32");
    bind_csr_for<double, std::int64_t>(m, "moments_csr_f64_i64");
    m.def("moments_empty", [] { return to_capsule({}); });
    // Under the GIL, and with it the readers below: threads that add to the same moments wait for each other here.
    m.def(
        "moments_merge",
        [](const py::capsule& into, const py::capsule& other, int num_threads) {
            merge(as_moments(into), as_moments(other), num_threads);
        },
        py::arg("into"), py::arg("other"), py::kw_only(), py::arg("num_threads"));
    m.def("moments_rows", [](const py::capsule& moments) { return as_moments(moments).n_samples; }, py::arg("moments"));
    m.def(
        "moments_mean", [](const py::capsule& moments) { return copied(as_moments(moments).mean); },
        py::arg("moments"));
    m.def(
        "moments_scatter",
        [](const py::capsule& moments) {
            const Moments& source = as_moments(moments);
            Matrix<double> copy(source.n_cols(), source.n_cols());
            std::copy_n(source.scatter.data(), copy.size(), copy.data());
            return to_numpy(std::move(copy));
        },
        py::arg("moments"));
    m.def(
        "moments_scatter_diagonal",
        [](const py::capsule& moments) {
            const Moments& source = as_moments(moments);
            std::vector<double> diagonal;
            for (Index j = 0; j < source.n_cols(); ++j)
                diagonal.push_back(source.scatter(j, j));
            return to_numpy(std::move(diagonal));
        },
        py::arg("moments"));
    m.def(
        "moments_to_bytes",
        [](const py::capsule& moments) {
            const std::vector<std::byte> bytes = to_bytes(as_moments(moments));
            return py::bytes(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        },
        py::arg("moments"));
    m.def(
        "moments_from_bytes",
        [](const py::bytes& data) {
            const std::string_view bytes = data;
            return to_capsule(moments_from_bytes(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()));
        },
        py::arg("data"));
    m.def(
        "moments_pca",
        [](const py::capsule& capsule, Index n_components, int num_threads, const PyProgress& progress) {
            const Moments& source = as_moments(capsule);
            PcaOptions options;
            options.n_components = n_components;
            options.num_threads = num_threads;
            PcaResult<double> r;
            {
                const py::gil_scoped_release nogil; // `progress` takes it back by itself
                r = pca(source, options, tick(progress));
            }
            return py::make_tuple(to_numpy(std::move(r.components)), to_numpy(std::move(r.explained_variance)),
                                  to_numpy(std::move(r.explained_variance_ratio)),
                                  to_numpy(std::move(r.singular_values)), r.noise_variance,
                                  to_numpy(std::move(r.error_bounds)));
        },
        py::arg("moments"), py::kw_only(), py::arg("n_components"), py::arg("num_threads"),
        py::arg("progress").none(true));
}

} // namespace matfact
