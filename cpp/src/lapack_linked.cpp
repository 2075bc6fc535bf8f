// The LAPACK that the library was linked to (MATFACT_LAPACK=ON).
#include "matfact/lapack.hpp"

#define MATFACT_ROUTINES(X) X(dgesdd) X(sgesdd)

extern "C" {
// Declared without parameters: they are only named here, and lapack.cpp knows their types.
#define MATFACT_DECLARE(name) void name##_();
MATFACT_ROUTINES(MATFACT_DECLARE)
#undef MATFACT_DECLARE

#if defined(__GNUC__) && defined(__ELF__)
// Weak: there where the LAPACK is OpenBLAS, null elsewhere.
int openblas_get_num_threads() __attribute__((weak));
void openblas_set_num_threads(int) __attribute__((weak));
#define MATFACT_OPENBLAS_THREADS
#endif
}

namespace matfact {

LapackTable linked_lapack()
{
    LapackTable table;
    table.provider = "linked";
#ifdef MATFACT_LAPACK_ILP64
    table.ilp64 = true;
#endif
#define MATFACT_ASSIGN(name) table.name = reinterpret_cast<void*>(&name##_);
    MATFACT_ROUTINES(MATFACT_ASSIGN)
#undef MATFACT_ASSIGN
#ifdef MATFACT_OPENBLAS_THREADS
    table.get_num_threads = &openblas_get_num_threads;
    table.set_num_threads = &openblas_set_num_threads;
#endif
    return table;
}

} // namespace matfact
