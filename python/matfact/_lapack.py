"""Lends the core the LAPACK that SciPy carries: by address, so that nothing has to be linked."""

from __future__ import annotations

import ctypes
import re
import threading
from collections.abc import Mapping
from typing import Any

from matfact import _core

# How each routine must be declared, with `f` for its floating-point type and `i` for its integer:
# LAPACK's published argument lists. Anything else is refused: a wrong guess would corrupt memory.
_ARGUMENTS = {
    "gesdd": "c i i f i f f i f i f i i i",
}
_ROUTINES = tuple(precision + stem for precision in "ds" for stem in _ARGUMENTS)
_INTEGER_BITS = {"int": 32, "int32_t": 32, "npy_int32": 32, "int64_t": 64, "long": 64, "long long": 64, "npy_int64": 64}
_SMALL = 32  # below this size Eigen takes microseconds, and importing SciPy would take longer than the work

_lock = threading.Lock()
_reason: str | None = None


def ensure_lapack_for(shape: tuple[int, int]) -> None:
    """Borrow LAPACK if a matrix of this shape is large enough to gain from it."""
    if _reason is None and min(shape) > _SMALL:
        ensure_lapack()


def ensure_lapack() -> str:
    """Borrow LAPACK on the first call; return where it comes from, or why Eigen serves instead."""
    global _reason
    with _lock:
        if _reason is None:
            _reason = _borrow()
        return _reason


def _borrow() -> str:
    try:
        from scipy.linalg import cython_lapack
    except ImportError as error:
        return f"scipy.linalg.cython_lapack cannot be imported: {error}"
    try:
        addresses, bits = read_table(cython_lapack.__pyx_capi__)
    except (LookupError, ValueError) as error:
        return str(error)
    get_threads, set_threads = _openblas_thread_functions()
    _core.set_lapack(
        f"SciPy, {bits}-bit integers",
        addresses,
        ilp64=bits == 64,
        get_num_threads=get_threads,
        set_num_threads=set_threads,
    )
    return "borrowed from scipy.linalg.cython_lapack"


def read_table(capsules: Mapping[str, Any]) -> tuple[dict[str, int], int]:
    """Addresses of the routines in `capsules` and the width of their integers in bits.

    Raises LookupError where a routine is missing and ValueError where a signature is not LAPACK's.
    """
    addresses: dict[str, int] = {}
    widths: set[int] = set()
    for routine in _ROUTINES:
        if routine not in capsules:
            raise LookupError(f"scipy.linalg.cython_lapack has no {routine}")
        signature = _capsule_name(capsules[routine])
        widths.add(integer_bits(routine, signature.decode()))
        addresses[routine] = _capsule_pointer(capsules[routine], signature)
    if len(widths) != 1:
        raise ValueError("scipy.linalg.cython_lapack mixes integers of several widths")
    return addresses, widths.pop()


def integer_bits(routine: str, signature: str) -> int:
    """The width of the integers in a C signature, if it is that of `routine`; else ValueError."""
    refusal = ValueError(f"scipy.linalg.cython_lapack.{routine} has an unknown signature: {signature}")
    match = re.fullmatch(r"void \((.*)\)", signature)
    if match is None:
        raise refusal
    types = [argument.strip() for argument in match[1].split(",")]
    expected = _ARGUMENTS[routine[1:]].split()
    if len(types) != len(expected) or not all(t.endswith("*") for t in types):
        raise refusal
    found: dict[str, set[str]] = {"c": set(), "i": set(), "f": set()}
    for kind, pointer in zip(expected, types, strict=True):
        found[kind].add(pointer[:-1].strip())
    # Cython mangles SciPy's own typedefs, e.g. __pyx_t_5scipy_6linalg_13cython_lapack_d.
    real = {"d": ("double", "_lapack_d"), "s": ("float", "_lapack_s")}[routine[0]]
    if found["c"] != {"char"} or len(found["i"]) != 1 or len(found["f"]) != 1 or not found["f"].pop().endswith(real):
        raise refusal
    integer = found["i"].pop()
    if integer not in _INTEGER_BITS:
        raise refusal
    if integer == "long":
        return 8 * ctypes.sizeof(ctypes.c_long)
    return _INTEGER_BITS[integer]


def _capsule_name(capsule: Any) -> bytes:
    get_name = ctypes.pythonapi.PyCapsule_GetName
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    name = get_name(capsule)
    return name if isinstance(name, bytes) else b""


def _capsule_pointer(capsule: Any, name: bytes) -> int:
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(get_pointer(capsule, name))


def _openblas_thread_functions() -> tuple[int, int]:
    """Addresses of the getter and setter of the OpenBLAS that SciPy loaded, or zeros where they are not found."""
    try:
        import threadpoolctl
    except ImportError:
        return 0, 0
    libraries = [i["filepath"] for i in threadpoolctl.threadpool_info() if i["internal_api"] == "openblas"]
    # Wheels bring one OpenBLAS each for NumPy and SciPy; elsewhere both share the system's.
    scipys = [path for path in libraries if "scipy.libs" in path or "scipy/.dylibs" in path]
    for path in scipys or (libraries if len(libraries) == 1 else []):
        library = ctypes.CDLL(path)
        for prefix in ("scipy_", ""):
            for suffix in ("", "64_", "_64"):
                getter = getattr(library, f"{prefix}openblas_get_num_threads{suffix}", None)
                setter = getattr(library, f"{prefix}openblas_set_num_threads{suffix}", None)
                if getter is not None and setter is not None:
                    return _address(getter), _address(setter)
    return 0, 0


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0
