"""Ratings from a global mean, biases of users and items, and factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast, overload

import numpy as np
import numpy.typing as npt

from matfact import _core
from matfact import typing as mt
from matfact._progress import Callback
from matfact._recommender import Factor, as_interactions
from matfact._recommender.histories import warn_of_short_rows
from matfact._recommender.rating import Rating, item_means
from matfact._validation import as_count, as_real, check_choice, check_flag, check_num_threads, draw_seed
from matfact.interactions import Codes, Interactions


class BiasedMF(Rating):
    r"""Predict ratings as :math:`\mu + b_u + b_i + w_u \cdot h_i`.

    Biases and factors are fitted jointly. But for ``solver="gibbs"`` they minimize

    .. math::

        \sum_{(u,i)} (x_{ui} - \mu - b_u - b_i - w_u \cdot h_i)^2
        + \sum_u \lambda_u (\|w_u\|^2 + b_u^2) + \sum_i \lambda_i (\|h_i\|^2 + b_i^2)

    over the stored entries. :math:`\mu` is the mean of their values; :math:`\lambda_u = \lambda n_u` for a user of
    :math:`n_u` entries with ``l2_scaling="count"``, else :math:`\lambda`; items alike.

    With ``solver="gibbs"`` they are drawn from their posterior distribution [3]_ under ratings with normal errors.
    Every column of factors and biases is normal with a mean and a precision of its own, which are drawn too: there is
    no penalty to choose. Predictions are averages over the draws; they overfit less and know their standard deviation.

    Parameters
    ----------
    n_components : int, default=64
        Columns of both factors, at least 1.
    solver : {"als", "cg", "sgd", "adam", "gibbs"}, default="als"
        Alternating least squares, where each row's equations are solved exactly; the same with `cg_steps` conjugate
        gradients from where the sweep before left the row, in a fraction of the time; stochastic gradient descent,
        which takes a step for up to sixteen ratings of a user with a rate of each row that falls as its gradients add
        up [4]_; Adam [5]_, which takes one for each of some hundred or more blocks of ratings; or Gibbs sampling, some
        ten times the sweeps of ``"als"`` and `n_samples` times the memory.
    l2 : float, default=0.05
        :math:`\lambda`, at least 0. This, `l2_scaling`, `max_iter` and `tol` are not of ``"gibbs"``.
    l2_scaling : {"count", "none"}, default="count"
        Whether a row's penalty grows with the number of its entries.
    biases : bool, default=True
        False leaves :math:`b_u = b_i = 0`.
    cg_steps : int, default=1
        Steps of ``"cg"`` for each row and sweep, at least 1.
    max_iter : int, default=15
        Most sweeps, at least 1: over items, then users, or over all ratings.
    learning_rate : float, optional
        Of ``"sgd"`` and ``"adam"``, positive, whatever the scale of the ratings: it counts in their standard
        deviations. None is 0.05 and 0.02.
    tol : float, default=0.0
        Relative decrease of the objective in a sweep at which the iteration has converged; 0 runs all sweeps. A sweep
        of ``"sgd"`` or ``"adam"`` that raises the objective ends the iteration too.
    burn_in : int, default=50
        Sweeps of ``"gibbs"`` before the first that is kept, at least 0.
    n_samples : int, default=100
        Sweeps of ``"gibbs"`` that are kept, at least 1.
    random_state : int, Generator or RandomState, optional
        Seed of the random start and of the draws.
    num_threads : int, optional
        At least 1; None uses `matfact.get_num_threads`. The result has the same bits for any number.

    Attributes
    ----------
    global_mean_ : float
        :math:`\mu`.
    user_bias_, item_bias_ : array of shape (n_users,) or (n_items,), float32
        :math:`b_u` and :math:`b_i`; with ``"gibbs"`` their averages.
    user_factors_ : array of shape (n_users, n_components), float32
        W. With ``"als"``, together with the biases, each row minimizes the objective for what the items have. That is
        what `fold_in` gives with every solver; the rows of the others are close to it, not equal.
    item_factors_ : array of shape (n_items, n_components), float32
        H. With ``"gibbs"`` both have shape (n_rows, n_samples, n_components): draws do not average one by one.
    noise_std_ : float
        ``"gibbs"`` only: standard deviation of a rating around what factors and biases say.
    objective_ : float
        The minimized value; with ``"gibbs"`` the sum of squared errors of the last draw.
    objective_history_ : array of shape (n_iter,), float64
        The objective after each sweep; with ``"als"`` and ``"cg"`` it never rises but by rounding, with ``"sgd"`` and
        ``"adam"`` it may.
    validation_history_ : array of shape (n_iter,), float64, or None
        The metric of the validation part after each sweep; without the last where Ctrl-C came before it was known.
    best_iter_ : int
        The sweep that was kept: the best by validation, else the last.
    n_iter_ : int
        Sweeps done.
    status_ : {"converged", "max_iter", "stopped"}
        How the iteration ended.
    interactions_ : Interactions
        What the model was fitted to.

    References
    ----------
    .. [1] Koren, Y., Bell, R., and Volinsky, C. (2009). Matrix factorization techniques for recommender systems.
       Computer 42(8), 30-37. doi:10.1109/MC.2009.263
    .. [2] Zhou, Y., Wilkinson, D., Schreiber, R., and Pan, R. (2008). Large-scale parallel collaborative filtering for
       the Netflix prize. AAIM 2008, 337-348. doi:10.1007/978-3-540-68880-8_32
    .. [3] Salakhutdinov, R., and Mnih, A. (2008). Bayesian probabilistic matrix factorization using Markov chain Monte
       Carlo. ICML 2008, 880-887. doi:10.1145/1390156.1390267
    .. [4] Chin, W.-S., Zhuang, Y., Juan, Y.-C., and Lin, C.-J. (2015). A learning-rate schedule for stochastic gradient
       methods to matrix factorization. PAKDD 2015, 442-455. doi:10.1007/978-3-319-18038-0_35
    .. [5] Kingma, D. P., and Ba, J. (2015). Adam: a method for stochastic optimization. ICLR 2015.
       doi:10.48550/arXiv.1412.6980

    Examples
    --------
    >>> import pandas as pd
    >>> import matfact
    >>> ratings = pd.DataFrame({
    ...     "user": ["ann", "ann", "bob", "bob", "eve"],
    ...     "item": ["up", "jaws", "up", "alien", "jaws"],
    ...     "rating": [5, 2, 4, 3, 1],
    ... })
    >>> model = matfact.BiasedMF(2, random_state=0).fit(matfact.Interactions.from_frame(ratings))
    >>> model.recommend("eve", 1).items
    array([['up']], dtype=object)
    """

    def __init__(
        self,
        n_components: int = 64,
        *,
        solver: mt.BiasedSolver = "als",
        l2: float = 0.05,
        l2_scaling: mt.L2Scaling = "count",
        biases: bool = True,
        cg_steps: int = 1,
        max_iter: int = 15,
        learning_rate: float | None = None,
        tol: float = 0.0,
        burn_in: int = 50,
        n_samples: int = 100,
        random_state: mt.RandomState = None,
        num_threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.solver = solver
        self.l2 = l2
        self.l2_scaling = l2_scaling
        self.biases = biases
        self.cg_steps = cg_steps
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.tol = tol
        self.burn_in = burn_in
        self.n_samples = n_samples
        self.random_state = random_state
        self.num_threads = num_threads

    def fit(
        self,
        interactions: Interactions | mt.SparseLike | mt.FrameLike,
        *,
        validation: Interactions | mt.SparseLike | None = None,
        metric: str | None = None,
        patience: int | None = 3,
        start: BiasedMF | None = None,
        callback: Callback | None = None,
        progress: bool = False,
    ) -> BiasedMF:
        """Find biases and factors.

        Parameters
        ----------
        interactions : Interactions, SciPy sparse array of shape (n_users, n_items), or data frame
            One row for each user; stored values are ratings, zeros included.
            A data frame has one for each entry, as in `score`.
        validation : Interactions or SciPy sparse array of shape (n_users, n_items), optional
            Entries held out, by which the model is judged after each sweep. The best sweep is kept, not the last.
        metric : str, optional
            What judges, as `matfact.evaluate` names it; None takes ``"rmse"``.
        patience : int, default=3
            Sweeps without a better value after which the fit ends; None runs them all.
        start : BiasedMF, optional
            A fitted model whose users' factors are where the iteration starts, with as many components; users whom it
            does not know start near its average user. None starts at random.
        callback : callable, optional
            Called with a `matfact.Iteration` after each sweep; returning True stops. An exception passes through
            unchanged; like Ctrl-C it leaves the model what the last complete sweep made, or as it was before the first.
        progress : bool, default=False
            Show a progress bar, as in ``with matfact.progress():``.

        Returns
        -------
        BiasedMF
            The instance itself.

        Raises
        ------
        ValueError
            If there is no entry, a value is not finite, a parameter is out of range, or `start` knows no user.
        TypeError
            If `interactions` are none of these, or a parameter has the wrong type.
        NumericalError
            If `learning_rate` is so large that the objective grows without bound, or the factors overflow float32.

        Warns
        -----
        UserWarning
            If `l2` is 0 and rows have fewer entries than unknowns: a tiny penalty of ``"als"``, or the start of the
            other solvers, then picks one of their many solutions.
        """
        options = self._options()
        solver = check_choice(self.solver, mt.BiasedSolver, "solver")
        chain = {"burn_in": as_count(self.burn_in, "burn_in", 0), "n_samples": as_count(self.n_samples, "n_samples")}
        descent: dict[str, Any] = {
            "max_iter": as_count(self.max_iter, "max_iter"),
            "tol": as_real(self.tol, "tol"),
            "cg_steps": as_count(self.cg_steps, "cg_steps"),
            "learning_rate": 0.0,  # the core's default
        }
        if self.learning_rate is not None:
            descent["learning_rate"] = as_real(self.learning_rate, "learning_rate", positive=True)
        known = as_interactions(interactions)
        x, xt = known.matrix, known.transposed
        arrays = (x.data, x.indices, x.indptr, xt.data, xt.indices, xt.indptr)
        bits = 8 * x.indices.itemsize
        fit: Any = getattr(_core, f"biased_{'gibbs' if solver == 'gibbs' else 'mf'}_i{bits}")
        facts: dict[str, Any] = {}
        if solver == "gibbs" and validation is not None:
            raise ValueError("validation has no best sweep to keep with solver='gibbs', which averages its draws")
        first = self._start_of(start, known, options["n_components"] + options["biases"])
        with self._sweeps(
            known, validation=validation, metric=metric, patience=patience, callback=callback, progress=progress
        ) as sweeps:
            common: dict[str, Any] = {"seed": draw_seed(self.random_state), "progress": sweeps.report}
            if solver != "gibbs":
                descent["solver"] = _core.BiasedSolver[solver]
                if options["l2"] == 0.0:
                    warn_of_short_rows(known, options["n_components"] + options["biases"])
                common |= {"wants_factors": sweeps.wants_factors, "start": first}
                mean, w, h, history, n_iter, status, raised = fit(*arrays, **descent, **common, **options)
            else:
                del options["l2"], options["l2_scaling"]
                mean, w, h, *priors, noise, history, n_iter, status, raised = fit(*arrays, **chain, **common, **options)
                facts = {"prior": priors[0].tolist(), "item_prior": priors[1].tolist(), "noise": noise.tolist()}
        facts |= {"history": history.tolist(), "n_iter": n_iter, "status": status.name, "mean": mean}
        return self._end(sweeps, w, h, facts, raised)

    def _takes_start(self) -> bool:
        return self.solver in ("als", "cg")

    def _facts_of(self, shared: npt.NDArray[np.float64]) -> dict[str, Any]:
        return {"mean": float(shared[0])}

    def _adopt(self, interactions: Interactions, w: Factor, h: Factor, facts: dict[str, Any]) -> None:
        options = self._options()
        draws = _Draws.of(facts, _n_unknowns(options)) if self.solver == "gibbs" else None
        self._fitted_options, self._draws = options, draws
        self.global_mean_ = float(facts["mean"])
        self.user_factors_, self.item_factors_ = self._factors(w), self._factors(h)
        if self._draws is not None:
            self.noise_std_ = self._draws.noise
        elif hasattr(self, "noise_std_"):  # of an earlier fit with draws
            del self.noise_std_
        self.user_bias_, self.item_bias_ = self._bias(w), self._bias(h)
        self._adopt_iterations(facts)
        super()._adopt(interactions, w, h, facts)

    def _of_anybody(self) -> npt.NDArray[Any]:
        return super()._of_anybody() if self._has_biases() else item_means(self.interactions_)

    def _n_columns(self) -> int:
        return _n_unknowns(self._fitted_options) * self._n_draws()

    def _has_biases(self) -> bool:
        return bool(self._fitted_options["biases"])

    def _n_draws(self) -> int:
        return 1 if self._draws is None else self._draws.n

    @overload
    def predict(self, users: Any, items: Any, *, return_std: Literal[False] = False) -> Factor: ...

    @overload
    def predict(self, users: Any, items: Any, *, return_std: Literal[True]) -> tuple[Factor, Factor]: ...

    def predict(self, users: Any, items: Any, *, return_std: bool = False) -> Factor | tuple[Factor, Factor]:
        """Predict ratings, clipped to the range of those in the fit.

        Parameters
        ----------
        users, items : sequence of ids
            As in the interactions of the fit; one of each, or as many of both.
        return_std : bool, default=False
            Also return how far ratings are expected to be off, with ``solver="gibbs"``.

        Returns
        -------
        predictions : array of shape (n_pairs,), float32
            Users without a history and unknown ones rate by the mean and the item's bias; with ``biases=False`` by the
            item's mean rating, drawn to the mean by five more. Unknown items are rated by the mean and the user's bias.
            So are items without a history, but for ``solver="gibbs"``, which draws theirs from the prior.
        std : array of shape (n_pairs,), float32
            Only with `return_std`: standard deviations of ratings, by what the draws disagree and by the noise.

        Raises
        ------
        ValueError
            If there are not as many users as items, or `return_std` is asked of another solver.
        NotFittedError
            If `fit` was not called.
        """
        rows, cols = self._pairs(users, items)
        if not return_std:
            return cast(Factor, super().predict(users, items).clip(*self._range))
        if self._draws is None:
            raise ValueError(f"return_std needs solver='gibbs', got {self.solver!r}")
        means, deviations = np.empty(len(rows), np.float32), np.empty(len(rows), np.float32)
        for some in self._some_pairs(len(rows)):
            scores = self._scores_by_draw(self._rows_of_users(rows[some]), cols[some])
            means[some] = scores.mean(axis=1) + self.global_mean_
            deviations[some] = np.sqrt(scores.var(axis=1) + self._draws.noise**2)
        cold = self._are_cold(rows)
        means[cold] = self._common_scores()[cols[cold]]
        return means.clip(*self._range), deviations

    def _options(self) -> dict[str, Any]:
        return {
            "n_components": as_count(self.n_components, "n_components"),
            "l2": as_real(self.l2, "l2"),
            "l2_scaling": _core.L2Scaling[check_choice(self.l2_scaling, mt.L2Scaling, "l2_scaling")],
            "biases": check_flag(self.biases, "biases"),
            "num_threads": check_num_threads(self.num_threads),
        }

    def _solve_rows(self, rows: Any) -> Factor:
        return self._solve(rows, self._h, None if self._draws is None else self._draws.user_prior)

    def _solve_columns(self, columns: Any, codes: Codes) -> Factor:  # noqa: ARG002
        if self._draws is None:
            return self._solve(columns, self._w, None)
        if self._draws.item_prior is None:
            raise ValueError("this model was saved before fits kept what items need: fit it to all interactions again")
        return self._solve(columns, self._w, self._draws.item_prior)

    def _solve(self, rows: Any, others: Factor, prior: Factor | None) -> Factor:
        options, bits = dict(self._fitted_options), 8 * rows.indices.itemsize
        arrays = [rows.data, rows.indices, rows.indptr, others]
        solve: Any = getattr(_core, f"biased_rows_i{bits}")
        if prior is not None:
            solve = getattr(_core, f"gibbs_rows_i{bits}")
            arrays.append(prior)
            options = {name: options[name] for name in ("biases", "num_threads")}
        return cast(Factor, solve(*arrays, self.global_mean_, **options))

    def _scores_by_draw(self, w: Factor, cols: Codes) -> npt.NDArray[np.float64]:
        """Of as many users as items, (n_pairs, n_draws), without the mean; items below 0 are unknown."""
        h = np.where((cols >= 0)[:, None], self._h[np.maximum(cols, 0)], np.float32(0))
        users, items = self._by_draw(w).astype(np.float64), self._by_draw(h).astype(np.float64)
        k = self._fitted_options["n_components"]
        scores: npt.NDArray[np.float64] = (users[:, :, :k] * items[:, :, :k]).sum(axis=2)
        return scores + users[:, :, -1] + items[:, :, -1] if self._has_biases() else scores

    def _by_draw(self, factor: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A view of shape (n_rows, n_draws, n_unknowns)."""
        n = self._n_draws()
        return factor.reshape(len(factor), n, factor.shape[1] // n)

    def _factors(self, factor: Factor) -> Factor:
        """Without the biases, each draw apart."""
        draws = self._by_draw(factor)[:, :, : self._fitted_options["n_components"]]
        return draws[:, 0] if self._draws is None else draws

    def _factors_only(self, factor: Factor) -> Factor:
        return self._factors(factor).reshape(len(factor), -1)

    def _bias(self, factor: Factor) -> Factor:
        if not self._has_biases():
            return np.zeros(len(factor), np.float32)
        if self._draws is None:
            return factor[:, -1]
        return cast(Factor, self._by_draw(factor)[:, :, -1].mean(axis=1, dtype=np.float64).astype(np.float32))


def _n_unknowns(options: dict[str, Any]) -> int:
    """Of each row in one fit, or one draw."""
    return int(options["n_components"] + options["biases"])


@dataclass(frozen=True, slots=True)
class _Draws:
    """What the draws have in common over all rows."""

    n: int
    noise: float
    """Standard deviation of ratings, averaged as a variance."""
    user_prior: Factor
    """(2 n, n_unknowns): of each draw the means of the users' columns, and their precisions over that of a rating."""
    item_prior: Factor | None
    """The same of the items; None in models that were saved before it was kept."""

    @classmethod
    def of(cls, facts: dict[str, Any], n_unknowns: int) -> _Draws:
        with np.errstate(over="ignore"):  # told below
            noise = np.array(facts["noise"], np.float64)
            names = ("prior", "item_prior") if "item_prior" in facts else ("prior",)
            priors = [np.array(facts[name], np.float32) for name in names]
        if noise.ndim != 1 or noise.size == 0 or any(prior.shape != (2 * noise.size, n_unknowns) for prior in priors):
            raise ValueError("noise and priors must have a place for each draw")
        if not np.isfinite(noise).all() or not all((np.isfinite(p).all() and (p[1::2] > 0).all()) for p in priors):
            raise ValueError("noise and priors must be finite, and precisions positive")
        return cls(noise.size, float(np.sqrt((noise**2).mean())), priors[0], priors[1] if len(priors) > 1 else None)
