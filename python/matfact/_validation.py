"""Checks of arrays and arguments. What the core checks while it reads X (finiteness) is not checked here again."""

from __future__ import annotations

import operator
import os
import sys
from typing import Any, Literal, NamedTuple, cast, get_args

import numpy as np
import numpy.typing as npt

from matfact._sparse_structure import check_structure, is_ascending
from matfact.typing import FloatArray, RandomState

MOST_THREADS = 4096  # more than any machine has; a number far above is a mistake that ends without memory
_NATIVE_FLOATS = (np.dtype(np.float64), np.dtype(np.float32))


class Csr(NamedTuple):
    """The three arrays of a matrix in compressed rows, checked: no index points outside."""

    values: FloatArray
    indices: npt.NDArray[np.int32] | npt.NDArray[np.int64]
    indptr: npt.NDArray[np.int32] | npt.NDArray[np.int64]
    shape: tuple[int, int]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        return self.values.dtype

    @property
    def core_suffix(self) -> str:
        """How the core names its functions for these types, such as ``csr_f64_i32``."""
        return f"csr_{core_suffix(self.values)}_i{8 * self.indices.itemsize}"


class Compressed(NamedTuple):
    """A sparse matrix in compressed rows ("csr") or columns ("csc") as it is stored: its indices are not checked."""

    layout: Literal["csr", "csc"]
    values: FloatArray
    indices: npt.NDArray[np.int32] | npt.NDArray[np.int64]
    indptr: npt.NDArray[np.int32] | npt.NDArray[np.int64]
    shape: tuple[int, int]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        return self.values.dtype

    @property
    def core_suffix(self) -> str:
        """How the core names its functions for this layout and these types, such as ``csc_f64_i32``."""
        return f"{self.layout}_{core_suffix(self.values)}_i{8 * self.indices.itemsize}"


def core_suffix(x: FloatArray) -> str:
    """How the core names its functions for the dtype of `x`: f32 or f64."""
    return "f32" if x.dtype == np.float32 else "f64"


def is_sparse(x: object) -> bool:
    """Whether `x` is a SciPy sparse matrix; SciPy is not imported to find out, since its user has done so."""
    module = sys.modules.get("scipy.sparse")
    return module is not None and bool(module.issparse(x))


def as_matrix(x: Any, name: str = "X") -> FloatArray:
    """`x` as a 2-d native float32 or float64 array without negative strides; a view wherever one is possible."""
    a = x if type(x) is np.ndarray and x.dtype in _NATIVE_FLOATS else _to_native_float(x, name)
    if a.ndim != 2:
        raise ValueError(f"{name} must have 2 dimensions, got {a.ndim} (shape {a.shape}): {_reshape_hint(a.ndim)}")
    if a.size == 0:
        raise ValueError(f"{name} must have at least one row and one column, got shape {a.shape}")
    return walkable(cast(FloatArray, a))


def walkable(a: FloatArray) -> FloatArray:
    """`a`, or a copy where its strides go backwards or are no whole elements: the core cannot walk those."""
    row, col = a.strides
    if row >= 0 and col >= 0 and row % a.itemsize == 0 and col % a.itemsize == 0 and a.flags.aligned:
        return a
    return np.array(a, order="C")


def as_csr(x: Any, name: str = "X") -> Csr:
    """`x` as CSR arrays without duplicates (those are summed, as SciPy does); the caller's matrix stays as it is."""
    n_rows, n_cols = _sparse_shape(x, name)
    check_structure(x, name)
    csr = x.tocsr()
    nnz = int(csr.indptr[-1])
    if not is_ascending(csr.indptr, csr.indices[:nnz]):
        csr = csr.copy()
        csr.has_canonical_format = csr.has_sorted_indices = False  # whatever the caller's matrix says of itself
        csr.sum_duplicates()
        nnz = int(csr.indptr[-1])
    indptr, indices = _index_arrays(csr)
    values = _to_native_float(csr.data, name)
    return Csr(
        cast(FloatArray, np.ascontiguousarray(values[:nnz])),
        np.ascontiguousarray(indices[:nnz]),
        np.ascontiguousarray(indptr),
        (n_rows, n_cols),
    )


