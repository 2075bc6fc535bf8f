"""The list that everybody gets: what any recommender has to beat."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from matfact import typing as mt
from matfact._recommender import Factor, Recommender, as_interactions, popularity
from matfact.interactions import Codes, Interactions


class Popularity(Recommender):
    """Score each item by the share of users who have an entry with it, for every user alike.

    Parameters
    ----------
    num_threads : int, optional
        At least 1; None uses `matfact.get_num_threads`.

    Attributes
    ----------
    item_scores_ : array of shape (n_items,), float32
        The shares, between 0 and 1.
    interactions_ : Interactions
        What the model was fitted to.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> import matfact
    >>> plays = sp.csr_array([[3, 1, 0], [0, 4, 1], [0, 5, 0]])
    >>> matfact.Popularity().fit(plays).recommend(0, 1, exclude_seen=False).of(0)
    [(1, 1.0)]
    """

    def __init__(self, *, num_threads: int | None = None) -> None:
        self.num_threads = num_threads

    def fit(self, interactions: Interactions | mt.SparseLike | mt.FrameLike) -> Popularity:
        """Count.

        Parameters
        ----------
        interactions : Interactions, SciPy sparse array of shape (n_users, n_items), or data frame
            One row for each user; values do not matter. A data frame has one for each entry, as in `score`.

        Returns
        -------
        Popularity
            The instance itself.

        Raises
        ------
        ValueError
            If there is no entry.
        TypeError
            If `interactions` are none of these.
        """
        known = as_interactions(interactions)
        self._adopt(known, np.ones((known.n_users, 1), np.float32), popularity(known)[:, None], {})
        return self

    def _adopt(self, interactions: Interactions, w: Factor, h: Factor, facts: dict[str, Any]) -> None:
        self.item_scores_ = h[:, 0]
        super()._adopt(interactions, w, h, facts)

    def _of_anybody(self) -> Factor:
        return self.item_scores_

    def _n_columns(self) -> int:
        return 1

    def _solve_rows(self, rows: Any) -> Factor:
        return np.ones((rows.shape[0], 1), np.float32)

    def _solve_columns(self, columns: Any, codes: Codes) -> Factor:  # noqa: ARG002
        return cast(Factor, (np.diff(columns.indptr) / columns.shape[1]).astype(np.float32)[:, None])
