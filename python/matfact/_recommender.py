"""What all recommenders share once they have factors: scores, lists of items, and users who were not there."""

from __future__ import annotations

import json
import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from matfact import _safetensors
from matfact import typing as mt
from matfact._top_n import Recommendations, search
from matfact._validation import check_num_threads
from matfact.interactions import Codes, Interactions

Factor = npt.NDArray[np.float32]

_FORMAT = 1  # of saved models
_ENTRIES = 1 << 21  # of the factors of pairs that are held at a time


class Recommender(BaseEstimator):  # type: ignore[misc]
    """A user's score of an item is an inner product of their factors, or differs from one by a constant of the user.

    Users without a history, and ids that did not occur in `fit`, are served as the average user. An item without a
    history has the factor 0. No score is ever NaN.
    """

    num_threads: int | None
    interactions_: Interactions
    objective_: float
    objective_history_: npt.NDArray[np.float64]
    n_iter_: int
    status_: mt.Status
    _facts: dict[str, Any]  # what else the fit found: numbers, lists of them, and strings
    _parameters: dict[str, Any]  # of the fit
    _w: Factor  # users, in the order of interactions_
    _h: Factor  # items

    def _adopt(self, interactions: Interactions, w: Factor, h: Factor, facts: dict[str, Any]) -> None:
        """Become what a fit, or a file, says."""
        self._w, self._h, self._facts, self._parameters = w, h, facts, self.get_params(deep=False)
        self.interactions_ = interactions

    def _adopt_iterations(self, facts: dict[str, Any]) -> None:
        """What models that iterate report."""
        self.objective_history_ = np.array(facts["history"], dtype=np.float64)
        self.objective_ = float(self.objective_history_[-1])
        self.n_iter_, self.status_ = int(facts["n_iter"]), facts["status"]

    @abstractmethod
    def _solve_rows(self, rows: Any) -> Factor:
        """Rows of w for histories in the item codes of the fit (CSR, float32)."""

    def _queries(self, w: Factor) -> Factor:
        """What is multiplied with the items' rows of h."""
        return w

    def _constants(self, w: Factor) -> npt.NDArray[np.float64]:
        """What each user's products are off their scores."""
        return np.zeros(len(w))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to a file in the safetensors format.

        Parameters
        ----------
        path : str or path
            The file; it is replaced. It holds parameters, factors, the interactions of the fit without their times, and
            ids, which must be integers or strings.

        Raises
        ------
        TypeError
            If an id is neither an integer nor a string.
        NotFittedError
            If `fit` was not called.
        """
        check_is_fitted(self, "interactions_")
        known = self.interactions_
        arrays = {
            "w": self._w,
            "h": self._h,
            "values": known.matrix.data,
            "indices": known.matrix.indices,
            "indptr": known.matrix.indptr,
        }
        parameters = {name: _plain_parameter(value) for name, value in self._parameters.items()}
        content = {
            "parameters": parameters,
            "facts": self._facts,
            "user_ids": _plain_ids(known.user_ids),
            "item_ids": _plain_ids(known.item_ids),
        }
        metadata = {"format": f"matfact {_FORMAT}", "model": type(self).__name__, "content": json.dumps(content)}
        _safetensors.write(path, arrays, metadata)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a model that `save` wrote. Nothing in the file is run.

        Parameters
        ----------
        path : str or path
            The file.

        Returns
        -------
        model of this class
            Its predictions have the same bits as those of the model that was saved.

        Raises
        ------
        ValueError
            If the file holds no model of this class, or is damaged.
        OSError
            If it cannot be read.
        """
        try:
            arrays, metadata = _safetensors.read(path)
            if metadata.get("format") != f"matfact {_FORMAT}" or metadata.get("model") != cls.__name__:
                kind = f"{metadata.get('format')}, {metadata.get('model')}"
                raise ValueError(f"expected matfact {_FORMAT}, {cls.__name__}, got {kind}")
            content = json.loads(metadata["content"])
            shape = (len(arrays["w"]), len(arrays["h"]))
            matrix = sp.csr_array((arrays["values"], arrays["indices"], arrays["indptr"]), shape=shape)
            user_ids, item_ids = _from_plain_ids(content["user_ids"]), _from_plain_ids(content["item_ids"])
            model = cls(**content["parameters"])
            for name in ("w", "h"):
                if arrays[name].ndim != 2 or arrays[name].dtype != np.float32 or not np.isfinite(arrays[name]).all():
                    raise ValueError(f"the factor {name} must be a matrix of finite float32")
            known = Interactions(matrix, user_ids=user_ids, item_ids=item_ids)
            model._adopt(known, arrays["w"], arrays["h"], content["facts"])
            model._check_adopted()
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise ValueError(f"{os.fspath(path)} is no {cls.__name__} that can be read: {error}") from error
        return model

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
            Unknown users are scored as the average user, unknown items as those without a history.

        Raises
        ------
        ValueError
            If there are not as many users as items.
        NotFittedError
            If `fit` was not called.
        """
        rows, cols = self._pairs(users, items)
        scores = np.empty(len(rows), np.float32)
        for some, w, h in self._factors_of_pairs(rows, cols):
            scores[some] = (self._queries(w).astype(np.float64) * h).sum(axis=1) + self._constants(w)
        return scores

    def _pairs(self, users: Any, items: Any) -> tuple[Codes, Codes]:
        """Codes of both, equally many."""
        check_is_fitted(self, "interactions_")
        rows, cols = self.interactions_.user_codes(users), self.interactions_.item_codes(items)
        if len(rows) != len(cols) and 1 not in (len(rows), len(cols)):
            raise ValueError(f"users and items must be equally many, got {len(rows)} and {len(cols)}")
        rows, cols = np.broadcast_arrays(rows, cols)
        return rows, cols

    def _factors_of_pairs(self, rows: Codes, cols: Codes) -> Iterator[tuple[slice, Factor, Factor]]:
        """Some pairs at a time: which, and the rows of w and of h."""
        step = max(1, _ENTRIES // self._h.shape[1])
        for begin in range(0, len(rows), step):
            some = slice(begin, begin + step)
            items = cols[some]
            h = np.where((items >= 0)[:, None], self._h[np.maximum(items, 0)], np.float32(0))
            yield some, self._rows_of_users(rows[some]), h

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
        seen = _take_rows(self.interactions_.matrix, rows if exclude_seen else np.full_like(rows, -1))
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
        seen = history if exclude_seen else _take_rows(history, np.full(len(w), -1))
        return self._recommend(w, seen, n, include, exclude)

    def fold_in(self, rows: Any) -> Factor:
        """Solve for the factors of users who were not in the fit; the items stay as they are.

        Parameters
        ----------
        rows : SciPy sparse array of shape (n_queries, n_items) or Interactions
            As in `recommend_new`.

        Returns
        -------
        array of shape (n_queries, n_components), float32
            What `fit` would have given these users with these items; zeros for an empty history. With biases, a last
            column holds them, or the 1 that meets those of the items.

        Raises
        ------
        ValueError
            If `rows` has other columns than the fit, or holds NaN or infinity.
        NotFittedError
            If `fit` was not called.
        """
        return self._solve_rows(self._history(rows))

    def similar_items(self, items: Any, n: int = 10) -> Recommendations:
        """Find the items whose factors make the smallest angles with those of `items`.

        Parameters
        ----------
        items : id or sequence of ids
            Of the fit.
        n : int, default=10
            Neighbours of each, at least 1; the item itself is none.

        Returns
        -------
        Recommendations
            Scores are cosines; 0 with items that have no history.

        Raises
        ------
        ValueError
            If `n` is below 1, or an item is unknown.
        NotFittedError
            If `fit` was not called.
        """
        check_is_fitted(self, "interactions_")
        known = self.interactions_
        return self._similar(self._h, _known(known.item_codes(items), items, "item"), known.item_ids, n)

    def similar_users(self, users: Any, n: int = 10) -> Recommendations:
        """Find the users whose factors make the smallest angles with those of `users`.

        Parameters
        ----------
        users : id or sequence of ids
            Of the fit.
        n : int, default=10
            Neighbours of each, at least 1; the user is none.

        Returns
        -------
        Recommendations
            ``items`` holds ids of users; scores are cosines.

        Raises
        ------
        ValueError
            If `n` is below 1, or a user is unknown.
        NotFittedError
            If `fit` was not called.
        """
        check_is_fitted(self, "interactions_")
        known = self.interactions_
        return self._similar(self._w, _known(known.user_codes(users), users, "user"), known.user_ids, n)

    def _factors_only(self, factor: Factor) -> Factor:
        return factor

    def _similar(self, factor: Factor, codes: Codes, ids: npt.NDArray[Any], n: Any) -> Recommendations:
        factor = self._factors_only(factor)
        norms = np.sqrt(np.einsum("ij,ij->i", factor, factor, dtype=np.float64))
        unit = (factor / np.where(norms > 0.0, norms, 1.0)[:, None]).astype(np.float32)
        itself = sp.csr_array((np.ones(len(codes)), codes, np.arange(len(codes) + 1)), shape=(len(codes), len(ids)))
        return search(unit[codes], unit, ids, itself, None, n, check_num_threads(self.num_threads))

    def _recommend(
        self, w: Factor, seen: Any, n: Any, include: Iterable[Any] | None, exclude: Iterable[Any] | None
    ) -> Recommendations:
        known = self.interactions_
        allowed = np.ones(known.n_items, bool)
        if include is not None:
            listed = list(include)
            allowed[:] = False
            allowed[_known(known.item_codes(listed), listed, "item")] = True
        if exclude is not None:
            listed = list(exclude)
            if listed and _is_sequence(listed[0]):
                if len(listed) != len(w):
                    raise ValueError(f"exclude must hold one sequence for each user, got {len(listed)} for {len(w)}")
                seen = _with_lists(seen, [_known(known.item_codes(own), own, "item") for own in listed])
            else:
                allowed[_known(known.item_codes(listed), listed, "item")] = False
        candidates = None if allowed.all() else np.flatnonzero(allowed)
        found = search(
            self._queries(w), self._h, known.item_ids, seen, candidates, n, check_num_threads(self.num_threads)
        )
        found.scores[...] += self._constants(w)[:, None].astype(np.float32)
        return found

    def _rows_of_users(self, codes: Codes) -> Factor:
        w = self._w[np.maximum(codes, 0)]
        counts = self.interactions_.user_counts
        cold = (codes < 0) | (counts[np.maximum(codes, 0)] == 0)
        if cold.any():
            w[cold] = self._average_user()
        return w

    def _average_if_empty(self, history: Any, w: Factor) -> Factor:
        empty = np.diff(history.indptr) == 0
        if empty.any():
            w[empty] = self._average_user()
        return w

    def _average_user(self) -> Factor:
        warm = self.interactions_.user_counts > 0
        return cast(Factor, self._w[warm].mean(axis=0, dtype=np.float64).astype(np.float32))

    def _history(self, rows: Any) -> Any:
        check_is_fitted(self, "interactions_")
        known = self.interactions_
        if isinstance(rows, Interactions):
            codes = known.item_codes(rows.item_ids)
            entries = rows.matrix.tocoo()
            kept = codes[entries.col] >= 0
            shape = (rows.n_users, known.n_items)
            place = (entries.row[kept].astype(np.int64), codes[entries.col[kept]])
            rows = sp.csr_array((entries.data[kept], place), shape=shape)
        elif getattr(rows, "ndim", 2) == 1 and sp.issparse(rows):
            rows = rows.reshape(1, -1)
        history = Interactions(rows).matrix
        if history.shape[1] != known.n_items:
            raise ValueError(
                f"rows must have {known.n_items} columns, one an item of the fit, got shape {history.shape}: "
                "is it users x items?"
            )
        return history


def as_interactions(interactions: Any) -> Interactions:
    """`interactions` themselves, or those of a sparse array of users x items."""
    known = interactions if isinstance(interactions, Interactions) else Interactions(interactions)
    if known.n_interactions == 0:
        raise ValueError("interactions must hold at least one entry")
    return known


def require_positive(values: Any) -> None:
    """Refuse entries that are no sign of interest."""
    if not (np.asarray(values) > 0).all():
        raise ValueError(
            "implicit feedback must be positive: drop entries that are no sign of interest "
            "(zeros are dropped by interactions.select(interactions.matrix.data > 0))"
        )


def _take_rows(matrix: Any, rows: Codes) -> Any:
    """Rows of a CSR matrix; those below 0 are empty."""
    counts = np.where(rows >= 0, np.diff(matrix.indptr)[np.maximum(rows, 0)], 0)
    indptr = np.concatenate(([0], np.cumsum(counts)))
    first = np.asarray(matrix.indptr, np.int64)[np.maximum(rows, 0)]
    places = np.arange(indptr[-1]) + np.repeat(first - indptr[:-1], counts)
    shape = (len(rows), matrix.shape[1])
    index = matrix.indices.dtype
    return sp.csr_array((matrix.data[places], matrix.indices[places], indptr.astype(index)), shape=shape)


def _with_lists(seen: Any, lists: Sequence[Codes]) -> Any:
    rows = np.repeat(np.arange(len(lists)), [len(codes) for codes in lists])
    cols = np.concatenate([*lists, np.zeros(0, np.int64)])
    entries = seen.tocoo()
    place = (np.concatenate((entries.row, rows)), np.concatenate((entries.col, cols)))
    union = sp.csr_array((np.ones(len(place[0]), np.float32), place), shape=seen.shape)
    union.sum_duplicates()
    return union


def _plain_parameter(value: Any) -> Any:
    """`value` as JSON knows it; a generator of random numbers becomes None, the seed of nothing."""
    plain = value.item() if isinstance(value, np.generic) else value
    return plain if isinstance(plain, (bool, int, float, str)) else None


def _plain_ids(ids: npt.NDArray[Any]) -> list[int] | list[str] | int:
    """Ids as JSON knows them; their number where they are 0, 1, ..."""
    plain = ids.tolist()
    if not (ids.dtype.kind == "i" or all(isinstance(i, str) for i in plain)):
        strange = next(i for i in plain if not isinstance(i, str))
        raise TypeError(f"only ids that are integers or strings can be saved, got {strange!r}")
    return len(plain) if plain == list(range(len(plain))) else plain


def _from_plain_ids(ids: Any) -> npt.NDArray[Any] | None:
    if type(ids) is int:
        return None
    if not isinstance(ids, list) or (not all(type(i) is int for i in ids) and not all(isinstance(i, str) for i in ids)):
        raise ValueError("ids must be integers or strings")
    return np.array(ids, dtype=np.int64 if ids and type(ids[0]) is int else object)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, (list, tuple, set, np.ndarray))


def _known(codes: Codes, ids: Any, kind: str) -> Codes:
    if (codes < 0).any():
        place = int(np.flatnonzero(codes < 0)[0])
        unknown = list(ids)[place] if _is_sequence(ids) else ids
        raise ValueError(f"{kind} {unknown!r} is unknown: it is not among the ids of the fit")
    return codes
