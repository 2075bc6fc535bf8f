"""Symmetric eigenproblems, all pairs and the leading ones."""

from __future__ import annotations

import numpy as np
import scipy.linalg

import matfact

from .data import Array
from .harness import THREADS, Job, Row, duel
from .measure import eigh_accuracy


def symmetric(d: int) -> Array:
    a = np.random.default_rng(d).standard_normal((d, d))
    return (a + a.T) / 2


def full(d: int) -> Job:
    def run(quick: bool, repeats: int) -> list[Row]:
        a = symmetric(d // 10 if quick else d)
        row = Row(f"eigh, full, d = {len(a)}", "numpy.linalg.eigh", at_least=1.0)
        row.required = {"residual": 1e-12, "v orthonormality": 1e-12}
        ours, peer = duel(row, lambda: matfact.eigh(a, num_threads=THREADS), lambda: np.linalg.eigh(a), repeats)
        row.accuracy, row.peer_accuracy = eigh_accuracy(a, ours.w, ours.v), eigh_accuracy(a, *peer)
        return [row]

    return Job(f"eigh_full_{d}", run)


def leading(d: int, k: int) -> Job:
    def run(quick: bool, repeats: int) -> list[Row]:
        a = symmetric(d // 10 if quick else d)
        n = len(a)
        row = Row(f"eigh, leading {k} of d = {n}", "scipy.linalg.eigh(subset_by_index)", at_least=1.0)
        row.required = {"residual": 1e-12, "v orthonormality": 1e-12}
        ours, peer = duel(
            row,
            lambda: matfact.eigh(a, k, num_threads=THREADS),
            lambda: scipy.linalg.eigh(a, subset_by_index=[n - k, n - 1]),
            repeats,
        )
        row.accuracy, row.peer_accuracy = eigh_accuracy(a, ours.w, ours.v), eigh_accuracy(a, *peer)
        return [row]

    return Job(f"eigh_leading_{d}", run)


JOBS = [*(full(d) for d in (200, 500, 1000, 2000)), *(leading(d, 20) for d in (1000, 2000))]
