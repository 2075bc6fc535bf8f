"""Whether the arrays of a SciPy sparse matrix describe one: SciPy's loops follow its indices wherever they point."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_structure(x: Any, name: str = "X") -> None:
    """ValueError where an index of a sparse `x` points outside of it, or its arrays do not fit together.

    To be called before anything else is done with `x`. Formats that are not named here are converted by SciPy with
    checks of its own (DOK), or store no indices that a loop could follow.
    """
    check = _CHECKS.get(x.format)
    if check is not None:
        check(x, name)


def without_spare(x: Any) -> Any:
    """A sound `x`, or a copy of it without the room behind its last entry, which SciPy's `tocoo` would read."""
    if x.format in ("csr", "csc", "bsr") and len(x.indices) > x.indptr[-1]:
        x = x.copy()
        x.prune()
    return x


def _check_compressed(x: Any, name: str) -> None:
    """The check of CSR, CSC and BSR, whose indices are those of entries or of blocks."""
    shape = x.shape if x.ndim == 2 else (1, *x.shape)
    if x.format == "bsr":
        shape = _count_blocks(x, name)
    n_major, n_minor = reversed(shape) if x.format == "csc" else shape
    indptr, indices, data = x.indptr, x.indices, x.data
    _require_vectors(name, indptr=indptr, indices=indices)
    if indptr.shape != (n_major + 1,) or indptr[0] != 0 or (indptr[1:] < indptr[:-1]).any():
        raise ValueError(f"{name}.indptr must hold {n_major + 1} non-decreasing offsets that start with 0")
    nnz, stored = int(indptr[-1]), min(len(indices), len(data))
    if nnz > stored:
        raise ValueError(f"{name}.indptr must end with at most {stored}, the number of stored entries, got {nnz}")
    _require_inside(indices[:nnz], n_minor, f"{name}.indices")


def is_ascending(indptr: Any, indices: Any) -> bool:
    """Whether the indices of each row ascend, so that none comes twice: SciPy's flag of it may be outdated."""
    falls = np.flatnonzero(indices[1:] <= indices[:-1]) + 1
    return bool((indptr[np.searchsorted(indptr, falls)] == falls).all())  # only where a row begins


def _check_coo(x: Any, name: str) -> None:
    axes = x.coords if hasattr(x, "coords") else (x.row, x.col)  # as older releases of SciPy name them
    if len(axes) != len(x.shape):
        raise ValueError(f"{name}.coords must hold {len(x.shape)} arrays, got {len(axes)}")
    for i, (indices, length) in enumerate(zip(axes, x.shape, strict=True)):
        if indices.shape != x.data.shape:
            raise ValueError(f"{name}.coords[{i}] must have the shape {x.data.shape} of the data, got {indices.shape}")
        _require_inside(indices, length, f"{name}.coords[{i}]")


def _check_dia(x: Any, name: str) -> None:
    if x.data.ndim != 2 or x.offsets.shape != (len(x.data),):
        raise ValueError(
            f"{name}.offsets must hold one offset a row of the data, got shapes {x.offsets.shape} and {x.data.shape}"
        )


def _check_lil(x: Any, name: str) -> None:
    n_rows, n_cols = x.shape
    if x.rows.shape != (n_rows,) or x.data.shape != (n_rows,):
        raise ValueError(
            f"{name}.rows and {name}.data must hold {n_rows} lists, got shapes {x.rows.shape} and {x.data.shape}"
        )
    for i, (indices, values) in enumerate(zip(x.rows, x.data, strict=True)):
        if len(indices) != len(values):
            raise ValueError(
                f"{name}.rows[{i}] holds {len(indices)} indices, but {name}.data[{i}] {len(values)} values"
            )
        if indices:
            _require_inside(np.asarray(indices), n_cols, f"{name}.rows[{i}]")


_CHECKS = {
    "csr": _check_compressed,
    "csc": _check_compressed,
    "bsr": _check_compressed,
    "coo": _check_coo,
    "dia": _check_dia,
    "lil": _check_lil,
}


def _count_blocks(x: Any, name: str) -> tuple[int, int]:
    if x.data.ndim != 3:
        raise ValueError(f"{name}.data must hold blocks in 3 dimensions, got shape {x.data.shape}")
    (n_rows, n_cols), (height, width) = x.shape, x.data.shape[1:]
    if min(height, width) < 1 or n_rows % height or n_cols % width:
        raise ValueError(f"{name}.data must hold blocks that divide its shape {x.shape}, got {height} x {width}")
    return n_rows // height, n_cols // width


def _require_vectors(name: str, **arrays: Any) -> None:
    for of, array in arrays.items():
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise ValueError(f"{name}.{of} must be integers in one dimension, got {array.ndim} of {array.dtype}")


def _require_inside(indices: Any, length: int, name: str) -> None:
    if not indices.size:
        return
    lowest, highest = int(indices.min()), int(indices.max())
    if lowest < 0 or highest >= length:
        raise ValueError(f"{name} must be between 0 and {length - 1}, got {lowest} to {highest}")