def as_compressed(x: Any, name: str = "X") -> Compressed:
    """`x` in the compressed layout that it has, in place, or converted to CSR; entries may be unsorted or repeated."""
    shape = _sparse_shape(x, name)
    layout: Literal["csr", "csc"] = "csc" if x.format == "csc" else "csr"
    compressed = x if layout == "csc" else to_csr(x, name)
    indptr, indices = _index_arrays(compressed)
    values = np.ascontiguousarray(_to_native_float(compressed.data, name))
    return Compressed(
        layout, cast(FloatArray, values), np.ascontiguousarray(indices), np.ascontiguousarray(indptr), shape
    )


def to_csr(x: Any, name: str = "X") -> Any:
    """A sparse `x` as CSR for the core, which checks the indices; those of other formats are checked before SciPy."""
    if x.format != "csr":
        check_structure(x, name)
    return x.tocsr()


def check_readable(x: Any, name: str = "X", *, by_core: tuple[str, ...] = ()) -> None:
    """Refuse what scikit-learn and SciPy would take and read wrongly: masked arrays, and damaged sparse matrices.

    Every method of an estimator that takes a matrix begins with it. The formats in `by_core` go to the core as they
    are, which looks at their indices itself.
    """
    if is_sparse(x):
        if x.format not in by_core:
            check_structure(x, name)
    else:
        _refuse_masked(x, name)


def as_factor(x: Any, shape: tuple[int, int], dtype: np.dtype[Any], name: str) -> FloatArray:
    """A start or fixed factor of exactly this shape, converted to the dtype of X, finite."""
    a = as_matrix(x, name)
    if a.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {a.shape}")
    if not np.isfinite(a).all():
        raise ValueError(f"{name} holds NaN or infinity: replace those entries")
    return as_dtype(a, dtype, name)


def as_dtype(a: FloatArray, dtype: np.dtype[Any], name: str) -> FloatArray:
    """`a` in the dtype of what it is combined with; ValueError where a float64 value has no float32 counterpart."""
    if a.dtype == dtype:
        return a
    with np.errstate(over="ignore"):
        converted = cast(FloatArray, a.astype(dtype))
    if np.isinf(converted).any() and not np.isinf(a).any():
        raise ValueError(f"{name} holds values too large for {dtype}, the dtype of the fit: scale {name} down")
    return converted


def as_weights(sample_weight: Any, n_samples: int) -> npt.NDArray[np.float64]:
    """Weights of rows as float64, finite and not negative."""
    given = np.asarray(sample_weight)
    if given.dtype.kind not in "fiub":
        raise TypeError(f"sample_weight must hold real numbers, got dtype {given.dtype}")
    if given.shape != (n_samples,):
        raise ValueError(f"sample_weight must have shape ({n_samples},), got {given.shape}")
    weights = np.ascontiguousarray(given, dtype=np.float64)
    wrong = np.flatnonzero(~((weights >= 0.0) & (weights < np.inf)))
    if wrong.size:
        raise ValueError(f"sample_weight must be finite and not negative, got {weights[wrong[0]]} for row {wrong[0]}")
    with np.errstate(over="ignore"):
        if np.isinf(weights.sum()):
            raise ValueError("sample_weight has an infinite sum; scale it down")
    return weights


def check_n_components(value: Any, largest: int) -> int:
    """An integer between 1 and `largest`."""
    k = as_integer(value, "n_components")
    if not 1 <= k <= largest:
        raise ValueError(f"n_components must be between 1 and {largest}, got {k}")
    return k


