"""Matrices whose answer is known because it was planted."""

from __future__ import annotations

import numpy as np


def orthonormal(rng: np.random.Generator, n_rows: int, n_cols: int) -> np.ndarray:
    return np.linalg.qr(rng.standard_normal((n_rows, n_cols)))[0]


def with_singular_values(rng: np.random.Generator, n_rows: int, n_cols: int, s: np.ndarray) -> np.ndarray:
    """U diag(s) V' with random orthonormal U, V. Forming it in float64 moves each value by a few eps * s_1."""
    k = len(s)
    return (orthonormal(rng, n_rows, k) * s) @ orthonormal(rng, n_cols, k).T


def with_eigenvalues(rng: np.random.Generator, w: np.ndarray) -> np.ndarray:
    q = orthonormal(rng, len(w), len(w))
    a = (q * w) @ q.T
    return (a + a.T) / 2
