"""The factors of a fitted model, and the scores of pairs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from matfact import _core
from matfact._recommender.histories import are_empty, popularity
from matfact._top_n import Graph, all_scores
from matfact._validation import check_num_threads
from matfact.interactions import Codes, Interactions

Factor: TypeAlias = npt.NDArray[np.float32]

_ENTRIES = 1 << 21  # of the factors of pairs that are held at a time


class Factors(BaseEstimator):  # type: ignore[misc]
    """What `fit` leaves behind, and what the others build on."""

    num_threads: int | None
    interactions_: Interactions
    _facts: dict[str, Any]  # what else the fit found: numbers, lists of them, and strings
    _parameters: dict[str, Any]  # of the fit
    _w: Factor  # users, in the order of interactions_
    _h: Factor  # items

    def _adopt(self, interactions: Interactions, w: Factor, h: Factor, facts: dict[str, Any]) -> None:
        """Become what a fit, or a file, says."""
        self._w, self._h, self._facts, self._parameters = w, h, facts, self.get_params(deep=False)
        self._is_cold = interactions.user_counts == 0
        self._common: Factor | None = None
        self.interactions_ = interactions

    @abstractmethod
    def _solve_rows(self, rows: Any) -> Factor:
        """Rows of w for histories in the item codes of the fit (CSR, float32)."""

    def _as_queries(self, w: Factor) -> tuple[Factor, npt.NDArray[np.float64]]:
        """What is multiplied with the items' rows of h, and what each user's products are off their scores."""
        return w, np.zeros(len(w))

    def _graph(self, history: Any) -> Graph | None:  # noqa: ARG002
        """What scores have beside their products."""
        return None

    def _check_adopted(self) -> None:
        """ValueError where the parts of a file do not fit together."""
        if self._w.shape[1] != self._n_columns() or self._h.shape[1] != self._n_columns():
            raise ValueError(f"the factors must have {self._n_columns()} columns")

    @abstractmethod
    def _n_columns(self) -> int:
        """Columns of w and of h."""

    def predict(self, users: Any, items: Any) -> Factor:
        """Score pairs of users and items.

        Parameters
        ----------
        users, items : sequence of ids
            As in the interactions of the fit; one of each, or as many of both.

        Returns
        -------
        array of shape (n_pairs,), float32
            Users without a history and unknown ones get what everybody would: the share of users who have an entry with
            the item. Unknown items are scored as those without a history.

        Raises
        ------
        ValueError
            If there are not as many users as items.
        NotFittedError
            If `fit` was not called.
        """
        rows, cols = self._pairs(users, items)
        scores = np.empty(len(rows), np.float32)
        for some in self._some_pairs(len(rows)):
            scores[some] = self._scores_of(self._rows_of_users(rows[some]), cols[some])
        cold = self._are_cold(rows)
        scores[cold] = self._common_scores()[cols[cold]]
        return scores

    def _of_anybody(self) -> npt.NDArray[Any]:
        """Scores of all items for users of whom nothing is known."""
        return popularity(self.interactions_, self.num_threads)

    def _of_anything(self) -> float:
        """Their score of an item of which nothing is known either."""
        return 0.0

    def _common_scores(self) -> Factor:
        """Both, found when they are first asked for; the latter is the last, where the code -1 points."""
        if self._common is None:
            self._common = np.append(self._of_anybody(), self._of_anything()).astype(np.float32)
        return self._common

    def _are_cold(self, codes: Codes) -> npt.NDArray[np.bool_]:
        """Users without a history, and unknown ones."""
        return np.asarray((codes < 0) | self._is_cold[np.maximum(codes, 0)])

    def _scores_of(self, w: Factor, cols: Codes) -> npt.NDArray[np.float64]:
        """Of as many users as items; those below 0 are unknown."""
        queries, constants = self._as_queries(w)
        queries, items = np.ascontiguousarray(queries), np.ascontiguousarray(self._h)
        rows, cols = np.arange(len(w)), np.ascontiguousarray(cols)
        threads = check_num_threads(self.num_threads)
        return _core.pair_scores(queries, items, rows, cols, num_threads=threads) + constants

    def _score_pairs(self, w: Factor, history: Any, rows: Codes, cols: Codes) -> Factor:
        """Scores of items `cols` for the users in `rows` of w and of their histories."""
        scores, cold = self._personal_pairs(w, history, rows, cols), are_empty(history)[rows]
        scores[cold] = self._common_scores()[cols[cold]]
        return scores

    def _score_all(self, w: Factor, history: Any) -> Factor:
        """Scores of all items; as many users at a time as memory is for."""
        scores = self._personal_scores(w, history)
        scores[are_empty(history)] = self._common_scores()[:-1]
        return scores

    def _personal_pairs(self, w: Factor, history: Any, rows: Codes, cols: Codes) -> Factor:  # noqa: ARG002
        """What `_score_pairs` gives users who have a history."""
        scores = np.empty(len(rows), np.float32)
        for some in self._some_pairs(len(rows)):
            scores[some] = self._scores_of(w[rows[some]], cols[some])
        return scores

    def _personal_scores(self, w: Factor, history: Any) -> Factor:
        """What `_score_all` gives users who have a history."""
        threads = check_num_threads(self.num_threads)
        queries, constants = self._as_queries(w)
        scores = all_scores(queries, self._h, threads, self._graph(history))
        scores += constants[:, None].astype(np.float32)
        return scores

    def _pairs(self, users: Any, items: Any) -> tuple[Codes, Codes]:
        """Codes of both, equally many."""
        check_is_fitted(self, "interactions_")
        rows, cols = self.interactions_.user_codes(users), self.interactions_.item_codes(items)
        if len(rows) != len(cols) and 1 not in (len(rows), len(cols)):
            raise ValueError(f"users and items must be equally many, got {len(rows)} and {len(cols)}")
        rows, cols = np.broadcast_arrays(rows, cols)
        return rows, cols

    def _some_pairs(self, n: int) -> Iterator[slice]:
        step = max(1, _ENTRIES // self._h.shape[1])
        return (slice(begin, begin + step) for begin in range(0, n, step))

    def _rows_of_users(self, codes: Codes) -> Factor:
        """Zeros where they are unknown."""
        w = self._w[np.maximum(codes, 0)]
        w[codes < 0] = 0.0
        return w
