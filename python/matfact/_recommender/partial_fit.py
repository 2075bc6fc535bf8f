"""New and changed users, or items, brought into a fitted model: their rows only are solved for."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from matfact._recommender.factors import Factor, Factors
from matfact._recommender.histories import take_rows
from matfact.interactions import Codes, Interactions


class PartialFit(Factors):
    """`partial_fit_users` and `partial_fit_items`."""

    def partial_fit_users(self, interactions: Interactions) -> Self:
        """Bring new entries of users into the model; all items stay as they are.

        The users who have entries in `interactions`, or are not in the model, are solved for with what they had and
        what is new, as `fold_in` does, and are from then on users of the fit. All others keep their factors, bit for
        bit.

        Parameters
        ----------
        interactions : Interactions
            New entries, by ids. Users who are not in the model are appended in the order of their ids; an entry that
            the model has gets its new value.

        Returns
        -------
        model
            The instance itself.

        Raises
        ------
        ValueError
            If an item is unknown (`partial_fit_items` comes first then), or a value is not what the model takes.
        TypeError
            If there are no ids: `interactions` are not `Interactions`.
        NotFittedError
            If `fit` was not called.
        """
        known = self._known_beside(interactions)
        columns = known.item_codes(interactions.item_ids)
        _require_all(columns, interactions.item_ids, interactions.item_counts, "item", "partial_fit_items")
        merged = _Merged.of(known.matrix, known.user_ids, interactions.matrix, interactions.user_ids, columns)
        if not len(merged.changed):
            return self
        rows = merged.changed_rows()
        w = _with_rows(self._w, merged, self._solve_rows(rows))
        whole = Interactions(merged.matrix, user_ids=merged.ids, item_ids=known.item_ids)
        return self._become(whole, w, self._h, self._facts)

    def partial_fit_items(self, interactions: Interactions) -> Self:
        """Bring new entries of items into the model; all users stay as they are.

        The items that have entries in `interactions`, or are not in the model, are solved for with what they had and
        what is new: by half a sweep of the fit, in `BPR` by its steps, and in `PureSVD` and `SpectralRecommender` by
        folding in. All others keep their scores, up to rounding and the linear term of `SpectralRecommender`.

        Parameters
        ----------
        interactions : Interactions
            New entries, by ids, as users x items. Items that are not in the model are appended in the order of their
            ids; an entry that the model has gets its new value.

        Returns
        -------
        model
            The instance itself.

        Raises
        ------
        ValueError
            If a user is unknown (`partial_fit_users` comes first then), or a value is not what the model takes.
        TypeError
            If there are no ids: `interactions` are not `Interactions`.
        NotFittedError
            If `fit` was not called.
        """
        known = self._known_beside(interactions)
        columns = known.user_codes(interactions.user_ids)
        _require_all(columns, interactions.user_ids, interactions.user_counts, "user", "partial_fit_users")
        merged = _Merged.of(known.transposed, known.item_ids, interactions.transposed, interactions.item_ids, columns)
        if not len(merged.changed):
            return self
        rows = merged.changed_rows()
        h = _with_rows(self._h, merged, self._solve_columns(rows, merged.changed))
        whole = Interactions(merged.matrix.T.tocsr(), user_ids=known.user_ids, item_ids=merged.ids)
        w, h, facts = self._settled(self._w, h)
        return self._become(whole, w, h, facts | self._facts_of_columns(rows, merged.changed))

    @abstractmethod
    def _solve_columns(self, columns: Any, codes: Codes) -> Factor:
        """Rows of h for histories of items in the user codes of the fit (CSR, float32).

        `codes` are where the items are, or will be.
        """

    def _settled(self, w: Factor, h: Factor) -> tuple[Factor, Factor, dict[str, Any]]:
        """Factors with new items as `fit` would leave them, and what else it found."""
        return w, h, self._facts

    def _facts_of_columns(self, columns: Any, codes: Codes) -> dict[str, Any]:  # noqa: ARG002
        """What else the fit would have found of these items."""
        return {}

    def _known_beside(self, interactions: Any) -> Interactions:
        check_is_fitted(self, "interactions_")
        if not isinstance(interactions, Interactions):
            raise TypeError(
                f"new entries are matched by ids: pass Interactions, got {type(interactions).__name__} "
                "(Interactions(matrix, user_ids=...) gives it ids)"
            )
        return self.interactions_

    def _become(self, interactions: Interactions, w: Factor, h: Factor, facts: dict[str, Any]) -> Self:
        # By the parameters of the fit, whatever set_params changed since.
        model = type(self)(**self._parameters)
        model._adopt(interactions, w, h, facts)
        self.__dict__.update({name: value for name, value in vars(model).items() if name not in self._parameters})
        return self


class _Merged:
    """Rows of a matrix with new entries, and with new rows at the end."""

    def __init__(self, matrix: Any, ids: npt.NDArray[Any], changed: Codes) -> None:
        self.matrix, self.ids, self.changed = matrix, ids, changed

    @classmethod
    def of(cls, old: Any, old_ids: Any, new: Any, new_ids: Any, columns: Codes) -> _Merged:
        """`columns` are those of `new` in `old`, below 0 where there is no entry."""
        place = {i: code for code, i in enumerate(old_ids.tolist())}
        named = np.array([place.setdefault(i, len(place)) for i in new_ids.tolist()], np.int64)
        # A part of a split names everybody: those with nothing new in it stay as they are.
        moved = np.flatnonzero((np.diff(new.indptr) > 0) | (named >= len(old_ids)))
        changed = named[moved]
        n_rows = len(place)
        ids = old_ids
        if n_rows > len(old_ids):
            fresh = [i for i in new_ids.tolist() if place[i] >= len(old_ids)]
            both = [*old_ids.tolist(), *fresh]
            ids = np.array(both, np.int64) if {old_ids.dtype.kind, new_ids.dtype.kind} == {"i"} else _as_objects(both)
        if not len(changed):
            return cls(old, ids, changed)
        before = take_rows(old, np.where(changed < len(old_ids), changed, -1)).tocoo()
        entries = take_rows(new, moved).tocoo()
        rows = np.concatenate((before.row, entries.row))
        cols = np.concatenate((before.col, columns[entries.col]))
        values = np.concatenate((before.data, entries.data))
        shape = (len(changed), old.shape[1])
        solved = Interactions(sp.coo_array((values, (rows, cols)), shape=shape), duplicates="last").matrix
        source = np.arange(n_rows)
        source[changed] = len(old_ids) + np.arange(len(changed))
        matrix = take_rows(sp.vstack([old, solved], format="csr"), source)
        matrix.has_canonical_format = True
        return cls(matrix, ids, changed)

    def changed_rows(self) -> Any:
        """The new histories, in the order in which they came."""
        return take_rows(self.matrix, self.changed)


def _with_rows(factor: Factor, merged: _Merged, rows: Factor) -> Factor:
    grown = np.concatenate((factor, np.zeros((merged.matrix.shape[0] - len(factor), factor.shape[1]), np.float32)))
    grown[merged.changed] = rows
    return grown


def _as_objects(ids: list[Any]) -> npt.NDArray[Any]:
    a = np.empty(len(ids), object)
    a[:] = ids
    return a


def _require_all(codes: Codes, ids: npt.NDArray[Any], counts: Codes, kind: str, way: str) -> None:
    strange = np.flatnonzero((codes < 0) & (counts > 0))
    if len(strange):
        raise ValueError(f"{kind} {ids.tolist()[strange[0]]!r} is unknown: bring it in by {way} first")
