#include "matfact/factorize.hpp"
#include "array.hpp"
#include "bindings.hpp"
#include "progress.hpp"

#include <pybind11/native_enum.h>
#include <pybind11/stl.h>

#include <string>

namespace matfact {

namespace {

template <class T> using MaybeArray = std::optional<py::array_t<T>>;

template <class T> FactorizeStart<T> as_start(const MaybeArray<T>& w0, const MaybeArray<T>& h0)
{
    if (w0.has_value() != h0.has_value())
        throw std::invalid_argument("w0 and h0 must be given together");
    if (!w0)
        return {};
    return {as_view(*w0, "w0"), as_view(*h0, "h0")};
}

template <class T, class View>
py::tuple run(const View& x, const FactorizeOptions& options, const MaybeArray<T>& w0, const MaybeArray<T>& h0,
              const PyProgress& progress)
{
    const FactorizeStart<T> start = as_start<T>(w0, h0);
    Factorization<T> r;
    {
        const py::gil_scoped_release nogil; // `progress` takes it back by itself
        r = factorize(x, options, start, tick(progress));
    }
    return py::make_tuple(to_numpy(std::move(r.w)), to_numpy(std::move(r.h)), r.objective,
                          to_numpy(std::move(r.history)), r.n_iter, r.status);
}

/// Defines `name` with the parameters of the matrix, given as `array_args`, followed by those of the options.
/// `as_x` turns the former (of types `X...`) into a view.
template <class T, class... X, class AsX, class... Args>
void def_factorize(py::module_& m, const std::string& name, AsX as_x, const Args&... array_args)
{
    m.def(
        name.c_str(),
        [as_x](X... x, Index n_components, FactorizeSolver solver, double learning_rate, double l2_w, double l2_h,
               Index max_iter, double tol, FactorizeInit init, Reduction reduction, std::uint64_t seed,
               const MaybeArray<T>& w0, const MaybeArray<T>& h0, int num_threads, const PyProgress& progress) {
            FactorizeOptions options;
            options.n_components = n_components;
            options.solver = solver;
            options.learning_rate = learning_rate;
            options.l2_w = l2_w;
            options.l2_h = l2_h;
            options.max_iter = max_iter;
            options.tol = tol;
            options.init = init;
            options.reduction = reduction;
            options.seed = seed;
            options.num_threads = num_threads;
            return run<T>(as_x(x...), options, w0, h0, progress);
        },
        array_args..., py::kw_only(), py::arg("n_components"), py::arg("solver"), py::arg("learning_rate"),
        py::arg("l2_w"), py::arg("l2_h"), py::arg("max_iter"), py::arg("tol"), py::arg("init"), py::arg("reduction"),
        py::arg("seed"), py::arg("w0").noconvert().none(true), py::arg("h0").noconvert().none(true),
        py::arg("num_threads"), py::arg("progress").none(true));
}

/// Sizes first: solve_rows reads h by the columns of x.
template <class T, class View>
py::array_t<T> solve_rows_of(const View& x, const py::array_t<T>& h, double l2, int num_threads)
{
    const MatrixView<const T> factor = as_view(h, "h");
    if (factor.n_rows != x.n_cols)
        throw std::invalid_argument("h must have one row for each column of x, got " + std::to_string(factor.n_rows));
    Matrix<T> w;
    {
        const py::gil_scoped_release nogil;
        w = solve_rows(x, factor, l2, num_threads);
    }
    return to_numpy(std::move(w));
}

template <class T> void bind_dense_for(py::module_& m, const std::string& type)
{
    using Array = py::array_t<T>;
    def_factorize<T, const Array&>(
        m, "factorize_" + type, [](const Array& x) { return as_view(x, "x"); }, py::arg("x").noconvert());
    m.def(("optimal_objective_" + type).c_str(),
          [](const Array& x, Index n_components, double l2_w, double l2_h, Reduction reduction, int num_threads) {
              const MatrixView<const T> view = as_view(x, "x");
              FactorizeOptions options;
              options.n_components = n_components;
              options.l2_w = l2_w;
              options.l2_h = l2_h;
              options.reduction = reduction;
              options.num_threads = num_threads;
              const py::gil_scoped_release nogil;
              return optimal_objective<T>(view, options);
          },
          py::arg("x").noconvert(), py::kw_only(), py::arg("n_components"), py::arg("l2_w"), py::arg("l2_h"),
          py::arg("reduction"), py::arg("num_threads"));
    m.def(("solve_rows_" + type).c_str(),
          [](const Array& x, const Array& h, double l2, int num_threads) {
              return solve_rows_of<T>(as_view(x, "x"), h, l2, num_threads);
          },
          py::arg("x").noconvert(), py::arg("h").noconvert(), py::kw_only(), py::arg("l2"), py::arg("num_threads"));
}

template <class T, class I> void bind_csr_for(py::module_& m, const std::string& type)
{
    using Array = py::array_t<T>;
    using Indices = py::array_t<I>;
    def_factorize<T, const Array&, const Indices&, const Indices&, Index, Index>(
        m, "factorize_csr_" + type,
        [](const Array& values, const Indices& indices, const Indices& indptr, Index n_rows, Index n_cols) {
            return as_csr(values, indices, indptr, n_rows, n_cols);
        },
        py::arg("values").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(), py::arg("n_rows"),
        py::arg("n_cols"));
    m.def(("solve_rows_csr_" + type).c_str(),
          [](const Array& values, const Indices& indices, const Indices& indptr, Index n_rows, Index n_cols,
             const Array& h, double l2, int num_threads) {
              return solve_rows_of<T>(as_csr(values, indices, indptr, n_rows, n_cols), h, l2, num_threads);
          },
          py::arg("values").noconvert(), py::arg("indices").noconvert(), py::arg("indptr").noconvert(),
          py::arg("n_rows"), py::arg("n_cols"), py::arg("h").noconvert(), py::kw_only(), py::arg("l2"),
          py::arg("num_threads"));
}

} // namespace

void bind_factorize(py::module_& m)
{
    py::native_enum<FactorizeSolver>(m, "FactorizeSolver", "enum.Enum")
        .value("auto", FactorizeSolver::automatic)
        .value("gd", FactorizeSolver::gd)
        .value("momentum", FactorizeSolver::momentum)
        .value("nesterov", FactorizeSolver::nesterov)
        .value("adam", FactorizeSolver::adam)
        .value("scaled_gd", FactorizeSolver::scaled_gd)
        .value("als", FactorizeSolver::als)
        .value("exact", FactorizeSolver::exact)
        .finalize();
    py::native_enum<FactorizeInit>(m, "FactorizeInit", "enum.Enum")
        .value("random", FactorizeInit::random)
        .value("svd", FactorizeInit::svd)
        .finalize();
    py::native_enum<Reduction>(m, "Reduction", "enum.Enum")
        .value("mean", Reduction::mean)
        .value("sum", Reduction::sum)
        .finalize();

    bind_dense_for<float>(m, "f32");
    bind_dense_for<double>(m, "f64");
    bind_csr_for<float, std::int32_t>(m, "f32_i32");
    bind_csr_for<float, std::int64_t>(m, "f32_i64");
    bind_csr_for<double, std::int32_t>(m, "f64_i32");
    bind_csr_for<double, std::int64_t>(m, "f64_i64");
}

} // namespace matfact
