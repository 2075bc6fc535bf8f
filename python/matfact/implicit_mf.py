"""Weighted matrix factorization for implicit feedback: clicks, plays, purchases."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from matfact import _core
from matfact import typing as mt
from matfact._progress import Callback
from matfact._recommender import Factor, Recommender, as_interactions, require_positive
from matfact._recommender.histories import warn_of_short_rows
from matfact._validation import as_count, as_real, check_choice, check_num_threads, draw_seed
from matfact.eigh import eigh
from matfact.interactions import Codes, Interactions


class ImplicitMF(Recommender):
    r"""Recommend items from clicks, plays or purchases, where absence is weak evidence of no interest.

    The factors minimize

    .. math::

        \sum_{u,i} c_{ui} \, (p_{ui} - w_u \cdot h_i)^2
        + \lambda \sum_u (n_u + \alpha_0 n_\mathrm{items})^\nu \|w_u\|^2
        + \lambda \sum_i (n_i + \alpha_0 n_\mathrm{users})^\nu \|h_i\|^2

    over all pairs of a user and an item: :math:`p_{ui} = 1` and :math:`c_{ui} = \alpha_0 + \alpha x_{ui}` where
    something is stored, :math:`p_{ui} = 0` and :math:`c_{ui} = \alpha_0` elsewhere; :math:`n_u` and :math:`n_i` count
    the stored entries of a user and an item. (The form of [2]_, whose stored entries weigh :math:`(1 - s)^2 +
    \alpha_0 s^2` in the score s, has the same minimizers up to a factor if its :math:`\lambda` is divided by
    :math:`1 + \alpha_0`.)

    Parameters
    ----------
    n_components : int, default=64
        Columns of both factors, at least 1.
    solver : {"auto", "als", "cg", "block"}, default="auto"
        ``"als"`` solves the equations of each row exactly; ``"cg"`` improves it by `cg_steps` conjugate gradients from
        where the sweep before left it, preconditioned in the basis in which the part that all rows share is diagonal.
        ``"block"`` (iALS++ [4]_) solves exactly for `block_size` components at a time, once around from where the sweep
        before left the row, and at once for rows of at most so many entries.
        ``"auto"`` is ``"als"`` where rows have few entries or few components, else ``"cg"``: where an entry's row has,
        on average over the entries of users and of items, at most ``2 * (cg_steps + 1)`` of both.
    alpha : float, default=1.0
        The weight of a stored value, positive.
    unobserved_weight : float, default=1.0
        :math:`\alpha_0`, the weight of all pairs without an entry, at least 0.
    l2 : float, default=0.01
        :math:`\lambda`, at least 0.
    l2_scaling : float, default=1.0
        :math:`\nu`: 0 penalizes all rows alike, 1 in proportion to their weight in the data.
    cg_steps : int, default=3
        Steps of ``"cg"`` for each row and sweep, at least 1.
    block_size : int, default=64
        Components that ``"block"`` solves for together, at least 1.
    max_iter : int, default=15
        Most sweeps (items, then users), at least 1.
    tol : float, default=0.0
        Relative decrease of the objective in a sweep at which the iteration has converged; 0 runs all sweeps.
    random_state : int, Generator or RandomState, optional
        Seed of the random start.
    num_threads : int, optional
        At least 1; None uses `matfact.get_num_threads`. The result has the same bits for any number.

    Attributes
    ----------
    user_factors_ : array of shape (n_users, n_components), float32
        W. Each row minimizes the objective for the items' factors (``"cg"``: nearly).
    item_factors_ : array of shape (n_items, n_components), float32
        H, in the basis in which H'H is diagonal and descends.
    objective_ : float
        The minimized value.
    objective_history_ : array of shape (n_iter,), float64
        The objective after each sweep.
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
    .. [1] Hu, Y., Koren, Y., and Volinsky, C. (2008). Collaborative filtering for implicit feedback datasets.
       ICDM 2008, 263-272. doi:10.1109/ICDM.2008.22
    .. [2] Rendle, S., Krichene, W., Zhang, L., and Koren, Y. (2022). Revisiting the performance of iALS on item
       recommendation benchmarks. RecSys 2022, 427-435. doi:10.1145/3523227.3548486
    .. [3] Takács, G., Pilászy, I., and Tikk, D. (2011). Applications of the conjugate gradient method for implicit
       feedback collaborative filtering. RecSys 2011, 297-300. doi:10.1145/2043932.2043987
    .. [4] Rendle, S., Krichene, W., Zhang, L., and Koren, Y. (2021). iALS++: speeding up matrix factorization with
       subspace optimization. arXiv:2110.14044

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> import matfact
    >>> plays = sp.csr_array([[3, 1, 0, 0], [2, 4, 1, 0], [0, 0, 5, 1], [0, 0, 2, 2]])
    >>> model = matfact.ImplicitMF(2, l2=0.1, random_state=0).fit(plays)
    >>> model.recommend([0, 3], 1).items
    array([[2],
           [1]])
    """

    def __init__(
        self,
        n_components: int = 64,
        *,
        solver: mt.ImplicitSolver = "auto",
        alpha: float = 1.0,
        unobserved_weight: float = 1.0,
        l2: float = 0.01,
        l2_scaling: float = 1.0,
        cg_steps: int = 3,
        block_size: int = 64,
        max_iter: int = 15,
        tol: float = 0.0,
        random_state: mt.RandomState = None,
        num_threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.solver = solver
        self.alpha = alpha
        self.unobserved_weight = unobserved_weight
        self.l2 = l2
        self.l2_scaling = l2_scaling
        self.cg_steps = cg_steps
        self.block_size = block_size
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.num_threads = num_threads

    def fit(
        self,
        interactions: Interactions | mt.SparseLike | mt.FrameLike,
        *,
        validation: Interactions | mt.SparseLike | None = None,
        metric: str | None = None,
        patience: int | None = 3,
        start: ImplicitMF | None = None,
        callback: Callback | None = None,
        progress: bool = False,
    ) -> ImplicitMF:
        """Find the factors.

        Parameters
        ----------
        interactions : Interactions, SciPy sparse array of shape (n_users, n_items), or data frame
            One row for each user. Stored values are positive. A data frame has one for each entry, as in `score`.
        validation : Interactions or SciPy sparse array of shape (n_users, n_items), optional
            Entries held out, by which the model is judged after each sweep. The best sweep is kept, not the last.
        metric : str, optional
            What judges, as `matfact.evaluate` names it; None takes ``"ndcg@10"``.
        patience : int, default=3
            Sweeps without a better value after which the fit ends; None runs them all.
        start : ImplicitMF, optional
            A fitted model whose users' factors are where the iteration starts, with as many components; users whom it
            does not know start near its average user. None starts at random.
        callback : callable, optional
            Called with a `matfact.Iteration` after each sweep; returning True stops. An exception passes through
            unchanged; like Ctrl-C it leaves the model what the last complete sweep made, or as it was before the first.
        progress : bool, default=False
            Show a progress bar, as in ``with matfact.progress():``.

        Returns
        -------
        ImplicitMF
            The instance itself.

        Raises
        ------
        ValueError
            If a value is not positive, there is no entry, a parameter is out of range, or `start` knows no user.
        TypeError
            If `interactions` are none of these, or a parameter has the wrong type.
        NumericalError
            If the factors overflow float32.

        Warns
        -----
        UserWarning
            If `l2` and `unobserved_weight` are 0 and rows have fewer entries than components: a tiny penalty then picks
            the shortest of their many solutions.
        """
        options = self._options()
        k, max_iter = as_count(self.n_components, "n_components"), as_count(self.max_iter, "max_iter")
        cg_steps, block_size = as_count(self.cg_steps, "cg_steps"), as_count(self.block_size, "block_size")
        solver = check_choice(self.solver, mt.ImplicitSolver, "solver")
        known = as_interactions(interactions)
        if solver == "auto":
            solver = "als" if _unknowns(known, k) <= 2 * (cg_steps + 1) else "cg"
        require_positive(known.matrix.data)
        if options["l2"] == options["unobserved_weight"] == 0.0:
            warn_of_short_rows(known, k, "pass l2 or unobserved_weight above 0")
        x, xt = known.matrix, known.transposed
        fit: Any = getattr(_core, f"implicit_mf_i{8 * x.indices.itemsize}")
        first = self._start_of(start, known, k)
        with self._sweeps(
            known, validation=validation, metric=metric, patience=patience, callback=callback, progress=progress
        ) as sweeps:
            w, h, spectrum, history, n_iter, status, raised = fit(
                x.data,
                x.indices,
                x.indptr,
                xt.data,
                xt.indices,
                xt.indptr,
                n_components=k,
                solver=_core.ImplicitSolver[solver],
                cg_steps=cg_steps,
                block_size=block_size,
                max_iter=max_iter,
                tol=as_real(self.tol, "tol"),
                seed=draw_seed(self.random_state),
                progress=sweeps.report,
                wants_factors=sweeps.wants_factors,
                start=first,
                **options,
            )
        facts = {
            "history": history.tolist(),
            "n_iter": n_iter,
            "status": status.name,
            "spectrum": spectrum.tolist(),
        }
        return self._end(sweeps, w, h, facts, raised)

    def _takes_start(self) -> bool:
        return True

    def _facts_of(self, shared: npt.NDArray[np.float64]) -> dict[str, Any]:
        return {"spectrum": shared.tolist()}

    def _adopt(self, interactions: Interactions, w: Factor, h: Factor, facts: dict[str, Any]) -> None:
        self._fitted_options = self._options()
        self._spectrum = [as_real(value, "spectrum") for value in facts["spectrum"]]
        self.user_factors_, self.item_factors_ = w, h
        self._adopt_iterations(facts)
        super()._adopt(interactions, w, h, facts)

    def _n_columns(self) -> int:
        return len(self._spectrum)

    def _options(self) -> dict[str, Any]:
        scaling = float(self.l2_scaling)
        if not math.isfinite(scaling):
            raise ValueError(f"l2_scaling must be finite, got {self.l2_scaling!r}")
        return {
            "alpha": as_real(self.alpha, "alpha", positive=True),
            "unobserved_weight": as_real(self.unobserved_weight, "unobserved_weight"),
            "l2": as_real(self.l2, "l2"),
            "l2_scaling": scaling,
            "num_threads": check_num_threads(self.num_threads),
        }

    def _solve_rows(self, rows: Any) -> Factor:
        return self._solve(rows, self._h, self._spectrum)

    def _solve_columns(self, columns: Any, codes: Codes) -> Factor:  # noqa: ARG002
        spectrum, rotation = _eigenbasis(self._w)
        return cast(Factor, self._solve(columns, self._w @ rotation, spectrum) @ rotation.T)

    def _settled(self, w: Factor, h: Factor) -> tuple[Factor, Factor, dict[str, Any]]:
        spectrum, rotation = _eigenbasis(h)
        return w @ rotation, h @ rotation, self._facts | {"spectrum": spectrum}

    def _solve(self, rows: Any, others: Factor, spectrum: list[float]) -> Factor:
        """Rows of one factor; `others`, with `spectrum` for the diagonal of their Gram matrix, is the other."""
        require_positive(rows.data)
        solve: Any = getattr(_core, f"implicit_rows_i{8 * rows.indices.itemsize}")
        return cast(Factor, solve(rows.data, rows.indices, rows.indptr, others, spectrum, **self._fitted_options))


def _unknowns(known: Interactions, k: int) -> float:
    """The mean over entries of how many unknowns their row is solved in: products of rows that an exact solution costs.

    Conjugate gradients cost two for each step, and for the start.
    """
    counts = np.concatenate((known.user_counts, known.item_counts)).astype(np.float64)
    return float(counts @ np.minimum(counts, k) / counts.sum())


def _eigenbasis(factor: Factor) -> tuple[list[float], Factor]:
    """The rotation that makes the factor's Gram matrix diagonal, and that diagonal, descending."""
    double = factor.astype(np.float64)
    values, vectors = eigh(double.T @ double, num_threads=1)
    return np.maximum(values, 0.0).tolist(), vectors.astype(np.float32)
