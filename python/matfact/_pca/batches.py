"""Principal axes of rows that are read in batches, and scores of such rows."""

from __future__ import annotations

import numpy as np

from matfact import typing as mt
from matfact._decompose import axes_certificate, scores
from matfact._memory import GRAM_FEATURES, batch_rows, parse_memory_limit
from matfact._out_of_core import decompose_source
from matfact._pca.axes import PrincipalAxes, axes_of
from matfact._pca.request import Request, is_share, needs_all_values
from matfact._sources import Source
from matfact._validation import Compressed, as_dtype


def fit_source(
    source: Source,
    request: Request,
    *,
    tol: float,
    seed: int,
    memory_limit: int | str | None,
    num_threads: int,
) -> tuple[PrincipalAxes, str]:
    """Fit a source, without U; return its axes and scikit-learn's name for the solver."""
    if request.svd_solver == "full":
        raise ValueError("svd_solver='full' needs X in memory: use 'auto' where it is read in batches")
    solver, n_features = request.core_solver, source.n_features
    name = "arpack" if solver == "krylov" else "covariance_eigh"
    # The rows of a function are counted while they are read, and the core checks again.
    n_rows = n_features if source.n_rows is None else source.n_rows
    wanted = request.check_for((n_rows, n_features), name)
    is_grown = is_share(wanted) and (solver == "krylov" or n_features > GRAM_FEATURES)
    all_values = needs_all_values(wanted)
    f, n_samples = decompose_source(
        source,
        n_components=0 if all_values or request.n_components is None else max(int(wanted), 1),
        variance_fraction=float(wanted) if is_grown else 0.0,
        solver="gram" if all_values and not is_grown else solver,
        center=True,
        compute_u=False,
        tol=tol if solver == "krylov" else None,
        seed=seed,
        memory_limit=memory_limit,
        num_threads=num_threads,
    )
    if n_samples < 2:
        raise ValueError(f"Found array with {n_samples} sample(s) while a minimum of 2 is required by PCA.")
    if wanted == "mle" and n_samples < n_features:
        raise ValueError("n_components='mle' is only supported if n_samples >= n_features")
    wanted = f.s.size if request.n_components is None or is_grown else wanted
    certificate = axes_certificate(f, None, num_threads)
    return axes_of(f, wanted, certificate, n_samples=n_samples, smallest=min(n_samples, n_features)), name


def scores_of_source(
    source: Source,
    components: mt.FloatArray,
    mean: mt.FloatArray,
    variance: mt.FloatArray | None,
    *,
    memory_limit: int | str | None,
    num_threads: int,
) -> mt.FloatArray:
    """`matfact._decompose.scores` of all rows of a source, in one array."""
    dtype = components.dtype
    parts = []
    for batch in source.read(batch_rows(source, parse_memory_limit(memory_limit))):
        if isinstance(batch, Compressed):
            rows: mt.FloatArray | Compressed = batch._replace(values=as_dtype(batch.values, dtype, "X"))
        else:
            rows = as_dtype(batch, dtype, "X")
        parts.append(scores(rows, components, mean, variance, num_threads=num_threads))
    return np.concatenate(parts)
