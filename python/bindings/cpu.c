/* The x86-64 level (v1 to v4) of this CPU and operating system, as the psABI defines the levels.
   By cpuid rather than __builtin_cpu_supports, so that one tested piece of code serves every compiler. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if defined(__x86_64__) || defined(_M_X64)
#ifdef _MSC_VER
#include <intrin.h>
static void cpuid(unsigned leaf, unsigned r[4]) { __cpuidex((int*)r, (int)leaf, 0); }
static unsigned xcr0(void) { return (unsigned)_xgetbv(0); }
#else
#include <cpuid.h>
static void cpuid(unsigned leaf, unsigned r[4]) { __cpuid_count(leaf, 0, r[0], r[1], r[2], r[3]); }
static unsigned xcr0(void)
{
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}
#endif

static int has(unsigned value, unsigned bits) { return (value & bits) == bits; }

static const char* level_of_cpu(void)
{
    enum { a, b, c, d };
    unsigned first[4], seventh[4] = {0}, extended[4] = {0};
    cpuid(0, first);
    const unsigned highest = first[a];
    cpuid(1, first);
    if (highest >= 7)
        cpuid(7, seventh);
    cpuid(0x80000000u, extended);
    if (extended[a] >= 0x80000001u)
        cpuid(0x80000001u, extended);
    else
        extended[c] = 0;

    /* sse3, ssse3, cmpxchg16b, sse4.1, sse4.2, popcnt; lahf */
    if (!has(first[c], 1u << 0 | 1u << 9 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 23) || !has(extended[c], 1u << 0))
        return "v1";
    /* fma, movbe, osxsave, avx, f16c; lzcnt; bmi1, avx2, bmi2; the system saves the ymm registers */
    if (!has(first[c], 1u << 12 | 1u << 22 | 1u << 27 | 1u << 28 | 1u << 29) || !has(extended[c], 1u << 5) ||
        !has(seventh[b], 1u << 3 | 1u << 5 | 1u << 8) || !has(xcr0(), 0x6))
        return "v2";
    /* avx512 f, dq, cd, bw, vl; the system saves the mask and zmm registers */
    if (!has(seventh[b], 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31) || !has(xcr0(), 0xe6))
        return "v3";
    return "v4";
}
#else
static const char* level_of_cpu(void) { return "generic"; }
#endif

static PyObject* level(PyObject* self, PyObject* args)
{
    (void)self;
    (void)args;
    return PyUnicode_FromString(level_of_cpu());
}

static PyMethodDef methods[] = {
    {"level", level, METH_NOARGS, "The highest level of this CPU: v1, v2, v3, v4, or generic off x86-64."},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_cpu", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__cpu(void) { return PyModule_Create(&module); }
