"""Recommendations by filtering a user's row on the graph of items that users share."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from matfact import typing as mt
from matfact._recommender import Factor, as_interactions
from matfact._recommender.histories import take_rows
from matfact._recommender.projection import Projection, by_degrees
from matfact._top_n import Recommendations, best_of_pairs
from matfact._validation import as_real, check_n_components, check_num_threads, is_sparse
from matfact.interactions import Codes, Interactions
from matfact.svd import svd

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
        At least 1; None uses `matfact.get_num_threads`. Of the decomposition: scores are multiplied by NumPy's BLAS,
        whose own threads may change their last bits, and the linear term by one thread.

    Attributes
    ----------
    user_factors_ : array of shape (n_users, n_components), float32
        :math:`X D_I^{-1/2} V`.
    item_factors_ : array of shape (n_items, n_components), float32
        :math:`D_I^{1/2} V`.
    singular_values_ : array of shape (n_components,), float64
        Of :math:`\tilde X`, descending, at most 1.
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

    def fit(self, interactions: Interactions | mt.SparseLike | mt.FrameLike) -> SpectralRecommender:
        """Decompose the normalized matrix.

        Parameters
        ----------
        interactions : Interactions, SciPy sparse array of shape (n_users, n_items), or data frame
            One row for each user. Stored values are positive. A data frame has one for each entry, as in `score`.

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
        check_num_threads(self.num_threads)
        as_real(self.linear_weight, "linear_weight")
        known = as_interactions(interactions)
        k = check_n_components(self.n_components, min(known.shape))
        scaled, scale = by_degrees(known.matrix)
        _, s, vt = svd(scaled, k, random_state=0, num_threads=self.num_threads)
        self._adopt_vectors(known, s, vt, scale)
        return self

    def _adopt(self, interactions: Interactions, w: Factor, h: Factor, facts: dict[str, Any]) -> None:
        self._linear_weight = as_real(self.linear_weight, "linear_weight")
        self._scaled, _ = by_degrees(interactions.matrix)
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

    def _personal_lists(self, w: Factor, history: Any, seen: Any, candidates: Codes | None, n: Any) -> Recommendations:
        none = np.zeros(0, np.int64)
        found = [(none, none, np.zeros(0, np.float32))]
        denied = np.ones(len(self._h), bool)
        denied[slice(None) if candidates is None else candidates] = False
        for some in self._blocks(len(w)):
            scores = self._personal_scores(w[some], history[some])
            scores[:, denied] = -np.inf
            mine = seen[some]
            scores[np.repeat(np.arange(len(scores)), np.diff(mine.indptr)), mine.indices] = -np.inf
            rows, cols = _at_least_the_nth(scores, n)
            found.append((rows + some.start, cols, scores[rows, cols]))
        rows, cols, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return best_of_pairs(rows, cols, values, len(w), self.interactions_.item_ids, n)

    def _personal_pairs(self, w: Factor, history: Any, rows: Codes, cols: Codes) -> Factor:
        scores = np.empty(len(rows), np.float32)
        for some in self._blocks(len(w)):
            here = np.flatnonzero((rows >= some.start) & (rows < some.stop))
            if len(here):
                scores[here] = self._personal_scores(w[some], history[some])[rows[here] - some.start, cols[here]]
        return scores

    def _personal_scores(self, w: Factor, history: Any) -> Factor:
        return cast(Factor, w @ self._h.T + self._linear(history.T.tocsr()).T)

    def _linear(self, columns: Any) -> Any:
        """The linear term of rows that stand in columns; first through users, so that no matrix of items is formed."""
        through = self._scaled @ columns
        if is_sparse(through):
            through = through.toarray()
        return np.float32(self._linear_weight) * (self._scaled.T @ through)

    def _blocks(self, n: int) -> list[slice]:
        step = max(1, _SCORES // max(self._scaled.shape))
        return [slice(begin, min(begin + step, n)) for begin in range(0, n, step)]


def _at_least_the_nth(scores: Factor, n: Any) -> tuple[Codes, Codes]:
    """Places of the `n` largest finite scores of each row, and of those that equal the least of these."""
    last = scores.shape[1] - min(max(int(n), 1), scores.shape[1])
    least = np.partition(scores, last, axis=1)[:, last]
    rows, cols = np.nonzero((scores >= least[:, None]) & np.isfinite(scores))
    return rows, cols
