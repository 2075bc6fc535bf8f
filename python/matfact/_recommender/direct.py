"""Models that are found at once: what others are asked for between sweeps is asked for when they are there."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from matfact._progress import Callback, Iteration, bars
from matfact._recommender.factors import Factor
from matfact._recommender.histories import as_interactions
from matfact._recommender.iterating import Iterating, State, require_callback
from matfact._validation import check_flag, check_num_threads
from matfact.interactions import Interactions


class Direct(Iterating):
    """The whole fit is one sweep."""

    validation_history_: npt.NDArray[np.float64] | None

    def _adopt(self, interactions: Interactions, w: Factor, h: Factor, facts: dict[str, Any]) -> None:
        self.validation_history_ = np.array(facts["validation"], np.float64) if "validation" in facts else None
        super()._adopt(interactions, w, h, facts)

    def _fit_at_once(
        self,
        interactions: Any,
        find: Callable[[Interactions], State],
        *,
        validation: Any,
        metric: str | None,
        callback: Callback | None,
        progress: bool,
    ) -> Self:
        """Become what `find` makes of the interactions."""
        check_num_threads(self.num_threads)
        check_flag(progress, "progress")
        require_callback(callback)
        known = as_interactions(interactions)
        judge = None if validation is None else self._judge(known, validation, metric or self._default_metric)
        with bars(progress):
            found = find(known)
        self._adopt(known, *found)
        if judge is not None:
            self._adopt(known, *found._replace(facts=found.facts | {"validation": [judge.value(self)]}))
        if callback is not None:
            value = None if self.validation_history_ is None else float(self.validation_history_[0])
            callback(Iteration(1, math.nan, value))
        return self
