"""Truncated SVD without centering: scikit-learn's estimator on matfact's core."""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import Any, ClassVar, cast

import numpy as np
from sklearn.decomposition import TruncatedSVD as _ScikitLearnTruncatedSVD
from sklearn.utils._param_validation import Interval
from sklearn.utils.sparsefuncs import mean_variance_axis
from sklearn.utils.validation import check_is_fitted, validate_data

from matfact import _core
from matfact import typing as mt
from matfact._certified import Certified
from matfact._decompose import axes_certificate, decompose, project
from matfact._guarded import Guarded
from matfact._validation import (
    Compressed,
    as_compressed,
    check_num_threads,
    check_readable,
    fixed_seed,
    is_sparse,
    walkable,
)
from matfact.exceptions import ConvergenceWarning

_FLOATS = (np.float64, np.float32)
_LAYOUTS = ("csr", "csc")
_BLOCK_ENTRIES = 1 << 17  # 1 MB of float64: the centered copy of a block stays in cache


class TruncatedSVD(Guarded, Certified, _ScikitLearnTruncatedSVD):  # type: ignore[misc]
    r"""Truncated SVD without centering; a drop-in for :class:`sklearn.decomposition.TruncatedSVD`.

    The components V minimize :math:`\|X (I - V V^\top)\|_F` over orthonormal V [1]_.

    Parameters, attributes and methods are scikit-learn's, with these differences:

    - ``"arpack"`` is `matfact.svd`'s ``"krylov"`` with residuals below `tol`, and ``"randomized"`` its ``"auto"``,
      which is at least as accurate as its default promises; `n_iter`, `n_oversamples` and
      `power_iteration_normalizer` have no effect.
    - CSR and CSC matrices are used in place, by all threads.

    Parameters
    ----------
    n_components : int, default=2
        At least 1 and at most ``n_features``; with ``algorithm="arpack"`` below ``min(X.shape)``.
    algorithm : {"arpack", "randomized"}, default="randomized"
        Decides which `n_components` are accepted, and the method for sparse X.
    n_iter : int, default=5
        Only used by scikit-learn's own code, see above, and so are the next two.
    n_oversamples : int, default=10
        Extra random vectors of the randomized solver.
    power_iteration_normalizer : {"auto", "QR", "LU", "none"}, default="auto"
        Normalization of the randomized solver.
    random_state : int, RandomState instance or None, default=None
        Seed of the iterations' start; None is a fixed one.
    tol : float, default=0.0
        Largest residual of ``"arpack"``, relative to the largest singular value; 0 is what the arithmetic allows.
    num_threads : int, optional
        At least 1; None uses `matfact.get_num_threads`.

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        Right singular vectors; the entry of largest magnitude in each is positive.
    explained_variance_ : array of shape (n_components,)
        Variances of the columns of scores, with divisor ``n_samples``.
    explained_variance_ratio_ : array of shape (n_components,)
        Shares of the total variance of X; 0 where X has none.
    singular_values_ : array of shape (n_components,)
        Norms of the columns of scores, descending.
    error_bounds_ : array of shape (n_components,)
        Bounds of the errors of ``singular_values_``, absolute, as `SVDResult.error_bounds` has them. Of a dense X whose
        solver did not measure them they take two products with X: they are computed when they are first looked at, or
        the estimator is pickled or copied. X must not be changed before, and must still be there: it is not kept alive,
        and where it is gone this is an AttributeError.
    residuals_ : array of shape (n_components,)
        :math:`\|X^\top u_i - s_i v_i\| / s_1` of the triplets, computed together with the bounds.
    status_ : {"converged", "max_iter", "stopped"}
        As in `SVDResult`.
    n_passes_ : int
        Products with X that iterations took; 0 for direct solvers.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : array of shape (n_features,)
        Names of the columns, if X had any.

    References
    ----------
    .. [1] Eckart, C., and Young, G. (1936). The approximation of one matrix by another of lower rank.
       Psychometrika 1(3), 211-218. doi:10.1007/BF02288367

    Examples
    --------
    >>> import numpy as np
    >>> import matfact
    >>> X = np.array([[5.0, 3.0], [3.0, 2.0], [2.0, 1.0], [1.0, 1.0]])
    >>> svd = matfact.TruncatedSVD(n_components=1).fit(X)
    >>> svd.singular_values_.round(3)
    array([7.337])
    """

    _is_centered = False
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **_ScikitLearnTruncatedSVD._parameter_constraints,
        "num_threads": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        n_components: int = 2,
        *,
        algorithm: str = "randomized",
        n_iter: int = 5,
        n_oversamples: int = 10,
        power_iteration_normalizer: str = "auto",
        random_state: Any = None,
        tol: float = 0.0,
        num_threads: int | None = None,
    ) -> None:
        super().__init__(
            n_components=n_components,
            algorithm=algorithm,
            n_iter=n_iter,
            n_oversamples=n_oversamples,
            power_iteration_normalizer=power_iteration_normalizer,
            random_state=random_state,
            tol=tol,
        )
        self.num_threads = num_threads

    def fit(self, X: Any, y: Any = None) -> TruncatedSVD:  # noqa: ARG002 (scikit-learn's signature)
        """Find the leading right singular vectors of X.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            Finite, at least two columns. Integers are converted to float64.
        y : None
            Ignored.

        Returns
        -------
        TruncatedSVD
            The instance itself.

        Raises
        ------
        ValueError
            If X holds NaN or infinity or has fewer than two columns, or a parameter is out of range.
        """
        self._fit(X)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:  # noqa: ARG002 (scikit-learn's signature)
        """Find the leading right singular vectors of X and return its scores.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            As in `fit`.
        y : None
            Ignored.

        Returns
        -------
        array of shape (n_samples, n_components)
            ``X @ components_.T``.

        Raises
        ------
        ValueError
            As in `fit`.
        """
        return self._fit(X)

    def transform(self, X: Any) -> Any:
        """Map rows into latent space.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_queries, n_features)
            Finite.

        Returns
        -------
        array of shape (n_queries, n_components)
            ``X @ components_.T``.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, or has another number of columns than in `fit`.
        NotFittedError
            If `fit` was not called.
        """
        check_is_fitted(self)
        check_readable(X, by_core=_LAYOUTS)
        dtype = self.components_.dtype
        x = validate_data(self, X, dtype=dtype, accept_sparse=_LAYOUTS, ensure_all_finite=False, reset=False)
        return project(_as_argument(x), self.components_, None, num_threads=check_num_threads(self.num_threads))

    def _fit(self, X: Any) -> mt.FloatArray:
        """Fit a matrix and return its scores."""
        self._validate_params()
        check_readable(X, by_core=_LAYOUTS)
        # The core looks for NaN while it reads X, so scikit-learn need not pass over it as well.
        x = validate_data(
            self, X, dtype=_FLOATS, accept_sparse=_LAYOUTS, ensure_all_finite=False, ensure_min_features=2
        )
        matrix = _as_argument(x)
        smallest, n_features = min(x.shape), x.shape[1]
        if self.n_components > n_features:
            raise ValueError(f"n_components({self.n_components}) must be <= n_features({n_features}).")
        if self.algorithm == "arpack" and self.n_components >= smallest:
            raise ValueError(
                f"n_components must be between 1 and {smallest - 1} with algorithm='arpack', got {self.n_components}"
            )
        threads = check_num_threads(self.num_threads)
        sparse = isinstance(matrix, Compressed)
        f = decompose(
            matrix,
            n_components=min(self.n_components, smallest),
            solver=_core.SvdSolver["krylov" if self.algorithm == "arpack" else "auto"],
            center=False,
            compute_u=sparse,
            tol=self.tol if self.algorithm == "arpack" else None,
            seed=fixed_seed(self.random_state),
            num_threads=threads,
        )
        if f.status == "max_iter":
            warnings.warn(
                f"TruncatedSVD reached a residual of {f.residuals.max():.1e}, above tol: use a larger tol",
                ConvergenceWarning,
                stacklevel=3,
            )
        s, vt = f.s, f.vt
        scores = f.u * s if sparse else project(matrix, vt, None, num_threads=threads)
        self.components_, self.singular_values_ = vt, s
        self.status_, self.n_passes_ = f.status, f.n_passes
        self._certificate = axes_certificate(f, None if isinstance(matrix, Compressed) else matrix, threads)
        self._give_back(X)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            self.explained_variance_ = np.var(scores, axis=0)
        unit = _unit(s[0])
        total = _total_variance(x, unit)
        self.explained_variance_ratio_ = np.var(unit * scores, axis=0) / total if total > 0.0 else np.zeros_like(s)
        return scores


