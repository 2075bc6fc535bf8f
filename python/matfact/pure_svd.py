"""Recommendations from a truncated singular value decomposition, with absent entries as zeros."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from matfact import typing as mt
from matfact._recommender import Factor, Recommender, as_interactions
from matfact._validation import check_n_components, check_num_threads
from matfact.interactions import Interactions
from matfact.svd import svd


class PureSVD(Recommender):
    r"""Score items by :math:`x_u V V^\top`, where x_u is a user's row and V holds the leading right singular vectors.

    With W = X V this is the best approximation of the matrix by one of rank k: it minimizes
    :math:`\|X - W V^\top\|_F^2` over all pairs, absent entries counting as zeros. No user needs to be solved for,
    in the fit or later.

    Parameters
    ----------
    n_components : int, default=50
        Singular vectors, between 1 and the smaller side of the matrix.
    num_threads : int, optional
        At least 1; None uses `matfact.get_num_threads`.

    Attributes
    ----------
    user_factors_ : array of shape (n_users, n_components), float32
        X V.
    item_factors_ : array of shape (n_items, n_components), float32
        V, orthonormal columns.
    singular_values_ : array of shape (n_components,), float64
        Descending.
    interactions_ : Interactions
        What the model was fitted to.

    References
    ----------
    .. [1] Cremonesi, P., Koren, Y., and Turrin, R. (2010). Performance of recommender algorithms on top-N
       recommendation tasks. RecSys 2010, 39-46. doi:10.1145/1864708.1864721

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> import matfact
    >>> plays = sp.csr_array([[3, 1, 0, 0], [2, 4, 1, 0], [0, 0, 5, 1], [0, 0, 2, 2]])
    >>> matfact.PureSVD(2).fit(plays).recommend([0, 3], 1).items
    array([[2],
           [1]])
    """

    def __init__(self, n_components: int = 50, *, num_threads: int | None = None) -> None:
        self.n_components = n_components
        self.num_threads = num_threads

    def fit(self, interactions: Interactions | mt.SparseLike) -> PureSVD:
        """Decompose the matrix.

        Parameters
        ----------
        interactions : Interactions or SciPy sparse array of shape (n_users, n_items)
            One row for each user.

        Returns
        -------
        PureSVD
            The instance itself.

        Raises
        ------
        ValueError
            If there is no entry, a value is not finite, or `n_components` is out of range.
        TypeError
            If `interactions` are not sparse, or a parameter has the wrong type.
        """
        check_num_threads(self.num_threads)
        known = as_interactions(interactions)
        k = check_n_components(self.n_components, min(known.shape))
        _, s, vt = svd(known.matrix, k, random_state=0, num_threads=self.num_threads)
        h = np.ascontiguousarray(vt.T, np.float32)
        self._adopt(known, _project(known.matrix, h), h, {"singular_values": s.tolist()})
        return self

    def _adopt(self, interactions: Interactions, w: Factor, h: Factor, facts: dict[str, Any]) -> None:
        self.user_factors_, self.item_factors_ = w, h
        self.singular_values_ = np.array(facts["singular_values"], dtype=np.float64)
        super()._adopt(interactions, w, h, facts)

    def _n_columns(self) -> int:
        return len(self.singular_values_)

    def _solve_rows(self, rows: Any) -> Factor:
        return _project(rows, self._h)

    def _solve_columns(self, columns: Any) -> Factor:
        w = self._w.astype(np.float64)
        return cast(Factor, (columns @ w @ np.linalg.pinv(w.T @ w, hermitian=True)).astype(np.float32))


def _project(rows: Any, h: Factor) -> Factor:
    return cast(Factor, np.asarray(rows @ h, dtype=np.float32))
