"""Singular value decomposition of a dense matrix."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from matfact import _core
from matfact import typing as mt
from matfact._certificate import Residuals
from matfact._decompose import decompose, project
from matfact._missing import Latent, complete_rows
from matfact._validation import (
    as_dtype,
    as_matrix,
    as_real,
    check_choice,
    check_flag,
    check_n_components,
    check_num_threads,
    draw_seed,
)
from matfact.exceptions import ConvergenceWarning


@dataclass(frozen=True, slots=True, eq=False)
class SVDResult:
    r"""Leading singular triplets, :math:`X \approx U \, \mathrm{diag}(s) \, V^\top`; unpacks as ``u, s, vt``.

    Attributes
    ----------
    u : array of shape (n_samples, n_components)
        Left singular vectors: orthonormal columns.
    s : array of shape (n_components,)
        Singular values, descending.
    vt : array of shape (n_components, n_features)
        Right singular vectors: orthonormal rows, the entry of largest magnitude in each is positive.
    mean : array of shape (n_features,) or None
        The column means that were subtracted; None without centering.
    total_variance : float
        Squared Frobenius norm of X (of the centered X if it was centered), exact also when truncated.
    status : {"converged", "max_iter"}
        ``"max_iter"`` where a residual stayed above ``tol``.
    """

    u: mt.FloatArray
    s: mt.FloatArray
    vt: mt.FloatArray
    mean: mt.FloatArray | None
    total_variance: float
    status: mt.Status
    _residuals: Residuals = field(repr=False)

    def __iter__(self) -> Iterator[mt.FloatArray]:
        return iter((self.u, self.s, self.vt))

    def __repr__(self) -> str:
        m, k = self.u.shape
        return f"SVDResult({m} x {self.vt.shape[1]}, n_components={k}, {self.s.dtype}, status={self.status!r})"

    @property
    def residuals(self) -> mt.FloatArray:
        r""":math:`\|X^\top u_i - s_i v_i\| / s_1`, shape (n_components,): bounds the error of :math:`s_i / s_1`.

        For X with more columns than rows it is the other side, :math:`\|X v_i - s_i u_i\| / s_1`: of the two the
        one that does not hold by construction. They take a product with X, so they are computed on first access,
        unless `tol` asked for them; X is kept until then and must not be changed in between.
        """
        return self._residuals.of(self.u, self.s, self.vt, self.mean)

    @property
    def scores(self) -> mt.FloatArray:
        """The rows of X in latent space, ``u * s``, of shape (n_samples, n_components)."""
        return self.u * self.s

    @property
    def loadings(self) -> mt.FloatArray:
        """``vt.T * sqrt(explained_variance)`` of shape (n_features, n_components)."""
        return self.vt.T * np.sqrt(self.explained_variance)

    @property
    def explained_variance(self) -> mt.FloatArray:
        """``s**2 / (n_samples - 1)`` of shape (n_components,); NaN for a single row, whose variance is undefined."""
        degrees = self.u.shape[0] - 1
        if degrees == 0:
            return np.full_like(self.s, np.nan)
        with np.errstate(over="ignore"):  # infinity is the answer for singular values beyond the root of the range
            return cast(mt.FloatArray, (self.s / np.sqrt(self.s.dtype.type(degrees))) ** 2)

    @property
    def explained_variance_ratio(self) -> mt.FloatArray:
        """Share of each component in `total_variance`, of shape (n_components,).

        Zeros where X is all zero. Where the total is beyond the range of float64 (entries around 1e300), these are
        shares of the components at hand.
        """
        if self.s[0] == 0:
            return np.zeros_like(self.s)
        # Divided before squaring: s**2 alone may overflow or underflow where the share does not.
        relative = self.s.astype(np.float64) / self.s[0]
        norm = np.sqrt(self.total_variance) / self.s[0]
        if not 0.0 < self.total_variance < np.inf:
            norm = np.linalg.norm(relative)
        return cast(mt.FloatArray, ((relative / norm) ** 2).astype(self.s.dtype))

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
            self._residuals.leading(k),
        )

    def impute(self, Q: mt.MatrixLike) -> mt.FloatArray:
        r"""Fill the missing entries (NaN) of new rows and keep the observed ones as they are.

        A missing entry is what probabilistic PCA [1]_ expects of it, given the observed entries of its row:
        :math:`\mu_j + v_j t` with t minimizing over the observed entries

        .. math:: \|q - \mu - V t\|^2 + \sum_i \frac{\tau}{s_i^2 - \tau} t_i^2,

        where :math:`\tau` is the mean square of the singular values that were left out.

        Parameters
        ----------
        Q : array of shape (n_queries, n_features)
            Dense, NaN = missing; converted to the dtype of the decomposition.

        Returns
        -------
        array of shape (n_queries, n_features)
            A row without any observed entry becomes `mean` (zero without centering).

        Raises
        ------
        ValueError
            If `Q` holds infinity, or has another number of columns than X.
        TypeError
            If `Q` is sparse, or does not hold real numbers.

        References
        ----------
        .. [1] Tipping, M. E., and Bishop, C. M. (1999). Probabilistic principal component analysis. Journal of the
           Royal Statistical Society B 61(3), 611-622. doi:10.1111/1467-9868.00196

        Examples
        --------
        >>> import numpy as np
        >>> import matfact
        >>> r = matfact.svd(np.outer([1.0, 2.0, 3.0], [1.0, 2.0]), 1)
        >>> r.impute([[5.0, np.nan]]).round(6)
        array([[ 5., 10.]])
        """
        q = self._new_rows(Q)
        filled = complete_rows(q, self._latent_model())
        return filled.copy() if filled is q else filled

    def fold_in(self, Q: mt.MatrixLike, *, missing: mt.MissingRows = "expected") -> mt.FloatArray:
        """Map new rows into latent space: ``(Q - mean) @ vt.T``, after missing entries have been filled.

        Parameters
        ----------
        Q : array of shape (n_queries, n_features)
            Dense, NaN = missing; converted to the dtype of the decomposition.
        missing : {"expected", "mean"}, default="expected"
            What stands for a missing entry: its expectation given the rest of its row, as `impute` has it, or the
            mean of its column (zero without centering). The latter is the plain product, which shrinks a row
            towards the mean by about the share of its entries that are missing.

        Returns
        -------
        array of shape (n_queries, n_components)
            For the rows of X itself these are the `scores`; zeros for a row without any observed entry.

        Raises
        ------
        ValueError
            If `Q` holds infinity, or has another number of columns than X.
        TypeError
            If `Q` is sparse, or does not hold real numbers.
        """
        q = self._new_rows(Q)
        if check_choice(missing, mt.MissingRows, "missing") == "expected":
            q = complete_rows(q, self._latent_model())
        elif np.isnan(q).any():
            q = np.where(np.isnan(q), q.dtype.type(0) if self.mean is None else self.mean, q)
        return project(q, self.vt, self.mean, name="Q")

    def project(self, Q: mt.MatrixLike, *, missing: mt.MissingRows = "expected") -> mt.FloatArray:
        """Map new rows to latent space and back: ``fold_in(Q) @ vt + mean``.

        Parameters
        ----------
        Q : array of shape (n_queries, n_features)
            As in `fold_in`.
        missing : {"expected", "mean"}, default="expected"
            As in `fold_in`.

        Returns
        -------
        array of shape (n_queries, n_features)
            The nearest point to each (filled) row in the affine subspace that the components span.

        Raises
        ------
        ValueError
            If `Q` holds infinity, or has another number of columns than X.
        TypeError
            If `Q` is sparse, or does not hold real numbers.
        """
        mapped = self.fold_in(Q, missing=missing) @ self.vt
        return mapped if self.mean is None else mapped + self.mean

    def _new_rows(self, Q: mt.MatrixLike) -> mt.FloatArray:
        q = as_matrix(Q, "Q")
        n_features = self.vt.shape[1]
        if q.shape[1] != n_features:
            raise ValueError(f"Q must have {n_features} columns, as X had, got {q.shape[1]}")
        return as_dtype(q, self.vt.dtype, "Q")

    def _latent_model(self) -> Latent:
        """Probabilistic PCA with variances in units of ``s[0]**2 / n_samples``."""
        largest = float(self.s[0])
        if largest == 0.0:
            return Latent(np.zeros_like(self.vt.T), self.mean, 1.0)
        squares = (self.s.astype(np.float64) / largest) ** 2
        left_out = self.vt.shape[1] - self.s.size
        total = self.total_variance / largest / largest
        # Rounding of the total must not pass for noise, and where it has overflowed nothing is known of the noise.
        rest = total - float(squares.sum())
        is_noise = left_out > 0 and np.isfinite(rest) and rest > total * np.finfo(self.s.dtype).eps
        noise = rest / left_out if is_noise else 0.0
        loadings = self.vt.T * np.sqrt(np.maximum(squares - noise, 0.0)).astype(self.s.dtype)
        return Latent(loadings, self.mean, noise)


def svd(
    X: mt.MatrixLike,
    n_components: int | None = None,
    *,
    solver: mt.SvdSolver = "auto",
    center: bool = False,
    tol: float | None = None,
    random_state: mt.RandomState = None,
    num_threads: int | None = None,
) -> SVDResult:
    r"""Factorize a matrix as :math:`X \approx U \, \mathrm{diag}(s) \, V^\top`.

    The leading triplets minimize :math:`\|X - U \, \mathrm{diag}(s) \, V^\top\|_F` over all matrices of rank
    ``n_components`` [1]_. With ``center`` the column means are subtracted from X without forming the difference.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        float32 or float64 in any memory order is used in place, never copied or written. Integers and booleans
        are converted to float64, float16 to float32, a foreign byte order to the native one.
    n_components : int, optional
        Triplets to return, between 1 and ``min(X.shape)``; None returns all of them.
    solver : {"auto", "full", "gram"}, default="auto"
        ``"full"`` bidiagonalizes (LAPACK gesdd). ``"gram"`` takes the eigenvectors of the smaller of
        :math:`X^\top X` and :math:`X X^\top` and repairs the small singular values that squaring blurs.
        ``"auto"`` chooses by shape and dtype; docs/methods/svd.md has the rule.
    center : bool, default=False
        Subtract the column means: the principal axes are then the rows of ``vt``.
    tol : float, optional
        Largest residual that counts as converged, relative to :math:`s_1`. None asks for what the arithmetic allows.
    random_state : int, Generator or RandomState, optional
        Checked and otherwise unused: the solvers of today are deterministic. It is here so that calls
        need not change when a randomized one arrives.
    num_threads : int, optional
        At least 1; None uses `matfact.get_num_threads`.

    Returns
    -------
    SVDResult
        ``u, s, vt`` in the dtype of X, with means, residuals and the exact total variance.

    Raises
    ------
    ValueError
        If X holds NaN or infinity, is empty or not two-dimensional, or an argument is out of range.
    TypeError
        If X is sparse or does not hold real numbers, or an argument has the wrong type.
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
    x = as_matrix(X)
    k = 0 if n_components is None else check_n_components(n_components, min(x.shape))
    core_solver = _core.SvdSolver[check_choice(solver, mt.SvdSolver, "solver")]
    centered = check_flag(center, "center")
    tolerance = 0.0 if tol is None else as_real(tol, "tol")
    if random_state is not None:
        draw_seed(random_state)
    threads = check_num_threads(num_threads)
    u, s, vt, mean, residuals, total_variance, status = decompose(
        x,
        n_components=k,
        solver=core_solver,
        center=centered,
        tol=tolerance,
        num_threads=threads,
    )
    if status == "max_iter":
        worst = float(residuals.max())
        warnings.warn(
            f"svd reached a residual of {worst:.1e}, and tol={tolerance:.1e} was asked for: "
            "use solver='full', float64 input or a larger tol",
            ConvergenceWarning,
            stacklevel=2,
        )
    certificate = Residuals("svd", x, threads, residuals if tolerance > 0.0 else None)
    return SVDResult(u, s, vt, mean if centered else None, total_variance, status, certificate)