def _as_argument(x: Any) -> mt.FloatArray | Compressed:
    """A validated matrix as the core takes it."""
    return as_compressed(x) if is_sparse(x) else walkable(x)


def _unit(largest: np.floating[Any]) -> np.floating[Any]:
    """A power of two that brings a singular value near 1 if its square might leave the range of its dtype, else 1."""
    dtype, safe = largest.dtype.type, float(np.finfo(largest.dtype).max) ** 0.25
    if largest == 0.0 or 1.0 / safe < largest < safe:
        return dtype(1.0)
    limits = np.finfo(dtype)
    exponent = -int(np.clip(np.frexp(largest)[1], limits.minexp + 2, limits.maxexp - 2))
    return cast(np.floating[Any], np.ldexp(dtype(1.0), exponent))


def _total_variance(x: Any, unit: np.floating[Any]) -> np.floating[Any]:
    """The sum of the variances of the columns of unit * x with divisor n_samples; numpy.var would need a copy of x."""
    if is_sparse(x):
        # SciPy brings the indices of a new matrix to one type, and looks anew whether it is canonical.
        x = type(x)((x.data if unit == 1.0 else unit * x.data, x.indices, x.indptr), shape=x.shape)
        if not x.has_canonical_format:  # entries that are stored several times would be squared apart
            x = x.copy()
            x.sum_duplicates()
        return cast(np.floating[Any], x.dtype.type(mean_variance_axis(x, axis=0)[1].sum(dtype=np.float64)))
    rows = max(1, _BLOCK_ENTRIES // x.shape[1])
    mean, total = x.mean(axis=0, dtype=np.float64), 0.0
    for begin in range(0, x.shape[0], rows):
        deviation = unit * (x[begin : begin + rows] - mean)
        total += float(np.einsum("ij,ij->", deviation, deviation))
    return cast(np.floating[Any], x.dtype.type(total / x.shape[0]))
