#include "matfact/random.hpp"
#include "array.hpp"
#include "bindings.hpp"

#include <pybind11/stl.h>

namespace matfact {

void bind_random(py::module_& m)
{
    m.def(
        "philox4x64",
        [](const Block4x64& counter, const std::array<std::uint64_t, 2>& key) {
            const Block4x64 block = philox4x64(counter, key);
            return py::make_tuple(block[0], block[1], block[2], block[3]);
        },
        py::arg("counter"), py::arg("key"));
    m.def(
        "random_normal",
        [](std::uint64_t seed, std::uint64_t stream, std::size_t size) {
            std::vector<double> values(size);
            for (std::size_t i = 0; i < size; ++i)
                values[i] = random_normal(seed, stream, i);
            return to_numpy(std::move(values));
        },
        py::arg("seed"), py::arg("stream"), py::arg("size"));
}

} // namespace matfact
