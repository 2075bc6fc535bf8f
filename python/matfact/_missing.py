"""Rows with NaN in a latent space: each is completed by what a factor model expects of it, given what was observed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from matfact import _core
from matfact import typing as mt
from matfact._validation import core_suffix
from matfact.exceptions import NumericalError


class Latent(NamedTuple):
    r"""The model :math:`q = \mu + W z + \varepsilon` with :math:`z \sim N(0, I)` and noise of one variance."""

    loadings: npt.NDArray[Any]
    """W of shape (n_features, k)."""
    mean: npt.NDArray[Any] | None
    noise_variance: float
    loadings_covariance: npt.NDArray[np.float64] | None = None
    """Posterior covariance of each row of W, packed triangles; None where W is a point."""

    def expected_rows(self, q: mt.FloatArray, num_threads: int) -> npt.NDArray[Any]:
        r"""Expected rows, :math:`\mu + W z`; z minimizes :math:`\|q - \mu - W z\|^2 + \sigma^2 \|z\|^2` where observed.

        Uncertain loadings add their covariance to that penalty.
        """
        mean = np.zeros(q.shape[1], q.dtype) if self.mean is None else self.mean
        function: Any
        if self.loadings_covariance is None:
            function = getattr(_core, f"solve_rows_{core_suffix(q)}")
            w = np.ascontiguousarray(self.loadings, q.dtype)
            z = function(q - mean.astype(q.dtype), w, l2=self.noise_variance, num_threads=num_threads)
            return np.asarray(z @ w.T + mean)
        function = getattr(_core, f"ppca_rows_{core_suffix(q)}")
        z, _ = function(
            q,
            self.loadings,
            np.ascontiguousarray(mean, np.float64),
            self.noise_variance,
            self.loadings_covariance,
            num_threads=num_threads,
        )
        return np.asarray(z @ self.loadings.T + mean)


def complete_rows(q: mt.FloatArray, model: Latent, *, num_threads: int = 0, name: str = "Q") -> mt.FloatArray:
    """`q` with every NaN replaced by its expectation under the model, given the observed entries of its row.

    That is the mean where nothing of a row is observed. `q` itself comes back if it has no NaN, else a copy.
    """
    finite = np.isfinite(q)
    if finite.all():
        return q
    holes = np.isnan(q)
    if not (finite | holes).all():
        raise ValueError(f"{name} holds infinity: mark missing entries as NaN and replace infinities")
    rows = np.flatnonzero(holes.any(axis=1))
    expected = model.expected_rows(np.ascontiguousarray(q[rows]), num_threads).astype(q.dtype, copy=False)
    if not np.isfinite(expected).all():
        raise NumericalError(f"completing the rows of {name} overflows {q.dtype}: scale X and {name} down")
    filled = np.array(q, order="C")
    filled[rows] = np.where(holes[rows], expected, q[rows])
    return filled
