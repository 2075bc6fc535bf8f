"""Singular value decompositions of matrices that are read in batches of rows and never held as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from math import nan
from typing import Any

import numpy as np

from matfact import _core, _lapack
from matfact._decompose import Decomposition, shares
from matfact._memory import Plan, parse_memory_limit, plan, plan_share, result_bytes, too_small
from matfact._progress import CoreProgress, reported, rows_reported
from matfact._sources import Source, bytes_of, counted
from matfact._validation import Compressed, check_n_components


def decompose_source(
    source: Source,
    *,
    n_components: int,
    solver: str,
    center: bool,
    memory_limit: int | str | None,
    variance_fraction: float = 0.0,
    compute_u: bool = True,
    tol: float | None = None,
    max_passes: int = 0,
    seed: int = 0,
    num_threads: int = 0,
    callback: CoreProgress | None = None,
) -> tuple[Decomposition, int]:
    """Decompose a source, and count its rows. `n_components` 0 asks for all triplets, or for those of
    `variance_fraction`; without u there are no residuals."""
    if n_components and source.n_rows is not None:
        check_n_components(n_components, min(source.n_rows, source.n_features))
    limit = parse_memory_limit(memory_limit)
    if variance_fraction > 0.0:
        batch_bytes = 0
        if limit is not None and source.n_rows is None:
            source, batch_bytes = counted(source)
        way = plan_share(source, solver=solver, compute_u=compute_u, limit=limit, batch_bytes=batch_bytes)
    else:
        way = plan(source, n_components, solver=solver, compute_u=compute_u, limit=limit)
    _lapack.ensure_lapack_for((source.n_features, source.n_features))
    rows = _Rows(source, way, limit, (n_components or source.n_features) if compute_u else 0)
    function: Any = getattr(_core, f"svd_batches_f{8 * source.dtype.itemsize}")
    with reported("svd", callback, unit="passes", value="residual / tol") as report:
        *found, status = function(
            rows.batches,
            source.n_features,
            n_components=n_components,
            variance_fraction=variance_fraction,
            max_components=way.max_components,
            solver=_core.SvdSolver[way.solver],
            center=center,
            compute_u=compute_u,
            tol=nan if tol is None else tol,
            max_passes=max_passes,
            block=way.block,
            seed=seed,
            num_threads=num_threads,
            progress=report,
        )
    f = Decomposition._make((*found, status.name))
    share, k = float(shares(f.s, f.stable_rank).sum()), f.s.size
    is_cut = k == way.max_components < min(rows.count, source.n_features) and f.status == "converged"
    if is_cut and share < variance_fraction - k * np.finfo(f.s.dtype).eps:  # the rounding of a sum
        raise ValueError(
            f"memory_limit={limit} bytes holds {k} components, with a share of {share:.4g} of the variance: "
            f"raise it to reach {variance_fraction:.4g}, or ask for n_components={k}"
        )
    return f, rows.count


class _Rows:
    """What the core reads: batches as it takes them, counted and weighed against the limit."""

    def __init__(self, source: Source, way: Plan, limit: int | None, columns_of_u: int) -> None:
        self._source, self._way, self._limit, self._columns_of_u = source, way, limit, columns_of_u
        self.count = self._n_passes = 0

    def batches(self) -> Iterator[Any]:
        """One pass."""
        self._n_passes += 1
        count = heaviest = 0
        with rows_reported(f"pass {self._n_passes}", self._source.n_rows or self.count or None) as advance:
            for batch in self._source.read(self._way.batch_rows):
                count += batch.shape[0]
                if self._source.n_rows is None:
                    heaviest = max(heaviest, bytes_of(batch))
                    self._check(heaviest, 0)
                if isinstance(batch, Compressed):
                    yield batch.values, batch.indices, batch.indptr, *batch.shape
                else:
                    yield batch
                advance(batch.shape[0])
        if self._source.n_rows is None:
            self._check(heaviest, count)
        self.count = count

    def _check(self, batch_bytes: int, n_rows: int) -> None:
        """Batches of a user's function, and u, have a size that only a pass tells."""
        u = result_bytes(n_rows, min(n_rows, self._columns_of_u))
        needed = self._way.fixed_bytes + batch_bytes + u
        if self._limit is not None and needed > self._limit:
            raise too_small(self._limit, needed)
