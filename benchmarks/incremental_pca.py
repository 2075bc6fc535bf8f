"""IncrementalPCA(50) of Fashion-MNIST in batches of 1,000 rows: time against scikit-learn's, and how far from exact."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.decomposition import IncrementalPCA as ReferenceIncrementalPCA

import matfact

from .data import images
from .harness import THREADS, Job, Row, duel
from .measure import orthonormality, relative_error


def speed(dtype: type[np.floating[Any]]) -> Job:
    name = np.dtype(dtype).name

    def run(quick: bool, repeats: int) -> list[Row]:
        x, source = images(dtype, quick)
        k, batch_size = 50, 1000
        row = Row(
            f"IncrementalPCA({k}) of {source}, {len(x)} x {x.shape[1]} by {batch_size}, {name}",
            "scikit-learn",
            at_least=4.0,
        )
        ours, peer = duel(
            row,
            lambda: matfact.IncrementalPCA(k, batch_size=batch_size, num_threads=THREADS).fit(x),
            lambda: ReferenceIncrementalPCA(k, batch_size=batch_size).fit(x),
            repeats,
        )
        whole = matfact.PCA(k, svd_solver="full", num_threads=THREADS).fit(np.asarray(x, np.float64))

        def accuracy(p: Any) -> dict[str, float]:
            return {
                "variances from PCA of all rows, relative": relative_error(
                    p.explained_variance_, whole.explained_variance_
                ),
                "orthonormality": orthonormality(p.components_.T),
            }

        row.accuracy, row.peer_accuracy = accuracy(ours), accuracy(peer)
        row.required = {"variances from PCA of all rows, relative": 1e-12, "orthonormality": 1e-12}
        return [row]

    return Job(f"incremental_pca_{name}", run)


JOBS = [speed(np.float64), speed(np.float32)]
