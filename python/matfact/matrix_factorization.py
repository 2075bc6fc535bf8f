"""Matrix factorization with missing entries as a scikit-learn estimator."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from matfact import typing as mt
from matfact._progress import Callback
from matfact._validation import check_num_threads, check_readable
from matfact.factorize import Start, factorize, impute, solve_rows

_FLOATS = (np.float64, np.float32)


class MatrixFactorization(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    r"""Factorize :math:`X \approx W H` and map rows to their coefficients; NaN and absent entries are left out.

    The factors minimize

    .. math:: R_{(i,j) \in \Omega} \, (x_{ij} - w_i h_j)^2 + \lambda_W \|W\|_F^2 + \lambda_H \|H\|_F^2,

    where :math:`\Omega` holds the observed entries and R is their mean or their sum. `matfact.factorize` is the
    function behind it.

    Parameters
    ----------
    n_components : int, default=10
        Rows of H, between 1 and ``min(X.shape)``.
    solver : {"auto", "gd", "momentum", "nesterov", "adam", "scaled_gd", "als", "exact"}, default="auto"
        ``"auto"`` is the closed form where everything is observed, else alternating least squares.
    learning_rate : float, optional
        Step of the gradient solvers, positive; None takes a safe one.
    l2 : float, default=0.0
        Penalty on both factors, at least 0.
    l2_w, l2_h : float, optional
        Penalty on one factor; None takes `l2`.
    max_iter : int, default=1000
        Most sweeps over X, at least 1.
    tol : float, optional
        Relative gradient norm at convergence; None takes 1e-8 for float64 and 1e-5 for float32.
    init : {"random", "svd"} or a pair (W, H), default="random"
        The start.
    reduction : {"mean", "sum"}, default="mean"
        Over the observed entries.
    random_state : int, Generator or RandomState, optional
        Seed of the random start.
    callback : callable, optional
        Called with an `Iteration` between sweeps; returning True stops.
    num_threads : int, optional
        At least 1; None uses `matfact.get_num_threads`.

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        The factor H.
    n_iter_ : int
        Sweeps done.
    objective_ : float
        The minimized value, penalties included.
    history_ : array of shape (n_iter + 1,)
        The objective before the first sweep and after each.
    status_ : {"converged", "max_iter", "stopped", "diverged"}
        How the iteration ended.
    reconstruction_rmse_ : float
        Root mean squared error of W H over the observed entries, without penalties.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : array of shape (n_features,)
        Names of the columns, if X had any.

    References
    ----------
    .. [1] Koren, Y., Bell, R., and Volinsky, C. (2009). Matrix factorization techniques for recommender systems.
       Computer 42(8), 30-37. doi:10.1109/MC.2009.263

    Examples
    --------
    >>> import numpy as np
    >>> import matfact
    >>> X = np.array([[5.0, 3.0], [3.0, 2.0], [2.0, 1.0], [1.0, np.nan]])
    >>> mf = matfact.MatrixFactorization(1, random_state=0).fit(X)
    >>> mf.inverse_transform(mf.transform([[4.0, np.nan]])).round(1)
    array([[4. , 2.4]])
    """

    def __init__(
        self,
        n_components: int = 10,
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
        callback: Callback | None = None,
        num_threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.solver = solver
        self.learning_rate = learning_rate
        self.l2 = l2
        self.l2_w = l2_w
        self.l2_h = l2_h
        self.max_iter = max_iter
        self.tol = tol
        self.init = init
        self.reduction = reduction
        self.random_state = random_state
        self.callback = callback
        self.num_threads = num_threads

    def fit(self, X: Any, y: Any = None) -> MatrixFactorization:  # noqa: ARG002 (scikit-learn's signature)
        """Find the factors of X.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_samples, n_features)
            NaN in a dense array and absent entries of a sparse one are missing.
        y : None
            Ignored.

        Returns
        -------
        MatrixFactorization
            The instance itself.

        Raises
        ------
        ValueError
            If X holds infinity or has no observed entry, or a parameter is out of range.
        TypeError
            If a parameter has the wrong type.
        NumericalError
            If the arithmetic overflows.

        Warns
        -----
        ConvergenceWarning
            If the iteration diverges, or runs out of sweeps with `tol` above 0.
        """
        result = factorize(self._checked(X, reset=True), **self.get_params(deep=False))
        self.components_ = result.h
        self.n_iter_ = max(result.n_iter, 1)  # scikit-learn wants at least one; the closed form counts as that
        self.objective_ = result.objective
        self.history_ = result.history
        self.status_ = result.status
        self.reconstruction_rmse_ = result.rmse
        self._row_l2 = result.row_l2
        return self

    def transform(self, X: Any) -> Any:
        """Solve for the rows of W that belong to the rows of X, with ``components_`` fixed.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_queries, n_features)
            NaN in a dense array and absent entries of a sparse one are missing.

        Returns
        -------
        array of shape (n_queries, n_components)
            Each row minimizes the objective of the fit; a row without observed entries gives zeros.

        Raises
        ------
        ValueError
            If X holds infinity, or has another number of columns than in `fit`.
        NotFittedError
            If `fit` was not called.
        """
        check_is_fitted(self)
        x = self._checked(X, reset=False)
        return solve_rows(x, self.components_, l2=self._row_l2, num_threads=check_num_threads(self.num_threads))

    def inverse_transform(self, X: Any) -> mt.FloatArray:
        """Map coefficients back to rows: ``X @ components_``.

        Parameters
        ----------
        X : array of shape (n_queries, n_components)
            Rows of W.

        Returns
        -------
        array of shape (n_queries, n_features)
            The rows that these coefficients stand for.

        Raises
        ------
        ValueError
            If X holds NaN or infinity, or has another number of columns than ``components_`` has rows.
        NotFittedError
            If `fit` was not called.
        """
        check_is_fitted(self)
        check_readable(X)
        w = check_array(X, dtype=_FLOATS)
        if w.shape[1] != self.components_.shape[0]:
            raise ValueError(f"X must have {self.components_.shape[0]} columns, one a component, got {w.shape[1]}")
        return cast(mt.FloatArray, w @ self.components_)

    def impute(self, X: Any) -> mt.FloatArray:
        """Fill the missing entries of X from the factors and keep the observed ones as they are.

        Parameters
        ----------
        X : array or sparse matrix of shape (n_queries, n_features)
            NaN in a dense array and absent entries of a sparse one are missing.

        Returns
        -------
        array of shape (n_queries, n_features)
            Dense; X itself is not changed.

        Raises
        ------
        ValueError
            If X holds infinity, or has another number of columns than in `fit`.
        NotFittedError
            If `fit` was not called.
        """
        check_is_fitted(self)
        x = self._checked(X, reset=False)
        return impute(x, self.components_, l2=self._row_l2, num_threads=check_num_threads(self.num_threads))

    @property
    def _n_features_out(self) -> int:
        return int(self.components_.shape[0])

    def _checked(self, X: Any, *, reset: bool) -> Any:
        check_readable(X, by_core=("csr",))
        # The core rejects infinities while it reads X; NaN is a missing entry.
        return validate_data(self, X, dtype=_FLOATS, accept_sparse="csr", ensure_all_finite=False, reset=reset)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
