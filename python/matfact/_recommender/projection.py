"""Recommenders that project a user's row onto the leading right singular vectors: nobody needs to be solved for."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt

from matfact._recommender import Factor, Recommender, require_positive
from matfact._recommender.direct import Direct
from matfact._recommender.iterating import State
from matfact.interactions import Codes, Interactions

Scale = npt.NDArray[np.float64]


class Projection(Direct, Recommender):
    r"""Score items by :math:`x_u D^{-1} V V^\top D`, where D is diagonal."""

    singular_values_: npt.NDArray[np.float64]
    _scale: Scale | None = None  # D; None for ones

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
        return project(rows, self._h, self._scale)

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


def of_vectors(known: Interactions, s: Any, vt: Any, scale: Scale | None) -> State:
    """What the decomposition says."""
    h = vt.T if scale is None else vt.T * scale[:, None]
    h = np.ascontiguousarray(h, np.float32)
    facts = {"singular_values": s.tolist(), "scale": None if scale is None else scale.tolist()}
    return State(project(known.matrix, h, scale), h, facts)


def project(rows: Any, h: Factor, scale: Scale | None) -> Factor:
    """x D^-1 V, where `h` is D V."""
    onto = h if scale is None else (h / (scale**2)[:, None]).astype(np.float32)
    return cast(Factor, np.asarray(rows @ onto, dtype=np.float32))


def by_degrees(matrix: Any) -> tuple[Any, Scale]:
    """Entries over the square roots of the sums of their rows and columns (float32), and the roots for the columns.

    Ones where a column has no entry; ValueError for entries that are not positive.
    """
    require_positive(matrix.data)
    values = matrix.data.astype(np.float64)
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    by_row = np.bincount(rows, values, matrix.shape[0])
    by_col = np.bincount(matrix.indices, values, matrix.shape[1])
    scale = np.sqrt(np.where(by_col > 0, by_col, 1.0))
    scaled = matrix.copy()
    scaled.data = (values / np.sqrt(by_row[rows]) / scale[matrix.indices]).astype(np.float32)
    return scaled, scale
