"""Rows of interactions: those of a fit, those of new users, and lists of items beside them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, cast

import narwhals as nw
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from narwhals.dependencies import is_into_dataframe

from matfact import _core
from matfact._sparse_structure import check_structure
from matfact._validation import check_num_threads
from matfact.interactions import Codes, Interactions, with_items_of


def as_interactions(interactions: Any) -> Interactions:
    """`interactions` themselves, or those of a sparse array of users x items, or of a table."""
    if isinstance(interactions, Interactions):
        known = interactions
    elif is_into_dataframe(interactions):
        has_ratings = "rating" in nw.from_native(interactions, eager_only=True).columns
        known = Interactions.from_frame(interactions, value="rating" if has_ratings else None)
    else:
        known = Interactions(interactions)
    if known.n_interactions == 0:
        raise ValueError("interactions must hold at least one entry")
    return known


def as_history(rows: Any, known: Interactions) -> Any:
    """Histories in the item codes of a fit (CSR, float32); items that are unknown there are left out."""
    if isinstance(rows, Interactions):
        rows = with_items_of(known, rows)
    elif getattr(rows, "ndim", 2) == 1 and sp.issparse(rows):
        check_structure(rows, "rows")
        rows = rows.reshape(1, -1)
    nobody = sp.issparse(rows) and rows.shape[0] == 0  # which is not what interactions are, but may be asked for
    history = sp.csr_array(rows.shape, dtype=np.float32) if nobody else Interactions(rows).matrix
    if history.shape[1] != known.n_items:
        raise ValueError(
            f"rows must have {known.n_items} columns, one an item of the fit, got shape {history.shape}: "
            "is it users x items?"
        )
    return history


def require_positive(values: Any) -> None:
    """Refuse entries that are no sign of interest."""
    if not (np.asarray(values) > 0).all():
        raise ValueError(
            "implicit feedback must be positive: drop entries that are no sign of interest "
            "(zeros are dropped by interactions.select(interactions.matrix.data > 0))"
        )


def popularity(known: Interactions, num_threads: int | None) -> npt.NDArray[np.float32]:
    """The share of users who have an entry with each item."""
    x, threads = known.matrix, check_num_threads(num_threads)
    count: Any = getattr(_core, f"popularity_i{8 * x.indices.itemsize}")
    shares = count(x.data, x.indices, x.indptr, n_items=known.n_items, num_threads=threads)
    return cast(npt.NDArray[np.float32], shares[:, 0])


def are_empty(history: Any) -> npt.NDArray[np.bool_]:
    """Which rows of a CSR matrix have no entry."""
    return np.asarray(np.diff(history.indptr) == 0)


def warn_of_short_rows(known: Interactions, n_unknowns: int, way_out: str = "pass l2 above 0") -> None:
    """Say how many rows `fit` finds no single solution for, without a penalty."""
    users, items = (int((counts < n_unknowns).sum()) for counts in (known.user_counts, known.item_counts))
    if users or items:
        warnings.warn(
            f"l2=0, and {users} users and {items} items have fewer entries than their {n_unknowns} unknowns: {way_out}",
            UserWarning,
            stacklevel=3,
        )


def take_rows(matrix: Any, rows: Codes) -> Any:
    """Rows of a CSR matrix; those below 0 are empty."""
    first, end = (matrix.indptr[np.maximum(rows, 0) + i].astype(np.int64) for i in (0, 1))
    counts = np.where(rows >= 0, end - first, 0)
    indptr = np.concatenate(([0], np.cumsum(counts)))
    places = np.arange(indptr[-1]) + np.repeat(first - indptr[:-1], counts)
    shape = (len(rows), matrix.shape[1])
    index = matrix.indices.dtype
    return sp.csr_array((matrix.data[places], matrix.indices[places], indptr.astype(index)), shape=shape)


def with_lists(seen: Any, lists: Sequence[Codes]) -> Any:
    rows = np.repeat(np.arange(len(lists)), [len(codes) for codes in lists])
    cols = np.concatenate([*lists, np.zeros(0, np.int64)])
    entries = seen.tocoo()
    place = (np.concatenate((entries.row, rows)), np.concatenate((entries.col, cols)))
    union = sp.csr_array((np.ones(len(place[0]), np.float32), place), shape=seen.shape)
    union.sum_duplicates()
    return union


def is_sequence(value: Any) -> bool:
    return isinstance(value, (list, tuple, set, np.ndarray))


def require_known(codes: Codes, ids: Any, kind: str) -> Codes:
    if (codes < 0).any():
        place = int(np.flatnonzero(codes < 0)[0])
        unknown = list(ids)[place] if is_sequence(ids) else ids
        raise ValueError(f"{kind} {unknown!r} is unknown: it is not among the ids of the fit")
    return codes
