"""Ratings from a global mean and biases only: what any factors have to beat."""

from __future__ import annotations

from typing import Any, cast

from matfact import _core
from matfact import typing as mt
from matfact._progress import Callback
from matfact._recommender import Factor
from matfact._recommender.direct import Direct
from matfact._recommender.iterating import State
from matfact._recommender.rating import Rating
from matfact._validation import as_count, as_real, check_num_threads
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
        At least 1; None uses `matfact.get_num_threads`. The result has the same bits for any number.

    Attributes
    ----------
    global_mean_ : float
        :math:`\mu`.
    user_bias_, item_bias_ : array of shape (n_users,) or (n_items,), float32
        :math:`b_u` and :math:`b_i`; 0 without entries. The users' are the best for the items'.
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
        options = self._penalties() | {"max_iter": as_count(self.max_iter, "max_iter")}

        def find(known: Interactions) -> State:
            x, xt = known.matrix, known.transposed
            fit: Any = getattr(_core, f"baseline_i{8 * x.indices.itemsize}")
            arrays = (x.data, x.indices, x.indptr, xt.data, xt.indices, xt.indptr)
            mean, w, h = fit(*arrays, **options, num_threads=check_num_threads(self.num_threads))
            return State(w, h, {"mean": mean})

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
        return {name: as_real(getattr(self, name), name) for name in ("l2_user", "l2_item")}

    def _n_columns(self) -> int:
        return 1

    def _solve_rows(self, rows: Any) -> Factor:
        return self._solve(rows, self._h, self._fitted_l2["l2_user"])

    def _solve_columns(self, columns: Any, codes: Codes) -> Factor:  # noqa: ARG002
        return self._solve(columns, self._w, self._fitted_l2["l2_item"])

    def _solve(self, rows: Any, others: Factor, l2: float) -> Factor:
        solve: Any = getattr(_core, f"baseline_rows_i{8 * rows.indices.itemsize}")
        threads = check_num_threads(self.num_threads)
        arrays = (rows.data, rows.indices, rows.indptr, others, self.global_mean_)
        return cast(Factor, solve(*arrays, l2=l2, num_threads=threads))
