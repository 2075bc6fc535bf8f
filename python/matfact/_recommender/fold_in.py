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
        array of shape (n_queries, n_components), float32
            What `fit` would have given these users with these items; zeros for an empty history. With biases, a last
            column holds them.

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
