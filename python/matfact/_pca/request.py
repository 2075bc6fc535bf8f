"""What users of `matfact.PCA` ask for, in scikit-learn's ranges and words."""

from __future__ import annotations

from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.decomposition._pca import _infer_dimension

from matfact import typing as mt

_CORE_SOLVERS = {"full": "full", "covariance_eigh": "gram", "arpack": "krylov"}


class Request(NamedTuple):
    """The parameters of the same names."""

    n_components: int | float | str | None
    svd_solver: str

    @property
    def core_solver(self) -> str:
        """The solver of `matfact.svd` that stands for `svd_solver`."""
        return _CORE_SOLVERS.get(self.svd_solver, "auto")

    def solver_for(self, shape: tuple[int, int]) -> str:
        """The name that scikit-learn's policy gives to its solver for this shape: it decides what is checked."""
        if self.svd_solver != "auto":
            return self.svd_solver
        n_samples, n_features = shape
        k = min(shape) if self.n_components is None else self.n_components
        if n_features <= 1000 and n_samples >= 10 * n_features:
            return "covariance_eigh"
        if max(shape) <= 500 or isinstance(k, str):
            return "full"
        return "randomized" if 1 <= k < 0.8 * min(shape) else "full"

    def check_for(self, shape: tuple[int, int], solver: str) -> Any:
        """`n_components` with None resolved; ValueError where it is out of range for this solver."""
        smallest = min(shape)
        k = self.n_components
        if solver == "arpack" and self.svd_solver == "auto" and isinstance(k, Real) and 0 < k <= smallest:
            return k  # a sparse X; ours is not ARPACK
        if k is None:
            k = smallest - 1 if solver == "arpack" else smallest
        limits = f"min(n_samples, n_features)={smallest} with svd_solver='{solver}'"
        if solver in ("full", "covariance_eigh"):
            if isinstance(k, str):
                if shape[0] < shape[1]:
                    raise ValueError(f"n_components={k!r} is only supported if n_samples >= n_features")
            elif not 0 <= k <= smallest:
                raise ValueError(f"n_components={k} must be between 0 and {limits}")
        elif isinstance(k, str):
            raise ValueError(f"n_components={k!r} cannot be a string with svd_solver='{solver}'")
        elif not 1 <= k <= smallest:
            raise ValueError(f"n_components={k} must be between 1 and {limits}")
        elif solver == "arpack" and k == smallest:
            raise ValueError(f"n_components={k} must be strictly less than {limits}")
        return k


def is_share(wanted: Any) -> bool:
    """Whether `wanted`, as `check_for` returns it, is a share of the variance."""
    return not isinstance(wanted, str) and 0 < wanted < 1


def needs_all_values(wanted: Any) -> bool:
    """Whether the number of axes is decided by all singular values."""
    return isinstance(wanted, str) or is_share(wanted)


def count_axes(wanted: Any, variance: mt.FloatArray, ratio: mt.FloatArray, n_samples: float) -> int:
    """How many axes `wanted` means, given the variances of all of them, and their shares, where it needs them."""
    if isinstance(wanted, str):
        # scikit-learn's estimate compares variances with 1e-15, which shares replace where that makes no sense.
        ordinary = 1e-100 < float(variance[0]) < 1e100
        return int(_infer_dimension(variance if ordinary else ratio, n_samples))
    if is_share(wanted):
        # Rounding may leave the sum of all ratios below a share that is almost 1.
        return min(int(np.searchsorted(np.cumsum(ratio), wanted, side="right")) + 1, len(ratio))
    return int(wanted)
