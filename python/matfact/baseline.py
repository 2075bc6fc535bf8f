"""Ratings from a global mean and biases only: what any factors have to beat."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt

from matfact import typing as mt
from matfact._progress import Callback
from matfact._recommender import Factor
from matfact._recommender.direct import Direct
from matfact._recommender.iterating import State
from matfact._recommender.rating import Rating
from matfact._validation import as_count, as_real
from matfact.interactions import Codes, Interactions


class Baseline(Direct, Rating):
    r"""Predict ratings as :math:`\mu + b_u + b_i` [1]_, where the biases minimize

    .. math::

        \sum_{(u,i)} (x_{ui} - \mu - b_u - b_i)^2 + \lambda_u \sum_u b_u^2 + \lambda_i \sum_i b_i^2

    over the stored entries, and :math:`\mu` is the mean of their values.

    Parameters
    ----------
    l2_user, l2_item : float, default=5.0
        :math:`\lambda_u` and :math:`\lambda_i`, at least 0: a row of as many entries gets half the bias of its mean.
    max_iter : int, default=15
        Sweeps (items, then users, each in closed form), at least 1.
    num_threads : int, optional
        At least 1; None uses `matfact.get_num_threads`. Lists only: the fit takes a pass over the entries a sweep.

    Attributes
    ----------
    global_mean_ : float
        :math:`\mu`.
    user_bias_, item_bias_ : array of shape (n_users,) or (n_items,), float32
        :math:`b_u` and :math:`b_i`; 0 without entries.
    validation_history_ : array of shape (1,), float64, or None
        The metric of the validation part.
    interactions_ : Interactions
        What the model was fitted to.

    References
    ----------
    .. [1] Koren, Y. (2010). Factor in the neighbors: scalable and accurate collaborative filtering. ACM TKDD 4(1), 1.
       doi:10.1145/1644873.1644874

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> import matfact
    >>> ratings = sp.csr_array([[5, 3, 0], [4, 0, 1], [0, 2, 1]])
    >>> matfact.Baseline(l2_user=0, l2_item=0, max_iter=100).fit(ratings).predict([0], [2]).round(2)
    array([2.], dtype=float32)
    """

    def __init__(
        self, *, l2_user: float = 5.0, l2_item: float = 5.0, max_iter: int = 15, num_threads: int | None = None
    ) -> None:
        self.l2_user = l2_user
        self.l2_item = l2_item
        self.max_iter = max_iter
        self.num_threads = num_threads

    def fit(
        self,
        interactions: Interactions | mt.SparseLike | mt.FrameLike,
        *,
        validation: Interactions | mt.SparseLike | None = None,
        metric: str | None = None,
        callback: Callback | None = None,
        progress: bool = False,
    ) -> Baseline:
        """Find the biases.

        Parameters
        ----------
        interactions : Interactions, SciPy sparse array of shape (n_users, n_items), or data frame
            One row for each user; stored values are ratings, zeros included.
            A data frame has one for each entry, as in `score`.
        validation : Interactions or SciPy sparse array of shape (n_users, n_items), optional
            Entries held out, by which the model is judged once it is there.
        metric : str, optional
            What judges, as `matfact.evaluate` names it; None takes ``"rmse"``.
        callback : callable, optional
            Called once, with a `matfact.Iteration` whose objective is NaN. An exception passes through unchanged, and
            leaves the model fitted.
        progress : bool, default=False
            Show a progress bar, as in ``with matfact.progress():``.

        Returns
        -------
        Baseline
            The instance itself.

        Raises
        ------
        ValueError
            If there is no entry, a value is not finite, or a parameter is out of range.
        TypeError
            If `interactions` are none of these, or a parameter has the wrong type.
        """
        l2, max_iter = self._penalties(), as_count(self.max_iter, "max_iter")

        def find(known: Interactions) -> State:
            cols, values = known.matrix.indices, known.matrix.data.astype(np.float64)
            mean = float(values.mean())
            users = np.zeros(known.n_users)
            for _ in range(max_iter):
                left = values - mean - np.repeat(users, known.user_counts)
                items = _shrunk(np.bincount(cols, left, known.n_items), known.item_counts, l2["item"])
                users = _biases(known.matrix, mean, items, l2["user"])
            return State(_column(users), _column(items), {"mean": mean})

        return self._fit_at_once(
            interactions, find, validation=validation, metric=metric, callback=callback, progress=progress
        )

    def _adopt(self, interactions: Interactions, w: Factor, h: Factor, facts: dict[str, Any]) -> None:
        self._fitted_l2 = self._penalties()
        self.global_mean_ = float(facts["mean"])
        self.user_bias_, self.item_bias_ = w[:, 0], h[:, 0]
        super()._adopt(interactions, w, h, facts)

    def predict(self, users: Any, items: Any) -> Factor:
        """Predict ratings, clipped to the range of those in the fit.

        Parameters
        ----------
        users, items : sequence of ids
            As in the interactions of the fit; one of each, or as many of both.

        Returns
        -------
        array of shape (n_pairs,), float32
            Users without a history and unknown ones rate by the mean and the item's bias, unknown items are rated by
            the mean and the user's bias.

        Raises
        ------
        ValueError
            If there are not as many users as items.
        NotFittedError
            If `fit` was not called.
        """
        return cast(Factor, super().predict(users, items).clip(*self._range))

    def _penalties(self) -> dict[str, float]:
        return {side: as_real(getattr(self, f"l2_{side}"), f"l2_{side}") for side in ("user", "item")}

    def _n_columns(self) -> int:
        return 1

    def _solve_rows(self, rows: Any) -> Factor:
        return _column(_biases(rows, self.global_mean_, self.item_bias_.astype(np.float64), self._fitted_l2["user"]))

    def _solve_columns(self, columns: Any, codes: Codes) -> Factor:  # noqa: ARG002
        return _column(_biases(columns, self.global_mean_, self.user_bias_.astype(np.float64), self._fitted_l2["item"]))

    def _queries(self, w: Factor) -> Factor:
        return np.ones_like(w)

    def _constants(self, w: Factor) -> npt.NDArray[np.float64]:
        return self.global_mean_ + w[:, 0].astype(np.float64)


def _biases(rows: Any, mean: float, others: npt.NDArray[Any], l2: float) -> npt.NDArray[np.float64]:
    """One a row, given those of the columns."""
    counts = np.diff(rows.indptr)
    left = rows.data.astype(np.float64) - mean - others[rows.indices]
    return _shrunk(np.bincount(np.repeat(np.arange(len(counts)), counts), left, len(counts)), counts, l2)


def _shrunk(sums: npt.NDArray[Any], counts: npt.NDArray[Any], l2: float) -> npt.NDArray[np.float64]:
    """Least squares of one bias a row; 0 for rows without entries."""
    return np.asarray(sums / np.where(counts > 0, counts + l2, 1.0), np.float64)


def _column(values: npt.NDArray[np.float64]) -> Factor:
    return values.astype(np.float32)[:, None]
