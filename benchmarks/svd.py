"""Singular value decompositions against LAPACK's, through NumPy."""

from __future__ import annotations

import numpy as np

import matfact

from .data import planted
from .harness import THREADS, Job, Row, duel
from .measure import svd_accuracy

ORTHONORMAL = {"u orthonormality": 1e-12, "vt orthonormality": 1e-12}


def svd(m: int, n: int, condition: float, at_least: float, required: dict[str, float]) -> Job:
    def run(quick: bool, repeats: int) -> list[Row]:
        shape = (m // 10, n // 10) if quick else (m, n)
        x, s = planted(*shape, condition)
        row = Row(f"svd {shape[0]} x {shape[1]}, condition {condition:.0e}", "numpy.linalg.svd", at_least=at_least)
        row.required = required
        ours, peer = duel(
            row,
            lambda: matfact.svd(x, num_threads=THREADS),
            lambda: np.linalg.svd(x, full_matrices=False),
            repeats,
        )
        row.accuracy, row.peer_accuracy = svd_accuracy(x, s, *ours), svd_accuracy(x, s, *peer)
        return [row]

    return Job(f"svd_{m}x{n}_{condition:.0e}", run)


JOBS = [
    *(svd(*shape, 10.0, 2.5, ORTHONORMAL) for shape in ((20_000, 300), (300, 20_000))),
    *(svd(*shape, 1e7, 1.2, {**ORTHONORMAL, "s relative error": 1e-6}) for shape in ((20_000, 300), (300, 20_000))),
    svd(1000, 1000, 1e3, 1.0, ORTHONORMAL),
]
