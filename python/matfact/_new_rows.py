"""New rows in the latent space of a decomposition."""

from __future__ import annotations

import numpy as np

from matfact import typing as mt
from matfact._decompose import project, relative_squares
from matfact._missing import Latent, complete_rows
from matfact._validation import Compressed, as_compressed, as_dtype, as_matrix, check_choice, is_sparse


class NewRows:
    """What a result with singular values and right singular vectors says of rows that it has not seen."""

    __slots__ = ()

    s: mt.FloatArray
    vt: mt.FloatArray
    mean: mt.FloatArray | None
    _stable_rank: float

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
        if isinstance(q, Compressed):
            raise TypeError("Q is sparse, so nothing of it is missing: impute needs a dense Q, with NaN where it is")
        filled = complete_rows(q, self._latent_model())
        return filled.copy() if filled is q else filled

    def fold_in(self, Q: mt.MatrixLike | mt.SparseLike, *, missing: mt.MissingRows = "expected") -> mt.FloatArray:
        """Map new rows into latent space: ``(Q - mean) @ vt.T``, after missing entries have been filled.

        Parameters
        ----------
        Q : array or sparse matrix of shape (n_queries, n_features)
            Converted to the dtype of the decomposition. NaN = missing in a dense one; what a sparse one does not store
            is zero, and it must be finite.
        missing : {"expected", "mean"}, default="expected"
            What stands for a missing entry: its expectation given the rest of its row, as `impute` has it, or the
            mean of its column (zero without centering). The latter is the plain product, which shrinks a row
            towards the mean by about the share of its entries that are missing.

        Returns
        -------
        array of shape (n_queries, n_components)
            For the rows of X itself these are the `scores`, unless rows are weighted; zeros for a row without any
            observed entry.

        Raises
        ------
        ValueError
            If `Q` holds infinity, or has another number of columns than X.
        TypeError
            If `Q` does not hold real numbers.
        """
        q = self._new_rows(Q)
        if isinstance(q, Compressed):
            return project(q, self.vt, self.mean, name="Q")
        if check_choice(missing, mt.MissingRows, "missing") == "expected":
            q = complete_rows(q, self._latent_model())
        elif np.isnan(q).any():
            q = np.where(np.isnan(q), q.dtype.type(0) if self.mean is None else self.mean, q)
        return project(q, self.vt, self.mean, name="Q")

    def project(self, Q: mt.MatrixLike | mt.SparseLike, *, missing: mt.MissingRows = "expected") -> mt.FloatArray:
        """Map new rows to latent space and back: ``fold_in(Q) @ vt + mean``.

        Parameters
        ----------
        Q : array or sparse matrix of shape (n_queries, n_features)
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
            If `Q` does not hold real numbers.
        """
        mapped = self.fold_in(Q, missing=missing) @ self.vt
        return mapped if self.mean is None else mapped + self.mean

    def _new_rows(self, Q: mt.MatrixLike | mt.SparseLike) -> mt.FloatArray | Compressed:
        q = as_compressed(Q, "Q") if is_sparse(Q) else as_matrix(Q, "Q")
        n_features = self.vt.shape[1]
        if q.shape[1] != n_features:
            raise ValueError(f"Q must have {n_features} columns, as X had, got {q.shape[1]}")
        if isinstance(q, Compressed):
            return q._replace(values=as_dtype(q.values, self.vt.dtype, "Q"))
        return as_dtype(q, self.vt.dtype, "Q")

    def _latent_model(self) -> Latent:
        """Probabilistic PCA with variances in units of ``s[0]**2 / n_samples``."""
        largest = float(self.s[0])
        if largest == 0.0:
            return Latent(np.zeros_like(self.vt.T), self.mean, 1.0)
        squares = relative_squares(self.s)
        left_out = self.vt.shape[1] - self.s.size
        total = self._stable_rank
        # Rounding of the total must not pass for noise, and of an operator nothing is known of the noise.
        rest = total - float(squares.sum())
        is_noise = left_out > 0 and np.isfinite(rest) and rest > total * np.finfo(self.s.dtype).eps
        noise = rest / left_out if is_noise else 0.0
        loadings = self.vt.T * np.sqrt(np.maximum(squares - noise, 0.0)).astype(self.s.dtype)
        return Latent(loadings, self.mean, noise)
