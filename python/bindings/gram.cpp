#include "matfact/gram.hpp"
#include "array.hpp"
#include "bindings.hpp"

namespace matfact {

namespace {

template <class T> void bind_gram_for(py::module_& m, const char* name)
{
    m.def(
        name,
        [](const py::array_t<T>& x, bool center, int num_threads) {
            const MatrixView<const T> view = as_view(x, "x");
            Matrix<double> g;
            {
                const py::gil_scoped_release nogil;
                g = gram<T>(view, center, num_threads);
            }
            return to_numpy(std::move(g));
        },
        py::arg("x").noconvert(), py::kw_only(), py::arg("center"), py::arg("num_threads"));
}

} // namespace

void bind_gram(py::module_& m)
{
    bind_gram_for<float>(m, "gram_f32");
    bind_gram_for<double>(m, "gram_f64");
}

} // namespace matfact
