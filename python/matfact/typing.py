"""The types in matfact's signatures."""

import os
from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32 | np.float64]
"""A float32 or float64 array; every array that matfact returns is one."""

MatrixLike: TypeAlias = npt.ArrayLike
"""Whatever ``numpy.asarray`` turns into a two-dimensional array of real numbers."""

SparseLike: TypeAlias = Any
"""A SciPy sparse matrix or array (SciPy ships no types of its own)."""

FrameLike: TypeAlias = Any
"""A data frame of pandas, polars or pyarrow; any eager one that narwhals knows."""

OperatorLike: TypeAlias = Any
"""A ``scipy.sparse.linalg.LinearOperator``: it is known by its products with blocks of vectors."""

BatchSource: TypeAlias = str | os.PathLike[str] | Callable[[], Iterable[Any]]
"""Where to read a matrix in batches of rows: a file, or a function that returns an iterable of them."""

RandomState: TypeAlias = int | np.integer[Any] | np.random.Generator | np.random.RandomState | None
"""A seed, a NumPy generator to draw the seed from, or None for fresh entropy."""

Status: TypeAlias = Literal["converged", "max_iter", "stopped", "diverged"]
SvdSolver: TypeAlias = Literal["auto", "full", "gram", "krylov", "randomized"]
EighSolver: TypeAlias = Literal["auto", "full", "subset", "krylov"]
FactorizeSolver: TypeAlias = Literal["auto", "gd", "momentum", "nesterov", "adam", "scaled_gd", "als", "exact"]
FactorizeInit: TypeAlias = Literal["random", "svd"]
Reduction: TypeAlias = Literal["mean", "sum"]
BiasedSolver: TypeAlias = Literal["als", "cg", "sgd", "adam", "gibbs"]
ImplicitSolver: TypeAlias = Literal["auto", "als", "cg", "block"]
L2Scaling: TypeAlias = Literal["count", "none"]
Normalize: TypeAlias = Literal["degree"]
PairLoss: TypeAlias = Literal["bpr", "warp"]
Negatives: TypeAlias = Literal["uniform", "popularity", "adaptive"]
MissingRows: TypeAlias = Literal["expected", "mean"]

__all__ = [
    "BatchSource",
    "EighSolver",
    "FactorizeInit",
    "FactorizeSolver",
    "FloatArray",
    "FrameLike",
    "ImplicitSolver",
    "L2Scaling",
    "MatrixLike",
    "MissingRows",
    "Negatives",
    "Normalize",
    "OperatorLike",
    "PairLoss",
    "RandomState",
    "Reduction",
    "SparseLike",
    "Status",
    "SvdSolver",
]
