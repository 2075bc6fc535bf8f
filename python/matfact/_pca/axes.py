"""The axes that are kept of a fit, whichever way it came about."""

from __future__ import annotations

import warnings
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from matfact import typing as mt
from matfact._certificate import Certificate
from matfact._decompose import Decomposition, relative_squares, shares
from matfact._pca.request import count_axes
from matfact.exceptions import ConvergenceWarning


class PrincipalAxes(NamedTuple):
    """A fit, under the names that the attributes of `matfact.PCA` have."""

    components: mt.FloatArray
    singular_values: mt.FloatArray
    explained_variance: mt.FloatArray
    explained_variance_ratio: mt.FloatArray
    noise_variance: np.floating[Any]
    mean: mt.FloatArray
    n_samples: int | float
    certificate: Certificate
    status: mt.Status = "converged"
    n_passes: int = 0
    n_iter: int = 0
    loadings_covariance: mt.FloatArray | None = None


def axes_of(
    f: Decomposition, wanted: Any, certificate: Certificate, *, n_samples: int | float, smallest: int
) -> PrincipalAxes:
    """As many components as are wanted of a centered decomposition, out of `smallest`."""
    degrees = n_samples - 1
    s = f.s
    with np.errstate(over="ignore", under="ignore"):
        variance = (s / s.dtype.type(sqrt(degrees))) ** 2
    ratio = shares(s, f.stable_rank)
    if f.status == "max_iter":
        reached = f" of {f.residuals.max():.1e}" if f.residuals.size else ""
        warnings.warn(
            f"PCA reached a residual{reached} above tol: use svd_solver='full' or a larger tol",
            ConvergenceWarning,
            stacklevel=5,  # axes_of, the way of the fit, PCA's choice of it, fit
        )
    return leading_axes(
        count_axes(wanted, variance, ratio, n_samples),
        PrincipalAxes(f.vt, s, variance, ratio, s.dtype.type(0), f.mean, n_samples, certificate, f.status, f.n_passes),
        stable_rank=f.stable_rank,
        smallest=smallest,
    )


def leading_axes(k: int, axes: PrincipalAxes, *, stable_rank: float, smallest: int) -> PrincipalAxes:
    """The first `k` of these axes, out of `smallest`, and the noise that is the mean variance of all others.

    `stable_rank` is the total variance in units of the first.
    """
    variance, squares = axes.explained_variance, relative_squares(axes.singular_values)
    if k == smallest:
        left_out = 0.0
    elif len(variance) == smallest:
        left_out = float(np.mean(squares[k:]))
    else:
        left_out = max(stable_rank - float(np.sum(squares[:k])), 0.0) / (smallest - k)
    with np.errstate(over="ignore", under="ignore"):
        noise = variance.dtype.type((axes.singular_values[0] * np.sqrt(left_out / (axes.n_samples - 1))) ** 2)
    return axes._replace(
        components=_leading(axes.components, k),
        singular_values=_leading(axes.singular_values, k),
        explained_variance=_leading(variance, k),
        explained_variance_ratio=_leading(axes.explained_variance_ratio, k),
        noise_variance=noise,
        certificate=axes.certificate if k == len(variance) else axes.certificate.leading(k),
    )


def with_null_axes(f: Decomposition, n_components: int) -> Decomposition:
    """Axes without variance are not unique, and those of rows with weights are fewer than those of repeated rows. The
    ones taken here depend on nothing but what the others span.
    """
    count, n_features = max(n_components, f.s.size), f.vt.shape[1]
    rank = int(np.count_nonzero(f.s > n_features * np.finfo(f.s.dtype).eps * f.s[0]))
    if rank == count:
        return f
    directions = np.random.default_rng(0).standard_normal((count - rank, n_features))
    null = np.linalg.qr(np.vstack((f.vt[:rank], directions)).T)[0][:, rank:].T
    largest = np.take_along_axis(null, np.abs(null).argmax(axis=1)[:, None], axis=1)
    null = (null * np.sign(largest)).astype(f.vt.dtype)
    zeros = np.zeros(count - f.s.size, f.s.dtype)
    return f._replace(
        s=np.append(f.s, zeros),
        vt=np.vstack((f.vt[:rank], null)),
        # Rows span no more than there are, so that the zeros are exact.
        residuals=np.append(f.residuals, zeros) if f.residuals.size else f.residuals,
        error_bounds=np.append(f.error_bounds, zeros) if f.error_bounds.size else f.error_bounds,
    )


def _leading(a: mt.FloatArray, k: int) -> mt.FloatArray:
    """The first `k` entries or rows; a copy where something is cut, so that the rest is freed."""
    return a if k == a.shape[0] else a[:k].copy()
