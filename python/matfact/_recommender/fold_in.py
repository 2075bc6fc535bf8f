"""Users who were not in the fit, solved for with the items as they are."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from matfact._recommender.factors import Factor, Factors
from matfact._recommender.histories import as_history


class Folding(Factors):
    """`fold_in`."""

    def fold_in(self, rows: Any) -> Factor:
        """Solve for the factors of users who were not in the fit; the items stay as they are.

        Parameters
        ----------
        rows : SciPy sparse array of shape (n_queries, n_items) or Interactions
            As in `recommend_new`.

        Returns
        -------
        array of shape (n_queries, n_columns), float32
            What `fit` would have given these users with these items: `n_components` columns, and then in `BiasedMF` one
            of their biases, in `BPR` one of ones for the biases of the items to meet. In `Baseline` it is the biases
            alone, in `Popularity` ones alone; with ``solver="gibbs"`` the columns of all draws side by side. But for
            the ones an empty history gives zeros, or the mean of the prior where there are draws.

        Raises
        ------
        ValueError
            If `rows` has other columns than the fit, or holds NaN or infinity.
        NotFittedError
            If `fit` was not called.
        """
        return self._solve_rows(self._history(rows))

    def _history(self, rows: Any) -> Any:
        check_is_fitted(self, "interactions_")
        return as_history(rows, self.interactions_)
