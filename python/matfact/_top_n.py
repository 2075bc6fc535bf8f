"""The best items of each query: the core's exact search, and what it found with ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from matfact import _core
from matfact._validation import as_integer, walkable


@dataclass(frozen=True, slots=True, eq=False)
class Recommendations:
    """The best items of each query, best first, equal scores in the order of the items.

    Attributes
    ----------
    items : array of shape (n_queries, n)
        Ids of items. Where fewer than n were left, -1, or None among ids that are no integers.
    scores : array of shape (n_queries, n), float32
        What the items are ordered by; minus infinity where there is no item.
    mask : array of shape (n_queries, n), bool
        Where there is an item.
    """

    items: npt.NDArray[Any]
    scores: npt.NDArray[np.float32]
    mask: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        """Queries."""
        return len(self.items)

    def of(self, query: int) -> list[tuple[Any, float]]:
        """Return the items of one query with their scores.

        Parameters
        ----------
        query : int
            Its place among the queries.

        Returns
        -------
        list of (id, float)
            At most n pairs.
        """
        there = self.mask[query]
        return list(zip(self.items[query][there].tolist(), self.scores[query][there].tolist(), strict=True))


class Graph(NamedTuple):
    """What is added to products of queries with items: linear_weight x A' A, x being the query's row of `history`."""

    history: Any  # CSR (n_queries, n_items), float32
    by_item: Any  # A', CSR (n_items, n_users), float32
    linear_weight: float

    def arrays(self, index: npt.DTypeLike) -> tuple[Any, ...]:
        """As the core takes them."""
        x, a = self.history, self.by_item
        indices = (i.astype(index, copy=False) for i in (x.indices, x.indptr, a.indices, a.indptr))
        x_indices, x_indptr, a_indices, a_indptr = indices
        return x.data, x_indices, x_indptr, a.data, a_indices, a_indptr, a.shape[1], self.linear_weight


def search(
    queries: npt.NDArray[np.float32],
    items: npt.NDArray[np.float32],
    ids: npt.NDArray[Any],
    seen: Any,
    candidates: npt.NDArray[np.int64] | None,
    n: Any,
    num_threads: int,
    graph: Graph | None = None,
) -> Recommendations:
    """The `n` largest products of each query with the items, but for those in its row of `seen` (CSR)."""
    wanted = _at_least_one(n)
    index = _index(seen, graph)
    top_n: Any = getattr(_core, f"top_n_i{8 * index.itemsize}")
    codes, scores = top_n(
        walkable(queries),
        walkable(items),
        np.ascontiguousarray(seen.indices, index),
        np.ascontiguousarray(seen.indptr, index),
        candidates=None if candidates is None else candidates.tolist(),
        n=min(wanted, len(items)),
        graph=None if graph is None else graph.arrays(index),
        num_threads=num_threads,
    )
    return _with_ids(codes, scores, ids)


def all_scores(
    queries: npt.NDArray[np.float32], items: npt.NDArray[np.float32], num_threads: int, graph: Graph | None = None
) -> npt.NDArray[np.float32]:
    """What `search` orders, of all items: (n_queries, n_items)."""
    index = _index(None, graph)
    scores: Any = getattr(_core, f"all_scores_i{8 * index.itemsize}")
    found: npt.NDArray[np.float32] = scores(
        walkable(queries),
        walkable(items),
        graph=None if graph is None else graph.arrays(index),
        num_threads=num_threads,
    )
    return found


def _index(seen: Any, graph: Graph | None) -> np.dtype[Any]:
    """The type that holds the indices of all matrices."""
    matrices = ([] if seen is None else [seen]) + ([] if graph is None else [graph.history, graph.by_item])
    return np.result_type(np.int32, *(m.indices.dtype for m in matrices))


def best_of_pairs(
    rows: npt.NDArray[np.int64],
    cols: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float32],
    n_rows: int,
    ids: npt.NDArray[Any],
    n: Any,
) -> Recommendations:
    """The `n` largest scores of each row, where pairs of row and column have some."""
    wanted = min(_at_least_one(n), len(ids))
    order = np.lexsort((cols, -scores, rows))
    rows, cols, scores = rows[order], cols[order], scores[order]
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)
    best = place < wanted
    codes, values = np.full((n_rows, wanted), -1, np.int64), np.full((n_rows, wanted), -np.inf, np.float32)
    codes[rows[best], place[best]], values[rows[best], place[best]] = cols[best], scores[best]
    return _with_ids(codes, values, ids)


def _with_ids(codes: npt.NDArray[np.int64], scores: npt.NDArray[np.float32], ids: npt.NDArray[Any]) -> Recommendations:
    mask = codes >= 0
    found = ids[np.maximum(codes, 0)]
    found[~mask] = -1 if found.dtype.kind == "i" else None
    return Recommendations(found, scores, mask)


def _at_least_one(n: Any) -> int:
    wanted = as_integer(n, "n")
    if wanted < 1:
        raise ValueError(f"n must be at least 1, got {wanted}")
    return wanted
