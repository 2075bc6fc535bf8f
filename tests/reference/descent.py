"""First-order methods; each yields (W, H) after every step. Both factors move at once, from the same gradients."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .objective import Problem

Factors = tuple[np.ndarray, np.ndarray]


def gd(problem: Problem, w: np.ndarray, h: np.ndarray, learning_rate: float, steps: int) -> Iterator[Factors]:
    """W <- W - eta dL/dW, H <- H - eta dL/dH."""
    for _ in range(steps):
        gw, gh = problem.gradients(w, h)
        w, h = w - learning_rate * gw, h - learning_rate * gh
        yield w, h


def momentum(
    problem: Problem, w: np.ndarray, h: np.ndarray, learning_rate: float, steps: int, *, nesterov: bool = False
) -> Iterator[Factors]:
    """torch.optim.SGD(momentum=0.9, nesterov=...): v <- 0.9 v + g, then the step is v, or g + 0.9 v."""
    parameters = [w, h]
    velocity = [np.zeros_like(w), np.zeros_like(h)]
    for _ in range(steps):
        gradients = problem.gradients(*parameters)
        for i, g in enumerate(gradients):
            velocity[i] = 0.9 * velocity[i] + g
            step = g + 0.9 * velocity[i] if nesterov else velocity[i]
            parameters[i] = parameters[i] - learning_rate * step
        yield parameters[0], parameters[1]


def adam(problem: Problem, w: np.ndarray, h: np.ndarray, learning_rate: float, steps: int) -> Iterator[Factors]:
    """torch.optim.Adam(betas=(0.9, 0.999), eps=1e-8): epsilon is added after the bias correction."""
    parameters = [w, h]
    first = [np.zeros_like(w), np.zeros_like(h)]
    second = [np.zeros_like(w), np.zeros_like(h)]
    for t in range(1, steps + 1):
        gradients = problem.gradients(*parameters)
        for i, g in enumerate(gradients):
            first[i] = 0.9 * first[i] + 0.1 * g
            second[i] = 0.999 * second[i] + 0.001 * g * g
            denominator = np.sqrt(second[i]) / np.sqrt(1 - 0.999**t) + 1e-8
            parameters[i] = parameters[i] - learning_rate / (1 - 0.9**t) * first[i] / denominator
        yield parameters[0], parameters[1]


def scaled_gd(problem: Problem, w: np.ndarray, h: np.ndarray, learning_rate: float, steps: int) -> Iterator[Factors]:
    """Tong, Ma, Chi 2021: W <- W - eta G_W (H H')^-1 with the gradients of half the sum of squares."""
    for _ in range(steps):
        e = problem.residual(w, h)
        w, h = (
            w - learning_rate * np.linalg.solve(h @ h.T, h @ e.T).T,
            h - learning_rate * np.linalg.solve(w.T @ w, w.T @ e),
        )
        yield w, h
