"""Recommendations from a truncated singular value decomposition, with absent entries as zeros."""

from __future__ import annotations

from matfact import typing as mt
from matfact._progress import Callback
from matfact._recommender import require_positive
from matfact._recommender.iterating import State
from matfact._recommender.projection import Projection
from matfact._validation import check_choice
from matfact.interactions import Interactions


class PureSVD(Projection):
    r"""Score items by :math:`x_u V V^\top`, where x_u is a user's row and V holds the leading right singular vectors.

    With W = X V this is the best approximation of the matrix by one of rank k: it minimizes
    :math:`\|X - W V^\top\|_F^2` over all pairs, absent entries counting as zeros. No user needs to be solved for,
    in the fit or later.

    Parameters
    ----------
    n_components : int, default=50
        Singular vectors, between 1 and the smaller side of the matrix.
    normalize : {"degree"}, optional
        Decompose :math:`D_U^{-1/2} X D_I^{-1/2}` instead, where the diagonals hold the sums of rows and of columns, and
        score by :math:`x_u D_I^{-1/2} V V^\top D_I^{1/2}`: less is left to the users and items with most entries.
        Entries are positive then.
    num_threads : int, optional
        At least 1; None uses `matfact.get_num_threads`.

    Attributes
    ----------
    user_factors_ : array of shape (n_users, n_components), float32
        X V, or :math:`X D_I^{-1/2} V`.
    item_factors_ : array of shape (n_items, n_components), float32
        V, orthonormal columns, or :math:`D_I^{1/2} V`.
    singular_values_ : array of shape (n_components,), float64
        Descending; those of what is decomposed.
    validation_history_ : array of shape (1,), float64, or None
        The metric of the validation part.
    interactions_ : Interactions
        What the model was fitted to.

    References
    ----------
    .. [1] Cremonesi, P., Koren, Y., and Turrin, R. (2010). Performance of recommender algorithms on top-N
       recommendation tasks. RecSys 2010, 39-46. doi:10.1145/1864708.1864721

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> import matfact
    >>> plays = sp.csr_array([[3, 1, 0, 0], [2, 4, 1, 0], [0, 0, 5, 1], [0, 0, 2, 2]])
    >>> matfact.PureSVD(2).fit(plays).recommend([0, 3], 1).items
    array([[2],
           [1]])
    """

    def __init__(
        self, n_components: int = 50, *, normalize: mt.Normalize | None = None, num_threads: int | None = None
    ) -> None:
        self.n_components = n_components
        self.normalize = normalize
        self.num_threads = num_threads

    def fit(
        self,
        interactions: Interactions | mt.SparseLike | mt.FrameLike,
        *,
        validation: Interactions | mt.SparseLike | None = None,
        metric: str | None = None,
        callback: Callback | None = None,
        progress: bool = False,
    ) -> PureSVD:
        """Decompose the matrix.

        Parameters
        ----------
        interactions : Interactions, SciPy sparse array of shape (n_users, n_items), or data frame
            One row for each user. A data frame has one for each entry, as in `score`.
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
        PureSVD
            The instance itself.

        Raises
        ------
        ValueError
            If there is no entry, a value is not finite, or `n_components` is out of range.
        TypeError
            If `interactions` are none of these, or a parameter has the wrong type.
        """
        if self.normalize is not None:
            check_choice(self.normalize, mt.Normalize, "normalize")

        def find(known: Interactions) -> State:
            if self.normalize is not None:
                require_positive(known.matrix.data)
            return self._decomposed(known, self.normalize)

        return self._fit_at_once(
            interactions, find, validation=validation, metric=metric, callback=callback, progress=progress
        )
