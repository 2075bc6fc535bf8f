"""Accuracy of results, measured the same way for us and for our peers."""

from __future__ import annotations

import numpy as np

from .data import Array


def orthonormality(q: Array) -> float:
    """max |Q'Q - I| over columns, in float64."""
    q = np.asarray(q, np.float64)
    return float(np.abs(q.T @ q - np.eye(q.shape[1])).max())


def relative_error(found: Array, exact: Array) -> float:
    """max |found - exact| / |exact|."""
    return float((np.abs(np.asarray(found, np.float64) - exact) / np.abs(exact)).max())


def triplet_residual(x: Array, u: Array, s: Array, vt: Array) -> float:
    """max ||X'u_i - s_i v_i|| / s_1."""
    return float(np.linalg.norm(x.T @ u - vt.T * s, axis=0).max() / s[0])


def svd_accuracy(x: Array, exact: Array, u: Array, s: Array, vt: Array) -> dict[str, float]:
    return {
        "s relative error": relative_error(s, exact),
        "residual": triplet_residual(x, u, s, vt),
        "u orthonormality": orthonormality(u),
        "vt orthonormality": orthonormality(vt.T),
    }


def eigh_accuracy(a: Array, w: Array, v: Array) -> dict[str, float]:
    return {
        "residual": float(np.linalg.norm(a @ v - v * w, axis=0).max() / np.abs(w).max()),
        "v orthonormality": orthonormality(v),
    }
