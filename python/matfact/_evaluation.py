"""A model asked for lists and scores of the users of a test part, some at a time, and judged by them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from matfact import _core
from matfact.interactions import Codes

if TYPE_CHECKING:
    from matfact._recommender import Recommender
    from matfact._top_n import Recommendations

_USERS = 4096  # whose lists are held at a time
_PLACES = 1 << 23  # of lists, or of scores of all items, that are held at a time


class Asked(NamedTuple):
    """Who is asked for whom. Matrices have the rows of the test part and the items of the fit."""

    model: Recommender
    user_ids: npt.NDArray[Any]
    n_relevant: Codes  # those that are no items of the fit count too
    relevant: Any
    history: Any  # None where users are those of the fit
    candidates: Any  # None where all items are ranked
    exclude_seen: bool

    def users(self, n_items: int) -> Iterator[Codes]:
        """Rows with something relevant, as many at a time as there is room for `n_items` of each."""
        rows, step = np.flatnonzero(self.n_relevant), max(1, min(_USERS, _PLACES // n_items))
        for begin in range(0, len(rows), step):
            yield rows[begin : begin + step]

    def lists(self, users: Codes, n: int) -> Codes:
        """Items, -1 where a list has ended."""
        found = self._recommend(users, n)
        codes = self.model.interactions_.item_codes(found.items.ravel())
        return np.where(found.mask, codes.reshape(found.items.shape), -1)

    def _recommend(self, users: Codes, n: int) -> Recommendations:
        include = None if self.candidates is None else self._include(users)
        if self.history is None:
            found = self.user_ids[users]
            return self.model.recommend(found, n, exclude_seen=self.exclude_seen, include=include)
        rows = self.history[users]
        return self.model.recommend_new(rows, n, exclude_seen=self.exclude_seen, include=include)

    def _include(self, users: Codes) -> list[Any]:
        both = self.relevant[users], self.candidates[users]
        rows = ([x.indices[x.indptr[i] : x.indptr[i + 1]] for x in both] for i in range(len(users)))
        return [self.model.interactions_.item_ids[np.concatenate(codes)] for codes in rows]

    def scores(self, users: Codes) -> npt.NDArray[np.float32]:
        """Of all items, NaN where they are not ranked."""
        if self.history is None:
            scores, seen = self.model._all_scores(self.user_ids[users])
        else:
            scores, seen = self.model._all_scores_new(self.history[users])
        is_ranked = np.full(scores.shape, self.candidates is None)
        if self.candidates is not None:
            is_ranked[_places(self.candidates[users])] = True
        if self.exclude_seen:
            is_ranked[_places(seen)] = False
        is_ranked[_places(self.relevant[users])] = True
        return np.where(is_ranked, scores, np.float32(np.nan))


def of_lists(lengths: dict[str, int], asked: Asked) -> dict[str, float]:
    """Values of metrics of lists of the given lengths."""
    if not lengths:
        return {}
    known = asked.model.interactions_
    shares = np.maximum(known.item_counts, 1) / known.n_users
    of_users = {name: n for name, n in lengths.items() if not name.startswith("coverage@")}
    metrics = [(_core.ListMetric[name.partition("@")[0]], n) for name, n in of_users.items()]
    sums, first = np.zeros(len(metrics)), np.full(known.n_items, np.iinfo(np.int64).max)
    longest = min(max(lengths.values()), known.n_items)
    for users in asked.users(longest):
        lists, relevant = asked.lists(users, longest), asked.relevant[users]
        values = _of(relevant, "list_metrics")(
            lists,
            relevant.indices,
            relevant.indptr,
            n_relevant=asked.n_relevant[users],
            item_shares=shares,
            metrics=metrics,
            num_threads=0,
        )
        sums += values.sum(axis=0)
        np.minimum(first, _core.first_places(lists, known.n_items), out=first)
    means = sums / np.count_nonzero(asked.n_relevant)
    covered = {name: float(np.mean(first < n)) for name, n in lengths.items() if name not in of_users}
    return dict(zip(of_users, means.tolist(), strict=True)) | covered


def auc(asked: Asked) -> float:
    """The mean over users of the share of pairs in the right order."""
    parts: list[npt.NDArray[np.float64]] = []
    for users in asked.users(asked.model.interactions_.n_items):
        scores, relevant = asked.scores(users), asked.relevant[users]
        parts.append(_of(relevant, "auc")(scores, relevant.indices, relevant.indptr, num_threads=0))
    shares = np.concatenate(parts)
    if np.isnan(shares).all():
        raise ValueError("auc needs a user with a relevant item of the fit and another one")
    return float(np.nanmean(shares))


def _places(matrix: Any) -> tuple[Codes, Any]:
    """Rows and columns of the entries."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)), matrix.indices


def _of(matrix: Any, name: str) -> Any:
    """The core's function for the indices of a matrix."""
    return getattr(_core, f"{name}_i{8 * matrix.indices.itemsize}")
