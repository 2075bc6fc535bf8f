"""The smallest objective that any pair (W, H) reaches when everything is observed."""

from __future__ import annotations

import numpy as np

from .objective import Problem


def optimal_objective(problem: Problem, n_components: int) -> float:
    """Eckart-Young; with ridge its soft-thresholded form.

    At the best split of a product P, l2_w ||W||^2 + l2_h ||H||^2 = 2 sqrt(l2_w l2_h) ||P||_*, and
    weight (s - p)^2 + 2 t p is smallest at p = max(s - t / weight, 0).
    """
    s = np.linalg.svd(problem.x, compute_uv=False).astype(np.longdouble)
    t = np.sqrt(np.longdouble(problem.l2_w) * np.longdouble(problem.l2_h))
    p = np.maximum(s - t / problem.weight, 0)
    p[n_components:] = 0
    return float((problem.weight * (s - p) ** 2 + 2 * t * p).sum())
