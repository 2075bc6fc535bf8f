"""Residuals that are computed when somebody looks at them: they cost a product with the matrix."""

from __future__ import annotations

from typing import Any

from matfact import _core
from matfact import typing as mt
from matfact._validation import core_suffix


class Residuals:
    """The residuals of a decomposition once they are known; until then the matrix that they take."""

    __slots__ = ("_matrix", "_method", "_num_threads", "_values")

    def __init__(
        self, method: str, matrix: mt.FloatArray, num_threads: int, values: mt.FloatArray | None = None
    ) -> None:
        self._method = method
        self._matrix: mt.FloatArray | None = matrix if values is None else None
        self._num_threads = num_threads
        self._values = values

    def of(self, *factors: mt.FloatArray | None) -> mt.FloatArray:
        """Return the residuals of these factors, which must be the same in every call."""
        if self._values is None:
            assert self._matrix is not None
            function: Any = getattr(_core, f"{self._method}_residuals_{core_suffix(self._matrix)}")
            self._values = function(self._matrix, *factors, num_threads=self._num_threads)
            self._matrix = None
        return self._values

    def leading(self, n_components: int) -> Residuals:
        """The residuals of the leading components alone."""
        copy = object.__new__(Residuals)
        copy._method, copy._matrix, copy._num_threads = self._method, self._matrix, self._num_threads
        copy._values = None if self._values is None else self._values[:n_components].copy()
        return copy
