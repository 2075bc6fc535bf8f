"""A matrix that is there as long as its owner keeps it: what was fitted to data must not keep them alive."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from matfact import typing as mt


class Borrowed:
    """What `convert` makes of `x`, an array or another object, which is only referred to weakly."""

    __slots__ = ("_convert", "_owner", "_view")

    def __init__(self, x: Any, convert: Callable[[Any], mt.FloatArray]) -> None:
        """Raises TypeError where nothing can refer to `x` weakly, as to a list."""
        owner = _owner_of(x)
        self._convert, self._owner = convert, weakref.ref(owner)
        # A view often lives for a call only; its owner, and where it lies in the owner's memory, are enough. NumPy does
        # not move that by `resize` while there are weak references to the owner.
        self._view = None if owner is x else x.__array_interface__

    def get(self) -> mt.FloatArray | None:
        """The matrix, or None where its owner is gone."""
        owner = self._owner()
        if owner is None:
            return None
        return self._convert(owner if self._view is None else np.asarray(_View(owner, self._view)))


class _View:
    """Part of an array's memory, as NumPy's array interface describes it."""

    def __init__(self, owner: Any, interface: dict[str, Any]) -> None:
        self.owner, self.__array_interface__ = owner, interface


def _owner_of(x: Any) -> Any:
    """The array whose memory `x` is a view of; `x` itself where it is none, or holds Python's objects."""
    if isinstance(x, np.ndarray) and not x.dtype.hasobject:
        while isinstance(x.base, np.ndarray):
            x = x.base
    return x
