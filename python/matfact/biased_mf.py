"""Ratings from a global mean, biases of users and items, and factors."""

from __future__ import annotations

import warnings
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from matfact import _core
from matfact import typing as mt
from matfact._progress import Callback, between_sweeps, reported
from matfact._recommender import Factor, Recommender, as_interactions
from matfact._validation import as_integer, as_real, check_choice, check_flag, check_num_threads, draw_seed
from matfact.interactions import Interactions


class BiasedMF(Recommender):
    r"""Predict ratings as :math:`\mu + b_u + b_i + w_u \cdot h_i`.

    Biases and factors are fitted jointly, by alternating least squares; they minimize

    .. math::

        \sum_{(u,i)} (x_{ui} - \mu - b_u - b_i - w_u \cdot h_i)^2
        + \sum_u \lambda_u (\|w_u\|^2 + b_u^2) + \sum_i \lambda_i (\|h_i\|^2 + b_i^2)

    over the stored entries. :math:`\mu` is the mean of their values; :math:`\lambda_u = \lambda n_u` for a user of
    :math:`n_u` entries with ``l2_scaling="count"``, else :math:`\lambda`; items alike.

    Parameters
    ----------
    n_components : int, default=64
        Columns of both factors, at least 1.
    solver : {"als"}, default="als"
        Alternating least squares; each row's equations are solved exactly.
    l2 : float, default=0.05
        :math:`\lambda`, at least 0.
    l2_scaling : {"count", "none"}, default="count"
        Whether a row's penalty grows with the number of its entries.
    biases : bool, default=True
        False leaves :math:`b_u = b_i = 0`.
    max_iter : int, default=15
        Most sweeps (items, then users), at least 1.
    tol : float, default=0.0
        Relative decrease of the objective in a sweep at which the iteration has converged; 0 runs all sweeps.
    random_state : int, Generator or RandomState, optional
        Seed of the random start.
    num_threads : int, optional
        At least 1; None uses `matfact.get_num_threads`. The result has the same bits for any number.

    Attributes
    ----------
    global_mean_ : float
        :math:`\mu`.
    user_bias_, item_bias_ : array of shape (n_users,) or (n_items,), float32
        :math:`b_u` and :math:`b_i`.
    user_factors_ : array of shape (n_users, n_components), float32
        W. Together with the biases, each row minimizes the objective for what the items have.
    item_factors_ : array of shape (n_items, n_components), float32
        H.
    objective_ : float
        The minimized value.
    objective_history_ : array of shape (n_iter,), float64
        The objective after each sweep; it never rises but by rounding.
    n_iter_ : int
        Sweeps done.
    status_ : {"converged", "max_iter", "stopped"}
        How the iteration ended.
    interactions_ : Interactions
        What the model was fitted to.

    References
    ----------
    .. [1] Koren, Y., Bell, R., and Volinsky, C. (2009). Matrix factorization techniques for recommender systems.
       Computer 42(8), 30-37. doi:10.1109/MC.2009.263
    .. [2] Zhou, Y., Wilkinson, D., Schreiber, R., and Pan, R. (2008). Large-scale parallel collaborative filtering for
       the Netflix prize. AAIM 2008, 337-348. doi:10.1007/978-3-540-68880-8_32

    Examples
    --------
    >>> import pandas as pd
    >>> import matfact
    >>> ratings = pd.DataFrame({
    ...     "user": ["ann", "ann", "bob", "bob", "eve"],
    ...     "item": ["up", "jaws", "up", "alien", "jaws"],
    ...     "rating": [5, 2, 4, 3, 1],
    ... })
    >>> model = matfact.BiasedMF(2, random_state=0).fit(matfact.Interactions.from_frame(ratings))
    >>> model.recommend("eve", 1).items
    array([['up']], dtype=object)
    """

    def __init__(
        self,
        n_components: int = 64,
        *,
        solver: str = "als",
        l2: float = 0.05,
        l2_scaling: mt.L2Scaling = "count",
        biases: bool = True,
        max_iter: int = 15,
        tol: float = 0.0,
        random_state: mt.RandomState = None,
        num_threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.solver = solver
        self.l2 = l2
        self.l2_scaling = l2_scaling
        self.biases = biases
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.num_threads = num_threads

    def fit(self, interactions: Interactions | mt.SparseLike, *, callback: Callback | None = None) -> BiasedMF:
        """Find biases and factors.

        Parameters
        ----------
        interactions : Interactions or SciPy sparse array of shape (n_users, n_items)
            One row for each user; stored values are ratings, zeros included.
        callback : callable, optional
            Called with a `matfact.Iteration` after each sweep; returning True stops. An exception passes through
            unchanged and leaves the model as it was.

        Returns
        -------
        BiasedMF
            The instance itself.

        Raises
        ------
        ValueError
            If there is no entry, a value is not finite, or a parameter is out of range.
        TypeError
            If `interactions` are not sparse, or a parameter has the wrong type.
        NumericalError
            If the factors overflow float32.

        Warns
        -----
        UserWarning
            If `l2` is 0 and rows have fewer entries than unknowns: a tiny penalty then picks one of their many
            solutions.
        """
        options = self._options()
        max_iter = as_integer(self.max_iter, "max_iter")
        if max_iter < 1:
            raise ValueError(f"max_iter must be at least 1, got {max_iter}")
        if self.solver != "als":
            raise ValueError(f"solver must be 'als', got {self.solver!r}")
        known = as_interactions(interactions)
        if options["l2"] == 0.0:
            _warn_of_short_rows(known, options["n_components"] + options["biases"])
        x, xt = known.matrix, known.transposed
        fit: Any = getattr(_core, f"biased_mf_i{8 * x.indices.itemsize}")
        with reported("BiasedMF", between_sweeps(callback)) as report:
            mean, w, h, history, n_iter, status = fit(
                x.data,
                x.indices,
                x.indptr,
                xt.data,
                xt.indices,
                xt.indptr,
                max_iter=max_iter,
                tol=as_real(self.tol, "tol"),
                seed=draw_seed(self.random_state),
                progress=report,
                **options,
            )
        facts = {"history": history.tolist(), "n_iter": n_iter, "status": status.name, "mean": mean}
        self._adopt(known, w, h, facts)
        return self

    def _adopt(self, interactions: Interactions, w: Factor, h: Factor, facts: dict[str, Any]) -> None:
        self._fitted_options = self._options()
        self.global_mean_ = float(facts["mean"])
        self.user_factors_, self.item_factors_ = self._factors_only(w), self._factors_only(h)
        self.user_bias_, self.item_bias_ = self._bias(w), self._bias(h)
        values = interactions.matrix.data
        self._range = float(values.min()), float(values.max())
        self._adopt_iterations(facts)
        super()._adopt(interactions, w, h, facts)

    def _n_columns(self) -> int:
        return int(self._fitted_options["n_components"] + self._fitted_options["biases"])

    def predict(self, users: Any, items: Any) -> Factor:
        """Predict ratings, clipped to the range of those in the fit.

        Parameters
        ----------
        users, items : sequence of ids
            As in the interactions of the fit; one of each, or as many of both.

        Returns
        -------
        array of shape (n_pairs,), float32
            Unknown users are rated as the average user, unknown items as those without a history: by the mean and the
            user's bias.

        Raises
        ------
        ValueError
            If there are not as many users as items.
        NotFittedError
            If `fit` was not called.
        """
        return cast(Factor, super().predict(users, items).clip(*self._range))

    def _options(self) -> dict[str, Any]:
        k = as_integer(self.n_components, "n_components")
        if k < 1:
            raise ValueError(f"n_components must be at least 1, got {k}")
        return {
            "n_components": k,
            "l2": as_real(self.l2, "l2"),
            "l2_scaling": _core.L2Scaling[check_choice(self.l2_scaling, mt.L2Scaling, "l2_scaling")],
            "biases": check_flag(self.biases, "biases"),
            "num_threads": check_num_threads(self.num_threads),
        }

    def _solve_rows(self, rows: Any) -> Factor:
        solve: Any = getattr(_core, f"biased_rows_i{8 * rows.indices.itemsize}")
        w: Factor = solve(rows.data, rows.indices, rows.indptr, self._h, self.global_mean_, **self._fitted_options)
        return w

    def _queries(self, w: Factor) -> Factor:
        if not self._fitted_options["biases"]:
            return w
        queries = w.copy()
        queries[:, -1] = 1.0  # meets the item's bias
        return queries

    def _constants(self, w: Factor) -> npt.NDArray[np.float64]:
        return self.global_mean_ + self._bias(w).astype(np.float64)

    def _factors_only(self, factor: Factor) -> Factor:
        return factor[:, : self._fitted_options["n_components"]]

    def _bias(self, factor: Factor) -> Factor:
        return factor[:, -1] if self._fitted_options["biases"] else np.zeros(len(factor), np.float32)


def _warn_of_short_rows(known: Interactions, unknowns: int) -> None:
    users, items = (int((counts < unknowns).sum()) for counts in (known.user_counts, known.item_counts))
    if users or items:
        warnings.warn(
            f"l2=0, and {users} users and {items} items have fewer entries than their {unknowns} unknowns: "
            "pass l2 above 0",
            UserWarning,
            stacklevel=3,
        )
