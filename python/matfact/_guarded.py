"""What scikit-learn's estimators would take and read wrongly, refused before they see it."""

from __future__ import annotations

from typing import Any

import numpy as np

from matfact._validation import as_integer, check_readable


class Guarded:
    """An estimator in front of scikit-learn's of the same name."""

    n_components: Any

    def inverse_transform(self, X: Any) -> Any:
        """Map scores back to rows.

        Parameters
        ----------
        X : array of shape (n_queries, n_components)
            Scores, finite.

        Returns
        -------
        array of shape (n_queries, n_features)
            The rows that these scores stand for.

        Raises
        ------
        ValueError
            If X holds NaN or infinity.
        TypeError
            If X is sparse or masked.
        NotFittedError
            If the estimator was not fitted.
        """
        check_readable(X)
        return super().inverse_transform(X)  # type: ignore[misc]

    def _validate_params(self) -> None:
        if isinstance(self.n_components, (bool, np.bool_)):  # to scikit-learn True is 1
            as_integer(self.n_components, "n_components")
        super()._validate_params()  # type: ignore[misc]
