"""Entries of users x items: their values, what becomes of duplicates, and compressed rows."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from matfact._ids import Codes

Duplicates: TypeAlias = Literal["error", "last", "sum", "mean"]


class Entries(NamedTuple):
    """Triplets, with times if there are some."""

    rows: Codes
    cols: Codes
    data: npt.NDArray[np.float32]
    times: npt.NDArray[Any] | None

    def at(self, places: npt.NDArray[np.intp]) -> Entries:
        """Those in these places."""
        times = None if self.times is None else self.times[places]
        return Entries(self.rows[places], self.cols[places], self.data[places], times)


def distinct_entries(
    entries: Entries, duplicates: Duplicates, user_ids: npt.NDArray[Any], item_ids: npt.NDArray[Any]
) -> tuple[Entries, int]:
    """In the order of compressed rows, one for each pair; and how many were merged into others."""
    rows, cols, _, times = entries
    entries = entries.at(np.lexsort((cols, rows) if times is None else (times, cols, rows)))
    rows, cols, data, _ = entries
    fresh = np.ones(len(rows), bool)
    fresh[1:] = (rows[1:] != rows[:-1]) | (cols[1:] != cols[:-1])
    n_duplicates = int(len(rows) - fresh.sum())
    if not n_duplicates:
        return entries, 0
    if duplicates == "error":
        at = int(np.flatnonzero(~fresh)[0])
        raise ValueError(
            f"user {user_ids.tolist()[rows[at]]!r} and item {item_ids.tolist()[cols[at]]!r} "
            f"come together more than once ({n_duplicates} such rows): pass duplicates='last', 'sum' or 'mean'"
        )
    first = np.flatnonzero(fresh)
    last = np.append(first[1:], len(rows)) - 1
    merged = entries.at(last)
    if duplicates != "last":
        sums = np.add.reduceat(data.astype(np.float64), first)
        merged = merged._replace(data=as_values(sums if duplicates == "sum" else sums / (last - first + 1)))
    return merged, n_duplicates


def to_csr(rows: Codes, cols: Codes, data: npt.NDArray[np.float32], shape: tuple[int, int]) -> Any:
    """CSR from sorted entries, with 32-bit indices where they suffice."""
    index = index_type(shape, len(data))
    indptr = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=shape[0])))).astype(index)
    matrix = sp.csr_array((data, cols.astype(index), indptr), shape=shape)
    matrix.has_canonical_format = True
    return matrix


def summed_csr(entries: Entries, shape: tuple[int, int]) -> Any:
    """CSR from entries in any order, without a sort of all of them; those stored more than once are summed."""
    index = index_type(shape, len(entries.data))
    place = (entries.rows.astype(index), entries.cols.astype(index))
    return sp.coo_array((entries.data, place), shape=shape).tocsr()


def index_type(shape: tuple[int, int], n_entries: int) -> type[np.signedinteger[Any]]:
    return np.int32 if max(*shape, n_entries) < 2**31 else np.int64


def as_values(values: Any) -> npt.NDArray[np.float32]:
    """Finite numbers that fit into float32, in float32."""
    a = np.asarray(values)
    if a.dtype.kind not in "fiub":
        raise TypeError(f"values must be numbers, got dtype {a.dtype}")
    if not np.isfinite(a).all():
        raise ValueError("values must be finite: drop the rows with NaN or infinity")
    with np.errstate(over="ignore"):
        single = a.astype(np.float32)
    if not np.isfinite(single).all():
        raise ValueError("values must fit into float32: scale them down")
    return single
