"""Few leading components of large dense matrices, against every solver of the peers that could give them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
from scipy.sparse.linalg import eigsh
from sklearn.decomposition import PCA as ReferencePCA

import matfact

from .data import Array
from .harness import THREADS, Job, Row, clock, duel
from .measure import eigh_accuracy, orthonormality


def factors_and_noise(m: int, n: int) -> Array:
    """300 factors whose variances fall as 1/i, under noise: no gap after the components that are wanted."""
    rng = np.random.default_rng(0)
    rank = min(300, m, n)
    x = (rng.standard_normal((m, rank)) * np.arange(1, rank + 1) ** -0.5) @ rng.standard_normal((rank, n))
    x += 0.3 * rng.standard_normal((m, n))
    return x


def decaying(d: int) -> Array:
    """Symmetric, eigenvalues 1/i, as a covariance or kernel matrix has them."""
    q = np.linalg.qr(np.random.default_rng(d).standard_normal((d, d)))[0]
    a = (q / np.arange(1, d + 1)) @ q.T
    return (a + a.T) / 2


def pca_accuracy(x: Array, p: Any) -> dict[str, float]:
    """max ||X'u_i - s_i v_i|| / s_1 for u_i = X v_i / s_i, X centered."""
    v, s = p.components_.T, np.sqrt(p.explained_variance_ * (len(x) - 1))
    xv = x @ v - p.mean_ @ v
    gradient = x.T @ xv - np.outer(p.mean_, xv.sum(axis=0))
    return {
        "residual": float((np.linalg.norm(gradient / s - v * s, axis=0) / s[0]).max()),
        "orthonormality": orthonormality(v),
    }


def fastest_of(solvers: dict[str, Callable[[], Any]]) -> tuple[str, str]:
    """The fastest in one run of each, and what each took."""
    seconds = {name: clock(solve)[0] for name, solve in solvers.items()}
    return min(seconds, key=seconds.__getitem__), ", ".join(f"{name} {s:.2f} s" for name, s in seconds.items())


def pca(m: int, n: int, exact: tuple[str, ...], *, randomized: bool) -> Job:
    def run(quick: bool, repeats: int) -> list[Row]:
        x = factors_and_noise(m // 20, n // 20) if quick else factors_and_noise(m, n)
        k = 10 if quick else 50
        peers = {name: ReferencePCA(k, svd_solver=name, random_state=0) for name in exact}
        fastest, note = fastest_of({name: lambda p=p: p.fit(x) for name, p in peers.items()})
        rivals = [(fastest, peers[fastest], 3.0, 1e-6, note)]
        if randomized:
            rivals.append(("randomized", ReferencePCA(k, svd_solver="randomized", random_state=0), 2.0, 1e-4, ""))
        rows = []
        for name, peer_model, at_least, residual, remark in rivals:
            row = Row(f"PCA({k}) of {x.shape[0]} x {x.shape[1]}, float64", f"scikit-learn, {name}", at_least=at_least)
            row.required, row.note = {"residual": residual, "orthonormality": 1e-12}, remark
            ours, peer = duel(
                row,
                lambda: matfact.PCA(k, num_threads=THREADS).fit(x),
                lambda p=peer_model: p.fit(x),
                max(3, repeats // 2),
            )
            row.accuracy, row.peer_accuracy = pca_accuracy(x, ours), pca_accuracy(x, peer)
            rows.append(row)
        return rows

    return Job(f"pca_{m}x{n}", run)


def eigh(d: int, k: int) -> Job:
    def run(quick: bool, repeats: int) -> list[Row]:
        a = decaying(d // 10 if quick else d)
        n = len(a)
        peers = {
            "scipy.linalg.eigh(subset_by_index)": lambda: scipy.linalg.eigh(a, subset_by_index=[n - k, n - 1]),
            "eigsh": lambda: eigsh(a, k, which="LA", rng=0),
        }
        fastest, note = fastest_of(peers)
        row = Row(f"eigh, leading {k} of d = {n}, eigenvalues 1/i", fastest, at_least=2.0, note=note)
        row.required = {"residual": 1e-12, "v orthonormality": 1e-12}
        ours, peer = duel(row, lambda: matfact.eigh(a, k, num_threads=THREADS), peers[fastest], max(3, repeats // 2))
        row.note += f"; {ours.n_passes} passes"
        row.accuracy, row.peer_accuracy = eigh_accuracy(a, ours.w, ours.v), eigh_accuracy(a, *peer)
        return [row]

    return Job(f"eigh_decaying_{d}_{k}", run)


JOBS = [
    pca(20_000, 3000, ("full", "covariance_eigh", "arpack"), randomized=True),
    pca(1000, 40_000, ("full", "arpack"), randomized=False),
    *(eigh(d, k) for d in (2000, 4000) for k in (20, 50)),
]
