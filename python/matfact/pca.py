"""Principal component analysis: scikit-learn's estimator on matfact's core."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import sqrt
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn import get_config
from sklearn.decomposition import PCA as _ScikitLearnPCA
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from matfact import typing as mt
from matfact._certificate import Certificate
from matfact._certified import Certified
from matfact._decompose import scores
from matfact._guarded import Guarded
from matfact._pca.axes import PrincipalAxes, leading_axes
from matfact._pca.batches import fit_source, scores_of_source
from matfact._pca.in_memory import fit_matrix
from matfact._pca.incomplete import fit_incomplete, impute, log_likelihoods
from matfact._pca.request import Request, count_axes, needs_all_values
from matfact._sources import as_source, is_source
from matfact._validation import (
    as_compressed,
    as_weights,
    check_num_threads,
    check_readable,
    fixed_seed,
    is_sparse,
    walkable,
)
from matfact.moments import Moments

_FLOATS = (np.float64, np.float32)
_LAYOUTS = ("csr", "csc")


class PCA(Guarded, Certified, _ScikitLearnPCA):  # type: ignore[misc]
    r"""Principal component analysis; a drop-in for :class:`sklearn.decomposition.PCA`.

    The axes V minimize :math:`\|(X - 1 \mu^\top)(I - V V^\top)\|_F` over orthonormal V [1]_, where :math:`\mu`
    holds the column means.

    Parameters, attributes and methods are scikit-learn's, with these differences:

    - A dense NumPy X is neither copied nor written, whatever `copy` says.
    - No solver is less accurate than `matfact.svd`'s default promises: ``"arpack"`` is its ``"krylov"`` with
      residuals below `tol`; ``"randomized"`` keeps its meaning for the checks of `n_components` only, and
      `iterated_power`, `n_oversamples` and `power_iteration_normalizer` have no effect.
    - At least two samples are needed, where scikit-learn divides by zero.
    - ``explained_variance_ratio_`` is 0 instead of NaN where X has no variance.
    - Variances whose numbers exceed the dtype (entries around 1e300) are infinity, and those below its range zero;
      everything else is right there too, ``explained_variance_ratio_`` and the choice of axes by a share included.
    - A sparse X is used in place, by all threads, and centered without being made dense. `n_components` may then be
      ``min(X.shape)`` or a share of the variance also with ``svd_solver="auto"``.
    - X may be a path (``.npy``; ``.parquet``, ``.arrow`` and ``.feather`` with pyarrow) or a function that returns an
      iterable of batches of rows, as in `matfact.svd`. `fit` reads it once where ``n_features**2`` second moments may
      be kept, else a few times; variances are then exact to some eps of the largest.
    - `fit` takes `sample_weight`, how often each row counts.
    - Arrays of other libraries are handed to scikit-learn's own code.

    Parameters
    ----------
    n_components : int, float or "mle", optional
        Axes to keep: a number between 0 and ``min(X.shape)``, a share of the variance between 0 and 1 to be
        exceeded, or Minka's estimate [2]_. None keeps all of them (one less for ``svd_solver="arpack"``).
    copy : bool, default=True
        Only used by scikit-learn's own code, see above.
    whiten : bool, default=False
        Scale the scores to unit variance.
    svd_solver : {"auto", "full", "covariance_eigh", "arpack", "randomized"}, default="auto"
        ``"full"`` is a singular value decomposition of X, ``"covariance_eigh"`` an eigendecomposition of the
        smaller of its two Gram matrices, ``"arpack"`` block Lanczos iterations; the others choose by shape and dtype.
    tol : float, default=0.0
        Largest residual of ``"arpack"``, relative to the largest singular value; 0 is what the arithmetic allows.
    iterated_power : int or "auto", default="auto"
        Only used by scikit-learn's own code, see above, and so are the next two.
    n_oversamples : int, default=10
        Extra random vectors of the randomized solver.
    power_iteration_normalizer : {"auto", "QR", "LU", "none"}, default="auto"
        Normalization of the randomized solver.
    random_state : int, RandomState instance or None, default=None
        Seed of the iterations' start; None is a fixed one.
    missing : {"error", "ppca", "vb"}, default="error"
        What NaN in a dense X means. ``"error"`` refuses it as scikit-learn does. ``"ppca"`` takes it for missing and
        fits probabilistic PCA [3]_ to the observed entries by maximum likelihood, with the mean and the noise
        variance estimated along; `tol` is then the gain of the log-likelihood per observed entry at which it has
        converged, 0 standing for 1e-9, and `n_components` an integer below ``min(X.shape)`` or None for the
        largest. ``"vb"`` adds a posterior over the loadings and a prior variance for each axis [4]_: where little
        is observed it does not over-fit, and axes that the data do not support get no variance beyond the noise.
        A complete X is analysed as ever under all three.
    memory_limit : int or str, optional
        Memory that `fit` may take beside what X itself holds: bytes, or a string such as "512MB". Arrays, such as a
        `numpy.memmap`, are then read in batches too. None sets no limit.
    num_threads : int, optional
        At least 1; None uses `matfact.get_num_threads`.

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        Principal axes, by descending variance; the entry of largest magnitude in each is positive.
    explained_variance_ : array of shape (n_components,)
        Variances along the axes, with divisor ``n_samples_ - 1``. Where entries are missing: the leading eigenvalues
        of `get_covariance`, the covariance of the model, scaled to that divisor.
    explained_variance_ratio_ : array of shape (n_components,)
        Shares of the total variance, exact also when truncated; of the model's where entries are missing.
    singular_values_ : array of shape (n_components,)
        Norms of the columns of (weighted) scores; ``sqrt((n_samples_ - 1) * explained_variance_)`` where entries are
        missing.
    mean_ : array of shape (n_features,)
        Column means of X, weighted where rows are; estimated together with the axes where entries are missing.
    n_iter_ : int
        Sweeps over an X with missing entries, 0 for a complete one.
    n_components_ : int
        Axes kept.
    n_samples_ : int or float
        Rows of X, or the sum of their weights.
    noise_variance_ : float
        Mean variance of the axes left out, as probabilistic PCA [3]_ has it.
    error_bounds_ : array of shape (n_components,)
        Bounds of the errors of ``singular_values_``, absolute, as `SVDResult.error_bounds` has them. Of a dense X
        without `sample_weight` whose solver did not measure them they take two products with X: they are computed when
        they are first looked at, or the estimator is pickled or copied. X must not be changed before, and must still be
        there: it is not kept alive, and where it is gone this is an AttributeError. Of rows in batches, moments and
        most axes of a sparse X they are larger, about ``n_features * eps * s_1**2 / s_i``: what second moments cannot
        tell. NaN where entries are missing.
    residuals_ : array of shape (n_components,)
        :math:`\|X^\top u_i - s_i v_i\| / s_1` of the triplets, with X centered (and weighted), computed together with
        the bounds. NaN where the fit had no need of U (rows in batches, moments, most axes of a sparse X), and where
        entries are missing.
    status_ : {"converged", "max_iter", "stopped"}
        As in `SVDResult`.
    n_passes_ : int
        Products with X that iterations took, or how often X was read in batches; 0 for direct solvers.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : array of shape (n_features,)
        Names of the columns, if X had any.

    References
    ----------
    .. [1] Eckart, C., and Young, G. (1936). The approximation of one matrix by another of lower rank.
       Psychometrika 1(3), 211-218. doi:10.1007/BF02288367
    .. [2] Minka, T. P. (2000). Automatic choice of dimensionality for PCA. NIPS 13, 598-604.
    .. [3] Tipping, M. E., and Bishop, C. M. (1999). Probabilistic principal component analysis. Journal of the Royal
       Statistical Society B 61(3), 611-622. doi:10.1111/1467-9868.00196
    .. [4] Ilin, A., and Raiko, T. (2010). Practical approaches to principal component analysis in the presence of
       missing values. JMLR 11, 1957-2000. https://jmlr.org/papers/v11/ilin10a.html

    Examples
    --------
    >>> import numpy as np
    >>> import matfact
    >>> X = np.array([[-1, -1], [-2, -1], [-3, -2], [1, 1], [2, 1], [3, 2]])
    >>> pca = matfact.PCA(n_components=2).fit(X)
    >>> pca.explained_variance_ratio_.round(4)
    array([0.9924, 0.0076])
    >>> pca.transform([[4, 3]]).shape
    (1, 2)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **_ScikitLearnPCA._parameter_constraints,
        # NumPy's floats of every size are shares too.
        "n_components": [
            *_ScikitLearnPCA._parameter_constraints["n_components"],
            Interval(Real, 0, 1, closed="neither"),
        ],
        "memory_limit": [str, Interval(Integral, 1, None, closed="left"), None],
        "num_threads": [Interval(Integral, 1, None, closed="left"), None],
        "missing": [StrOptions({"error", "ppca", "vb"})],
    }

    _is_centered = True
    _loadings_covariance: mt.FloatArray | None = None  # of a fit with missing="vb"

    def __init__(
        self,
        n_components: int | float | str | None = None,
        *,
        copy: bool = True,
        whiten: bool = False,
        svd_solver: str = "auto",
        tol: float = 0.0,
        iterated_power: int | str = "auto",
        n_oversamples: int = 10,
        power_iteration_normalizer: str = "auto",
        random_state: Any = None,
        missing: str = "error",
        memory_limit: int | str | None = None,
        num_threads: int | None = None,
    ) -> None:
        super().__init__(
            n_components=n_components,
            copy=copy,
            whiten=whiten,
            svd_solver=svd_solver,
            tol=tol,
            iterated_power=iterated_power,
            n_oversamples=n_oversamples,
            power_iteration_normalizer=power_iteration_normalizer,
            random_state=random_state,
        )
        self.missing = missing
        self.memory_limit = memory_limit
        self.num_threads = num_threads

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing != "error"
        return tags

    @classmethod
    def from_moments(
        cls,
        moments: Moments,
        n_components: int | float | str | None = None,
        *,
        whiten: bool = False,
        num_threads: int | None = None,
    ) -> PCA:
        """Return an estimator fitted to the rows that `moments` describe.

        Parameters
        ----------
        moments : Moments
            Of at least two rows (a sum of weights of at least 2).
        n_components : int, float or "mle", optional
            As in the class; "mle" needs at least as many rows as columns.
        whiten : bool, default=False
            As in the class.
        num_threads : int, optional
            At least 1; None uses `matfact.get_num_threads`.

        Returns
        -------
        PCA
            With the attributes of a fit with ``svd_solver="covariance_eigh"``, in float64. Variances are exact to a few
            eps of the largest. Weights make ``n_samples_``, their sum, a float where it is not whole.

        Raises
        ------
        ValueError
            If there are fewer than two rows, or an argument is out of range.
        TypeError
            If `moments` is something else.

        Examples
        --------
        >>> import numpy as np
        >>> import matfact
        >>> moments = matfact.Moments()
        >>> for batch in np.random.default_rng(0).standard_normal((4, 25, 3)):
        ...     moments = moments.update(batch)
        >>> matfact.PCA.from_moments(moments, 2).components_.shape
        (2, 3)
        """
        if not isinstance(moments, Moments):
            raise TypeError(f"moments must be matfact.Moments, got {type(moments).__name__}")
        pca = cls(n_components, whiten=whiten, svd_solver="covariance_eigh", num_threads=num_threads)
        pca._validate_params()
        n_samples = moments.n_samples
        if n_samples < 2.0:
            raise ValueError(f"PCA needs moments of at least 2 samples, got {n_samples:g}: update them with more rows")
        shape = int(n_samples), moments.n_features
        smallest = min(shape)
        wanted = Request(n_components, "covariance_eigh").check_for(shape, "covariance_eigh")
        threads = check_num_threads(num_threads)
        found, bounds = moments._axes(smallest if needs_all_values(wanted) else max(int(wanted), 1), threads)
        every = PrincipalAxes(
            found.components,
            found.singular_values,
            found.explained_variance,
            found.explained_variance_ratio,
            np.float64(0.0),
            moments.mean,
            int(n_samples) if n_samples.is_integer() else n_samples,
            Certificate("svd_axes", None, threads, residuals=np.full_like(bounds, np.nan), error_bounds=bounds),
        )
        k = count_axes(wanted, found.explained_variance, found.explained_variance_ratio, n_samples)
        largest = float(found.singular_values[0])
        stable_rank = moments.total_variance / largest / largest if largest > 0.0 else 0.0
        axes = leading_axes(k, every, stable_rank=stable_rank, smallest=smallest)
        pca._keep(axes, "covariance_eigh")
        pca.n_features_in_ = moments.n_features
        return pca

    def fit(
        self,
        X: Any,
        y: Any = None,  # noqa: ARG002 (scikit-learn's signature)
        sample_weight: npt.ArrayLike | None = None,
    ) -> PCA:
        """Find the principal axes of X.

        Parameters
        ----------
        X : array, sparse matrix, path or function, of shape (n_samples, n_features)
            At least two rows, finite but for NaN where `missing` allows it. Integers are converted to float64.
        y : None
            Ignored.
        sample_weight : array of shape (n_samples,), optional
            How often each row counts: finite, not negative, with a sum of at least 2. Whole numbers give what repeated
            rows give, and a row of weight 0 is absent: it may hold NaN. X must be complete and in memory, and takes a
            copy of its rows; for batches there is `Moments` and `from_moments`.

        Returns
        -------
        PCA
            The instance itself.

        Raises
        ------
        ValueError
            If X holds NaN or infinity or has fewer than two rows, or a parameter is out of range; with missing
            entries allowed, if a column has no observed entry; if a file is truncated or damaged, or `memory_limit`
            is too small (the message names the smallest that works, or the share of the variance that it holds); if
            `sample_weight` is out of range, or given
            where X is incomplete or read in batches.
        TypeError
            If X is sparse and `svd_solver` is "full" or "randomized".
        """
        check_readable(X, by_core=_LAYOUTS)
        self._check_weighted(X, sample_weight)
        if self._is_read_in_batches(X):
            self._validate_params()
            self._fit_source(X)
        elif _is_for_scikit_learn(X):
            self._certificate = None
            super().fit(X)
        else:
            self._validate_params()
            self._fit_matrix(X, compute_u=False, sample_weight=sample_weight)
        return self

    def fit_transform(
        self,
        X: Any,
        y: Any = None,  # noqa: ARG002 (scikit-learn's signature)
        sample_weight: npt.ArrayLike | None = None,
    ) -> Any:
        """Find the principal axes of X and return its scores.

        Parameters
        ----------
        X : array, sparse matrix, path or function, of shape (n_samples, n_features)
            As in `fit`, but finite also where the weight is 0.
        y : None
            Ignored.
        sample_weight : array of shape (n_samples,), optional
            As in `fit`. The scores are those of `transform`: of every row as it is, weighted or not.

        Returns
        -------
        array of shape (n_samples, n_components)
            ``U * S``, or ``U * sqrt(n_samples - 1)`` with `whiten`; where entries are missing as `transform` has it.

        Raises
        ------
        ValueError
            As in `fit`.
        TypeError
            As in `fit`.
        """
        check_readable(X, by_core=_LAYOUTS)
        self._check_weighted(X, sample_weight)
        if self._is_read_in_batches(X):
            return self.fit(X).transform(X)
        if _is_for_scikit_learn(X):
            self._certificate = None
            return super().fit_transform(X)
        self._validate_params()
        x, u = self._fit_matrix(X, compute_u=sample_weight is None, sample_weight=sample_weight)
        if u is None:
            return self._transform(self._completed(x), np)
        u *= sqrt(x.shape[0] - 1) if self.whiten else self.singular_values_
        return u

    def transform(self, X: Any) -> Any:
        """Scores of rows: their coordinates along the principal axes.

        Parameters
        ----------
        X : array, sparse matrix, path or function, of shape (n_queries, n_features)
            NaN is missing unless `missing` is "error". What is read in batches gives one array all the same.

        Returns
        -------
        array of shape (n_queries, n_components)
            ``(X - mean_) @ components_.T``, with `whiten` divided by the roots of the variances. Of a row with missing
            entries the expected scores given those observed, which are the scores of the row as `impute` completes
            it: zeros where nothing is observed.

        Raises
        ------
        ValueError
            If X holds infinity, or NaN while `missing` is "error", or has another number of columns than in `fit`.
        NotFittedError
            If `fit` was not called.
        """
        if not is_source(X):
            check_readable(X)
            if self.missing == "error" or _is_for_scikit_learn(X):
                return super().transform(X)
            return self._transform(self._completed(self._incomplete_rows(X)), np)
        check_is_fitted(self)
        source = as_source(X)
        if source.n_features != self.n_features_in_:
            raise ValueError(
                f"X has {source.n_features} features, but PCA is expecting {self.n_features_in_} features as input"
            )
        return scores_of_source(
            source,
            self.components_,
            self.mean_,
            self.explained_variance_ if self.whiten else None,
            memory_limit=self.memory_limit,
            num_threads=check_num_threads(self.num_threads),
        )

    def impute(self, X: Any) -> Any:
        """Fill the missing entries of rows and keep the observed ones as they are.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            NaN is missing unless `missing` is "error".

        Returns
        -------
        array of shape (n_samples, n_features)
            A copy, with what the model expects of each missing entry given the observed ones of its row: ridge
            least squares onto the axes, with the noise variance over that of each axis as its weight. A row without
            observed entries becomes `mean_`.

        Raises
        ------
        ValueError
            As in `transform`.
        """
        check_readable(X)
        x = self._incomplete_rows(X)
        filled = self._completed(x)
        return filled.copy() if filled is x else filled

    def score_samples(self, X: Any) -> Any:
        """Log-likelihood of each row under the model.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            NaN is missing unless `missing` is "error".

        Returns
        -------
        array of shape (n_samples,)
            Of the observed entries of each row; 0 where there are none.

        Raises
        ------
        ValueError
            As in `transform`; also if entries are missing and the model has no noise.
        """
        check_readable(X)
        if self.missing == "error" or _is_for_scikit_learn(X):
            return super().score_samples(X)
        x = self._incomplete_rows(X)
        if not np.isnan(x).any():
            return super().score_samples(X)
        return log_likelihoods(x, self, check_num_threads(self.num_threads))

    def _is_read_in_batches(self, X: Any) -> bool:
        return is_source(X) or (self.memory_limit is not None and not is_sparse(X))

    def _fit_source(self, X: Any) -> None:
        source = as_source(X)
        with self._missing_explained():
            axes, solver = fit_source(
                source,
                Request(self.n_components, self.svd_solver),
                tol=self.tol,
                seed=fixed_seed(self.random_state),
                memory_limit=self.memory_limit,
                num_threads=check_num_threads(self.num_threads),
            )
        self._keep(axes, solver)
        self.n_features_in_ = source.n_features
        self.__dict__.pop("feature_names_in_", None)

    @contextmanager
    def _missing_explained(self) -> Iterator[None]:
        """What the core says of NaN, where it was allowed but X is sparse or read in batches."""
        try:
            yield
        except ValueError as error:
            if self.missing == "error" or "NaN" not in str(error):
                raise
            raise ValueError(
                f"missing={self.missing!r} with NaN needs a dense X in memory, without memory_limit: {error}"
            ) from None

    def _incomplete_rows(self, X: Any) -> mt.FloatArray:
        check_is_fitted(self)
        finite: Any = True if self.missing == "error" else "allow-nan"
        return walkable(validate_data(self, X, dtype=_FLOATS, ensure_all_finite=finite, reset=False))

    def _completed(self, x: mt.FloatArray) -> mt.FloatArray:
        return impute(x, self, check_num_threads(self.num_threads)) if self.missing != "error" else x

    def _check_weighted(self, X: Any, sample_weight: npt.ArrayLike | None) -> None:
        if sample_weight is None:
            return
        if self._is_read_in_batches(X) or _is_for_scikit_learn(X):
            raise ValueError(
                "sample_weight needs a NumPy array or a sparse matrix in memory: add batches with their weights to "
                "matfact.Moments, and use PCA.from_moments"
            )

    def _fit_matrix(
        self, X: Any, *, compute_u: bool, sample_weight: npt.ArrayLike | None = None
    ) -> tuple[Any, mt.FloatArray | None]:
        """Fit a NumPy or sparse matrix; return it as validated, with U if that was asked for and came for free."""
        sparse = is_sparse(X)
        if sparse and self.svd_solver in ("full", "randomized"):
            raise TypeError(
                'PCA only support sparse inputs with the "arpack" and "covariance_eigh" solvers, while '
                f'"{self.svd_solver}" was passed. "auto" is the fastest of ours.'
            )
        # The core looks for NaN while it reads X, so scikit-learn need not pass over it as well.
        x = validate_data(self, X, dtype=_FLOATS, accept_sparse=_LAYOUTS, ensure_all_finite=False, ensure_min_samples=2)
        x = x if sparse else walkable(x)
        threads = check_num_threads(self.num_threads)
        if not sparse and self.missing != "error" and np.isnan(x).any():
            if sample_weight is not None:
                raise ValueError("sample_weight needs a complete X, but entries are missing: leave it out")
            variational, tol = self.missing == "vb", float(self.tol)
            axes = fit_incomplete(x, self.n_components, variational=variational, tol=tol, num_threads=threads)
            self._keep(axes, self.missing)
            return x, None
        with self._missing_explained():
            axes, u, solver = fit_matrix(
                x,
                Request(self.n_components, self.svd_solver),
                weights=None if sample_weight is None else as_weights(sample_weight, x.shape[0]),
                compute_u=compute_u,
                tol=self.tol,
                seed=fixed_seed(self.random_state),
                num_threads=threads,
            )
        self._keep(axes, solver)
        self._give_back(X)
        return x, u

    def _keep(self, axes: PrincipalAxes, solver: str) -> None:
        self.components_, self.singular_values_, self.mean_ = axes.components, axes.singular_values, axes.mean
        self.explained_variance_, self.explained_variance_ratio_ = (
            axes.explained_variance,
            axes.explained_variance_ratio,
        )
        self.noise_variance_, self.n_samples_ = axes.noise_variance, axes.n_samples
        self.n_components_, self.n_iter_ = len(axes.components), axes.n_iter
        self.status_, self.n_passes_, self._certificate = axes.status, axes.n_passes, axes.certificate
        self._loadings_covariance, self._fit_svd_solver = axes.loadings_covariance, solver

    def _transform(self, X: Any, xp: Any, x_is_centered: bool = False) -> Any:
        if (
            not (isinstance(X, np.ndarray) or (is_sparse(X) and X.format in _LAYOUTS))
            or X.dtype != self.components_.dtype
            or x_is_centered
            or not self.n_components_
        ):
            return super()._transform(X, xp, x_is_centered=x_is_centered)
        variance = self.explained_variance_ if self.whiten else None
        threads = check_num_threads(self.num_threads)
        x = as_compressed(X) if is_sparse(X) else X
        return scores(x, self.components_, self.mean_, variance, num_threads=threads)


def _is_for_scikit_learn(X: Any) -> bool:
    """With array API dispatch on, an array of another library."""
    if is_sparse(X) or isinstance(X, np.ndarray):
        return False
    return bool(get_config()["array_api_dispatch"]) and hasattr(X, "__array_namespace__")