def as_integer(value: Any, name: str) -> int:
    """`value` as an int; neither floats nor booleans count as integers."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None


def as_count(value: Any, name: str, least: int = 1) -> int:
    """`value` as an int of at least `least`."""
    n = as_integer(value, name)
    if n < least:
        raise ValueError(f"{name} must be at least {least}, got {n}")
    return n


def as_real(value: Any, name: str, *, positive: bool = False) -> float:
    """`value` as a finite float, at least 0, or above 0 with `positive`."""
    if isinstance(value, (bool, np.bool_, str, bytes)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r}") from None
    if not (number > 0.0 if positive else number >= 0.0) or number == float("inf"):
        raise ValueError(f"{name} must be finite and {'positive' if positive else 'not negative'}, got {value!r}")
    return number


def check_choice(value: Any, choices: Any, name: str) -> str:
    """`value`, if it is one of the strings of the Literal type `choices`."""
    allowed: tuple[str, ...] = get_args(choices)
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")
    return value


def check_flag(value: Any, name: str) -> bool:
    """A Python or NumPy boolean."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def check_num_threads(value: Any) -> int:
    """The core's number: 0 stands for None, the process default."""
    if value is None:
        return 0
    n = as_integer(value, "num_threads")
    if not 1 <= n <= MOST_THREADS:
        raise ValueError(
            f"num_threads must be at least 1 and at most {MOST_THREADS}, or None for the process default, got {n}"
        )
    return n


def draw_seed(random_state: RandomState) -> int:
    """A 64-bit seed for the core's counter-based generator."""
    if random_state is None:
        return int.from_bytes(os.urandom(8), "little")
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, 2**64, dtype=np.uint64))
    if isinstance(random_state, np.random.RandomState):
        high, low = random_state.randint(0, 2**32, size=2, dtype=np.uint32)
        return int(high) << 32 | int(low)
    seed = as_integer(random_state, "random_state")
    if not 0 <= seed < 2**64:
        raise ValueError(f"random_state must be between 0 and 2**64 - 1, got {seed}")
    return seed


def fixed_seed(random_state: RandomState) -> int:
    """The seed of a method whose answer does not hang on it: None repeats the run instead of varying it."""
    return 0 if random_state is None else draw_seed(random_state)


def check_max_passes(value: Any) -> int:
    """An integer of at least 1."""
    return as_count(value, "max_passes")


def _sparse_shape(x: Any, name: str) -> tuple[int, int]:
    if x.ndim != 2:
        raise ValueError(f"{name} must have 2 dimensions, got {x.ndim} (shape {x.shape})")
    n_rows, n_cols = (int(n) for n in x.shape)
    if n_rows == 0 or n_cols == 0:
        raise ValueError(f"{name} must have at least one row and one column, got shape {x.shape}")
    return n_rows, n_cols


def _index_arrays(x: Any) -> tuple[Any, Any]:
    """The offsets and indices of a compressed matrix in one type that the core has."""
    indptr, indices = x.indptr, x.indices
    if indptr.dtype == indices.dtype and indices.dtype in (np.int32, np.int64):
        return indptr, indices
    return indptr.astype(np.int64), indices.astype(np.int64)


def _to_native_float(x: Any, name: str) -> npt.NDArray[Any]:
    """Integers, booleans and long doubles become float64, float16 becomes float32, foreign byte order native."""
    if is_sparse(x):
        raise TypeError(f"{name} is a sparse matrix, but a dense array is needed: pass {name}.toarray()")
    _refuse_masked(x, name)
    try:
        a = np.asarray(x)
    except ValueError:
        raise ValueError(f"{name} must be a matrix, got rows of unequal lengths") from None
    if a.dtype in _NATIVE_FLOATS:
        # A foreign byte order compares unequal to the native dtype, so it is converted below.
        return a
    if a.dtype.kind == "c":
        raise TypeError(f"{name} must hold real numbers, got {a.dtype}: factorize {name}.real and {name}.imag apart")
    if a.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold numbers, got dtype {a.dtype}: convert with {name}.astype(float)")
    single = a.dtype.kind == "f" and a.dtype.itemsize <= 4
    return a.astype(np.float32 if single else np.float64)


def _refuse_masked(x: Any, name: str) -> None:
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array: pass {name}.filled(numpy.nan) where missing entries are allowed")


def _reshape_hint(ndim: int) -> str:
    if ndim == 1:
        return "use reshape(1, -1) for one row or reshape(-1, 1) for one column"
    return "reshape it to (n_samples, n_features)"
