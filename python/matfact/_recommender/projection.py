"""Recommenders that project a user's row onto the leading right singular vectors: nobody needs to be solved for."""

from __future__ import annotations

import warnings
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning

from matfact import _core, _lapack
from matfact import typing as mt
from matfact._progress import reported
from matfact._recommender import Factor, Recommender, require_positive
from matfact._recommender.direct import Direct
from matfact._recommender.iterating import State
from matfact._validation import check_n_components, check_num_threads
from matfact.interactions import Codes, Interactions

Scale = npt.NDArray[np.float64]


class Projection(Direct, Recommender):
    r"""Score items by :math:`x_u D^{-1} V V^\top D`, where D is diagonal."""

    n_components: int
    singular_values_: npt.NDArray[np.float64]
    _scale: Scale | None = None  # D; None for ones

    def _decomposed(self, known: Interactions, normalize: mt.Normalize | None) -> State:
        """Factors of `n_components` from the leading right singular vectors."""
        k = check_n_components(self.n_components, min(known.shape))
        x, name = known.matrix, type(self).__name__
        fit: Any = getattr(_core, f"pure_svd_i{8 * x.indices.itemsize}")
        _lapack.ensure_lapack_for(known.shape)
        with reported(name, unit="passes", value="residual / tol") as report:
            w, h, s, residuals, scale, status = fit(
                x.data,
                x.indices,
                x.indptr,
                n_items=known.n_items,
                n_components=k,
                normalize=_core.Normalize[normalize or "none"],
                num_threads=check_num_threads(self.num_threads),
                progress=report,
            )
        if status is _core.Status.max_iter:
            worst = f"{name} reached a residual of {float(residuals.max()):.1e}: fewer n_components are found sooner"
            # _decomposed, what fit finds it with, _fit_at_once, fit
            warnings.warn(worst, ConvergenceWarning, stacklevel=5)
        scale = scale.tolist() if normalize else None
        return State(w, h, {"singular_values": s.astype(np.float64).tolist(), "scale": scale})

    def _adopt(self, interactions: Interactions, w: Factor, h: Factor, facts: dict[str, Any]) -> None:
        self.user_factors_, self.item_factors_ = w, h
        self.singular_values_ = np.array(facts["singular_values"], dtype=np.float64)
        self._scale = None
        if facts.get("scale") is not None:
            self._scale = np.array(facts["scale"], dtype=np.float64)
            if self._scale.shape != (len(h),) or not (np.isfinite(self._scale) & (self._scale > 0)).all():
                raise ValueError("scale must hold a positive number for each item")
        super()._adopt(interactions, w, h, facts)

    def _n_columns(self) -> int:
        return len(self.singular_values_)

    def _solve_rows(self, rows: Any) -> Factor:
        solve: Any = getattr(_core, f"pure_svd_rows_i{8 * rows.indices.itemsize}")
        threads = check_num_threads(self.num_threads)
        return cast(Factor, solve(rows.data, rows.indices, rows.indptr, self._h, self._scale, num_threads=threads))

    def _solve_columns(self, columns: Any, codes: Codes) -> Factor:  # noqa: ARG002
        """Least squares of the items' entries on the users, each over the sum of its row where that is normalized.

        After a fit the users' factors are U S, or with the sums D of rows D^1/2 U S: this is D_I^1/2 (X~' U / S), the
        folding-in of latent semantic indexing. Users who came later are no part of U, and are taken for what they are.
        """
        w, weighted = self._w.astype(np.float64), self._w.astype(np.float64)
        if self._scale is not None:
            require_positive(columns.data)
            sums = self.interactions_.matrix.sum(axis=1, dtype=np.float64)
            weighted /= np.where(sums > 0, sums, 1.0)[:, None]
        return cast(Factor, (columns @ weighted @ np.linalg.pinv(weighted.T @ w, hermitian=True)).astype(np.float32))

    def _facts_of_columns(self, columns: Any, codes: Codes) -> dict[str, Any]:
        if self._scale is None:
            return {}
        sums = columns.sum(axis=1, dtype=np.float64)
        scale = np.ones(max(len(self._scale), int(codes.max()) + 1))
        scale[: len(self._scale)] = self._scale
        scale[codes] = np.sqrt(np.where(sums > 0, sums, 1.0))
        return {"scale": scale.tolist()}
