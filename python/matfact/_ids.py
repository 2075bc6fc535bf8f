"""Ids of users and items: as they are kept, as codes, and where each stands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

Codes: TypeAlias = npt.NDArray[np.int64]


def as_ids(ids: npt.ArrayLike | None, n: int, name: str) -> npt.NDArray[Any]:
    """The ids of `n` rows or columns, unique; None stands for 0, 1, ..."""
    if ids is None:
        return np.arange(n, dtype=np.int64)
    # A list through np.asarray would make a string of each integer beside a string.
    is_list = hasattr(ids, "__iter__") and not hasattr(ids, "__array__") and not isinstance(ids, (str, bytes))
    a = _plain(np.fromiter(cast(Iterable[Any], ids), object) if is_list else np.asarray(ids))
    if a.shape != (n,):
        raise ValueError(f"{name} must have shape ({n},), got {a.shape}")
    if len(set(a.tolist())) != n:
        raise ValueError(f"{name} must be unique")
    return a


def _plain(ids: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """As int64 where all are integers that fit, else as objects."""
    if ids.dtype.kind not in "iu":
        ids = ids.astype(object)
        if not all(type(i) is int or isinstance(i, np.integer) for i in ids.flat):
            return ids
    fits = ids.size == 0 or -(2**63) <= int(ids.min()) <= int(ids.max()) < 2**63
    return ids.astype(np.int64 if fits else object)


def codes_of(ids: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Codes]:
    """The distinct ids, ascending where they have an order, and the place of each entry among them."""
    plain = _plain(ids)
    try:
        distinct, codes = np.unique(plain, return_inverse=True)
    except TypeError:  # ids of several types
        place: dict[Any, int] = {}
        codes = np.array([place.setdefault(i, len(place)) for i in plain.tolist()], np.int64)
        distinct = np.fromiter(place, object)
    return distinct, codes.astype(np.int64)


def as_list(ids: Any) -> list[Any]:
    """Several ids as Python has them: scalars of Arrow equal none of them."""
    if hasattr(ids, "to_pylist"):
        return cast(list[Any], ids.to_pylist())
    return ids.tolist() if isinstance(ids, np.ndarray) else list(ids)


class Places:
    """Where ids stand; made ready when it is first asked."""

    __slots__ = ("_ids", "_order", "_place")

    def __init__(self, ids: npt.NDArray[Any]) -> None:
        self._ids = ids
        self._place: dict[Any, int] | None = None
        self._order: npt.NDArray[np.intp] | None = None

    def of(self, ids: Any) -> Codes:
        """The place of each, -1 where there is none."""
        if isinstance(ids, np.ndarray) and ids.ndim == 1 and ids.dtype.kind == self._ids.dtype.kind == "i":
            return self._of_integers(ids)
        if isinstance(ids, (str, bytes)) or not hasattr(ids, "__iter__"):
            ids = [ids]
        ids = as_list(ids)
        if self._place is None:
            self._place = {i: place for place, i in enumerate(self._ids.tolist())}
        return np.array([self._place.get(i, -1) for i in ids], dtype=np.int64)

    def _of_integers(self, ids: npt.NDArray[Any]) -> Codes:
        if self._order is None:
            self._order = np.argsort(self._ids)
        found = self._order[np.minimum(np.searchsorted(self._ids, ids, sorter=self._order), len(self._ids) - 1)]
        return np.where(self._ids[found] == ids, found, -1)
