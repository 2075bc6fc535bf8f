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


def spectra(d: int) -> dict[str, np.ndarray]:
    """Descending values that try a solver and its error bounds, by name; d is at least 200."""
    i = np.arange(d)
    values = {
        "flat": 1.0 - 0.3 * i / d,
        "power": (i + 1.0) ** -0.5,
        "steep": 0.7**i,
        "step": np.where(i < 12, 1.0, 0.01),
        "clustered": 1.0 - 0.01 * (i // 4) * 240 / d - 1e-8 * (i % 4),
        "close": np.where(i < 30, 1.0 - 1e-8 * i, 0.5 - i * 0.24 / d),
        "repeated": np.where(i < 40, 1.0, 0.2),
        "low rank": np.where(i < 7, 1.0 + i, 0.0),
    }
    return {name: np.sort(s)[::-1] for name, s in values.items()}
