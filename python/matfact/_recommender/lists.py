"""Lists of items for users of the fit and for others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from matfact._recommender.factors import Factor
from matfact._recommender.fold_in import FoldIn
from matfact._recommender.histories import is_sequence, require_known, take_rows, with_lists
from matfact._top_n import Recommendations, search
from matfact._validation import check_num_threads


class Lists(FoldIn):
    """The exact best items, under filters."""

    def recommend(
        self,
        users: Any,
        n: int = 10,
        *,
        exclude_seen: bool = True,
        include: Iterable[Any] | None = None,
        exclude: Iterable[Any] | None = None,
    ) -> Recommendations:
        """Find the best items of users of the fit.

        Parameters
        ----------
        users : id or sequence of ids
            Unknown ones and those without a history get the list of the average user.
        n : int, default=10
            Items for each user, at least 1; at most all items are returned.
        exclude_seen : bool, default=True
            Leave out what a user has interacted with.
        include : sequence of item ids, optional
            Leave out all other items.
        exclude : sequence of item ids, or one such sequence for each user, optional
            Leave out these items.

        Returns
        -------
        Recommendations
            ``items`` and ``scores``, best first, and a ``mask`` where fewer than `n` items were left.

        Raises
        ------
        ValueError
            If `n` is below 1, or an item is unknown.
        NotFittedError
            If `fit` was not called.
        """
        check_is_fitted(self, "interactions_")
        rows = self.interactions_.user_codes(users)
        seen = take_rows(self.interactions_.matrix, rows if exclude_seen else np.full_like(rows, -1))
        return self._recommend(self._rows_of_users(rows), seen, n, include, exclude)

    def recommend_new(
        self,
        rows: Any,
        n: int = 10,
        *,
        exclude_seen: bool = True,
        include: Iterable[Any] | None = None,
        exclude: Iterable[Any] | None = None,
    ) -> Recommendations:
        """Find the best items of users who were not in the fit, from their histories.

        Parameters
        ----------
        rows : SciPy sparse array of shape (n_queries, n_items) or Interactions
            One row for each user; columns as in the fit, those of `Interactions` by their ids.
        n, exclude_seen, include, exclude
            As in `recommend`.

        Returns
        -------
        Recommendations
            As of `recommend`.

        Raises
        ------
        ValueError
            If `rows` has other columns than the fit, or holds NaN or infinity.
        NotFittedError
            If `fit` was not called.
        """
        history = self._history(rows)
        w = self._average_if_empty(history, self._solve_rows(history))
        seen = history if exclude_seen else take_rows(history, np.full(len(w), -1))
        return self._recommend(w, seen, n, include, exclude)

    def _recommend(
        self, w: Factor, seen: Any, n: Any, include: Iterable[Any] | None, exclude: Iterable[Any] | None
    ) -> Recommendations:
        known = self.interactions_
        allowed = np.ones(known.n_items, bool)
        if include is not None:
            listed = list(include)
            allowed[:] = False
            allowed[require_known(known.item_codes(listed), listed, "item")] = True
        if exclude is not None:
            listed = list(exclude)
            if listed and is_sequence(listed[0]):
                if len(listed) != len(w):
                    raise ValueError(f"exclude must hold one sequence for each user, got {len(listed)} for {len(w)}")
                seen = with_lists(seen, [require_known(known.item_codes(own), own, "item") for own in listed])
            else:
                allowed[require_known(known.item_codes(listed), listed, "item")] = False
        candidates = None if allowed.all() else np.flatnonzero(allowed)
        found = search(
            self._queries(w), self._h, known.item_ids, seen, candidates, n, check_num_threads(self.num_threads)
        )
        found.scores[...] += self._constants(w)[:, None].astype(np.float32)
        return found
