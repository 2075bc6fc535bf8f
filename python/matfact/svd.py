"""Singular value decomposition of a matrix in memory, of a linear operator, or of rows that are read in batches."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from matfact import _core
from matfact import typing as mt
from matfact._certificate import Certificate
from matfact._decompose import decompose, decompose_operator, shares
from matfact._new_rows import NewRows
from matfact._operator import Operator
from matfact._out_of_core import decompose_source
from matfact._progress import PassCallback, bars, between_passes
from matfact._sources import Source
from matfact._svd_arguments import as_input, check_solver, most_components, target, weights_of
from matfact._validation import (
    as_real,
    check_choice,
    check_flag,
    check_max_passes,
    check_n_components,
    check_num_threads,
    fixed_seed,
)
from matfact.exceptions import ConvergenceWarning


@dataclass(frozen=True, slots=True, eq=False)
class SVDResult(NewRows):
    r"""Leading singular triplets, :math:`X \approx U \, \mathrm{diag}(s) \, V^\top`; unpacks as ``u, s, vt``.

    Attributes
    ----------
    u : array of shape (n_samples, n_components)
        Left singular vectors: orthonormal columns. With `sample_weight` those of the weighted rows, zeros where the
        weight is zero.
    s : array of shape (n_components,)
        Singular values, descending.
    vt : array of shape (n_components, n_features)
        Right singular vectors: orthonormal rows, the entry of largest magnitude in each is positive.
    mean : array of shape (n_features,) or None
        The column means that were subtracted, weighted ones with `sample_weight`; None without centering.
    total_variance : float
        Squared Frobenius norm of X (of the centered X if it was centered), exact also when truncated; NaN for a
        linear operator, which does not tell. Of entries around 1e300 it is infinity, of those around 1e-300 zero:
        `explained_variance_ratio` holds there too.
    status : {"converged", "max_iter", "stopped"}
        ``"max_iter"`` where a residual stayed above ``tol``. ``"stopped"`` where the callback asked for it: the
        residuals are those of the triplets at hand, which need not be the leading ones yet.
    n_passes : int
        Products with X that ``"krylov"`` and ``"randomized"`` took, each of a block of vectors and of both
        :math:`X` and :math:`X^\top`; 0 for the direct solvers. Of an X that is read in batches: how often it was read.
    """

    u: mt.FloatArray
    s: mt.FloatArray
    vt: mt.FloatArray
    mean: mt.FloatArray | None
    total_variance: float
    status: mt.Status
    n_passes: int
    _stable_rank: float = field(repr=False)  # total_variance / s[0]**2, also where these are out of range
    _n_samples: float = field(repr=False)  # the sum of the weights
    _certificate: Certificate = field(repr=False)

    def __iter__(self) -> Iterator[mt.FloatArray]:
        return iter((self.u, self.s, self.vt))

    def __repr__(self) -> str:
        m, k = self.u.shape
        return f"SVDResult({m} x {self.vt.shape[1]}, n_components={k}, {self.s.dtype}, status={self.status!r})"

    @property
    def residuals(self) -> mt.FloatArray:
        r""":math:`\|X^\top u_i - s_i v_i\| / s_1`, shape (n_components,): bounds the error of :math:`s_i / s_1`.

        For X with more columns than rows, unless it is read in batches, it is the other side,
        :math:`\|X v_i - s_i u_i\| / s_1`: of the two the one that does not hold by construction. They
        take a product with X, so they are computed on first access, unless the solver did so or `tol` asked for them;
        X is kept until then and must not be changed in between.
        """
        return self._certificate.of(self.u, self.s, self.vt, self.mean)[0]

    @property
    def error_bounds(self) -> mt.FloatArray:
        r"""Bounds of the error of each singular value, absolute, of shape (n_components,).

        The residual, or about its square over the gap to the singular values left out where that gap is established;
        rounding is included (docs/methods/svd.md). Computed with the residuals, on first access.
        """
        return self._certificate.of(self.u, self.s, self.vt, self.mean)[1]

    @property
    def scores(self) -> mt.FloatArray:
        """The rows of X in latent space, ``u * s``, of shape (n_samples, n_components).

        With `sample_weight` they are multiplied by the roots of their weights, as the rows of X were; ``fold_in(X)``
        gives those of X as it is.
        """
        return self.u * self.s

    @property
    def loadings(self) -> mt.FloatArray:
        """``vt.T * sqrt(explained_variance)`` of shape (n_features, n_components)."""
        return self.vt.T * np.sqrt(self.explained_variance)

    @property
    def explained_variance(self) -> mt.FloatArray:
        """``s**2 / (n_samples - 1)`` of shape (n_components,); NaN for a single row, whose variance is undefined.

        Infinity or zero where the squares are out of the range of the dtype.
        With `sample_weight` the divisor is the sum of the weights - 1, NaN unless that is positive.
        """
        degrees = self._n_samples - 1.0
        if degrees <= 0.0:
            return np.full_like(self.s, np.nan)
        with np.errstate(over="ignore", under="ignore"):
            return cast(mt.FloatArray, (self.s / np.sqrt(self.s.dtype.type(degrees))) ** 2)

    @property
    def explained_variance_ratio(self) -> mt.FloatArray:
        """Share of each component in `total_variance`, of shape (n_components,).

        Zeros where X is all zero, NaN for a linear operator. Exact also where the total itself is out of range.
        """
        return shares(self.s, self._stable_rank)

    def truncate(self, n_components: int) -> SVDResult:
        """Keep the leading components only.

        Parameters
        ----------
        n_components : int
            Between 1 and the number of components at hand.

        Returns
        -------
        SVDResult
            Copies, so that the memory of the rest can be freed; `total_variance` stays that of X.

        Raises
        ------
        ValueError
            If `n_components` is out of range.
        """
        k = check_n_components(n_components, self.s.size)
        return SVDResult(
            np.array(self.u[:, :k], order="C"),
            self.s[:k].copy(),
            self.vt[:k].copy(),
            self.mean,
            self.total_variance,
            self.status,
            self.n_passes,
            self._stable_rank,
            self._n_samples,
            self._certificate.leading(k),
        )


def svd(
    X: mt.MatrixLike | mt.SparseLike | mt.OperatorLike | mt.BatchSource,
    n_components: int | float | None = None,
    *,
    error: float | None = None,
    sample_weight: npt.ArrayLike | None = None,
    solver: mt.SvdSolver = "auto",
    center: bool = False,
    tol: float | None = None,
    max_passes: int | None = None,
    random_state: mt.RandomState = None,
    keep_transpose: bool = True,
    memory_limit: int | str | None = None,
    progress: bool = False,
    callback: PassCallback | None = None,
    num_threads: int | None = None,
) -> SVDResult:
    r"""Factorize a matrix as :math:`X \approx U \, \mathrm{diag}(s) \, V^\top`.

    The leading triplets minimize :math:`\|X - U \, \mathrm{diag}(s) \, V^\top\|_F` over all matrices of rank
    ``n_components`` [1]_. With ``center`` the column means are subtracted from X without forming the difference.

    Parameters
    ----------
    X : array, sparse matrix, linear operator, path or function, of shape (n_samples, n_features)
        float32 or float64 in any memory order is used in place, never copied or written. Integers and booleans
        are converted to float64, float16 to float32, a foreign byte order to the native one. CSR and CSC matrices of
        SciPy are used in place too, with int32 or int64 indices, sorted or not; entries that are stored several times
        count as their sum. Other sparse formats are converted to CSR. No sparse matrix is made dense. A
        `scipy.sparse.linalg.LinearOperator` is called back, its ``matmat`` and ``rmatmat`` with blocks of vectors; its
        answers are checked, and what it raises passes through with a note. A path (``.npy``, and with pyarrow
        ``.parquet``, ``.arrow`` or ``.feather``, whose columns are the features) is read several times, a batch of rows
        at a time; a function is called each time, and returns an iterable of batches: arrays or sparse matrices with
        any number of rows.
    n_components : int or float, optional
        Triplets to return, between 1 and ``min(X.shape)``; None returns all of them. A float between 0 and 1 returns
        as many as hold this share of `SVDResult.total_variance`, and no more; an operator needs an integer.
    error : float, optional
        Instead of `n_components`: as many triplets as bring :math:`\|X - U \, \mathrm{diag}(s) \, V^\top\|_F` down to
        this multiple of :math:`\|X\|_F`; between 0 and 1.
    sample_weight : array of shape (n_samples,), optional
        How often each row counts: finite and not negative. It is
        :math:`\mathrm{diag}(\sqrt{w}) \, (X - 1 \mu^\top)` that is decomposed, where :math:`\mu` is the weighted
        mean with `center` and zero without: whole numbers stand for repeated rows. A row of weight 0 is absent: it may
        hold NaN, and at most as many triplets as there are other rows can be asked for. X must be in memory, and takes
        a copy of its rows. What was said of X holds for the weighted rows.
    solver : {"auto", "full", "gram", "krylov", "randomized"}, default="auto"
        ``"full"`` bidiagonalizes (LAPACK gesdd). ``"gram"`` takes the eigenvectors of the smaller of
        :math:`X^\top X` and :math:`X X^\top` and repairs the small singular values that squaring blurs.
        ``"krylov"`` only multiplies with X: block Lanczos iterations [2]_ until the residuals are below `tol`, and a
        look from fresh random directions for triplets that were missed. ``"randomized"`` makes a fixed number of power
        iterations [3]_: its residuals say what that was good for.
        ``"auto"`` chooses by shape and dtype; docs/methods/svd.md has the rule. A sparse X takes all but ``"full"``, an
        operator ``"krylov"``, which is its ``"auto"``, and ``"randomized"``, and an X that is read in batches
        ``"gram"`` and ``"krylov"``.
    center : bool, default=False
        Subtract the column means: the principal axes are then the rows of ``vt``.
    tol : float, optional
        Largest residual that counts as converged, relative to :math:`s_1`; 0 is what the arithmetic allows. None
        stands for 1e-6 in float64 and 1e-4 in float32 where the solver is ``"krylov"``: singular values are then
        good to about the square of that, times :math:`s_1`, wherever they have a gap. The other solvers do not need it.
    max_passes : int, optional
        Products with X that ``"krylov"`` may take (default 1000), and that ``"randomized"`` takes (default 5).
    random_state : int, Generator or RandomState, optional
        Seed of the start of ``"krylov"`` and ``"randomized"``; None is a fixed one.
    keep_transpose : bool, default=True
        Of a sparse X, for the time of the call: it takes as much memory as X and makes products with
        :math:`X^\top` about 1.5 times as fast. A dense X has no use for it.
    memory_limit : int or str, optional
        Memory that the call may take beside what X itself holds, with the result: bytes, or a string such as "512MB".
        An array, such as a `numpy.memmap`, is then read in batches too. None: batches of up to 64 MB, and no limit. X
        that a function returns must come in batches that fit; where a share of the variance decides, it is called once
        more, to count.
    progress : bool, default=False
        Show a progress bar, as `matfact.progress` does.
    callback : callable, optional
        Called with a `Pass` after each pass of ``"krylov"`` and ``"randomized"``; returning True stops, as soon as
        there are `n_components` triplets, and ``status`` is then ``"stopped"``. An exception passes through unchanged.
    num_threads : int, optional
        At least 1; None uses `matfact.get_num_threads`.

    Returns
    -------
    SVDResult
        ``u, s, vt`` in the dtype of X, with means, residuals and the exact total variance.

    Raises
    ------
    ValueError
        If X holds NaN or infinity, is empty or not two-dimensional, has indices that point outside, or is sparse
        with ``solver="full"``; if a file is truncated or damaged, or a pass gives other rows than the first; if
        `memory_limit` is too small (the message names the smallest that works, or the share of the variance that it
        holds); or if an argument is out of range.
    TypeError
        If X does not hold real numbers, or an argument has the wrong type.
    NumericalError
        If the arithmetic overflows, or LAPACK does not converge.

    Warns
    -----
    ConvergenceWarning
        If a residual stays above `tol`.

    References
    ----------
    .. [1] Eckart, C., and Young, G. (1936). The approximation of one matrix by another of lower rank.
       Psychometrika 1(3), 211-218. doi:10.1007/BF02288367
    .. [2] Wu, K., and Simon, H. (2000). Thick-restart Lanczos method for large symmetric eigenvalue problems. SIAM
       Journal on Matrix Analysis and Applications 22(2), 602-616. doi:10.1137/S0895479898334605
    .. [3] Halko, N., Martinsson, P. G., and Tropp, J. A. (2011). Finding structure with randomness. SIAM Review 53(2),
       217-288. doi:10.1137/090771806

    Examples
    --------
    >>> import numpy as np
    >>> import matfact
    >>> X = np.array([[5.0, 3.0], [3.0, 2.0], [2.0, 1.0], [1.0, 1.0]])
    >>> u, s, vt = matfact.svd(X)
    >>> np.allclose((u * s) @ vt, X)
    True
    >>> r = matfact.svd(X, 1, center=True)
    >>> r.explained_variance_ratio.round(3)
    array([0.989])
    >>> r.project([[4.0, 2.5]]).round(1)
    array([[4. , 2.5]])
    """
    x = as_input(X, memory_limit)
    k, fraction = target(n_components, error, most_components(x))
    check_choice(solver, mt.SvdSolver, "solver")
    check_solver(x, solver, by_fraction=fraction > 0.0)
    keep = check_flag(keep_transpose, "keep_transpose")
    weights = weights_of(x, sample_weight)
    arguments: dict[str, Any] = {
        "n_components": k,
        "center": check_flag(center, "center"),
        "tol": None if tol is None else as_real(tol, "tol"),
        "max_passes": 0 if max_passes is None else check_max_passes(max_passes),
        "seed": fixed_seed(random_state),
        "num_threads": check_num_threads(num_threads),
        "callback": between_passes(callback),
    }
    core_solver = _core.SvdSolver[solver]
    with bars(check_flag(progress, "progress")):
        if isinstance(x, Source):
            limit = memory_limit
            f, _ = decompose_source(x, solver=solver, variance_fraction=fraction, memory_limit=limit, **arguments)
        elif isinstance(x, Operator):
            f = decompose_operator(x, solver=core_solver, **arguments)
        else:
            f = decompose(
                x,
                solver=core_solver,
                variance_fraction=fraction,
                weights=weights,
                keep_transpose=keep,
                **arguments,
            )
    if f.status == "max_iter":
        worst = float(f.residuals.max())
        warnings.warn(
            f"svd reached a residual of {worst:.1e} in {f.n_passes} passes, too few for tol or the probe: "
            "raise max_passes or tol, use float64 input or solver='full'",
            ConvergenceWarning,
            stacklevel=2,
        )
    is_measured = f.residuals.size > 0  # always, but for a dense X without weights
    certificate = Certificate(
        "svd",
        x if isinstance(x, np.ndarray) else None,
        arguments["num_threads"],
        next_value=f.next_value,
        residuals=f.residuals if is_measured else None,
        error_bounds=f.error_bounds if is_measured else None,
    )
    mean = f.mean if center else None
    n_samples = float(f.u.shape[0] if weights is None else weights.sum())
    return SVDResult(
        f.u, f.s, f.vt, mean, f.total_variance, f.status, f.n_passes, f.stable_rank, n_samples, certificate
    )
