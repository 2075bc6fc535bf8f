"""Fits in sweeps: what is told of each, validation between them, and the best of them kept."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from matfact import metrics
from matfact import typing as mt
from matfact._progress import Callback, Iteration, bars, between_sweeps, reported
from matfact._recommender.factors import Factor, Factors
from matfact._validation import as_count, check_flag, draw_seed
from matfact.interactions import Interactions

_ASIDE = 0.2  # over the root of the number of columns, as far as random starts of ImplicitMF


class State(NamedTuple):
    """What a model can be made of."""

    w: Factor
    h: Factor
    facts: dict[str, Any]


class Iterating(Factors):
    """What models that iterate share."""

    objective_: float
    objective_history_: npt.NDArray[np.float64]
    validation_history_: npt.NDArray[np.float64] | None
    best_iter_: int
    n_iter_: int
    random_state: mt.RandomState
    status_: mt.Status
    _default_metric = "ndcg@10"
    _sweep = "sweeps"
    """What a pass over the data is called."""

    def _takes_start(self) -> bool:
        """Whether `fit` can go on from another model."""
        return False

    def _facts_of(self, shared: npt.NDArray[np.float64]) -> dict[str, Any]:  # noqa: ARG002 (most have none)
        """What all rows of a sweep have in common, as `_adopt` knows it."""
        return {}

    def _adopt_iterations(self, facts: dict[str, Any]) -> None:
        """Take what was reported of the sweeps."""
        self.objective_history_ = np.array(facts["history"], dtype=np.float64)
        self.n_iter_, self.status_ = int(facts["n_iter"]), facts["status"]
        self.best_iter_ = int(facts.get("best_iter", len(self.objective_history_)))
        if not 1 <= self.best_iter_ <= len(self.objective_history_):
            raise ValueError("best_iter must be one of the sweeps")
        self.objective_ = float(self.objective_history_[self.best_iter_ - 1])
        self.validation_history_ = np.array(facts["validation"], np.float64) if "validation" in facts else None

    @contextmanager
    def _sweeps(
        self,
        known: Interactions,
        *,
        validation: Any,
        metric: str | None,
        patience: int | None,
        callback: Callback | None,
        progress: bool,
    ) -> Iterator[Sweeps]:
        """What the core tells of its sweeps while it is inside."""
        check_flag(progress, "progress")
        require_callback(callback)
        judge = None if validation is None else self._judge(known, validation, metric or self._default_metric)
        sweeps = Sweeps(self, known, callback, judge, None if patience is None else as_count(patience, "patience"))
        with bars(progress), reported(type(self).__name__, sweeps.told, unit=self._sweep, note=sweeps.note) as report:
            sweeps.report = report
            yield sweeps

    def _end(self, sweeps: Sweeps, w: Factor, h: Factor, facts: dict[str, Any], raised: BaseException | None) -> Self:
        """Become what a fit made, all of it or what `raised` left, which passes through."""
        self._adopt(sweeps.known, *sweeps.kept(w, h, facts))
        if raised is not None:
            raise raised
        return self

    def _judge(self, known: Interactions, validation: Any, metric: str) -> Judge:
        if not isinstance(validation, Interactions):
            validation = Interactions(validation)
            if validation.shape != known.shape:
                raise ValueError(
                    f"validation must have the users and items of the interactions, {known.shape}, "
                    f"got shape {validation.shape}"
                )
            validation = Interactions(validation.matrix, user_ids=known.user_ids, item_ids=known.item_ids)
        metrics.check_metric(metric)
        users, items = known.user_codes(validation.user_ids), known.item_codes(validation.item_ids)
        entries = validation.matrix.tocoo()
        if not ((users[entries.row] >= 0) & (items[entries.col] >= 0)).any():
            raise ValueError("validation must have an entry of a user and an item of the interactions")
        return Judge(validation, metric)

    def _start_of(self, start: Any, known: Interactions, n_columns: int) -> Factor | None:
        """The users' factors of the model `start`; near the average user's where it does not know them."""
        if start is None:
            return None
        if not self._takes_start():
            raise ValueError(f"start is not for {self}: it starts at random")
        if type(start) is not type(self) or not hasattr(start, "interactions_") or start._w.shape[1] != n_columns:
            raise ValueError(f"start must be a fitted {type(self).__name__} with factors of {n_columns} columns")
        codes, counts = start.interactions_.user_codes(known.user_ids), start.interactions_.user_counts
        has_factors = (codes >= 0) & (counts[np.maximum(codes, 0)] > 0)
        w = np.ascontiguousarray(start._w[np.maximum(codes, 0)])
        w[~has_factors] = start._w[counts > 0].mean(axis=0, dtype=np.float64)
        if not has_factors[known.user_counts > 0].any():
            raise ValueError("start knows none of the users: are the ids those of its fit? (None starts at random)")
        # Equal rows span one direction, in which all items that only new users have would be solved.
        aside = np.flatnonzero(~has_factors & (known.user_counts > 0))
        scale = _ASIDE / n_columns**0.5
        random = np.random.default_rng(draw_seed(self.random_state))
        w[aside] += random.uniform(-scale, scale, (len(aside), n_columns)).astype(np.float32)
        return w


class Judge(NamedTuple):
    """What says how good a model is."""

    validation: Interactions
    metric: str

    def value(self, model: Any) -> float:
        return metrics.evaluate(model, self.validation, [self.metric])[self.metric]

    def gain(self, value: float) -> float:
        """`value`, or its negative where less is better."""
        return -value if self.metric in metrics.ERRORS else value


class Sweeps:
    """One fit as the core tells of it."""

    report: Callable[..., bool | None] | None = None
    """What the core is given."""

    def __init__(
        self,
        model: Iterating,
        known: Interactions,
        callback: Callback | None,
        judge: Judge | None,
        patience: int | None,
    ) -> None:
        self.known = known
        self._model, self._judge, self._patience = model, judge, patience
        self._callback = callback
        self._values: list[float] = []
        self._best: State | None = None
        self._best_iter = 0
        self.told = between_sweeps(callback) if judge is None else self._judged

    @property
    def wants_factors(self) -> bool:
        """Whether the core is to tell of the factors too."""
        return self._judge is not None

    def note(self) -> str:
        """What a bar shows beside the objective."""
        return f", {self._judge.metric} {self._values[-1]:.4g}" if self._judge and self._values else ""

    def kept(self, w: Factor, h: Factor, facts: dict[str, Any]) -> State:
        """Of a fit that ended with these: the best sweep by validation, else the last."""
        if self._judge is None or self._best is None:
            return State(w, h, facts)
        judged = {"validation": self._values, "best_iter": self._best_iter}
        return State(self._best.w, self._best.h, facts | self._best.facts | judged)

    def _judged(
        self, n_iter: int, objective: float, w: Factor | None = None, h: Factor | None = None, shared: Any = None
    ) -> bool | None:
        if w is None or h is None:  # in the middle of a sweep
            return None
        assert self._judge is not None
        facts = self._model._facts_of(shared)
        model = copy.copy(self._model)
        model._adopt(self.known, w, h, {"history": [objective], "n_iter": n_iter, "status": "max_iter", **facts})
        value = self._judge.value(model)
        better = not self._values or self._judge.gain(value) > max(map(self._judge.gain, self._values))
        self._values.append(value)
        if better:
            self._best, self._best_iter = State(w, h, facts), n_iter
        stop = self._callback is not None and bool(self._callback(Iteration(n_iter, objective, value)))
        return stop or (self._patience is not None and n_iter - self._best_iter >= self._patience)


def require_callback(callback: Any) -> None:
    """Refuse what cannot be called."""
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable, got {callback!r}")
