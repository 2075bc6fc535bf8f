"""Residuals and error bounds that are computed when somebody looks at them: they cost a product with the matrix."""

from __future__ import annotations

from math import nan
from typing import Any

import numpy as np

from matfact import _core
from matfact import typing as mt
from matfact._borrowed import Borrowed
from matfact._validation import core_suffix


class Certificate:
    """Residuals and error bounds of a decomposition once they are known; until then the matrix that they take."""

    __slots__ = ("_matrix", "_method", "_next_value", "_num_threads", "_values")

    def __init__(
        self,
        method: str,
        matrix: mt.FloatArray | None,
        num_threads: int,
        *,
        next_value: float = nan,
        residuals: mt.FloatArray | None = None,
        error_bounds: mt.FloatArray | None = None,
    ) -> None:
        self._method = method
        self._num_threads = num_threads
        self._next_value = next_value
        self._values = None if residuals is None or error_bounds is None else (residuals, error_bounds)
        self._matrix: mt.FloatArray | Borrowed | None = matrix if self._values is None else None

    def give_back(self, matrix: Borrowed) -> None:
        """Keep the matrix no longer than its owner does."""
        if self._matrix is not None:
            self._matrix = matrix

    def of(self, *factors: mt.FloatArray | bool | None) -> tuple[mt.FloatArray, mt.FloatArray]:
        """Return residuals and error bounds of these factors, which must be the same in every call.

        Raises AttributeError where the matrix was given back and is gone.
        """
        if self._values is None:
            matrix = self._matrix.get() if isinstance(self._matrix, Borrowed) else self._matrix
            if matrix is None:
                self._matrix = None
                raise AttributeError(
                    "errors are measured with X, which is gone: look at residuals and error bounds while it is alive"
                )
            function: Any = getattr(_core, f"{self._method}_certificate_{core_suffix(matrix)}")
            self._values = function(matrix, *factors, next_value=self._next_value, num_threads=self._num_threads)
            self._matrix = None
        return self._values

    def leading(self, n_components: int) -> Certificate:
        """The certificate of the leading components alone."""
        copy = object.__new__(Certificate)
        copy._method, copy._matrix, copy._num_threads = self._method, self._matrix, self._num_threads
        copy._next_value = nan
        copy._values = None
        if self._values is not None:
            residuals, error_bounds = self._values
            copy._values = residuals[:n_components].copy(), error_bounds[:n_components].copy()
        elif n_components == 0 and isinstance(self._matrix, np.ndarray):
            copy._values = np.zeros(0, self._matrix.dtype), np.zeros(0, self._matrix.dtype)
            copy._matrix = None
        return copy
