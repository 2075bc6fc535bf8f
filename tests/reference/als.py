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


def rebalance(w: np.ndarray, h: np.ndarray, l2_w: float, l2_h: float) -> tuple[np.ndarray, np.ndarray]:
    """The split of the product W H with the smallest penalty: by its singular values, both penalties equal."""
    u, s, vt = np.linalg.svd(w @ h, full_matrices=False)
    root, ratio = np.sqrt(s[: w.shape[1]]), (l2_h / l2_w) ** 0.25
    return u[:, : w.shape[1]] * root * ratio, root[:, None] / ratio * vt[: w.shape[1]]


def als(problem: Problem, w: np.ndarray, h: np.ndarray, steps: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """W for fixed H, then H for the new W; where both are penalized, the best split of what came out."""
    for _ in range(steps):
        w = solve_rows(problem.x, h, problem.l2_w / problem.weight)
        h = solve_rows(problem.x.T, w.T, problem.l2_h / problem.weight).T
        if problem.l2_w > 0 and problem.l2_h > 0:
            w, h = rebalance(w, h, problem.l2_w, problem.l2_h)
        yield w, h
