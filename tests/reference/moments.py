"""Mean and centered products of weighted rows, a row at a time."""

from __future__ import annotations

import numpy as np


def moments(x, weights):
    """Sum of the weights, weighted mean, and the sum of w (row - mean)' (row - mean)."""
    mean = sum(w * row for w, row in zip(weights, x, strict=True)) / sum(weights)
    scatter = np.zeros((x.shape[1], x.shape[1]))
    for w, row in zip(weights, x, strict=True):
        scatter += w * np.outer(row - mean, row - mean)
    return sum(weights), mean, scatter
