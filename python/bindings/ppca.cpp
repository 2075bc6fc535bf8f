#include "matfact/ppca.hpp"
#include "array.hpp"
#include "bindings.hpp"
#include "progress.hpp"

#include <pybind11/stl.h>

namespace matfact {

namespace {

Matrix<double> copy_of(const MatrixView<const double>& view)
{
    Matrix<double> result(view.n_rows, view.n_cols);
    for (Index i = 0; i < view.n_rows; ++i)
        for (Index j = 0; j < view.n_cols; ++j)
            result(i, j) = view(i, j);
    return result;
}

template <class T> void bind_ppca_for(py::module_& m, const char* name)
{
    m.def(
        name,
        [](const py::array_t<T>& x, Index n_components, bool variational, double tol, Index max_iter, int num_threads,
           const PyProgress& progress) {
            const MatrixView<const T> view = as_view(x, "x");
            PpcaOptions options;
            options.n_components = n_components;
            options.variational = variational;
            options.tol = tol;
            options.max_iter = max_iter;
            options.num_threads = num_threads;
            PpcaResult r;
            {
                const py::gil_scoped_release nogil; // `progress` takes it back by itself
                r = ppca<T>(view, options, tick(progress));
            }
            return py::make_tuple(to_numpy(std::move(r.components)), to_numpy(std::move(r.explained_variance)),
                                  to_numpy(std::move(r.model.mean)), r.model.noise_variance,
                                  to_numpy(std::move(r.model.loadings_covariance)), r.log_likelihood,
                                  to_numpy(std::move(r.history)), r.n_observed_rows, r.n_iter, r.status);
        },
        py::arg("x").noconvert(), py::kw_only(), py::arg("n_components"), py::arg("variational"), py::arg("tol"),
        py::arg("max_iter"), py::arg("num_threads"), py::arg("progress").none(true));
}

template <class T> void bind_rows_for(py::module_& m, const char* name)
{
    m.def(
        name,
        [](const py::array_t<T>& x, const py::array_t<double>& loadings, const py::array_t<double>& mean,
           double noise_variance, const std::optional<py::array_t<double>>& loadings_covariance, int num_threads) {
            const MatrixView<const T> view = as_view(x, "x");
            PpcaModel model;
            model.loadings = copy_of(as_view(loadings, "loadings"));
            const double* const values = as_pointer(mean, "mean");
            model.mean.assign(values, values + mean.size());
            model.noise_variance = noise_variance;
            const Index n = model.loadings.n_rows(), k = model.loadings.n_cols();
            if (mean.size() != n)
                throw std::invalid_argument("mean must have one entry for each row of loadings");
            if (loadings_covariance) {
                model.loadings_covariance = copy_of(as_view(*loadings_covariance, "loadings_covariance"));
                if (model.loadings_covariance.n_rows() != n || model.loadings_covariance.n_cols() != k * (k + 1) / 2)
                    throw std::invalid_argument("loadings_covariance must hold a packed triangle for each loading");
            }
            PpcaRows rows;
            {
                const py::gil_scoped_release nogil;
                rows = ppca_rows<T>(view, model, num_threads);
            }
            return py::make_tuple(to_numpy(std::move(rows.latent)), to_numpy(std::move(rows.log_likelihood)));
        },
        py::arg("x").noconvert(), py::arg("loadings").noconvert(), py::arg("mean").noconvert(),
        py::arg("noise_variance"), py::arg("loadings_covariance").noconvert().none(true), py::kw_only(),
        py::arg("num_threads"));
}

} // namespace

void bind_ppca(py::module_& m)
{
    bind_ppca_for<float>(m, "ppca_f32");
    bind_ppca_for<double>(m, "ppca_f64");
    bind_rows_for<float>(m, "ppca_rows_f32");
    bind_rows_for<double>(m, "ppca_rows_f64");
}

} // namespace matfact
