"""A model asked for lists and scores of the users of a test part, some at a time, and judged by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from matfact._list_metrics import BY_HITS, Hits
from matfact.interactions import Codes, Interactions

if TYPE_CHECKING:
    from matfact._recommender import Recommender
    from matfact._top_n import Recommendations

_USERS = 4096  # whose lists are held at a time
_SCORES = 1 << 23  # of all items that are held at a time, for auc


class Asked(NamedTuple):
    """Who is asked for whom."""

    model: Recommender
    test: Interactions
    history: Interactions | None
    candidates: Interactions | None
    exclude_seen: bool

    def users(self) -> Codes:
        """Rows of the test part with an entry."""
        return np.flatnonzero(self.test.user_counts)

    def lists(self, users: Codes, n: int) -> Recommendations:
        include = None if self.candidates is None else self._include(users, self.candidates)
        if self.history is None:
            found = self.test.user_ids[users]
            return self.model.recommend(found, n, exclude_seen=self.exclude_seen, include=include)
        rows = self._rows(self.history, users)
        return self.model.recommend_new(rows, n, exclude_seen=self.exclude_seen, include=include)

    def _rows(self, part: Interactions, users: Codes) -> Interactions:
        return Interactions(part.matrix[users], user_ids=part.user_ids[users], item_ids=part.item_ids)

    def _include(self, users: Codes, candidates: Interactions) -> list[Any]:
        known = self.model.interactions_.item_codes(self.test.item_ids) >= 0
        both = self.test.matrix[users], candidates.matrix[users]
        rows = ([x.indices[x.indptr[i] : x.indptr[i + 1]] for x in both] for i in range(len(users)))
        return [self.test.item_ids[codes[known[codes]]] for codes in map(np.concatenate, rows)]

    def scores(self, users: Codes) -> tuple[Any, Any]:
        """Of all items of the fit, and the matrix of those not to be ranked; one row a user."""
        if self.history is None:
            return self.model._all_scores(self.test.user_ids[users])
        return self.model._all_scores_new(self._rows(self.history, users))


def of_lists(lengths: dict[str, int], asked: Asked) -> dict[str, float]:
    """Values of metrics of lists of the given lengths."""
    results = dict.fromkeys(lengths, 0.0)
    # No list is longer than the items of the fit, and no user has more relevant ones than the test part has.
    most = max(asked.model.interactions_.n_items, asked.test.n_items)
    longest, users = min(max(lengths.values(), default=0), most), asked.users()
    listed: dict[str, Any] = {}
    for begin in range(0, len(users) if longest else 0, _USERS):
        some = users[begin : begin + _USERS]
        found = asked.lists(some, longest)
        hits, relevant = _hits(asked.test, found, some, longest), asked.test.user_counts[some]
        for name, n in lengths.items():
            stem = name.partition("@")[0]
            if stem in BY_HITS:
                results[name] += float(BY_HITS[stem](hits[:, :n], relevant, n).sum()) / len(users)
                continue
            known = asked.model.interactions_
            there = found.mask[:, :n]
            codes = known.item_codes(found.items[:, :n][there])
            if stem == "coverage":
                listed[name] = np.union1d(listed.get(name, codes[:0]), codes)
                results[name] = len(listed[name]) / known.n_items
            else:
                surprise = np.zeros(there.shape)
                surprise[there] = -np.log2(np.maximum(known.item_counts, 1) / known.n_users)[codes]
                results[name] += float((surprise.sum(axis=1) / np.maximum(there.sum(axis=1), 1)).sum()) / len(users)
    return results


def _hits(test: Interactions, found: Recommendations, users: Codes, n: int) -> Hits:
    """Which places of the users' lists hold a test item; (n_users, n)."""
    codes = test.item_codes(found.items.ravel()).reshape(found.items.shape)
    keys = users[:, None] * test.n_items + codes
    stored = np.repeat(np.arange(test.n_users), test.user_counts) * test.n_items + test.matrix.indices
    place = np.minimum(np.searchsorted(stored, keys), len(stored) - 1)
    hits = np.zeros((len(users), n), bool)
    hits[:, : keys.shape[1]] = (stored[place] == keys) & found.mask & (codes >= 0)
    return hits


def auc(asked: Asked) -> float:
    """The mean over users of the share of pairs in the right order."""
    known, test = asked.model.interactions_, asked.test
    code = known.item_codes(test.item_ids)
    values: list[float] = []
    users, step = asked.users(), max(1, _SCORES // known.n_items)
    for begin in range(0, len(users), step):
        some = users[begin : begin + step]
        scores, seen = asked.scores(some)
        others = scores.copy() if asked.candidates is None else np.full_like(scores, np.nan)
        if asked.candidates is not None:
            rows, cols = _places(asked.candidates, some, code)
            others[rows, cols] = scores[rows, cols]
        if asked.exclude_seen:
            others[np.repeat(np.arange(len(some)), np.diff(seen.indptr)), seen.indices] = np.nan
        rows, cols = _places(test, some, code)
        others[rows, cols] = np.nan
        others.sort(axis=1)  # NaN, which is not ranked, comes last
        n_others, ends = (~np.isnan(others)).sum(axis=1), np.cumsum(np.bincount(rows, minlength=len(some)))
        for row, (n, end) in enumerate(zip(n_others, ends, strict=True)):
            mine = scores[row, cols[ends[row - 1] if row else 0 : end]]
            if len(mine) and n:
                below, up_to = (np.searchsorted(others[row, :n], mine, side).sum() for side in ("left", "right"))
                values.append((below + up_to) / (2 * n * len(mine)))
    if not values:
        raise ValueError("auc needs a user with a relevant item of the fit and another one")
    return float(np.mean(values))


def _places(part: Interactions, users: Codes, code: Codes) -> tuple[Codes, Codes]:
    """Rows, counted in `users`, and items of the fit of the entries of some users."""
    entries = part.matrix[users].tocoo()
    kept = code[entries.col] >= 0
    return entries.row[kept].astype(np.int64), code[entries.col[kept]]
