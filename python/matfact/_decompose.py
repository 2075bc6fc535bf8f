"""The core's singular value decomposition and projection on checked matrices: what `svd` and the estimators share."""

from __future__ import annotations

from math import nan
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from matfact import _core, _lapack
from matfact import typing as mt
from matfact._certificate import Certificate
from matfact._operator import Operator
from matfact._progress import CoreProgress, reported
from matfact._validation import Compressed, core_suffix, walkable
from matfact.exceptions import NumericalError


class Decomposition(NamedTuple):
    """What the core returns; `residuals` and `error_bounds` are empty unless the solver measures them anyway."""

    u: mt.FloatArray
    s: mt.FloatArray
    vt: mt.FloatArray
    mean: mt.FloatArray
    residuals: mt.FloatArray
    error_bounds: mt.FloatArray
    total_variance: float
    stable_rank: float  # total_variance / s[0]**2, also where these are out of range; 0 for zeros
    next_value: float
    n_passes: int
    status: mt.Status


def decompose(
    x: mt.FloatArray | Compressed,
    *,
    n_components: int,
    solver: _core.SvdSolver,
    center: bool,
    variance_fraction: float = 0.0,
    compute_u: bool = True,
    weights: npt.NDArray[np.float64] | None = None,
    tol: float | None = None,
    max_passes: int = 0,
    seed: int = 0,
    keep_transpose: bool = True,
    num_threads: int = 0,
    callback: CoreProgress | None = None,
) -> Decomposition:
    """Decompose a checked matrix; `n_components` 0 asks for all triplets, or for those of `variance_fraction`.

    With `weights` the residuals are measured at once: nobody keeps the weighted rows.
    """
    _lapack.ensure_lapack_for(x.shape)
    function, matrix = _core_function("svd", x)
    only = (
        {"keep_transpose": keep_transpose} if isinstance(x, Compressed) else {"compute_residuals": weights is not None}
    )
    with reported("svd", callback, unit="passes", value="residual / tol") as report:
        *found, status = function(
            *matrix,
            n_components=n_components,
            variance_fraction=variance_fraction,
            solver=solver,
            center=center,
            compute_u=compute_u,
            weights=weights,
            tol=nan if tol is None else tol,
            max_passes=max_passes,
            seed=seed,
            num_threads=num_threads,
            progress=report,
            **only,
        )
    return Decomposition._make((*found, status.name))


def decompose_operator(
    x: Operator,
    *,
    n_components: int,
    solver: _core.SvdSolver,
    center: bool,
    tol: float | None,
    max_passes: int,
    seed: int,
    num_threads: int,
    callback: CoreProgress | None,
) -> Decomposition:
    """Decompose an operator; `n_components` 0 asks for all triplets."""
    _lapack.ensure_lapack_for(x.shape)
    function: Any = getattr(_core, f"svd_{x.core_suffix}")
    with reported("svd", callback, unit="passes", value="residual / tol") as report:
        *found, status = function(
            x.times,
            x.transposed_times,
            *x.shape,
            n_components=n_components,
            solver=solver,
            center=center,
            tol=nan if tol is None else tol,
            max_passes=max_passes,
            seed=seed,
            num_threads=num_threads,
            progress=report,
        )
    return Decomposition._make((*found, status.name))


def shares(s: mt.FloatArray, stable_rank: float) -> mt.FloatArray:
    """Shares of singular values in the total variance; zeros where that is zero, NaN where it is unknown."""
    squares = relative_squares(s)
    if stable_rank == 0.0:
        return np.zeros_like(s)
    return (squares / stable_rank).astype(s.dtype)


def relative_squares(s: mt.FloatArray) -> npt.NDArray[np.float64]:
    """``(s / s[0])**2``: of values whose squares are out of range too."""
    if s[0] == 0:
        return np.zeros(s.size)
    # What underflows here is no share of anything.
    with np.errstate(under="ignore"):
        squares: npt.NDArray[np.float64] = (s.astype(np.float64) / float(s[0])) ** 2
    return squares


def axes_certificate(f: Decomposition, x: mt.FloatArray | None, num_threads: int) -> Certificate:
    """The certificate of singular values and right singular vectors: as the solver has it, or of the dense `x`."""
    bounds = f.error_bounds if f.error_bounds.size else None
    residuals = f.residuals if f.residuals.size or bounds is None else np.full_like(bounds, nan)
    return Certificate("svd_axes", x, num_threads, next_value=f.next_value, residuals=residuals, error_bounds=bounds)


def project(
    q: mt.FloatArray | Compressed,
    vt: mt.FloatArray,
    mean: npt.NDArray[Any] | None,
    *,
    num_threads: int = 0,
    name: str = "X",
) -> mt.FloatArray:
    """``(q - mean) @ vt.T`` for arrays of one dtype; errors call `q` by `name`."""
    function, matrix = _core_function("project", q)
    try:
        result: mt.FloatArray = function(*matrix, np.ascontiguousarray(vt), mean, num_threads=num_threads)
    except (ValueError, NumericalError):
        if np.isfinite(q.values if isinstance(q, Compressed) else q).all():
            raise
        # The core knows its argument under another name.
        raise ValueError(
            f"{name} holds NaN or infinity: remove those rows, or use factorize, which allows NaN"
        ) from None
    return result


def scores(
    x: mt.FloatArray | Compressed,
    components: mt.FloatArray,
    mean: mt.FloatArray,
    variance: mt.FloatArray | None,
    *,
    num_threads: int = 0,
) -> mt.FloatArray:
    """Scores of the rows of `x` on principal axes; with `variance`, that of the axes, scaled to unit variance."""
    result = project(x if isinstance(x, Compressed) else walkable(x), components, mean, num_threads=num_threads)
    if variance is not None:
        # A component without variance would divide by zero; scikit-learn's floor keeps the scores finite.
        scale = np.sqrt(variance)
        result /= np.maximum(scale, np.finfo(scale.dtype).eps)
    return result


def _core_function(method: str, x: mt.FloatArray | Compressed) -> tuple[Any, tuple[Any, ...]]:
    """The core's function for the type of `x`, and the arguments that stand for `x`."""
    if isinstance(x, Compressed):
        return getattr(_core, f"{method}_{x.core_suffix}"), (x.values, x.indices, x.indptr, *x.shape)
    return getattr(_core, f"{method}_{core_suffix(x)}"), (x,)
