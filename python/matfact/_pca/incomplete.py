"""Probabilistic PCA in the core, in the terms of the PCA estimator: what it does where entries are missing."""

from __future__ import annotations

import warnings
from math import sqrt
from typing import Any

import numpy as np

from matfact import _core
from matfact import typing as mt
from matfact._certificate import Certificate
from matfact._missing import Latent, complete_rows
from matfact._pca.axes import PrincipalAxes
from matfact._progress import reported
from matfact._validation import core_suffix
from matfact.exceptions import ConvergenceWarning, NumericalError

_DEFAULT_TOL = 1e-9
_MAX_ITER = 1000


def fit_incomplete(
    x: mt.FloatArray, n_components: int | float | str | None, *, variational: bool, tol: float, num_threads: int
) -> PrincipalAxes:
    """Fit a checked matrix with NaN; `tol` 0 stands for the default."""
    most = min(x.shape) - 1
    k = most if n_components is None else n_components
    if not isinstance(k, (int, np.integer)) or not 1 <= k <= most:
        raise ValueError(
            f"n_components={k!r} must be an integer between 1 and min(n_samples, n_features) - 1 = {most} where "
            f"entries of X are missing, or None for {most}"
        )
    function: Any = getattr(_core, f"ppca_{core_suffix(x)}")
    with reported("PCA with missing entries") as report:
        components, variance, mean, noise, covariance, _, _, n_rows, n_iter, status = function(
            x,
            n_components=int(k),
            variational=variational,
            tol=tol or _DEFAULT_TOL,
            max_iter=_MAX_ITER,
            num_threads=num_threads,
            progress=report,
        )
    if status.name == "max_iter":
        warnings.warn(
            f"PCA with missing entries used all {_MAX_ITER} sweeps before the log-likelihood gained less than "
            f"tol={tol or _DEFAULT_TOL:g} per observed entry: raise tol, or use fewer components",
            ConvergenceWarning,
            stacklevel=4,  # fit_incomplete, PCA's choice of it, fit
        )
    # The likelihood divides by the number of rows, PCA by one less.
    unbias = n_rows / (n_rows - 1) if n_rows > 1 else 1.0
    variance, noise = variance * unbias, noise * unbias
    total = float((variance - noise).sum()) + x.shape[1] * noise
    range_of = np.finfo(x.dtype)
    if variance[0] > float(range_of.max) or 0.0 < noise < float(range_of.tiny):
        raise NumericalError(
            f"the variances of X leave the range of {x.dtype}, from {noise:.1e} to {variance[0]:.1e}: scale X so that "
            "its entries are near 1"
        )
    unknown = np.full(int(k), np.nan, x.dtype)  # nobody has the entries that bounds would need
    return PrincipalAxes(
        components.astype(x.dtype),
        (np.sqrt(variance) * sqrt(max(n_rows - 1, 1))).astype(x.dtype),
        variance.astype(x.dtype),
        (variance / total if total > 0.0 else variance).astype(x.dtype),
        x.dtype.type(noise),
        mean.astype(x.dtype),
        x.shape[0],
        Certificate("svd_axes", None, num_threads, residuals=unknown, error_bounds=unknown),
        status.name,
        n_iter=n_iter,
        loadings_covariance=covariance * unbias if variational and noise > 0.0 else None,
    )


def latent_model(pca: Any) -> Latent:
    """The generative model behind the attributes of a fitted PCA."""
    signal = np.maximum(pca.explained_variance_.astype(np.float64) - float(pca.noise_variance_), 0.0)
    loadings = pca.components_.T.astype(np.float64) * np.sqrt(signal)
    return Latent(loadings, pca.mean_, float(pca.noise_variance_), pca._loadings_covariance)


def impute(x: mt.FloatArray, pca: Any, num_threads: int) -> mt.FloatArray:
    """`x` with NaN replaced by its expectation given the rest of the row; `x` itself if it has none."""
    model = latent_model(pca)
    if not model.loadings.any():  # the mean is all there is, whatever the noise
        model = model._replace(noise_variance=1.0)
    return complete_rows(x, model, num_threads=num_threads, name="X")


def log_likelihoods(x: mt.FloatArray, pca: Any, num_threads: int) -> mt.FloatArray:
    """Of the observed entries of each row; 0 where there are none."""
    model = latent_model(pca)
    if not model.noise_variance > 0.0:
        raise ValueError(
            f"the model has no noise (noise_variance_={model.noise_variance}), so incomplete rows have no density: "
            "fit with fewer components"
        )
    function: Any = getattr(_core, f"ppca_rows_{core_suffix(x)}")
    mean = np.ascontiguousarray(model.mean, np.float64)
    _, values = function(x, model.loadings, mean, model.noise_variance, None, num_threads=num_threads)
    result: mt.FloatArray = values
    return result
