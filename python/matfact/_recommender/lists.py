"""Lists of items for users of the fit and for others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from matfact._recommender.factors import Factor
from matfact._recommender.fold_in import Folding
from matfact._recommender.histories import are_empty, is_sequence, require_known, take_rows, with_lists
from matfact._top_n import Recommendations, best_of_pairs, search
from matfact._validation import check_num_threads
from matfact.interactions import Codes, as_list

_NONE: Codes = np.zeros(0, np.int64)


class Lists(Folding):
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
            Unknown ones and those without a history get the list that everybody would: the best by `predict`.
        n : int, default=10
            Items for each user, at least 1; at most all items are returned.
        exclude_seen : bool, default=True
            Leave out what a user has interacted with.
        include : sequence of item ids, or one such sequence for each user, optional
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
        history = take_rows(self.interactions_.matrix, rows)
        return self._recommend(self._rows_of_users(rows), history, exclude_seen, n, include, exclude)

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
        return self._recommend(self._solve_rows(history), history, exclude_seen, n, include, exclude)

    def _all_scores(self, users: Any) -> tuple[Factor, Any]:
        """Scores of all items, and the users' histories."""
        rows = self.interactions_.user_codes(users)
        history = take_rows(self.interactions_.matrix, rows)
        return self._score_all(self._rows_of_users(rows), history), history

    def _all_scores_new(self, rows: Any) -> tuple[Factor, Any]:
        """The same of users who were not in the fit."""
        history = self._history(rows)
        return self._score_all(self._solve_rows(history), history), history

    def _recommend(
        self, w: Factor, history: Any, exclude_seen: bool, n: Any, include: Any, exclude: Any
    ) -> Recommendations:
        known, seen = self.interactions_, history
        if not exclude_seen:
            seen = take_rows(history, np.full(len(w), -1))
        allowed, own = self._filter(include, len(w), "include")
        denied, denied_own = self._filter(exclude, len(w), "exclude")
        if denied_own is not None:
            seen = with_lists(seen, denied_own)
        mask = np.zeros(known.n_items, bool)
        mask[allowed if include is not None and own is None else slice(None)] = True
        mask[denied] = False
        if own is not None:
            return self._best_of(w, history, [codes[mask[codes]] for codes in own], seen, n)
        return self._search(w, history, seen, None if mask.all() else np.flatnonzero(mask), n)

    def _filter(self, ids: Any, n_users: int, name: str) -> tuple[Codes, list[Codes] | None]:
        """Items for all users, or those of each."""
        listed = [] if ids is None else as_list(ids)
        if not (listed and is_sequence(listed[0])):
            return require_known(self.interactions_.item_codes(listed), listed, "item"), None
        if len(listed) != n_users:
            raise ValueError(f"{name} must hold one sequence for each user, got {len(listed)} for {n_users}")
        return _NONE, [require_known(self.interactions_.item_codes(own), own, "item") for own in listed]

    def _search(self, w: Factor, history: Any, seen: Any, candidates: Codes | None, n: Any) -> Recommendations:
        """The best of all items, or of `candidates`, but for those in `seen` (CSR)."""
        found, cold = self._personal_lists(w, history, seen, candidates, n), np.flatnonzero(are_empty(history))
        if len(cold):
            one, scores = np.ones((len(cold), 1), np.float32), self._common_scores()[:-1, None]
            ids, threads = self.interactions_.item_ids, check_num_threads(self.num_threads)
            common = search(one, scores, ids, take_rows(seen, cold), candidates, n, threads)
            found.items[cold], found.scores[cold], found.mask[cold] = common.items, common.scores, common.mask
        return found

    def _personal_lists(self, w: Factor, history: Any, seen: Any, candidates: Codes | None, n: Any) -> Recommendations:
        """What `_search` gives users who have a history."""
        ids, threads = self.interactions_.item_ids, check_num_threads(self.num_threads)
        queries, constants = self._as_queries(w)
        found = search(queries, self._h, ids, seen, candidates, n, threads, self._graph(history))
        found.scores[...] += constants[:, None].astype(np.float32)
        return found

    def _best_of(self, w: Factor, history: Any, own: list[Codes], seen: Any, n: Any) -> Recommendations:
        """The best of a few items of each user: they are scored one by one."""
        wanted = with_lists(take_rows(seen, np.full(len(w), -1)), own)
        left = (wanted > wanted.multiply(seen != 0)).tocoo()
        rows, cols = left.row.astype(np.int64), left.col.astype(np.int64)
        scores = self._score_pairs(w, history, rows, cols)
        return best_of_pairs(rows, cols, scores, len(w), self.interactions_.item_ids, n)
