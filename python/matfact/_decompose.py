"""The core's singular value decomposition and projection on checked matrices: what `svd` and the estimators share."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from matfact import _core, _lapack
from matfact import typing as mt
from matfact._validation import core_suffix, walkable
from matfact.exceptions import NumericalError


def decompose(
    x: mt.FloatArray,
    *,
    n_components: int,
    solver: _core.SvdSolver,
    center: bool,
    compute_u: bool = True,
    tol: float = 0.0,
    num_threads: int = 0,
) -> tuple[mt.FloatArray, mt.FloatArray, mt.FloatArray, mt.FloatArray, mt.FloatArray, float, mt.Status]:
    """u, s, vt, mean, residuals, total variance and status of a checked matrix; `n_components` 0 asks for all.

    The residuals are there if `tol` is positive.
    """
    _lapack.ensure_lapack_for(x.shape)
    function: Any = getattr(_core, f"svd_{core_suffix(x)}")
    u, s, vt, mean, residuals, total_variance, status = function(
        x,
        n_components=n_components,
        solver=solver,
        center=center,
        compute_u=compute_u,
        compute_residuals=False,
        tol=tol,
        num_threads=num_threads,
        progress=None,
    )
    return u, s, vt, mean, residuals, total_variance, status.name


def project(
    q: mt.FloatArray, vt: mt.FloatArray, mean: npt.NDArray[Any] | None, *, num_threads: int = 0, name: str = "X"
) -> mt.FloatArray:
    """``(q - mean) @ vt.T`` for arrays of one dtype; errors call `q` by `name`."""
    function: Any = getattr(_core, f"project_{core_suffix(q)}")
    try:
        result: mt.FloatArray = function(q, np.ascontiguousarray(vt), mean, num_threads=num_threads)
    except (ValueError, NumericalError):
        if np.isfinite(q).all():
            raise
        # The core knows its argument under another name.
        raise ValueError(
            f"{name} holds NaN or infinity: remove those rows, or use factorize, which allows NaN"
        ) from None
    return result


def scores(
    x: mt.FloatArray,
    components: mt.FloatArray,
    mean: mt.FloatArray,
    variance: mt.FloatArray | None,
    *,
    num_threads: int = 0,
) -> mt.FloatArray:
    """Scores of the rows of `x` on principal axes; with `variance`, that of the axes, scaled to unit variance."""
    result = project(walkable(x), components, mean, num_threads=num_threads)
    if variance is not None:
        # A component without variance would divide by zero; scikit-learn's floor keeps the scores finite.
        scale = np.sqrt(variance)
        result /= np.maximum(scale, np.finfo(scale.dtype).eps)
    return result
