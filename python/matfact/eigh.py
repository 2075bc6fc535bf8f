"""Eigenpairs of a symmetric matrix, or of a symmetric linear operator."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from matfact import _core
from matfact import typing as mt
from matfact._certificate import Certificate
from matfact._operator import Operator, as_operator, is_operator
from matfact._progress import PassCallback, bars, between_passes, reported
from matfact._validation import (
    as_matrix,
    as_real,
    check_choice,
    check_flag,
    check_max_passes,
    check_n_components,
    check_num_threads,
    core_suffix,
    fixed_seed,
)
from matfact.exceptions import ConvergenceWarning


@dataclass(frozen=True, slots=True, eq=False)
class EighResult:
    r"""Leading eigenpairs, :math:`A V = V \, \mathrm{diag}(w)`; unpacks as ``w, v``.

    Attributes
    ----------
    w : array of shape (n_components,)
        Eigenvalues, descending.
    v : array of shape (n, n_components)
        Eigenvectors: orthonormal columns, the entry of largest magnitude in each is positive.
    status : {"converged", "max_iter", "stopped"}
        ``"max_iter"`` where the iterations of ``"krylov"`` ended above ``tol``. ``"stopped"`` where the callback asked
        for it: the residuals are those of the pairs at hand, which need not be the leading ones yet.
    n_passes : int
        Products of A with a block of vectors that ``"krylov"`` took; 0 for the direct solvers.
    """

    w: mt.FloatArray
    v: mt.FloatArray
    status: mt.Status
    n_passes: int
    _certificate: Certificate = field(repr=False)

    @property
    def residuals(self) -> mt.FloatArray:
        r""":math:`\|A v_i - w_i v_i\| / \max(|w|, |A_{ij}|)`, of shape (n_components,).

        Each is at least the relative error of its eigenvalue. They take a product with A, so they are computed on
        first access; A is kept until then and must not be changed in between. Those of a linear operator are there at
        once, relative to the largest magnitude of an eigenvalue that was seen.
        """
        return self._certificate.of(self.w, self.v)[0]

    @property
    def error_bounds(self) -> mt.FloatArray:
        r"""Bounds of the error of each eigenvalue, absolute, of shape (n_components,).

        The residual, or about its square over the gap to the eigenvalues left out, where that gap is established
        (docs/methods/eigh.md). Computed with the residuals, on first access.
        """
        return self._certificate.of(self.w, self.v)[1]

    def __iter__(self) -> Iterator[mt.FloatArray]:
        return iter((self.w, self.v))

    def __repr__(self) -> str:
        n, k = self.v.shape
        return f"EighResult({n} x {n}, n_components={k}, {self.w.dtype})"


def eigh(
    A: mt.MatrixLike | mt.OperatorLike,
    n_components: int | None = None,
    *,
    solver: mt.EighSolver = "auto",
    tol: float | None = None,
    max_passes: int = 1000,
    random_state: mt.RandomState = None,
    progress: bool = False,
    callback: PassCallback | None = None,
    num_threads: int | None = None,
) -> EighResult:
    r"""Return the leading eigenpairs of a symmetric matrix, largest eigenvalue first.

    The vectors maximize :math:`\mathrm{tr}(V^\top A V)` subject to :math:`V^\top V = I` [1]_.

    Parameters
    ----------
    A : array or linear operator of shape (n, n)
        Symmetric. float32 or float64 is used in place, never written; other real dtypes are converted
        as in `matfact.svd`. The ``matmat`` of a `scipy.sparse.linalg.LinearOperator` is called back with blocks of
        vectors, as there; that it is symmetric is tested on a few random vectors.
    n_components : int, optional
        Pairs to return, between 1 and n; None returns all of them.
    solver : {"auto", "full", "subset", "krylov"}, default="auto"
        ``"full"`` reduces A to tridiagonal form and computes all pairs by divide and conquer, ``"subset"`` only those
        that are asked for, by bisection and inverse iteration; ``"krylov"`` takes block Lanczos iterations [2]_, and
        looks from fresh random directions for any that it missed. ``"auto"`` takes the fastest one for the size
        (docs/methods/eigh.md has the rule), and a direct one where ``"krylov"`` does not converge soon. An operator
        takes ``"krylov"``, which is its ``"auto"``.
    tol : float, optional
        Largest residual of ``"krylov"``, relative as in `EighResult.residuals`. None stands for 1e-12 in float64 and
        1e-6 in float32, about what the direct solvers reach; 0 for that, too.
    max_passes : int, default=1000
        Products of A with a block of vectors that ``"krylov"`` may take.
    random_state : int, Generator or RandomState, optional
        Seed of the start of ``"krylov"``; None is a fixed one.
    progress : bool, default=False
        Show a progress bar, as `matfact.progress` does.
    callback : callable, optional
        Called with a `Pass` after each pass of ``"krylov"``; returning True stops, as soon as there are `n_components`
        pairs, and ``status`` is then ``"stopped"``. An exception passes through unchanged.
    num_threads : int, optional
        At least 1; None uses `matfact.get_num_threads`.

    Returns
    -------
    EighResult
        ``w, v`` in the dtype of A, with residuals.

    Raises
    ------
    ValueError
        If A is empty, not square, not symmetric, or holds NaN or infinity, or an argument is out of range.
    TypeError
        If A is sparse or does not hold real numbers, or an argument has the wrong type.
    NumericalError
        If an eigenvalue exceeds the range of the dtype, or the tridiagonal solver does not converge.

    Warns
    -----
    ConvergenceWarning
        If ``"krylov"`` does not reach `tol` within `max_passes`.

    References
    ----------
    .. [1] Parlett, B. N. (1998). The Symmetric Eigenvalue Problem. SIAM. doi:10.1137/1.9781611971163
    .. [2] Wu, K., and Simon, H. (2000). Thick-restart Lanczos method for large symmetric eigenvalue problems. SIAM
       Journal on Matrix Analysis and Applications 22(2), 602-616. doi:10.1137/S0895479898334605

    Examples
    --------
    >>> import numpy as np
    >>> import matfact
    >>> w, v = matfact.eigh(np.array([[2.0, 1.0], [1.0, 2.0]]))
    >>> w.round(12)
    array([3., 1.])
    """
    a = as_operator(A, "A") if is_operator(A) else as_matrix(A, "A")
    if a.shape[0] != a.shape[1]:
        raise ValueError(f"A must be square, got shape {a.shape}")
    k = 0 if n_components is None else check_n_components(n_components, a.shape[0])
    core_solver = _core.EighSolver[check_choice(solver, mt.EighSolver, "solver")]
    tolerance = 0.0 if tol is None else as_real(tol, "tol")
    passes = check_max_passes(max_passes)
    seed = fixed_seed(random_state)
    threads = check_num_threads(num_threads)
    shown = check_flag(progress, "progress")
    core_callback = between_passes(callback)
    if isinstance(a, Operator):
        if solver not in ("auto", "krylov"):
            raise ValueError(f"solver={solver!r} needs the entries of A: use 'krylov' for a linear operator")
        function: Any = getattr(_core, f"eigh_{a.core_suffix}")
        arguments: tuple[Any, ...] = a.times, a.shape[0]
        only = {}
    else:
        function, arguments, only = getattr(_core, f"eigh_{core_suffix(a)}"), (a,), {"compute_residuals": False}
    with bars(shown), reported("eigh", core_callback, unit="passes", value="residual / tol") as report:
        w, v, residuals, error_bounds, next_value, n_passes, status = function(
            *arguments,
            n_components=k,
            solver=core_solver,
            tol=tolerance,
            max_passes=passes,
            seed=seed,
            num_threads=threads,
            progress=report,
            **only,
        )
    if isinstance(a, Operator):
        certificate = Certificate("eigh", None, threads, residuals=residuals, error_bounds=error_bounds)
    else:
        certificate = Certificate("eigh", a, threads, next_value=next_value)
    result = EighResult(w, v, status.name, n_passes, certificate)
    if result.status == "max_iter":
        warnings.warn(
            f"eigh reached a residual of {result.residuals.max():.1e} in {n_passes} passes: raise max_passes or tol, "
            "or use solver='subset'",
            ConvergenceWarning,
            stacklevel=2,
        )
    return result
