"""Gradient descent: Adam against PyTorch, and the cost of one step against the two products it cannot avoid."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np

import matfact

from .data import Array
from .harness import THREADS, Job, Row, clock, duel

TOY = np.array([[5.0, 3.0], [3.0, 2.0], [2.0, 1.0], [1.0, 1.0]])


def torch_adam(x: Array, w0: Array, h0: Array, learning_rate: float, steps: int) -> list[float]:
    """The loop that everybody writes; the loss before each step."""
    import torch

    torch.set_num_threads(THREADS)
    target = torch.from_numpy(x)
    w, h = (torch.from_numpy(a.copy()).requires_grad_() for a in (w0, h0))
    optimizer = torch.optim.Adam([w, h], lr=learning_rate)
    history = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(w @ h, target)
        loss.backward()
        optimizer.step()
        history.append(loss.detach())
    return [float(value) for value in history]


def adam(name: str, x: Array, k: int, steps: int, at_least: float, required: dict[str, float]) -> Row:
    return Row(
        f"Adam, {name}, {x.shape[0]} x {x.shape[1]}, k = {k}, {x.dtype}, {steps} iterations",
        "PyTorch, eager",
        at_least=at_least,
        required=required,
    )


def adam_duel(row: Row, x: Array, k: int, learning_rate: float, steps: int, repeats: int) -> tuple[Any, list[float]]:
    rng = np.random.default_rng(1)
    w = rng.standard_normal((x.shape[0], k)).astype(x.dtype) / np.sqrt(k).astype(x.dtype)
    h = rng.standard_normal((k, x.shape[1])).astype(x.dtype) / np.sqrt(k).astype(x.dtype)

    def ours() -> Any:
        return matfact.factorize(
            x, k, solver="adam", learning_rate=learning_rate, max_iter=steps, tol=0.0, init=(w, h), num_threads=THREADS
        )

    result, history = duel(row, ours, lambda: torch_adam(x, w, h, learning_rate, steps), repeats)
    return result, history


def dense(quick: bool, repeats: int) -> list[Row]:
    m, n, k, steps = (200, 150, 5, 20) if quick else (2000, 1500, 20, 200)
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((m, k)) @ rng.standard_normal((k, n)) + 0.1 * rng.standard_normal((m, n))).astype(
        np.float32
    )
    row = adam("dense", x, k, steps, 4.0, {"loss curve relative difference": 1e-4})
    result, history = adam_duel(row, x, k, 0.01, steps, repeats)
    difference = np.abs(np.array(result.history[:-1]) / np.array(history) - 1).max()
    row.accuracy = {"loss curve relative difference": float(difference), "objective": float(result.history[-2])}
    row.peer_accuracy = {"objective": history[-1]}
    return [row]


def toy(quick: bool, repeats: int) -> list[Row]:
    steps = 200 if quick else 5000
    row = adam("the 4 x 2 toy", TOY, 2, steps, 200.0, {} if quick else {"objective": 1e-12})
    result, history = adam_duel(row, TOY, 2, 0.01, steps, repeats)
    row.accuracy, row.peer_accuracy = {"objective": float(result.history[-2])}, {"objective": history[-1]}
    return [row]


def gd_step(dtype: str) -> Job:
    """(6 iterations - 1 iteration) / 5: what starting and finishing cost drops out."""

    def run(quick: bool, repeats: int) -> list[Row]:
        m, n, k = (2000, 200, 8) if quick else (20_000, 2000, 32)
        rng = np.random.default_rng(0)
        x, w, h = (rng.standard_normal(shape).astype(dtype) for shape in ((m, n), (m, k), (k, n)))
        row = Row(
            f"one gd step, {m} x {n}, k = {k}, {dtype}", "two products in NumPy", unit="x their time", at_most=1.3
        )

        def steps(count: int) -> Any:
            return matfact.factorize(x, k, solver="gd", max_iter=count, tol=0.0, init=(w, h), num_threads=THREADS)

        def products() -> tuple[Array, Array]:
            return x @ h.T, w.T @ x

        steps(1), products()
        for _ in range(repeats):
            one, six = clock(lambda: steps(1))[0], clock(lambda: steps(6))[0]
            row.ours_seconds.append((six - one) / 5)
            row.peer_seconds.append(clock(products)[0])
        row.value = statistics.median(row.ours_seconds) / statistics.median(row.peer_seconds)
        history = steps(6).history
        row.accuracy = {"largest rise of the objective": float(max(np.diff(history).max() / history[0], 0.0))}
        return [row]

    return Job(f"gd_step_{dtype}", run)


JOBS = [Job("adam_dense", dense), Job("adam_toy", toy), gd_step("float64"), gd_step("float32")]
