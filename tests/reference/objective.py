"""The objective of a factorization and its gradients, entry by entry in extended precision."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Problem(NamedTuple):
    """weight * sum over observed (x_ij - w_i . h_j)^2 + l2_w ||W||^2 + l2_h ||H||^2, weight = 1 or 1 / observed."""

    x: np.ndarray
    l2_w: float = 0.0
    l2_h: float = 0.0
    reduction: str = "mean"

    @property
    def observed(self) -> np.ndarray:
        return ~np.isnan(self.x)

    @property
    def weight(self) -> float:
        return 1.0 / np.count_nonzero(self.observed) if self.reduction == "mean" else 1.0

    def residual(self, w: np.ndarray, h: np.ndarray) -> np.ndarray:
        """W H - X, zero where X is missing."""
        return np.where(self.observed, w @ h - np.nan_to_num(self.x), 0)

    def objective(self, w: np.ndarray, h: np.ndarray) -> float:
        w, h = w.astype(np.longdouble), h.astype(np.longdouble)
        squares = (self.residual(w, h) ** 2).sum()
        return float(self.weight * squares + self.l2_w * (w**2).sum() + self.l2_h * (h**2).sum())

    def gradients(self, w: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        e = 2 * self.weight * self.residual(w, h)
        return e @ h.T + 2 * self.l2_w * w, w.T @ e + 2 * self.l2_h * h
