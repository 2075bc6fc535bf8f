"""Mean and covariance of data that arrives in batches or lies on several machines."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from matfact import _core
from matfact import typing as mt
from matfact._validation import as_csr, as_matrix, as_real, as_weights, check_num_threads, core_suffix, is_sparse


class Axes(NamedTuple):
    """Leading principal axes, under the names that the attributes of `matfact.PCA` have."""

    components: mt.FloatArray
    explained_variance: mt.FloatArray
    explained_variance_ratio: mt.FloatArray
    singular_values: mt.FloatArray
    noise_variance: float


class Moments:
    r"""Number, mean and centered second moments of rows: all that PCA needs to know of them.

    Batches are added with `update`, the moments of two sets of rows with ``+``; in whatever order rows come, the result
    is that of all rows at once up to rounding, because centered sums are merged [1]_ and no difference of large sums
    is formed. Sums are float64, also for float32 data. Memory is ``8 * n_features**2`` bytes, during `update` three
    times that.

    The width of the first batch is the width of all. A new instance describes no rows.

    Several threads may `update` one instance at once: the work runs in parallel, the sums are added in turn (so their
    order, and with it the last bits, is theirs); only `PCA.from_moments` must not run meanwhile. Instances can be
    pickled and copied.

    References
    ----------
    .. [1] Chan, T. F., Golub, G. H., and LeVeque, R. J. (1983). Algorithms for computing the sample variance: analysis
       and recommendations. The American Statistician 37(3), 242-247. doi:10.1080/00031305.1983.10483115

    Examples
    --------
    >>> import numpy as np
    >>> import matfact
    >>> X = np.random.default_rng(0).standard_normal((100, 3))
    >>> here, there = matfact.Moments().update(X[:60]), matfact.Moments().update(X[60:])
    >>> total = here + matfact.Moments.from_bytes(there.to_bytes())
    >>> np.allclose(total.covariance(), np.cov(X.T), rtol=0, atol=1e-14)
    True
    """

    __slots__ = ("_handle",)

    def __init__(self) -> None:
        self._handle = _core.moments_empty()

    def update(
        self,
        X: mt.MatrixLike | mt.SparseLike,
        *,
        sample_weight: npt.ArrayLike | None = None,
        num_threads: int | None = None,
    ) -> Moments:
        """Add rows.

        Parameters
        ----------
        X : array or sparse array of shape (n_samples, n_features)
            Finite. float32 and float64 are read in place, other real dtypes converted as in `matfact.svd`. Of the
            sparse formats CSR is read in place; a sparse X is never densified as a whole.
        sample_weight : array of shape (n_samples,), optional
            How often each row counts: finite and not negative. A row of weight 0 is absent and may hold NaN.
        num_threads : int, optional
            At least 1; None uses `matfact.get_num_threads`.

        Returns
        -------
        Moments
            The instance itself.

        Raises
        ------
        ValueError
            If X is empty, holds NaN or infinity or has another number of columns than before, or an argument is out of
            range. The moments are then unchanged, as with every other error and with Ctrl-C.
        TypeError
            If X does not hold real numbers.
        NumericalError
            If squares of entries exceed the range of float64.
        """
        threads = check_num_threads(num_threads)
        arguments: tuple[Any, ...]
        if is_sparse(X):
            csr = as_csr(X)
            arguments, shape, suffix = (*csr[:3], *csr.shape), csr.shape, csr.core_suffix
        else:
            x = as_matrix(X)
            arguments, shape, suffix = (x,), x.shape, core_suffix(x)
        if self.n_features not in (0, shape[1]):
            raise ValueError(f"X must have {self.n_features} columns, as the batches before it, got {shape[1]}")
        function: Any = getattr(_core, f"moments_{suffix}")
        weights = None if sample_weight is None else as_weights(sample_weight, shape[0])
        batch = function(*arguments, weights=weights, num_threads=threads, progress=None)
        _core.moments_merge(self._handle, batch, num_threads=threads)
        return self

    def __add__(self, other: object) -> Moments:
        """Moments of the rows of both; neither is changed."""
        if not isinstance(other, Moments):
            return NotImplemented
        total = Moments()
        for part in (self, other):
            _core.moments_merge(total._handle, part._handle, num_threads=0)
        return total

    @property
    def n_samples(self) -> float:
        """Number of rows, or the sum of their weights."""
        return _core.moments_rows(self._handle)

    @property
    def n_features(self) -> int:
        """Columns of every batch; 0 before the first."""
        return len(self.mean)

    @property
    def mean(self) -> npt.NDArray[np.float64]:
        """Column means, a copy of shape (n_features,)."""
        return _core.moments_mean(self._handle)

    @property
    def squared_deviations(self) -> npt.NDArray[np.float64]:
        """Sums of the squared deviations from the mean, one per column, a copy of shape (n_features,)."""
        return _core.moments_scatter_diagonal(self._handle)

    @property
    def total_variance(self) -> float:
        """The squared Frobenius norm of the centered rows, as `SVDResult.total_variance` has it."""
        return float(self.squared_deviations.sum())

    def covariance(self, *, ddof: float = 1.0) -> npt.NDArray[np.float64]:
        """Covariance matrix.

        Parameters
        ----------
        ddof : float, default=1.0
            The divisor is ``n_samples - ddof``; not negative.

        Returns
        -------
        array of shape (n_features, n_features), float64
            A new array.

        Raises
        ------
        ValueError
            If n_samples is not larger than `ddof`.
        """
        divisor = self.n_samples - as_real(ddof, "ddof")
        if divisor <= 0.0:
            raise ValueError(f"a covariance needs n_samples above ddof={ddof}, got {self.n_samples:g}")
        scatter = _core.moments_scatter(self._handle)
        scatter /= divisor
        return scatter

    def _axes(self, n_components: int, num_threads: int) -> tuple[Axes, npt.NDArray[np.float64]]:
        """Leading principal axes, for the estimators, and bounds of the errors of their singular values.

        `n_components` is between 1 and `n_features`.
        """
        components, variance, ratio, s, noise, bounds = _core.moments_pca(
            self._handle, n_components=n_components, num_threads=num_threads, progress=None
        )
        return Axes(components, variance, ratio, s, noise), bounds

    def to_bytes(self) -> bytes:
        """The moments in a portable format with version and checksum: ``40 + 8 * d + 4 * d * (d + 1)`` bytes."""
        return _core.moments_to_bytes(self._handle)

    @classmethod
    def from_bytes(cls, data: bytes) -> Moments:
        """Moments from what `to_bytes` has written, on any machine.

        Parameters
        ----------
        data : bytes-like
            All of it, and nothing else.

        Returns
        -------
        Moments
            Equal to the last bit.

        Raises
        ------
        ValueError
            If the bytes are truncated, damaged or of another format.
        TypeError
            If `data` is not bytes-like.
        """
        moments = cls()
        moments._handle = _core.moments_from_bytes(bytes(memoryview(data)))
        return moments

    def __reduce__(self) -> tuple[Any, ...]:
        return Moments.from_bytes, (self.to_bytes(),)

    def __repr__(self) -> str:
        return f"Moments(n_samples={self.n_samples:g}, n_features={self.n_features})"
