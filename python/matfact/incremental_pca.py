"""Principal component analysis of batches: scikit-learn's estimator on matfact's moments."""

from __future__ import annotations

from math import sqrt
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.decomposition import IncrementalPCA as _ScikitLearnIncrementalPCA
from sklearn.utils import gen_batches
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import validate_data

from matfact._decompose import scores
from matfact._guarded import Guarded
from matfact._progress import rows_reported
from matfact._sketch import Sketch, rows_kept
from matfact._validation import check_num_threads, check_readable
from matfact.moments import Axes, Moments

_FLOATS = (np.float64, np.float32)
_EXACT_FEATURES = 8192  # whose moments take 512 MB
_BLOCK_ENTRIES = 1 << 20  # 8 MB of float64
_LAZY = ("components_", "singular_values_", "explained_variance_", "explained_variance_ratio_", "noise_variance_")


class IncrementalPCA(Guarded, _ScikitLearnIncrementalPCA):  # type: ignore[misc]
    r"""Principal component analysis of batches; a drop-in for :class:`sklearn.decomposition.IncrementalPCA`.

    Up to 8,192 features the result is that of `matfact.PCA` on all rows at once: the second moments of the batches are
    merged exactly [1]_, in ``8 * n_features**2`` bytes. Beyond that (unless so many components are asked for that
    moments are smaller) a sketch of at most ``6 * n_components + 128`` rows is kept: frequent directions [2]_ [3]_ of
    the centered rows, the leading `n_components` of which are never shrunk. It promises

    .. math:: 0 \le \lambda_i - \mathtt{explained\_variance\_}_i \le \mathtt{error\_bound\_}
       \le \frac{1}{k + 64} \sum_{j > k} \lambda_j

    for the exact variances :math:`\lambda` and k = n_components; ``error_bound_`` is what was actually taken off.
    Means, ``var_`` and the total variance are exact always.

    Parameters, attributes and methods are scikit-learn's, with these differences:

    - A batch may be smaller than `n_components`, and sparse in `partial_fit` too; axes that no row has reached yet are
      orthonormal with variance 0.
    - `partial_fit` adds the batch; the components are computed when one of their attributes is first looked at.
    - A batch that is refused leaves the estimator as it was.
    - X is neither copied nor written, whatever `copy` says. Attributes are float64.
    - ``noise_variance_`` is the mean of all variances left out, as in `matfact.PCA`.

    Parameters
    ----------
    n_components : int, optional
        Axes to keep, between 1 and ``n_features``; None takes ``min(n_samples, n_features)`` of the first batch.
    whiten : bool, default=False
        Scale the scores to unit variance.
    copy : bool, default=True
        Without effect, see above.
    batch_size : int, optional
        Rows that `fit` takes at a time, at least 1; None takes ``5 * n_features``.
    num_threads : int, optional
        At least 1; None uses `matfact.get_num_threads`.

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        Principal axes, by descending variance; the entry of largest magnitude in each is positive.
    explained_variance_ : array of shape (n_components,)
        Variances along the axes, with divisor ``n_samples_seen_ - 1``.
    explained_variance_ratio_ : array of shape (n_components,)
        Shares of the total variance; 0 where there is none.
    singular_values_ : array of shape (n_components,)
        Norms of the columns of scores of all rows seen.
    mean_ : array of shape (n_features,)
        Column means.
    var_ : array of shape (n_features,)
        Variances of the columns, with divisor ``n_samples_seen_``.
    noise_variance_ : float
        Mean variance of the axes left out.
    error_bound_ : float
        What an explained variance can at most be too small by; 0 if the moments are exact.
    n_components_ : int
        Axes kept.
    n_samples_seen_ : int
        Rows seen since the last `fit`.
    batch_size_ : int
        Rows that `fit` took at a time.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : array of shape (n_features,)
        Names of the columns, if X had any.

    References
    ----------
    .. [1] Chan, T. F., Golub, G. H., and LeVeque, R. J. (1983). Algorithms for computing the sample variance: analysis
       and recommendations. The American Statistician 37(3), 242-247. doi:10.1080/00031305.1983.10483115
    .. [2] Liberty, E. (2013). Simple and deterministic matrix sketching. KDD '13, 581-588.
       doi:10.1145/2487575.2487623
    .. [3] Ghashami, M., Liberty, E., Phillips, J. M., and Woodruff, D. P. (2016). Frequent directions: simple and
       deterministic matrix sketching. SIAM Journal on Computing 45(5), 1762-1792. doi:10.1137/15M1009718

    Examples
    --------
    >>> import numpy as np
    >>> import matfact
    >>> X = np.random.default_rng(0).standard_normal((100, 5)) * [5, 4, 3, 2, 1]
    >>> ipca = matfact.IncrementalPCA(n_components=2)
    >>> for batch in np.split(X, 10):
    ...     ipca = ipca.partial_fit(batch)
    >>> np.allclose(ipca.explained_variance_, matfact.PCA(2).fit(X).explained_variance_, rtol=1e-12)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **_ScikitLearnIncrementalPCA._parameter_constraints,
        "num_threads": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        n_components: int | None = None,
        *,
        whiten: bool = False,
        copy: bool = True,
        batch_size: int | None = None,
        num_threads: int | None = None,
    ) -> None:
        super().__init__(n_components=n_components, whiten=whiten, copy=copy, batch_size=batch_size)
        self.num_threads = num_threads

    def fit(self, X: Any, y: Any = None) -> IncrementalPCA:  # noqa: ARG002 (scikit-learn's signature)
        """Find the principal axes of X, and forget what was seen before.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            Finite. float32 and float64 are read in place, `batch_size` rows at a time; integers are converted to
            float64.
        y : None
            Ignored.

        Returns
        -------
        IncrementalPCA
            The instance itself.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, or a parameter is out of range.
        """
        self._validate_params()
        check_readable(X)
        # The core looks for NaN while it reads X, so scikit-learn need not pass over it as well.
        X = validate_data(self, X, accept_sparse="csr", dtype=_FLOATS, ensure_all_finite=False)
        n_samples, n_features = X.shape
        self.batch_size_ = 5 * n_features if self.batch_size is None else self.batch_size
        batches = list(gen_batches(n_samples, self.batch_size_, min_batch_size=self.n_components or 0))
        k = self._count_components(len(range(n_samples)[batches[0]]), n_features)
        state = self._begin(k, n_features)
        with rows_reported("IncrementalPCA", n_samples) as advance:
            for batch in batches:
                rows = X[batch]
                state.update(rows, num_threads=self.num_threads)
                advance(rows.shape[0])
        self._store(state, k)
        self._compute_axes()
        return self

    def partial_fit(self, X: Any, y: Any = None, check_input: bool = True) -> IncrementalPCA:  # noqa: ARG002
        """Add a batch of rows.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            Finite; any number of rows.
        y : None
            Ignored.
        check_input : bool, default=True
            False skips scikit-learn's validation of X: a float32 or float64 array or a sparse matrix is needed then.

        Returns
        -------
        IncrementalPCA
            The instance itself.

        Raises
        ------
        ValueError
            If X holds NaN or infinity or has another number of columns than before, or `n_components` is out of range
            or has changed. What was seen before stays.
        """
        state = self.__dict__.get("_state")
        if state is None:
            self._validate_params()
        check_readable(X)
        if check_input:
            X = validate_data(self, X, accept_sparse="csr", dtype=_FLOATS, ensure_all_finite=False, reset=state is None)
        k = self._count_components(*X.shape)
        if state is None:
            state = self._begin(k, X.shape[1])
        elif self.n_components is None:
            k = self.n_components_
        elif k != self.n_components_:
            raise ValueError(
                f"n_components has changed from {self.n_components_} to {k} between calls to partial_fit: set it back, "
                "or call fit"
            )
        state.update(X, num_threads=self.num_threads)
        self._store(state, k)
        return self

    def transform(self, X: Any) -> Any:
        """Scores of rows on the principal axes.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_queries, n_features)
            Finite; sparse rows stay sparse.

        Returns
        -------
        array of shape (n_queries, n_components)
            ``(X - mean_) @ components_.T``, with `whiten` divided by the roots of the variances.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, or has another number of columns than in `fit`.
        NotFittedError
            If neither `fit` nor `partial_fit` was called.
        """
        check_readable(X)
        # scikit-learn's own class densifies sparse rows here; the method that it inherits does not.
        return super(_ScikitLearnIncrementalPCA, self).transform(X)

    def __getattr__(self, name: str) -> Any:
        # Called for what is not there: after partial_fit these are not, until somebody looks at them.
        if name in _LAZY and "_state" in self.__dict__:
            self._compute_axes()
            return self.__dict__[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __sklearn_is_fitted__(self) -> bool:
        return "_state" in self.__dict__

    def _count_components(self, n_samples: int, n_features: int) -> int:
        """`n_components`, None resolved for a first batch of this shape, in scikit-learn's range and words."""
        if self.n_components is None:
            return min(n_samples, n_features)
        if self.n_components > n_features:
            raise ValueError(
                f"n_components={self.n_components!r} invalid for n_features={n_features}, need more rows than columns "
                "for IncrementalPCA processing"
            )
        return int(self.n_components)

    @staticmethod
    def _begin(k: int, n_features: int) -> Moments | Sketch:
        # The buffer of a sketch is as large as moments if it has as many rows as there are columns.
        exact = n_features <= _EXACT_FEATURES or 2 * rows_kept(k) >= n_features
        return Moments() if exact else Sketch(n_features, k)

    def _store(self, state: Moments | Sketch, k: int) -> None:
        """Keep `state` and what is cheap to know of it."""
        for name in _LAZY:
            self.__dict__.pop(name, None)
        self._state = state
        self.n_components_ = k
        self.n_samples_seen_ = int(state.n_samples)
        self.mean_ = state.mean
        self.var_ = state.squared_deviations / state.n_samples
        lost = state.shrunk if isinstance(state, Sketch) else 0.0
        self.error_bound_ = lost / max(self.n_samples_seen_ - 1, 1)

    def _compute_axes(self) -> None:
        axes = self._axes()
        self.components_, self.explained_variance_, self.explained_variance_ratio_ = axes[:3]
        self.singular_values_, self.noise_variance_ = axes[3:]

    def _axes(self) -> Axes:
        state, k, n_features = self._state, self.n_components_, len(self.mean_)
        if state.n_samples < 2:  # one row has a mean and no variance
            zeros = np.zeros(k)
            return Axes(np.eye(k, n_features), zeros, zeros.copy(), zeros.copy(), 0.0)
        threads = check_num_threads(self.num_threads)
        if isinstance(state, Moments):
            return state._axes(k, threads)[0]
        s, components = state.axes(k, threads)
        degrees, total = state.n_samples - 1, float(state.squared_deviations.sum())
        ratio = (s / sqrt(total)) ** 2 if total > 0.0 else np.zeros_like(s)
        left_out = min(state.n_samples, n_features) - k
        noise = max(total - float((s**2).sum()), 0.0) / degrees / left_out if left_out > 0 else 0.0
        return Axes(components, s**2 / degrees, ratio, s, noise)

    def _transform(self, X: Any, xp: Any, x_is_centered: bool = False) -> Any:
        if not isinstance(X, np.ndarray) or x_is_centered:
            return super()._transform(X, xp, x_is_centered=x_is_centered)
        components, variance = self.components_, self.explained_variance_ if self.whiten else None
        threads = check_num_threads(self.num_threads)
        # float32 is converted a block of rows at a time.
        rows = len(X) if X.dtype == components.dtype else max(1, _BLOCK_ENTRIES // X.shape[1])
        result = np.empty((len(X), len(components)))
        for begin in range(0, len(X), rows):
            block = X[begin : begin + rows].astype(components.dtype, copy=False)
            result[begin : begin + rows] = scores(block, components, self.mean_, variance, num_threads=threads)
        return result
