"""Principal axes of a NumPy or sparse matrix, by the core's singular value decomposition."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt

from matfact import _core
from matfact import typing as mt
from matfact._decompose import axes_certificate, decompose
from matfact._pca.axes import PrincipalAxes, axes_of, with_null_axes
from matfact._pca.request import Request, is_share, needs_all_values
from matfact._validation import as_compressed, is_sparse

_GROWN_FROM = 1000  # as the core's choice of solver has it


def fit_matrix(
    x: Any,
    request: Request,
    *,
    weights: npt.NDArray[np.float64] | None,
    compute_u: bool,
    tol: float,
    seed: int,
    num_threads: int,
) -> tuple[PrincipalAxes, mt.FloatArray | None, str]:
    """Fit a validated matrix; return its axes, U if that was asked for and came for free, and scikit-learn's name for
    the solver.
    """
    sparse = is_sparse(x)
    n_samples, n_present = _count_rows(x.shape[0], weights)
    shape = max(n_present, int(n_samples)), x.shape[1]
    smallest = min(shape)
    name = "arpack" if sparse and request.svd_solver == "auto" else request.solver_for(shape)
    wanted = request.check_for(shape, name)
    # Where the iterations may be the faster way, a share is reached by growing their basis.
    is_grown = is_share(wanted) and request.svd_solver == "auto" and (sparse or smallest >= _GROWN_FROM)
    # "full" has all singular values at hand anyway.
    all_values = not is_grown and (name == "full" or needs_all_values(wanted))
    solver = request.core_solver
    is_count = isinstance(wanted, Integral)
    keeps_u = compute_u and is_count
    f = decompose(
        as_compressed(x) if sparse else x,
        n_components=0 if all_values or is_grown else min(max(int(wanted), 1), n_present),
        variance_fraction=float(wanted) if is_grown else 0.0,
        solver=_core.SvdSolver[solver],
        center=True,
        # With U there are residuals: of weighted rows nobody has the copy afterwards, and of a sparse X they cost
        # little where few are wanted; the bounds are else those of the Gram matrix.
        compute_u=keeps_u or weights is not None or (sparse and is_count and 4 * int(wanted) <= smallest),
        weights=weights,
        tol=tol if solver == "krylov" else None,
        seed=seed,
        num_threads=num_threads,
    )
    if not is_grown:
        f = with_null_axes(f, smallest if all_values else max(int(wanted), 1))
    certificate = axes_certificate(f, None if sparse else x, num_threads)
    axes = axes_of(f, f.s.size if is_grown else wanted, certificate, n_samples=n_samples, smallest=smallest)
    k = len(axes.components)
    return axes, (f.u if k == f.u.shape[1] else np.ascontiguousarray(f.u[:, :k])) if keeps_u else None, name


def _count_rows(n_rows: int, weights: npt.NDArray[np.float64] | None) -> tuple[int | float, int]:
    """How many rows there are, the weights counted, and how many of them have a weight."""
    if weights is None:
        return n_rows, n_rows
    total = float(weights.sum())
    if total == 0.0:
        raise ValueError("sample_weight must have a positive entry, got zeros only")
    if total < 2.0:
        raise ValueError(f"PCA needs a sample_weight with a sum of at least 2, got {total:g}: they count rows")
    return int(total) if total.is_integer() else total, int(np.count_nonzero(weights))
