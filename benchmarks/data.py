"""Input of the jobs: planted spectra, so that accuracy can be judged, and Fashion-MNIST where it is at hand."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def orthonormal(rng: np.random.Generator, n_rows: int, n_cols: int) -> Array:
    return np.linalg.qr(rng.standard_normal((n_rows, n_cols)))[0]


def planted(n_rows: int, n_cols: int, condition: float, seed: int = 0) -> tuple[Array, Array]:
    """A matrix with log-spaced singular values from 1 to 1 / condition, and those."""
    rng = np.random.default_rng(seed)
    s = np.logspace(0, -np.log10(condition), min(n_rows, n_cols))
    x = (orthonormal(rng, n_rows, len(s)) * s) @ orthonormal(rng, n_cols, len(s)).T
    return np.ascontiguousarray(x), s


def _find(name: str) -> Path | None:
    """The file, plain or compressed, anywhere below the folder that MATFACT_DATA names."""
    folder = os.environ.get("MATFACT_DATA")
    if not folder:
        return None
    return next((path for path in sorted(Path(folder).rglob(name + "*")) if path.is_file()), None)


def images(dtype: type[np.floating[Any]], quick: bool) -> tuple[Array, str]:
    """Fashion-MNIST's 60,000 x 784 training images, else a synthetic matrix of that shape; and what it is.

    Filled block by block, so that memory never holds more than the matrix: the memory job relies on it.
    """
    n_rows, n_cols = (2000 if quick else 60_000), 784
    x = np.empty((n_rows, n_cols), dtype)
    step = 1000
    path = _find("train-images-idx3-ubyte")
    if path is None:
        rng = np.random.default_rng(0)
        # Decays as images do: a few strong directions, a long tail.
        basis = orthonormal(rng, n_cols, n_cols) * (1.0 / np.arange(1, n_cols + 1))
        for begin in range(0, n_rows, step):
            x[begin : begin + step] = 128 + 1000 * rng.standard_normal((min(step, n_rows - begin), n_cols)) @ basis.T
        return x, "synthetic, decaying spectrum"
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        file.read(16)  # magic number and dimensions of the IDX format
        for begin in range(0, n_rows, step):
            block = np.frombuffer(file.read(step * n_cols), np.uint8)
            x[begin : begin + step] = block.reshape(-1, n_cols)
    return x, "Fashion-MNIST"
