"""X ~ W H by gradient descent, alternating least squares or in closed form; missing entries are left out."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from matfact import _core, _lapack
from matfact import typing as mt
from matfact._progress import Callback, Iteration, bars, reported
from matfact._validation import (
    Csr,
    as_csr,
    as_dtype,
    as_factor,
    as_integer,
    as_matrix,
    as_real,
    check_choice,
    check_flag,
    check_n_components,
    check_num_threads,
    core_suffix,
    draw_seed,
    is_sparse,
)
from matfact.exceptions import ConvergenceWarning, NumericalError

Start: TypeAlias = tuple[npt.ArrayLike, npt.ArrayLike]

_DEFAULT_TOL = {np.dtype(np.float64): 1e-8, np.dtype(np.float32): 1e-5}
_BLOCK_ENTRIES = 1 << 18  # entries that one pass over X looks at together: a 256 KB mask instead of one of X's size


class _Problem:
    """What `Factorization` needs later: the constants of the problem, and X until its optimum is known."""

    __slots__ = ("l2_h", "l2_w", "num_threads", "optimum", "reduction", "x")

    def __init__(
        self, x: mt.FloatArray | None, l2_w: float, l2_h: float, reduction: mt.Reduction, num_threads: int
    ) -> None:
        self.x = x  # None where entries are missing: nobody knows the optimum then
        self.l2_w, self.l2_h, self.reduction, self.num_threads = l2_w, l2_h, reduction, num_threads
        self.optimum = math.nan

    def optimal_objective(self, n_components: int) -> float:
        """The least objective of any pair (W, H) of this size; NaN where entries are missing."""
        if self.x is not None:
            _lapack.ensure_lapack_for(self.x.shape)
            self.optimum = _call(
                "optimal_objective",
                self.x,
                n_components=n_components,
                l2_w=self.l2_w,
                l2_h=self.l2_h,
                reduction=_core.Reduction[self.reduction],
                num_threads=self.num_threads,
            )
            self.x = None
        return self.optimum


@dataclass(frozen=True, slots=True, eq=False)
class Factorization:
    r"""Two factors, :math:`X \approx W H`.

    Attributes
    ----------
    w : array of shape (n_samples, n_components)
        One row for each row of X.
    h : array of shape (n_components, n_features)
        One column for each column of X.
    objective : float
        The minimized value at ``(w, h)``, penalties included; never negative.
    history : float64 array of shape (n_iter + 1,)
        The objective before the first sweep and after each.
    n_iter : int
        Sweeps done.
    status : {"converged", "max_iter", "stopped", "diverged"}
        Relative gradient norm below ``tol``; out of sweeps; the callback asked to stop; or the objective
        grew without bound, in which case ``w`` and ``h`` are the best pair that was seen.
    n_observed : int
        Entries of X that are not missing.
    """

    w: mt.FloatArray
    h: mt.FloatArray
    objective: float
    history: npt.NDArray[np.float64]
    n_iter: int
    status: mt.Status
    n_observed: int
    _problem: _Problem = field(repr=False)

    def __repr__(self) -> str:
        m, k = self.w.shape
        return (
            f"Factorization({m} x {self.h.shape[1]}, n_components={k}, objective={self.objective:.6g}, "
            f"n_iter={self.n_iter}, status={self.status!r})"
        )

    @property
    def optimum_gap(self) -> float:
        """`objective` minus the least that any pair of factors of this size reaches; NaN where entries are missing.

        Without a penalty that optimum is Eckart and Young's, with one it has soft-thresholded singular values.
        It takes a singular value decomposition, so it is computed on first access; X is kept until then and
        must not be changed in between.
        """
        return self.objective - self._problem.optimal_objective(self.w.shape[1])

    @property
    def rmse(self) -> float:
        """Root mean squared error over the observed entries of X, without penalties."""
        p = self._problem
        penalty = p.l2_w * _squared_norm(self.w) + p.l2_h * _squared_norm(self.h)
        loss = max(self.objective - penalty, 0.0)
        return math.sqrt(loss / self.n_observed if p.reduction == "sum" else loss)

    def transform(self, X: Any) -> mt.FloatArray:
        r"""Solve for the rows of W that belong to new rows of X, with ``h`` fixed.

        Row i minimizes the objective, :math:`\sum_{j \text{ observed}} (x_{ij} - w_i h_j)^2 + \lambda \|w_i\|^2`,
        where :math:`\lambda` weighs one row as it was weighed in the fit: ``l2_w``, times `n_observed` for the
        reduction "mean".

        Parameters
        ----------
        X : array or sparse matrix of shape (n_queries, n_features)
            NaN in a dense array and absent entries of a sparse one are missing. Converted to the dtype of ``h``.

        Returns
        -------
        array of shape (n_queries, n_components)
            A row without observed entries gives zeros.

        Raises
        ------
        ValueError
            If X holds infinity, or has another number of columns than the matrix that was factorized.
        TypeError
            If X does not hold real numbers.
        """
        return solve_rows(X, self.h, l2=self.row_l2, num_threads=self._problem.num_threads)

    def impute(self, X: Any) -> mt.FloatArray:
        """Fill the missing entries of X from the factors and keep the observed ones as they are.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_queries, n_features)
            NaN in a dense array and absent entries of a sparse one are missing.

        Returns
        -------
        array of shape (n_queries, n_features)
            Dense, in the dtype of ``h``; X itself is not changed.

        Raises
        ------
        ValueError
            If X holds infinity, or has another number of columns than the matrix that was factorized.
        TypeError
            If X does not hold real numbers.
        """
        return impute(X, self.h, l2=self.row_l2, num_threads=self._problem.num_threads)

    @property
    def row_l2(self) -> float:
        """The ridge weight of one row in `transform`: ``l2_w``, times `n_observed` for the reduction "mean"."""
        p = self._problem
        return p.l2_w * self.n_observed if p.reduction == "mean" else p.l2_w


def factorize(
    X: Any,
    n_components: int,
    *,
    solver: mt.FactorizeSolver = "auto",
    learning_rate: float | None = None,
    l2: float = 0.0,
    l2_w: float | None = None,
    l2_h: float | None = None,
    max_iter: int = 1000,
    tol: float | None = None,
    init: mt.FactorizeInit | Start = "random",
    reduction: mt.Reduction = "mean",
    random_state: mt.RandomState = None,
    progress: bool = False,
    callback: Callback | None = None,
    num_threads: int | None = None,
) -> Factorization:
    r"""Factorize a matrix as :math:`X \approx W H`, leaving out its missing entries.

    The factors minimize

    .. math:: R_{(i,j) \in \Omega} \, (x_{ij} - w_i h_j)^2 + \lambda_W \|W\|_F^2 + \lambda_H \|H\|_F^2,

    where :math:`\Omega` holds the observed entries and R is their mean or their sum.

    Parameters
    ----------
    X : array or sparse matrix of shape (n_samples, n_features)
        NaN in a dense array is missing. Of a SciPy sparse matrix the stored entries are observed, explicit zeros and
        the zeros in BSR blocks included; duplicate entries are summed first, as everywhere in SciPy. float32 and
        float64 are used in place; integers and booleans are converted to float64.
    n_components : int
        Columns of W and rows of H, between 1 and ``min(X.shape)``.
    solver : {"auto", "gd", "momentum", "nesterov", "adam", "scaled_gd", "als", "exact"}, default="auto"
        ``"gd"`` steps :math:`W \leftarrow W - \eta \, \partial L / \partial W` and H likewise, both from the same
        point; ``"momentum"`` and ``"nesterov"`` add a momentum of 0.9; ``"adam"`` [1]_ is PyTorch's with
        its defaults; ``"scaled_gd"`` [2]_ preconditions by the Gram matrix of the other factor; ``"als"`` solves
        for one factor after the other; ``"exact"`` is the closed form for a fully observed X: the truncated SVD [3]_,
        with a penalty its soft-thresholded form. ``"auto"`` is exact where everything is observed, else als.
    learning_rate : float, optional
        The step :math:`\eta`, positive. None takes a safe step (1/L from the k x k Gram matrices) where the solver
        has one, and 0.001 for adam. Of no effect on als and exact.
    l2 : float, default=0.0
        Penalty on both factors, at least 0.
    l2_w, l2_h : float, optional
        Penalty on one factor; None takes `l2`.
    max_iter : int, default=1000
        Most sweeps over X, at least 1.
    tol : float, optional
        Relative norm of the gradient at which the iteration has converged; 0 runs all `max_iter` sweeps,
        unless gd or scaled_gd with their own step can no longer lower the objective. None takes 1e-8 for
        float64 and 1e-5 for float32.
    init : {"random", "svd"} or a pair (W, H), default="random"
        Small random factors, the truncated SVD of X (with missing entries, that of the observed ones divided
        by their share), or a start of shapes
        (n_samples, n_components) and (n_components, n_features). The pair is not changed.
    reduction : {"mean", "sum"}, default="mean"
        Over the observed entries; it scales the loss against the penalties and a fixed learning rate.
    random_state : int, Generator or RandomState, optional
        Seed of the random start, 0 to 2**64 - 1. None draws a fresh one.
    progress : bool, default=False
        Show a progress bar, as `matfact.progress` does.
    callback : callable, optional
        Called with an `Iteration` between sweeps; returning True stops. An exception passes through unchanged.
    num_threads : int, optional
        At least 1; None uses `matfact.get_num_threads`. The result has the same bits for any number.

    Returns
    -------
    Factorization
        ``w, h`` in the dtype of X, the objective and its history; ``optimum_gap``, ``transform`` and ``impute``.

    Raises
    ------
    ValueError
        If X holds infinity, is empty or has no observed entry, an argument is out of range, or `solver` is
        ``"exact"`` and entries are missing.
    TypeError
        If X does not hold real numbers, or an argument has the wrong type.
    NumericalError
        If the arithmetic overflows.

    Warns
    -----
    ConvergenceWarning
        If the iteration diverges, or runs out of sweeps with `tol` above 0.

    References
    ----------
    .. [1] Kingma, D. P., and Ba, J. (2015). Adam: a method for stochastic optimization. ICLR.
       doi:10.48550/arXiv.1412.6980
    .. [2] Tong, T., Ma, C., and Chi, Y. (2021). Accelerating ill-conditioned low-rank matrix estimation via scaled
       gradient descent. JMLR 22(150), 1-63. doi:10.48550/arXiv.2005.08898
    .. [3] Eckart, C., and Young, G. (1936). The approximation of one matrix by another of lower rank.
       Psychometrika 1(3), 211-218. doi:10.1007/BF02288367

    Examples
    --------
    >>> import numpy as np
    >>> import matfact
    >>> X = np.array([[5.0, 3.0], [3.0, 2.0], [2.0, 1.0], [1.0, 1.0]])
    >>> f = matfact.factorize(X, 2, solver="adam", learning_rate=0.01, max_iter=5000, random_state=0)
    >>> bool(f.objective <= 1e-12)
    True
    >>> X[3, 1] = np.nan
    >>> matfact.factorize(X, 1, random_state=0).impute(X).round(1)
    array([[5. , 3. ],
           [3. , 2. ],
           [2. , 1. ],
           [1. , 0.6]])
    """
    x = as_csr(X) if is_sparse(X) else as_matrix(X)
    shape = x.shape
    dtype = x.dtype
    k = check_n_components(n_components, min(shape))
    chosen = check_choice(solver, mt.FactorizeSolver, "solver")
    both = as_real(l2, "l2")
    ridge_w = both if l2_w is None else as_real(l2_w, "l2_w")
    ridge_h = both if l2_h is None else as_real(l2_h, "l2_h")
    sweeps = as_integer(max_iter, "max_iter")
    if sweeps < 1:
        raise ValueError(f"max_iter must be at least 1, got {sweeps}")
    tolerance = _DEFAULT_TOL[dtype] if tol is None else as_real(tol, "tol")
    step = 0.0 if learning_rate is None else as_real(learning_rate, "learning_rate", positive=True)
    reduce = check_choice(reduction, mt.Reduction, "reduction")
    named_init, w0, h0 = _start(init, shape, k, dtype)
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable, got {callback!r}")
    told = None if callback is None else lambda n, value: callback(Iteration(n, value))
    shown = check_flag(progress, "progress")
    threads = check_num_threads(num_threads)
    _lapack.ensure_lapack_for(shape)

    with bars(shown), reported("factorize", told) as report:
        w, h, objective, history, n_iter, status = _call(
            "factorize",
            x,
            n_components=k,
            solver=_core.FactorizeSolver[chosen],
            learning_rate=step,
            l2_w=ridge_w,
            l2_h=ridge_h,
            max_iter=sweeps,
            tol=tolerance,
            init=_core.FactorizeInit[named_init],
            reduction=_core.Reduction[reduce],
            seed=draw_seed(random_state),
            w0=w0,
            h0=h0,
            num_threads=threads,
            progress=report,
        )
    if status.name == "diverged":
        way_out = "pass learning_rate=None for a safe step" if step else "scale X down, or use solver='als'"
        if step and chosen == "adam":
            way_out = "use a smaller learning_rate"
        warnings.warn(
            f"factorize diverged after {n_iter} iterations with learning_rate={learning_rate}: {way_out}",
            ConvergenceWarning,
            stacklevel=2,
        )
    elif status.name == "max_iter" and tolerance > 0.0:
        warnings.warn(
            f"factorize used all {sweeps} iterations before its gradient fell below tol={tolerance:g}: "
            "raise max_iter or tol, use solver='als' or 'scaled_gd', or pass tol=0 to ask for exactly max_iter",
            ConvergenceWarning,
            stacklevel=2,
        )
    n_observed = _count_observed(x)
    complete = None if isinstance(x, Csr) or n_observed < x.size else x
    problem = _Problem(complete, ridge_w, ridge_h, cast(mt.Reduction, reduce), threads)
    return Factorization(w, h.T, objective, history, n_iter, status.name, n_observed, problem)


def solve_rows(X: Any, h: mt.FloatArray, *, l2: float, num_threads: int) -> mt.FloatArray:
    """Least-squares rows for a fixed `h` of shape (n_components, n_features); missing entries are left out."""
    x = as_csr(X) if is_sparse(X) else as_matrix(X)
    n_features = h.shape[1]
    if x.shape[1] != n_features:
        raise ValueError(f"X must have {n_features} columns, as in the fit, got {x.shape[1]}")
    x = x._replace(values=as_dtype(x.values, h.dtype, "X")) if isinstance(x, Csr) else as_dtype(x, h.dtype, "X")
    result: mt.FloatArray = _call("solve_rows", x, h.T, l2=l2, num_threads=num_threads)
    return result


def impute(X: Any, h: mt.FloatArray, *, l2: float, num_threads: int) -> mt.FloatArray:
    """X with its missing entries taken from the product of its least-squares rows and `h`."""
    filled = solve_rows(X, h, l2=l2, num_threads=num_threads) @ h
    if is_sparse(X):
        x = as_csr(X)
        rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
        filled[rows, x.indices] = x.values
    else:
        dense = as_matrix(X)
        np.copyto(filled, as_dtype(dense, h.dtype, "X"), where=~np.isnan(dense))
    if not np.isfinite(filled).all():
        raise NumericalError(f"the product of the factors overflows {h.dtype}: scale X down")
    return filled


def _call(name: str, x: mt.FloatArray | Csr, /, *args: Any, **options: Any) -> Any:
    if isinstance(x, Csr):
        function: Any = getattr(_core, f"{name}_{x.core_suffix}")
        return function(x.values, x.indices, x.indptr, *x.shape, *args, **options)
    function = getattr(_core, f"{name}_{core_suffix(x)}")
    return function(x, *args, **options)


def _start(
    init: Any, shape: tuple[int, int], k: int, dtype: np.dtype[Any]
) -> tuple[str, mt.FloatArray | None, mt.FloatArray | None]:
    """The named start, and the caller's factors as the core stores them (H transposed)."""
    if isinstance(init, str):
        return check_choice(init, mt.FactorizeInit, "init"), None, None
    if not isinstance(init, (tuple, list)) or len(init) != 2:
        raise TypeError(f"init must be 'random', 'svd' or a pair (W, H), got {type(init).__name__}")
    w0 = as_factor(init[0], (shape[0], k), dtype, "init[0]")
    h0 = as_factor(init[1], (k, shape[1]), dtype, "init[1]")
    return "random", w0, h0.T


def _count_observed(x: mt.FloatArray | Csr) -> int:
    if isinstance(x, Csr):
        return x.values.size
    rows = max(1, _BLOCK_ENTRIES // x.shape[1])
    missing = sum(int(np.count_nonzero(np.isnan(x[i : i + rows]))) for i in range(0, x.shape[0], rows))
    return x.size - missing


def _squared_norm(a: mt.FloatArray) -> float:
    return float(np.einsum("ij,ij->", a, a, dtype=np.float64))
