"""One number of how good a model is: what scikit-learn's searches go by."""

from __future__ import annotations

from sklearn.utils.validation import check_is_fitted

from matfact import metrics
from matfact import typing as mt
from matfact._recommender.histories import as_interactions
from matfact._recommender.iterating import Iterating
from matfact._validation import is_sparse
from matfact.interactions import Interactions


class Scoring(Iterating):
    """`score`."""

    def score(self, test: Interactions | mt.FrameLike, *, metric: str | None = None) -> float:
        """Judge the model by entries that were held out; more is better.

        Searches of scikit-learn split tables, one row an entry: `fit` and `score` take those too.

        Parameters
        ----------
        test : Interactions or data frame
            With the ids of the fit. A data frame has the columns user, item and, unless every entry counts 1, rating.
        metric : str, optional
            As in `matfact.evaluate`; None takes ``"rmse"`` for models of ratings and ``"ndcg@10"`` for those of lists.

        Returns
        -------
        float
            The metric, or its negative where less is better (rmse, mae).

        Raises
        ------
        ValueError
            If `metric` is unknown, or `test` has no entry with an item of the fit.
        TypeError
            If `test` has no ids.
        NotFittedError
            If `fit` was not called.

        Examples
        --------
        >>> import pandas as pd
        >>> import matfact
        >>> from sklearn.model_selection import GridSearchCV, PredefinedSplit
        >>> df = pd.DataFrame({"user": [0, 0, 1, 1, 2, 2], "item": [0, 1, 0, 1, 0, 1], "rating": [1, 4, 2, 5, 2, 5]})
        >>> split = PredefinedSplit([-1, -1, -1, -1, -1, 0])  # the last one is held out
        >>> search = GridSearchCV(matfact.Baseline(), {"l2_item": [0.0, 100.0]}, cv=split).fit(df)
        >>> search.best_params_
        {'l2_item': 0.0}
        """
        check_is_fitted(self, "interactions_")
        if is_sparse(test):
            raise TypeError("test must have ids, which a sparse array has not: pass Interactions or a data frame")
        name = metric or self._default_metric
        value = metrics.evaluate(self, as_interactions(test), [name])[name]
        return -value if name in metrics.ERRORS else value
