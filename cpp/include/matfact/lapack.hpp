/// The LAPACK routine that the library borrows, by pointer: gesdd, which decomposes the matrices of SvdSolver::full and
/// small triangles. Without it Eigen's (slower) solver serves.
#pragma once

#include <cstdint>

namespace matfact {

/// Fortran entry points as plain addresses; all of one integer width. A null address means: not available.
struct LapackTable {
    const char* provider = nullptr; ///< shown by cpu_info(); must outlive the process
    bool ilp64 = false;             ///< integers are 64 bits wide
    void* dgesdd = nullptr;
    void* sgesdd = nullptr;
    int (*get_num_threads)() = nullptr; ///< of the provider's thread pool; null = unknown
    void (*set_num_threads)(int) = nullptr;
};

/// Installs a provider for the whole process; a default-constructed table goes back to Eigen.
/// Not to be called while another thread runs a method.
void set_lapack(const LapackTable& table);
const LapackTable& get_lapack();

} // namespace matfact
