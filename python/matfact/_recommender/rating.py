"""Recommenders whose scores are ratings."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from matfact import _core
from matfact._recommender import Factor, Recommender
from matfact.interactions import Interactions


class Rating(Recommender):
    """Predictions are clipped to the range of the ratings in the fit; that of somebody unknown is mean + item bias."""

    global_mean_: float
    item_bias_: Factor
    _default_metric = "rmse"
    _range: tuple[float, float]

    def _adopt(self, interactions: Interactions, w: Factor, h: Factor, facts: dict[str, Any]) -> None:
        values = interactions.matrix.data
        self._range = float(values.min()), float(values.max())
        super()._adopt(interactions, w, h, facts)

    def _has_biases(self) -> bool:
        """Whether the last column of each factor is a bias."""
        return True

    def _n_draws(self) -> int:
        """Whose factors stand side by side."""
        return 1

    def _as_queries(self, w: Factor) -> tuple[Factor, npt.NDArray[np.float64]]:
        return _core.rating_queries(w, self.global_mean_, biases=self._has_biases(), n_draws=self._n_draws())

    def _of_anybody(self) -> npt.NDArray[Any]:
        return self.global_mean_ + self.item_bias_.astype(np.float64)

    def _of_anything(self) -> float:
        return self.global_mean_


def item_means(known: Interactions) -> npt.NDArray[np.float64]:
    """The mean rating of each item, if five more ratings of it were the mean of all."""
    values = known.matrix.data.astype(np.float64)
    mean = float(values.mean())
    sums = np.bincount(known.matrix.indices, values - mean, known.n_items)
    return np.asarray(mean + sums / (known.item_counts + 5.0))
