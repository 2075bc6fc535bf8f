"""Recommendations by filtering a user's row on the graph of items that users share."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from matfact import _core
from matfact import typing as mt
from matfact._progress import Callback
from matfact._recommender import Factor, require_positive
from matfact._recommender.histories import take_rows
from matfact._recommender.iterating import State
from matfact._recommender.projection import Projection
from matfact._top_n import Graph
from matfact._validation import as_real, check_num_threads
from matfact.interactions import Codes, Interactions

_SCORES = 1 << 22  # that are held at a time


class SpectralRecommender(Projection):
    r"""Score items by a low-pass filter on the graph of items and a step to its neighbours [1]_ (GF-CF).

    With :math:`\tilde X = D_U^{-1/2} X D_I^{-1/2}`, where the diagonals hold the sums of rows and of columns, and V
    for its leading right singular vectors, the scores of a user with the row x are

    .. math:: x D_I^{-1/2} V V^\top D_I^{1/2} + \gamma \, x \tilde X^\top \tilde X.

    The first term keeps what is smooth on the graph, the second is an average over users who share items with x. There
    is nothing to iterate and no penalty to choose.

    Parameters
    ----------
    n_components : int, default=256
        Columns of V, between 1 and the smaller side of the matrix.
    linear_weight : float, default=10/3
        :math:`\gamma`, at least 0; the default is that of [1]_, which weighs the first term by 0.3 instead.
    num_threads : int, optional
        At least 1; None uses `matfact.get_num_threads`.

    Attributes
    ----------
    user_factors_ : array of shape (n_users, n_components), float32
        :math:`X D_I^{-1/2} V`.
    item_factors_ : array of shape (n_items, n_components), float32
        :math:`D_I^{1/2} V`.
    singular_values_ : array of shape (n_components,), float64
        Of :math:`\tilde X`, descending, at most 1.
    validation_history_ : array of shape (1,), float64, or None
        The metric of the validation part.
    interactions_ : Interactions
        What the model was fitted to.

    References
    ----------
    .. [1] Shen, Y., Wu, Y., Zhang, Y., Shan, C., Zhang, J., Letaief, K. B., and Li, D. (2021). How powerful is graph
       convolution for recommendation? CIKM 2021, 1619-1629. doi:10.1145/3459637.3482264

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> import matfact
    >>> plays = sp.csr_array([[3, 1, 0, 0], [2, 4, 1, 0], [0, 0, 5, 1], [0, 0, 2, 2]])
    >>> matfact.SpectralRecommender(2).fit(plays).recommend([0, 3], 1).items
    array([[2],
           [1]])
    """

    def __init__(
        self, n_components: int = 256, *, linear_weight: float = 10 / 3, num_threads: int | None = None
    ) -> None:
        self.n_components = n_components
        self.linear_weight = linear_weight
        self.num_threads = num_threads

    def fit(
        self,
        interactions: Interactions | mt.SparseLike | mt.FrameLike,
        *,
        validation: Interactions | mt.SparseLike | None = None,
        metric: str | None = None,
        callback: Callback | None = None,
        progress: bool = False,
    ) -> SpectralRecommender:
        """Decompose the normalized matrix.

        Parameters
        ----------
        interactions : Interactions, SciPy sparse array of shape (n_users, n_items), or data frame
            One row for each user. Stored values are positive. A data frame has one for each entry, as in `score`.
        validation : Interactions or SciPy sparse array of shape (n_users, n_items), optional
            Entries held out, by which the model is judged once it is there.
        metric : str, optional
            What judges, as `matfact.evaluate` names it; None takes ``"ndcg@10"``.
        callback : callable, optional
            Called once, with a `matfact.Iteration` whose objective is NaN. An exception passes through unchanged, and
            leaves the model fitted.
        progress : bool, default=False
            Show a progress bar, as in ``with matfact.progress():``.

        Returns
        -------
        SpectralRecommender
            The instance itself.

        Raises
        ------
        ValueError
            If there is no entry, a value is not positive, or a parameter is out of range.
        TypeError
            If `interactions` are none of these, or a parameter has the wrong type.
        """
        self._checked_weight()

        def find(known: Interactions) -> State:
            require_positive(known.matrix.data)
            return self._decomposed(known, "degree")

        return self._fit_at_once(
            interactions, find, validation=validation, metric=metric, callback=callback, progress=progress
        )

    def _checked_weight(self) -> float:
        weight, most = as_real(self.linear_weight, "linear_weight"), float(np.finfo(np.float32).max)
        if weight > most:
            raise ValueError(f"linear_weight must be at most {most:.2g}, the range of float32, got {weight}")
        return weight

    def _adopt(self, interactions: Interactions, w: Factor, h: Factor, facts: dict[str, Any]) -> None:
        self._linear_weight = self._checked_weight()
        require_positive(interactions.matrix.data)
        xt, n_users = interactions.transposed, interactions.n_users
        threads = check_num_threads(self.num_threads)
        normalized: Any = getattr(_core, f"spectral_by_item_i{8 * xt.indices.itemsize}")
        values = normalized(xt.data, xt.indices, xt.indptr, n_users=n_users, num_threads=threads)
        self._by_item = sp.csr_array((values, xt.indices, xt.indptr), shape=xt.shape)
        super()._adopt(interactions, w, h, facts)

    def predict(self, users: Any, items: Any) -> Factor:
        """Score pairs of users and items, as in other recommenders.

        Parameters
        ----------
        users, items : sequence of ids
            As in the interactions of the fit; one of each, or as many of both.

        Returns
        -------
        array of shape (n_pairs,), float32
            Users without a history and unknown ones get the share of users who have an entry with the item, unknown
            items 0.

        Raises
        ------
        ValueError
            If there are not as many users as items.
        NotFittedError
            If `fit` was not called.
        """
        rows, cols = self._pairs(users, items)
        distinct, place = np.unique(rows, return_inverse=True)
        history = take_rows(self.interactions_.matrix, distinct)
        scores = self._score_pairs(self._rows_of_users(distinct), history, place, np.maximum(cols, 0))
        return np.where(cols >= 0, scores, np.float32(0))

    def _graph(self, history: Any) -> Graph | None:
        return Graph(history, self._by_item, self._linear_weight) if self._linear_weight else None

    def _personal_pairs(self, w: Factor, history: Any, rows: Codes, cols: Codes) -> Factor:
        # A user's way through the graph ends at all items.
        scores, step = np.empty(len(rows), np.float32), max(1, _SCORES // len(self._h))
        for begin in range(0, len(w), step):
            here = np.flatnonzero((rows >= begin) & (rows < begin + step))
            if len(here):
                some = self._personal_scores(w[begin : begin + step], history[begin : begin + step])
                scores[here] = some[rows[here] - begin, cols[here]]
        return scores
