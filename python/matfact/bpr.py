"""Personalized ranking: items that a user has above those that the user lacks."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from matfact import _core
from matfact import typing as mt
from matfact._progress import Callback
from matfact._recommender import Factor, Recommender, as_interactions, require_positive
from matfact._validation import as_count, as_integer, as_real, check_choice, check_flag, check_num_threads, draw_seed
from matfact.interactions import Codes, Interactions


class BPR(Recommender):
    r"""Rank the items that a user has above those that the user lacks.

    With scores :math:`s_{ui} = w_u \cdot h_i + b_i`, stochastic gradient descent lowers

    .. math::

        \sum_{(u,i)} \mathrm{E}_j \Big[ \ell(s_{ui} - s_{uj}) + \tfrac{\lambda_u}{2} \|w_u\|^2
        + \tfrac{\lambda_+}{2} (\|h_i\|^2 + b_i^2) + \tfrac{\lambda_-}{2} (\|h_j\|^2 + b_j^2) \Big]

    over the stored entries and negative items j that the user lacks. Values of entries do not matter. An epoch meets
    every entry once, with a fresh j.

    Parameters
    ----------
    n_components : int, default=64
        Columns of both factors, at least 1.
    loss : {"bpr", "warp"}, default="bpr"
        ``"bpr"`` is :math:`\ell(d) = \log(1 + e^{-d})` [1]_. ``"warp"`` draws up to 100 items and takes the first that
        scores more than the positive item less 1; if that was the t-th of n items that the user lacks, it costs
        :math:`(1 - d) \, L(\lfloor n / t \rfloor) / L(n)` with :math:`L(r) = 1 + 1/2 + \dots + 1/r` [2]_: the top of
        the list counts most. The divisor L(n), which papers leave out, makes one learning rate serve both losses.
    negatives : {"uniform", "popularity", "adaptive"}, default="uniform"
        How ``"bpr"`` draws j among the items with an entry that the user lacks: all alike; in proportion to their
        entries; or of four uniform draws the one that scores highest [3]_. ``"warp"`` needs ``"uniform"``.
    learning_rate : float, default=0.05
        Length of a step, positive.
    l2_user, l2_positive, l2_negative : float, optional
        :math:`\lambda_u, \lambda_+, \lambda_-`, at least 0 and below 1 / `learning_rate`. None is 0.01; 0.05 with
        ``"adaptive"`` and 0.1 with ``"warp"``, whose steps seek out the items that are learned by heart first.
    item_bias : bool, default=True
        False leaves :math:`b_i = 0`.
    max_iter : int, default=30
        Epochs, at least 1.
    deterministic : bool, default=True
        True lets threads work on blocks that have no user and no item in common: the result has the same bits for any
        number of threads. False lets their steps overwrite each other: it varies from run to run.
    random_state : int, Generator or RandomState, optional
        Seed of the random start and of the draws.
    num_threads : int, optional
        At least 1; None uses `matfact.get_num_threads`.

    Attributes
    ----------
    user_factors_ : array of shape (n_users, n_components), float32
        W.
    item_factors_ : array of shape (n_items, n_components), float32
        H.
    item_bias_ : array of shape (n_items,), float32
        :math:`b_i`, shifted so that the least is 0, which changes no ranking: an item without an entry, whose factor
        and bias are 0, ranks with the least liked. `partial_fit_items` leaves all as they are, and may add one
        below 0.
    objective_ : float
        Mean loss in the epoch that was kept.
    objective_history_ : array of shape (n_iter,), float64
        Mean loss of the pairs that each epoch drew, each before the step that it asked for; without the penalties.
    objective_error_ : array of shape (n_iter,), float64
        Standard error of each of these means, as of independent pairs.
    auc_history_ : array of shape (n_iter,), float64
        Share of the pairs of each epoch whose positive item scored higher, before the step. With uniform draws this
        estimates the area under the ROC curve on the fit's own entries; with ``"adaptive"`` and ``"warp"`` it is
        of the first draw, which is uniform.
    validation_history_ : array of shape (n_iter,), float64, or None
        The metric of the validation part after each epoch; without the last where Ctrl-C came before it was known.
    best_iter_ : int
        The epoch that was kept: the best by validation, else the last.
    n_iter_ : int
        Epochs done.
    status_ : {"max_iter", "stopped"}
        How the iteration ended.
    interactions_ : Interactions
        What the model was fitted to.

    References
    ----------
    .. [1] Rendle, S., Freudenthaler, C., Gantner, Z., and Schmidt-Thieme, L. (2009). BPR: Bayesian personalized ranking
       from implicit feedback. UAI 2009, 452-461. arXiv:1205.2618
    .. [2] Weston, J., Bengio, S., and Usunier, N. (2011). WSABIE: Scaling up to large vocabulary image annotation.
       IJCAI 2011, 2764-2770. doi:10.5591/978-1-57735-516-8/IJCAI11-460
    .. [3] Zhang, W., Chen, T., Wang, J., and Yu, Y. (2013). Optimizing top-N collaborative filtering via dynamic
       negative item sampling. SIGIR 2013, 785-788. doi:10.1145/2484028.2484126

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> import matfact
    >>> plays = sp.csr_array([[1, 1, 1, 0, 0, 0], [1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 0]])
    >>> model = matfact.BPR(2, max_iter=300, random_state=0).fit(plays)
    >>> model.recommend([1, 3], 1).items
    array([[2],
           [5]])
    """

    def __init__(
        self,
        n_components: int = 64,
        *,
        loss: mt.PairLoss = "bpr",
        negatives: mt.Negatives = "uniform",
        learning_rate: float = 0.05,
        l2_user: float | None = None,
        l2_positive: float | None = None,
        l2_negative: float | None = None,
        item_bias: bool = True,
        max_iter: int = 30,
        deterministic: bool = True,
        random_state: mt.RandomState = None,
        num_threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.loss = loss
        self.negatives = negatives
        self.learning_rate = learning_rate
        self.l2_user = l2_user
        self.l2_positive = l2_positive
        self.l2_negative = l2_negative
        self.item_bias = item_bias
        self.max_iter = max_iter
        self.deterministic = deterministic
        self.random_state = random_state
        self.num_threads = num_threads

    def fit(
        self,
        interactions: Interactions | mt.SparseLike | mt.FrameLike,
        *,
        validation: Interactions | mt.SparseLike | None = None,
        metric: str | None = None,
        patience: int | None = 3,
        callback: Callback | None = None,
        progress: bool = False,
    ) -> BPR:
        """Find the factors.

        Parameters
        ----------
        interactions : Interactions, SciPy sparse array of shape (n_users, n_items), or data frame
            One row for each user. Stored values are positive, and else do not matter.
            A data frame has one for each entry, as in `score`.
        validation : Interactions or SciPy sparse array of shape (n_users, n_items), optional
            Entries held out, by which the model is judged after each epoch. The best epoch is kept, not the last.
        metric : str, optional
            What judges, as `matfact.evaluate` names it; None takes ``"ndcg@10"``.
        patience : int, default=3
            Epochs without a better value after which the fit ends; None runs them all.
        callback : callable, optional
            Called with a `matfact.Iteration` after each epoch; returning True stops. An exception passes through
            unchanged; like Ctrl-C it leaves the model what the last complete epoch made, or as it was before the first.
        progress : bool, default=False
            Show a progress bar, as in ``with matfact.progress():``.

        Returns
        -------
        BPR
            The instance itself.

        Raises
        ------
        ValueError
            If a value is not positive, there is no entry, or a parameter is out of range.
        TypeError
            If `interactions` are none of these, or a parameter has the wrong type.
        NumericalError
            If the factors overflow float32.
        """
        options, deterministic = self._options(), check_flag(self.deterministic, "deterministic")
        known = as_interactions(interactions)
        require_positive(known.matrix.data)
        x = known.matrix
        fit: Any = getattr(_core, f"bpr_i{8 * x.indices.itemsize}")
        begun = copy.copy(self)
        begun._seed = seed = draw_seed(self.random_state)
        with begun._sweeps(
            known, validation=validation, metric=metric, patience=patience, callback=callback, progress=progress
        ) as sweeps:
            w, h, history, errors, auc, n_iter, status, raised = fit(
                x.data,
                x.indices,
                x.indptr,
                known.n_items,
                deterministic=deterministic,
                seed=seed,
                progress=sweeps.report,
                wants_factors=sweeps.wants_factors,
                **options,
            )
        facts = {
            "history": history.tolist(),
            "errors": errors.tolist(),
            "auc": auc.tolist(),
            "n_iter": n_iter,
            "status": status.name,
            "seed": seed,
        }
        return self._end(sweeps, w, h, facts, raised)

    _sweep = "epochs"

    def _facts_of(self, shared: npt.NDArray[np.float64]) -> dict[str, Any]:  # noqa: ARG002 (users share nothing)
        return {"seed": self._seed}

    def _adopt(self, interactions: Interactions, w: Factor, h: Factor, facts: dict[str, Any]) -> None:
        self._fitted_options = self._options()
        k = self._fitted_options["n_components"]
        self.user_factors_, self.item_factors_ = w[:, :k], h[:, :k]
        self.item_bias_ = h[:, k] if self._fitted_options["item_bias"] else np.zeros(len(h), np.float32)
        self.objective_error_ = np.array(facts.get("errors", []), dtype=np.float64)
        self.auc_history_ = np.array(facts.get("auc", []), dtype=np.float64)
        self._seed = draw_seed(as_integer(facts["seed"], "seed"))
        self._item_counts = interactions.item_counts
        self._adopt_iterations(facts)
        super()._adopt(interactions, w, h, facts)

    def _check_adopted(self) -> None:
        super()._check_adopted()
        lengths = {len(self.objective_history_), len(self.objective_error_), len(self.auc_history_)}
        if lengths != {self.n_iter_}:
            raise ValueError(f"the histories must have {self.n_iter_} entries")

    def _n_columns(self) -> int:
        return int(self._fitted_options["n_components"] + self._fitted_options["item_bias"])

    def _options(self) -> dict[str, Any]:
        k, max_iter = as_count(self.n_components, "n_components"), as_count(self.max_iter, "max_iter")
        loss = check_choice(self.loss, mt.PairLoss, "loss")
        negatives = check_choice(self.negatives, mt.Negatives, "negatives")
        if loss == "warp" and negatives != "uniform":
            raise ValueError(f"loss='warp' draws uniform negatives, got negatives={negatives!r}")
        rate = as_real(self.learning_rate, "learning_rate", positive=True)
        default = _L2[loss if loss == "warp" else negatives]
        given = {name: getattr(self, name) for name in ("l2_user", "l2_positive", "l2_negative")}
        penalties = {name: default if value is None else as_real(value, name) for name, value in given.items()}
        for name, value in penalties.items():
            if rate * value >= 1.0:
                raise ValueError(f"{name} must be below 1 / learning_rate = {1 / rate:g}, got {value}")
        return {
            "n_components": k,
            "loss": _core.PairLoss[loss],
            "negatives": _core.Negatives[negatives],
            "learning_rate": rate,
            **penalties,
            "item_bias": check_flag(self.item_bias, "item_bias"),
            "max_iter": max_iter,
            "num_threads": check_num_threads(self.num_threads),
        }

    def _solve_rows(self, rows: Any) -> Factor:
        require_positive(rows.data)
        options = {name: self._fitted_options[name] for name in _OF_ROWS}
        solve: Any = getattr(_core, f"bpr_rows_i{8 * rows.indices.itemsize}")
        w: Factor = solve(
            rows.data,
            rows.indices,
            rows.indptr,
            self._h,
            self._item_counts,
            max_iter=self.best_iter_,
            seed=self._seed,
            **options,
        )
        return w

    def _solve_columns(self, columns: Any, codes: Codes) -> Factor:
        require_positive(columns.data)
        x = self.interactions_.matrix
        wide = np.promote_types(x.indices.dtype, columns.indices.dtype)
        solve: Any = getattr(_core, f"bpr_items_i{8 * wide.itemsize}")
        h: Factor = solve(
            *_arrays(x, wide),
            *_arrays(columns, wide),
            codes,
            self._w,
            self._h,
            max_iter=self.best_iter_,
            seed=self._seed,
            **{name: self._fitted_options[name] for name in _OF_ITEMS},
        )
        return h

    def _factors_only(self, factor: Factor) -> Factor:
        return factor[:, : self._fitted_options["n_components"]]


_L2 = {"uniform": 0.01, "popularity": 0.01, "adaptive": 0.05, "warp": 0.1}
_OF_ROWS = ("n_components", "loss", "negatives", "learning_rate", "l2_user", "item_bias", "num_threads")
_OF_ITEMS = (*(name for name in _OF_ROWS if name != "l2_user"), "l2_positive", "l2_negative")


def _arrays(matrix: Any, index: Any) -> tuple[Any, Any, Any]:
    return matrix.data, matrix.indices.astype(index, copy=False), matrix.indptr.astype(index, copy=False)
