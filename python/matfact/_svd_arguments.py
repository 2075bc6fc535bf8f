"""What `svd` can be given, and what goes together."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from matfact import typing as mt
from matfact._operator import Operator, as_operator, is_operator
from matfact._sources import Source, as_source, is_source
from matfact._validation import (
    Compressed,
    as_compressed,
    as_matrix,
    as_real,
    as_weights,
    check_n_components,
    is_sparse,
)

Input: TypeAlias = mt.FloatArray | Compressed | Operator | Source


def as_input(X: Any, memory_limit: int | str | None) -> Input:
    """X as one of the ways to read it."""
    if is_operator(X):
        if memory_limit is not None:
            raise ValueError("memory_limit says how to read X, but a linear operator is not read: leave it out")
        return as_operator(X)
    if is_source(X) or memory_limit is not None:
        return as_source(X)
    return as_compressed(X) if is_sparse(X) else as_matrix(X)


def weights_of(x: Input, sample_weight: npt.ArrayLike | None) -> npt.NDArray[np.float64] | None:
    """The weights, where X is one that can carry them."""
    if sample_weight is None:
        return None
    if isinstance(x, Operator):
        raise ValueError(
            "sample_weight needs the rows of X, which a linear operator does not tell: weight its products"
        )
    if isinstance(x, Source):
        raise ValueError("sample_weight needs X in memory: give an array or a sparse matrix, without memory_limit")
    return as_weights(sample_weight, x.shape[0])


def most_components(x: Input) -> int:
    """Of a source the rows may still have to be counted: it is checked again when they are."""
    if isinstance(x, Source):
        return x.n_features if x.n_rows is None else min(x.n_rows, x.n_features)
    return int(min(x.shape))


def check_solver(x: Input, solver: str, *, by_fraction: bool) -> None:
    if by_fraction and solver == "randomized":
        raise ValueError("solver='randomized' needs n_components as an integer: use 'krylov' to reach a share or error")
    if isinstance(x, Compressed) and solver == "full":
        raise ValueError("solver='full' needs a dense X: use 'krylov' or 'gram', or pass X.toarray()")
    if isinstance(x, Operator) and by_fraction:
        raise ValueError("a linear operator does not tell its total variance: give n_components as an integer")
    if isinstance(x, Operator) and solver in ("full", "gram"):
        raise ValueError(f"solver={solver!r} needs the entries of X: use 'krylov' for a linear operator")
    if isinstance(x, Source) and solver in ("full", "randomized"):
        raise ValueError(f"solver={solver!r} needs X in memory: use 'krylov' or 'gram' where it is read in batches")


def target(n_components: int | float | None, error: float | None, largest: int) -> tuple[int, float]:
    """The number of triplets (0 = all) and the share of the squared Frobenius norm (0 = none) that are asked for."""
    if error is not None:
        if n_components is not None:
            raise ValueError("n_components and error exclude each other: give one of them")
        relative = as_real(error, "error")
        if relative >= 1.0:
            raise ValueError(f"error must be at least 0 and below 1, got {error!r}")
        return 0, 1.0 - relative**2
    if n_components is None:
        return 0, 0.0
    if isinstance(n_components, (float, np.floating)) and 0.0 < n_components < 1.0:
        return 0, float(n_components)
    return check_n_components(n_components, largest), 0.0
