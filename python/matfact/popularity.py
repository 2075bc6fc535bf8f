"""The list that everybody gets: what any recommender has to beat."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from matfact import typing as mt
from matfact._progress import Callback
from matfact._recommender import Factor, Recommender, popularity
from matfact._recommender.direct import Direct
from matfact._recommender.iterating import State
from matfact.interactions import Codes, Interactions


class Popularity(Direct, Recommender):
    """Score each item by the share of users who have an entry with it, for every user alike.

    Parameters
    ----------
    num_threads : int, optional
        At least 1; None uses `matfact.get_num_threads`.

    Attributes
    ----------
    item_scores_ : array of shape (n_items,), float32
        The shares, between 0 and 1.
    validation_history_ : array of shape (1,), float64, or None
        The metric of the validation part.
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

    def fit(
        self,
        interactions: Interactions | mt.SparseLike | mt.FrameLike,
        *,
        validation: Interactions | mt.SparseLike | None = None,
        metric: str | None = None,
        callback: Callback | None = None,
        progress: bool = False,
    ) -> Popularity:
        """Count.

        Parameters
        ----------
        interactions : Interactions, SciPy sparse array of shape (n_users, n_items), or data frame
            One row for each user; values do not matter. A data frame has one for each entry, as in `score`.
        validation : Interactions or SciPy sparse array of shape (n_users, n_items), optional
            Entries held out, by which the model is judged once it is there.
        metric : str, optional
            What judges, as `matfact.evaluate` names it; None takes ``"ndcg@10"``.
        callback : callable, optional
            Called once, with a `matfact.Iteration` whose objective is NaN. An exception passes through unchanged, and
            leaves the model fitted.
        progress : bool, default=False
            Show a progress bar, as in ``with matfact.progress():``.

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

        def find(known: Interactions) -> State:
            shares = popularity(known, self.num_threads)
            return State(np.ones((known.n_users, 1), np.float32), shares[:, None], {})

        return self._fit_at_once(
            interactions, find, validation=validation, metric=metric, callback=callback, progress=progress
        )

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
