"""Rows with NaN in a latent space: each is completed by what a factor model expects of it, given what was observed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from matfact import _core
from matfact import typing as mt
from matfact._validation import core_suffix
from matfact.exceptions import NumericalError


def complete_rows(
    q: mt.FloatArray,
    loadings: npt.NDArray[Any],
    mean: npt.NDArray[Any] | None,
    noise_variance: float,
    *,
    num_threads: int = 0,
    name: str = "Q",
) -> mt.FloatArray:
    r"""`q` with every NaN replaced by its expectation under :math:`q = \mu + W z + \varepsilon`.

    With `loadings` W (n_features, k), :math:`z \sim N(0, I)` and noise of variance :math:`\sigma^2` that is
    :math:`\mu_j + w_j z`, where z minimizes :math:`\|q - \mu - W z\|^2 + \sigma^2 \|z\|^2` over the observed entries:
    the mean where nothing of a row is observed. `q` itself comes back if it has no NaN, else a copy.
    """
    finite = np.isfinite(q)
    if finite.all():
        return q
    holes = np.isnan(q)
    if not (finite | holes).all():
        raise ValueError(f"{name} holds infinity: mark missing entries as NaN and replace infinities")
    rows = np.flatnonzero(holes.any(axis=1))
    w = np.ascontiguousarray(loadings, q.dtype)
    # Fancy indexing has made a copy of these rows, which may be centered in place.
    observed = np.ascontiguousarray(q[rows])
    if mean is not None:
        observed -= mean
    function: Any = getattr(_core, f"solve_rows_{core_suffix(q)}")
    expected = function(observed, w, l2=noise_variance, num_threads=num_threads) @ w.T
    if mean is not None:
        expected += mean
    if not np.isfinite(expected).all():
        raise NumericalError(f"completing the rows of {name} overflows {q.dtype}: scale X and {name} down")
    filled = np.array(q, order="C")
    filled[rows] = np.where(holes[rows], expected, q[rows])
    return filled
