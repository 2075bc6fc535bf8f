"""Models with missing entries in textbook form: loops over rows and columns, dense inverses, full decompositions."""

from __future__ import annotations

import numpy as np


def conditional_mean(q: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Each NaN of q replaced by E[missing | observed] of a normal distribution, by Gaussian conditioning."""
    filled = q.copy()
    for row in filled:
        hole = np.isnan(row)
        seen = ~hole
        if hole.any():
            row[hole] = mean[hole]
            if seen.any():
                weights = np.linalg.solve(covariance[np.ix_(seen, seen)], row[seen] - mean[seen])
                row[hole] += covariance[np.ix_(hole, seen)] @ weights
    return filled
