"""Every way to hand a matrix to the package, so that one test can try all of them."""

from __future__ import annotations

import numpy as np

import matfact


def factorize(x, k=None, **kwargs):
    return matfact.factorize(x, 1 if k is None else k, random_state=0, **kwargs)


FUNCTIONS = {"svd": matfact.svd, "eigh": matfact.eigh, "factorize": factorize}
ESTIMATORS = {
    "PCA": lambda k=None, **p: matfact.PCA(k, **p),
    "IncrementalPCA": lambda k=None, **p: matfact.IncrementalPCA(k, **p),
    "TruncatedSVD": lambda k=None, **p: matfact.TruncatedSVD(1 if k is None else k, **p),
    "MatrixFactorization": lambda k=None, **p: matfact.MatrixFactorization(1 if k is None else k, random_state=0, **p),
}
# One way to hand a matrix to each entrance, functions and estimators alike.
ENTRANCES = {
    **FUNCTIONS,
    **{name: (lambda x, k=None, make=make, **p: make(k, **p).fit(x)) for name, make in ESTIMATORS.items()},
}
SQUARE = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]])


def with_entry(value, dtype=np.float64):
    """SQUARE with one symmetric pair of entries replaced."""
    x = SQUARE.astype(dtype)
    x[0, 2] = x[2, 0] = value
    return x


def values_of(result):
    """The numbers that do not depend on signs or rotations: singular values, eigenvalues, objective."""
    for name in ("s", "w", "singular_values_", "reconstruction_rmse_"):
        if hasattr(result, name) and not hasattr(result, "objective"):
            return np.atleast_1d(getattr(result, name))
    return np.atleast_1d(result.objective)
