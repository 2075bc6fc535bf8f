"""The centered rows of a stream in a bounded number of rows: frequent directions, with the bound of what is lost."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from matfact import _core
from matfact import typing as mt
from matfact._decompose import decompose
from matfact._validation import as_csr, as_matrix, check_num_threads, is_sparse
from matfact.exceptions import NumericalError

_LARGEST = 1e150  # squares of larger entries overflow


def rows_kept(n_components: int) -> int:
    """Rows that a sketch of so many components is cut to: with l of them, the first n_components of which are left as
    they are, no direction loses more than ||A - A_k||_F^2 / (l - 2 k), with k = n_components and A_k the best
    approximation of that rank."""
    return 3 * n_components + 64


class Sketch:
    """Rows B with ``0 <= A'A - B'B <= shrunk * I`` for the centered rows A of a stream, and its exact means and
    variances.

    Centered batches are appended; merging two means adds one more row, as in Ross et al.
    (doi:10.1007/s11263-007-0075-7). A full buffer is cut to half (`_core.shrink_rows`).
    """

    __slots__ = ("_deviations", "_mean", "_n_components", "_n_samples", "_rows", "_shrunk", "_used")

    def __init__(self, n_features: int, n_components: int) -> None:
        self._n_components = n_components
        self._rows = np.zeros((2 * rows_kept(n_components), n_features))
        self._mean = np.zeros(n_features)
        self._deviations = np.zeros(n_features)
        self._n_samples = self._used = 0
        self._shrunk = 0.0

    @property
    def n_samples(self) -> int:
        """Rows seen."""
        return self._n_samples

    @property
    def mean(self) -> npt.NDArray[np.float64]:
        """Their column means."""
        return self._mean

    @property
    def squared_deviations(self) -> npt.NDArray[np.float64]:
        """Their squared deviations from the mean, summed by column."""
        return self._deviations

    @property
    def shrunk(self) -> float:
        """Most that a squared singular value can have lost."""
        return self._shrunk

    def update(self, X: Any, *, num_threads: int | None) -> None:
        """Append the rows of a batch; one that is not finite changes nothing."""
        threads = check_num_threads(num_threads)
        if is_sparse(X):
            as_csr(X)  # raises where an index points outside: SciPy does not look
            x = X.tocsr()
            _check_range(x.data)
        else:
            x = as_matrix(X)
            _check_range(x)
        begin = 0
        while begin < x.shape[0]:
            room = len(self._rows) - 1 - self._used
            if room <= 0:
                self._shrink(threads)
                continue
            chunk = x[begin : begin + room]
            self._append(chunk.toarray() if is_sparse(chunk) else chunk)
            begin += room

    def axes(self, n_components: int, num_threads: int) -> tuple[mt.FloatArray, mt.FloatArray]:
        """Leading singular values and right singular vectors of what is kept."""
        # Rows behind those in use are zero: they stand for axes without variance where there are too few rows.
        rows = self._rows[: max(self._used, n_components)]
        _, s, vt, *_ = decompose(
            rows,
            n_components=n_components,
            solver=_core.SvdSolver["gram"],
            center=False,
            compute_u=False,
            num_threads=num_threads,
        )
        return s, vt

    def _append(self, chunk: npt.NDArray[Any]) -> None:
        """Chan's merge, written in rows: those of the chunk about its own mean, and one for the step of the mean."""
        count = chunk.shape[0]
        mean = chunk.mean(axis=0, dtype=np.float64)
        rows = self._rows[self._used : self._used + count + 1]
        np.subtract(chunk, mean, out=rows[:count])
        total = self._n_samples + count
        np.multiply(mean - self._mean, sqrt(self._n_samples / total * count), out=rows[count])
        self._deviations += np.einsum("ij,ij->j", rows, rows)
        self._mean = self._mean + (mean - self._mean) * (count / total)
        # The very first step of the mean is from nowhere: its row is zero, and can be written over.
        self._used += count + (1 if self._n_samples else 0)
        self._n_samples = total

    def _shrink(self, num_threads: int) -> None:
        kept = rows_kept(self._n_components)
        self._shrunk += _core.shrink_rows(
            self._rows[: self._used],
            n_exact=self._n_components,
            n_kept=kept,
            num_threads=num_threads,
            progress=None,
        )
        self._used = kept


def _check_range(x: npt.NDArray[Any]) -> None:
    if x.size == 0:
        return
    lowest, highest = float(x.min()), float(x.max())
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        raise ValueError("X holds NaN or infinity; principal axes need finite entries")
    if max(-lowest, highest) > _LARGEST:
        raise NumericalError("the squares of X exceed the range of float64; scale X down")
