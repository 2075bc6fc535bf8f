"""Search for parameters of a recommender by successive halving."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sklearn.base import clone
from sklearn.model_selection import ParameterSampler

from matfact import metrics
from matfact import typing as mt
from matfact._recommender import Recommender, as_interactions
from matfact._validation import as_integer, draw_seed
from matfact.interactions import Interactions
from matfact.splits import random_split


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What became of one choice of parameters.

    Attributes
    ----------
    parameters : dict
        The choice.
    value : float
        The best of the metric on the validation part.
    n_iter : int
        Sweeps done, in all rounds; 0 for models that do not iterate.
    """

    parameters: dict[str, Any]
    value: float
    n_iter: int


@dataclass(frozen=True, slots=True, eq=False)
class Tuning:
    """What a search found.

    Attributes
    ----------
    model : recommender
        The best one, fitted to the training part; ``clone(model).fit(interactions)`` takes its parameters to all
        entries.
    parameters : dict
        Its choice.
    value : float
        Its metric on the validation part.
    trials : list of Trial
        All of them, the best first.
    """

    model: Any
    parameters: dict[str, Any]
    value: float
    trials: list[Trial]


def tune(
    model: Recommender,
    space: Mapping[str, Any],
    interactions: Interactions | mt.SparseLike | mt.FrameLike,
    metric: str | None = None,
    n_trials: int = 16,
    *,
    validation: Interactions | None = None,
    reduction: int = 3,
    min_iter: int = 2,
    patience: int | None = 3,
    random_state: mt.RandomState = 0,
) -> Tuning:
    """Find good parameters by successive halving [1]_.

    All choices are fitted for a few sweeps; the best third goes on for three times as many from where it stopped, and
    so on until ``model.max_iter``. Choices that differ in `l2` only are fitted from the largest to the smallest, each
    from the factors of the one before. Where ``fit`` takes no `start`, all begin anew; models that do not iterate are
    fitted once for each choice, and so is ``solver="gibbs"``, whose sweeps are averaged.

    Parameters
    ----------
    model : recommender
        With all parameters that are not searched; it stays as it is.
    space : mapping of str to sequence or distribution
        For each parameter the values to choose from, or an object with a method ``rvs`` such as
        ``scipy.stats.loguniform(1e-4, 1)``. Where all are sequences, nothing is tried twice.
    interactions : Interactions, SciPy sparse array of shape (n_users, n_items), or data frame
        What to fit to.
    metric : str, optional
        As in `evaluate`; None takes the model's own.
    n_trials : int, default=16
        Choices, at least 1.
    validation : Interactions, optional
        What to judge by; None holds out a tenth of `interactions` at random.
    reduction : int, default=3
        By how much choices become fewer, and sweeps more, from round to round; at least 2.
    min_iter : int, default=2
        Sweeps of the first round, at least 1.
    patience : int, default=3
        As in `fit`, within each round.
    random_state : int, Generator or RandomState, default=0
        Seed of the choices and of what is held out. The number of threads changes nothing.

    Returns
    -------
    Tuning
        ``model``, ``parameters``, ``value`` and ``trials``.

    Raises
    ------
    ValueError
        If `space` is empty, names a parameter that the model has not or the `max_iter` of one that is judged by its
        sweeps, or a number is out of range.

    References
    ----------
    .. [1] Jamieson, K., and Talwalkar, A. (2016). Non-stochastic best arm identification and hyperparameter
       optimization. AISTATS 2016, 240-248. doi:10.48550/arXiv.1502.07943

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse as sp
    >>> import matfact
    >>> x = sp.csr_array(np.random.default_rng(0).random((40, 20)) < 0.3, dtype=np.float32)
    >>> found = matfact.tune(matfact.ImplicitMF(4, random_state=0), {"l2": [1e-3, 1e-2, 1e-1]}, x, n_trials=3)
    >>> sorted(trial.parameters["l2"] for trial in found.trials)
    [0.001, 0.01, 0.1]
    """
    for name, value, least in (("n_trials", n_trials, 1), ("reduction", reduction, 2), ("min_iter", min_iter, 1)):
        if as_integer(value, name) < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    unknown = sorted(set(space) - set(model.get_params()))
    if unknown or not space:
        raise ValueError(f"space must name parameters of {type(model).__name__}, got {', '.join(unknown) or 'none'}")
    if "max_iter" in space and _can_be_judged(model):
        raise ValueError("space must leave max_iter out, which the search sets: its largest is that of the model")
    seed, known = draw_seed(random_state), as_interactions(interactions)
    chosen = metric or model._default_metric
    metrics.check_metric(chosen)
    part = known
    if validation is None:
        part, validation = random_split(known, 0.1, random_state=seed)
    runs = [_Run(model, dict(choice), chosen) for choice in _choices(space, n_trials, seed)]
    left = runs
    most = as_integer(model.max_iter, "max_iter") if any(run.iterates for run in runs) else 1
    n_iter = min(min_iter, most)
    while True:
        before: _Run | None = None
        for run in sorted(left, key=_Run.place):
            run.advance(part, validation, n_iter, patience, before)
            before = run
        if n_iter >= most:
            break
        left = sorted(left, key=_Run.loss)[: -(-len(left) // reduction)]
        n_iter = most if len(left) == 1 else min(n_iter * reduction, most)
    best = min(left, key=_Run.loss)
    best.model.set_params(**({"max_iter": most} if best.iterates else {}))
    others = sorted((run for run in runs if run is not best), key=_Run.loss)
    trials = [Trial(run.parameters, run.value, run.n_iter) for run in (best, *others)]
    return Tuning(best.model, best.parameters, best.value, trials)


class _Run:
    """One choice, and how far it has come."""

    def __init__(self, template: Recommender, parameters: dict[str, Any], metric: str) -> None:
        self._template, self.parameters, self._metric = template, parameters, metric
        self._rest = sorted((name, value) for name, value in parameters.items() if name != "l2")
        self.iterates = _iterates(self._new())
        self.model: Any = None
        self.value, self.n_iter = math.nan, 0

    def advance(
        self, part: Interactions, validation: Interactions, n_iter: int, patience: int | None, before: _Run | None
    ) -> None:
        """Fit for `n_iter` sweeps more, from where it or, if only `l2` differs, the run `before` is."""
        model = self._new()
        if not self.iterates:
            if self.model is None:
                self.model = model.fit(part)
                self.value = metrics.evaluate(model, validation, [self._metric])[self._metric]
            return
        start = {"start": self._start(before)} if model._takes_start() else {}
        model.set_params(max_iter=n_iter)
        model.fit(part, validation=validation, metric=self._metric, patience=patience, **start)
        self.n_iter += model.n_iter_
        value = float(model.validation_history_[model.best_iter_ - 1])
        if self.model is None or self._loss_of(value) <= self.loss():
            self.model, self.value = model, value

    def _new(self) -> Any:
        return clone(self._template).set_params(**self.parameters)

    def _start(self, before: _Run | None) -> Any:
        if self.model is not None:
            return self.model
        is_beside = before is not None and "l2" in self.parameters and before._rest == self._rest
        return before.model if before is not None and is_beside else None

    def loss(self) -> float:
        """Less is better."""
        return self._loss_of(self.value)

    def _loss_of(self, value: float) -> float:
        return value if self._metric in metrics.ERRORS else -value

    def place(self) -> tuple[str, float]:
        """Choices with the same rest come after one another, the largest penalty first."""
        return repr(self._rest), -float(self.parameters.get("l2", 0.0))


def _choices(space: Mapping[str, Any], n: int, seed: int) -> ParameterSampler:
    are_listed = all(not hasattr(values, "rvs") for values in space.values())
    most = math.prod(len(values) for values in space.values()) if are_listed else n
    return ParameterSampler(dict(space), min(n, most), random_state=seed % 2**32)


def _can_be_judged(model: Any) -> bool:
    """Whether `fit` can tell how good each sweep is."""
    return "patience" in inspect.signature(model.fit).parameters


def _iterates(model: Any) -> bool:
    """Whether there is a best sweep: not where draws are averaged."""
    return _can_be_judged(model) and getattr(model, "solver", None) != "gibbs"
