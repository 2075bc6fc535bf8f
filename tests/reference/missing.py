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


def log_likelihood(x: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Of the observed entries of each row under a normal distribution; 0 where there are none."""
    values = np.zeros(len(x))
    for i, row in enumerate(x):
        seen = ~np.isnan(row)
        c = covariance[np.ix_(seen, seen)]
        d = row[seen] - mean[seen]
        values[i] = -0.5 * (seen.sum() * np.log(2 * np.pi) + np.linalg.slogdet(c)[1] + d @ np.linalg.solve(c, d))
    return values


def ppca_em(
    x: np.ndarray, w: np.ndarray, mean: np.ndarray, noise: float, sweeps: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Plain EM for probabilistic PCA with missing entries, from a start: loadings, mean and noise variance."""
    n, k = w.shape
    for _ in range(sweeps):
        a, b, squares, count = np.zeros((n, k + 1, k + 1)), np.zeros((n, k + 1)), 0.0, 0
        for row in x:
            seen = np.flatnonzero(~np.isnan(row))
            precision = noise * np.eye(k) + w[seen].T @ w[seen]
            z = np.linalg.solve(precision, w[seen].T @ (row[seen] - mean[seen]))
            ones = np.append(z, 1.0)
            moments = np.outer(ones, ones)
            moments[:k, :k] += noise * np.linalg.inv(precision)
            for j in seen:
                a[j] += moments
                b[j] += ones * row[j]
                squares += row[j] ** 2
                count += 1
        solution = np.linalg.solve(a, b[:, :, None])[:, :, 0]
        noise = (squares - (solution * b).sum()) / count
        w, mean = solution[:, :k], solution[:, k]
    return w, mean, noise


def soft_impute(x: np.ndarray, l2: float, sweeps: int) -> np.ndarray:
    """Fill from Z, lower the singular values of the filled matrix by l2, repeat."""
    seen = ~np.isnan(x)
    z = np.zeros_like(x)
    for _ in range(sweeps):
        u, s, vt = np.linalg.svd(np.where(seen, x, z), full_matrices=False)
        z = (u * np.maximum(s - l2, 0.0)) @ vt
    return z


def nuclear_objective(x: np.ndarray, z: np.ndarray, l2: float) -> float:
    """1/2 sum over observed (x - z)^2 + l2 times the sum of the singular values of z."""
    residual = np.where(np.isnan(x), 0.0, x - z)
    return 0.5 * float((residual**2).sum()) + l2 * float(np.linalg.svd(z, compute_uv=False).sum())
