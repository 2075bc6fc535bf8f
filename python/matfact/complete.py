"""Matrix completion: the matrix of least nuclear norm and error on the observed entries, with a certificate."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from matfact import _core
from matfact import typing as mt
from matfact._progress import bars, reported
from matfact._validation import (
    Csr,
    as_csr,
    as_dtype,
    as_integer,
    as_matrix,
    as_real,
    check_flag,
    check_num_threads,
    core_suffix,
    is_sparse,
)
from matfact.exceptions import ConvergenceWarning


class Sweep(NamedTuple):
    """What a callback is told after each sweep."""

    n_iter: int
    """Sweeps done so far."""
    objective: float
    """The value that is minimized, before that sweep; of a larger `l2` during the first ones."""


Callback: TypeAlias = Callable[[Sweep], bool | None]

_DEFAULT_TOL = {np.dtype(np.float64): 1e-5, np.dtype(np.float32): 1e-4}


@dataclass(frozen=True, slots=True, eq=False)
class Completion:
    r"""The completed matrix :math:`Z = U \, \mathrm{diag}(s) \, V^\top` of rank k.

    Attributes
    ----------
    u : array of shape (n_samples, k)
        Orthonormal columns.
    s : array of shape (k,)
        Singular values of Z, descending and positive; k is 0 where `l2` is too large for any.
    vt : array of shape (k, n_features)
        Orthonormal rows; the entry of largest magnitude in each is positive.
    objective : float
        The minimized value at Z.
    optimality_gap : float
        `objective` minus a lower bound of it over all matrices of any rank, from the dual problem. The norm in it is
        the largest value of a Lanczos iteration plus its residual, a small part of `tol`.
    dual_norm : float
        Largest singular value of X - Z on the observed entries, zero elsewhere. At the optimum it is at most `l2`.
    history : float64 array
        The objective before each sweep at the `l2` asked for, and at the end.
    n_iter : int
        Sweeps done, those at larger `l2` on the way included.
    status : {"converged", "max_iter", "stopped"}
        Gap within `tol` of the objective; not so when the sweeps ran out or no longer helped; or stopped by the
        callback.
    n_observed : int
        Entries of X that are not missing.
    """

    u: mt.FloatArray
    s: mt.FloatArray
    vt: mt.FloatArray
    objective: float
    optimality_gap: float
    dual_norm: float
    history: npt.NDArray[np.float64]
    n_iter: int
    status: mt.Status
    n_observed: int

    def __repr__(self) -> str:
        return (
            f"Completion({self.u.shape[0]} x {self.vt.shape[1]}, rank={self.s.size}, objective={self.objective:.6g}, "
            f"optimality_gap={self.optimality_gap:.1e}, status={self.status!r})"
        )

    def to_dense(self) -> mt.FloatArray:
        """Z as an array of shape (n_samples, n_features)."""
        return cast(mt.FloatArray, (self.u * self.s) @ self.vt)

    def predict(self, rows: npt.ArrayLike, cols: npt.ArrayLike) -> mt.FloatArray:
        """Entries of Z, without forming it.

        Parameters
        ----------
        rows, cols : integer arrays of one shape
            Positions; negative ones count from the end.

        Returns
        -------
        array of that shape
            ``Z[rows, cols]``.

        Raises
        ------
        IndexError
            If a position is out of range.
        ValueError
            If the shapes differ.
        """
        i, j = np.asarray(rows), np.asarray(cols)
        if i.shape != j.shape:
            raise ValueError(f"rows and cols must have one shape, got {i.shape} and {j.shape}")
        return cast(mt.FloatArray, np.einsum("...k,...k->...", self.u[i] * self.s, self.vt.T[j]))

    def impute(self, X: Any) -> mt.FloatArray:
        """Fill the missing entries of X from Z and keep the observed ones as they are.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            The matrix that was completed, or one of its shape.

        Returns
        -------
        array of shape (n_samples, n_features)
            Dense, in the dtype of Z; X itself is not changed.

        Raises
        ------
        ValueError
            If X has another shape.
        TypeError
            If X does not hold real numbers.
        """
        x = as_csr(X) if is_sparse(X) else as_matrix(X)
        shape = (self.u.shape[0], self.vt.shape[1])
        if x.shape != shape:
            raise ValueError(f"X must have shape {shape}, as in the fit, got {x.shape}")
        filled = self.to_dense()
        if isinstance(x, Csr):
            rows = np.repeat(np.arange(shape[0]), np.diff(x.indptr))
            filled[rows, x.indices] = as_dtype(x.values, filled.dtype, "X")
        else:
            np.copyto(filled, as_dtype(x, filled.dtype, "X"), where=~np.isnan(x))
        return filled


def complete(
    X: Any,
    *,
    l2: float,
    max_components: int | None = None,
    tol: float | None = None,
    max_iter: int = 1000,
    progress: bool = False,
    callback: Callback | None = None,
    num_threads: int | None = None,
) -> Completion:
    r"""Complete a matrix by the convex problem of soft-impute.

    .. math:: \min_Z \; \tfrac12 \sum_{(i,j) \in \Omega} (x_{ij} - z_{ij})^2 + \lambda \|Z\|_*,

    where :math:`\Omega` holds the observed entries and the nuclear norm :math:`\|Z\|_*` is the sum of singular values.
    The same minimum is that of :math:`\tfrac12 \|P_\Omega(X - A B^\top)\|^2 + \tfrac\lambda2 (\|A\|^2 + \|B\|^2)`
    over factors with enough columns: :math:`\lambda` is their ridge penalty. The iteration alternates over the
    factors of the filled matrix [1]_ [2]_, extrapolated, from large :math:`\lambda` to the one asked for.

    Parameters
    ----------
    X : array or sparse matrix of shape (n_samples, n_features)
        NaN in a dense array is missing; of a SciPy sparse matrix the stored entries are observed, explicit zeros
        included, and it is never made dense. float32 and float64 are used in place.
    l2 : float
        :math:`\lambda`, positive: singular values of the filled matrix are lowered by it, those below it vanish. From
        the largest singular value of the observed entries on, Z is zero.
    max_components : int, optional
        Largest rank of Z, which bounds memory and time; None takes the smaller of 50 and the sides of X.
    tol : float, optional
        Share of the objective that the optimality gap may have; None takes 1e-5 for float64 and 1e-4 for float32.
    max_iter : int, default=1000
        Most sweeps over X.
    progress : bool, default=False
        Show a progress bar, as `matfact.progress` does.
    callback : callable, optional
        Called with a `Sweep` between sweeps; returning True stops. An exception passes through unchanged.
    num_threads : int, optional
        At least 1; None uses `matfact.get_num_threads`. The result has the same bits for any number.

    Returns
    -------
    Completion
        ``u, s, vt`` in the dtype of X, the objective and how far it may lie above the least; ``impute``, ``to_dense``
        and ``predict``.

    Raises
    ------
    ValueError
        If X holds infinity, is empty or has no observed entry, or an argument is out of range.
    TypeError
        If X does not hold real numbers, or an argument has the wrong type.
    NumericalError
        If the squares of X leave the range of its dtype.

    Warns
    -----
    ConvergenceWarning
        If the gap stays above `tol`, because the sweeps ran out or `max_components` is below the rank of the optimum.

    References
    ----------
    .. [1] Mazumder, R., Hastie, T., and Tibshirani, R. (2010). Spectral regularization algorithms for learning large
       incomplete matrices. JMLR 11, 2287-2322. https://jmlr.org/papers/v11/mazumder10a.html
    .. [2] Hastie, T., Mazumder, R., Lee, J. D., and Zadeh, R. (2015). Matrix completion and low-rank SVD via fast
       alternating least squares. JMLR 16, 3367-3402. https://jmlr.org/papers/v16/hastie15a.html

    Examples
    --------
    >>> import numpy as np
    >>> import matfact
    >>> X = np.outer([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 1.0])
    >>> X[1, 0] = np.nan
    >>> matfact.complete(X, l2=0.01).impute(X).round(1)[1]
    array([2., 4., 2.])
    """
    x = as_csr(X) if is_sparse(X) else as_matrix(X)
    weight = as_real(l2, "l2", positive=True)
    most = min(x.shape)
    components = 0
    if max_components is not None:
        components = as_integer(max_components, "max_components")
        if not 1 <= components <= most:
            raise ValueError(f"max_components must be between 1 and {most}, got {components}")
    tolerance = _DEFAULT_TOL[x.dtype] if tol is None else as_real(tol, "tol")
    sweeps = as_integer(max_iter, "max_iter")
    if sweeps < 1:
        raise ValueError(f"max_iter must be at least 1, got {sweeps}")
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable, got {callback!r}")
    options: dict[str, Any] = {
        "l2": weight,
        "max_components": components,
        "tol": tolerance,
        "max_iter": sweeps,
        "num_threads": check_num_threads(num_threads),
    }
    told = None if callback is None else partial(_report, callback)
    function: Any
    with bars(check_flag(progress, "progress")), reported("complete", told) as report:
        if isinstance(x, Csr):
            function = getattr(_core, f"complete_{x.core_suffix}")
            result = function(x.values, x.indices, x.indptr, *x.shape, progress=report, **options)
        else:
            function = getattr(_core, f"complete_{core_suffix(x)}")
            result = function(x, progress=report, **options)
    u, s, vt, objective, lower_bound, dual_norm, history, n_observed, n_iter, status = result
    gap = max(objective - lower_bound, 0.0)
    if status.name == "max_iter":
        warnings.warn(
            f"complete ended after {n_iter} sweeps with an optimality gap of {gap / objective:.1e} of the objective, "
            f"and tol={tolerance:.1e} was asked for: raise max_components (the rank is {s.size}), max_iter or tol",
            ConvergenceWarning,
            stacklevel=2,
        )
    return Completion(u, s, vt, objective, gap, dual_norm, history, n_iter, status.name, n_observed)


def _report(callback: Callback, n_iter: int, objective: float) -> bool | None:
    """The core reports NaN where it only asks for Ctrl-C."""
    return None if math.isnan(objective) else callback(Sweep(n_iter, objective))
