#include "matfact/lapack.hpp"
#include "bindings.hpp"

#include <pybind11/stl.h>

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>

namespace matfact {

namespace py = pybind11;
using Address = std::uintptr_t;

namespace {

void set_lapack_by_address(const std::string& provider, const std::map<std::string, Address>& routines, bool ilp64,
                           Address get_num_threads, Address set_num_threads)
{
    // The table points at the name for the rest of the process, also after it has been replaced.
    static std::list<std::string> providers;

    LapackTable table;
    const std::map<std::string, void**> known{{"dgesdd", &table.dgesdd}, {"sgesdd", &table.sgesdd}};
    for (const auto& [name, address] : routines) {
        const auto field = known.find(name);
        if (field == known.end())
            throw std::invalid_argument("routines: unknown name '" + name + "'");
        *field->second = reinterpret_cast<void*>(address);
    }
    table.provider = providers.emplace_back(provider).c_str();
    table.ilp64 = ilp64;
    table.get_num_threads = reinterpret_cast<int (*)()>(get_num_threads);
    table.set_num_threads = reinterpret_cast<void (*)(int)>(set_num_threads);
    set_lapack(table);
}

} // namespace

void bind_lapack(py::module_& m)
{
    m.def("set_lapack", &set_lapack_by_address, py::arg("provider"), py::arg("routines"), py::kw_only(),
          py::arg("ilp64"), py::arg("get_num_threads") = 0, py::arg("set_num_threads") = 0);
    m.def("reset_lapack", [] { set_lapack({}); });
    m.def("lapack_provider", []() -> std::optional<std::string> {
        const char* provider = get_lapack().provider;
        return provider == nullptr ? std::nullopt : std::optional<std::string>(provider);
    });
}

} // namespace matfact
