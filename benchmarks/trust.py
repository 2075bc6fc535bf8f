"""What a truncated result says of its own error, next to the error that it has."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA as ReferencePCA

import matfact

from .data import images
from .harness import THREADS, Job, Row, duel
from .measure import relative_error
from .pca import exact_variances


def variances(quick: bool, repeats: int) -> list[Row]:
    """Leading variances, without the Gram matrix that would give them exactly: iterations on both sides."""
    x, source = images(np.float64, quick)
    k = 10 if quick else 50
    exact = exact_variances(x, k)
    row = Row(
        f"svd({k}, center=True, solver='krylov') of {source}, {len(x)} x {x.shape[1]}",
        "PCA of scikit-learn, randomized",
    )
    ours, peer = duel(
        row,
        lambda: matfact.svd(x, k, center=True, solver="krylov", num_threads=THREADS),
        lambda: ReferencePCA(k, svd_solver="randomized", random_state=0).fit(x),
        max(3, repeats // 2),
    )
    row.accuracy = {
        "largest relative error of a variance": relative_error(ours.s**2 / (len(x) - 1), exact),
        "bound that the result gives": float(((1 + ours.error_bounds / ours.s) ** 2 - 1).max()),
    }
    row.peer_accuracy = {"largest relative error of a variance": relative_error(peer.explained_variance_, exact)}
    row.note = f"{ours.n_passes} passes; the peer gives no bound"
    return [row]


JOBS = [Job("trust_variances", variances)]
