"""How far a result is from what it should be, measured in extended precision where that matters."""

from __future__ import annotations

import numpy as np


def eps(dtype: object) -> float:
    return float(np.finfo(dtype).eps)  # type: ignore[arg-type]


def orthonormality(q: np.ndarray) -> float:
    """max |Q'Q - I| over columns."""
    q = q.astype(np.float64)
    return float(np.abs(q.T @ q - np.eye(q.shape[1])).max())


def svd_residual(x: np.ndarray, u: np.ndarray, s: np.ndarray, vt: np.ndarray) -> float:
    """Spectral norm of X - U S V', relative to s_1: the error of a full decomposition."""
    x, u, s, vt = (a.astype(np.float64) for a in (x, u, s, vt))
    return float(np.linalg.norm(x - (u * s) @ vt, 2) / s[0])


def triplet_residuals(x: np.ndarray, u: np.ndarray, s: np.ndarray, vt: np.ndarray) -> np.ndarray:
    """||X' u_i - s_i v_i|| / s_1 for each i."""
    x, u, s, vt = (a.astype(np.float64) for a in (x, u, s, vt))
    return np.linalg.norm(x.T @ u - vt.T * s, axis=0) / s[0]


def subspace_sine(a: np.ndarray, b: np.ndarray) -> float:
    """Sine of the largest angle between the spans of two orthonormal bases."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return float(np.linalg.norm(b - a @ (a.T @ b), 2))


def signs_are_fixed(rows: np.ndarray) -> bool:
    """Whether the entry of largest magnitude of each row is positive, ties to the lowest index."""
    largest = np.abs(rows).argmax(axis=1)
    return bool((rows[np.arange(len(rows)), largest] > 0).all())
