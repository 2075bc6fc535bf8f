"""Alternating ridge least squares, one row at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .objective import Problem


def solve_rows(x: np.ndarray, h: np.ndarray, l2: float) -> np.ndarray:
    """Row i minimizes sum over observed (x_ij - w_i . h_j)^2 + l2 ||w_i||^2; the shortest such row if several do."""
    w = np.zeros((x.shape[0], h.shape[0]))
    for i, row in enumerate(x):
        seen = ~np.isnan(row)
        a = np.vstack([h[:, seen].T, np.sqrt(l2) * np.eye(h.shape[0])])
        b = np.concatenate([row[seen], np.zeros(h.shape[0])])
        w[i] = np.linalg.lstsq(a, b, rcond=None)[0]
    return w


def als(problem: Problem, w: np.ndarray, h: np.ndarray, steps: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """W for fixed H, then H for the new W."""
    for _ in range(steps):
        w = solve_rows(problem.x, h, problem.l2_w / problem.weight)
        h = solve_rows(problem.x.T, w.T, problem.l2_h / problem.weight).T
        yield w, h
