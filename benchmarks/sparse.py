"""Sparse matrices: the product kernel against SciPy's, and truncated decompositions of text against its peers."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy.sparse.linalg import svds
from sklearn.decomposition import TruncatedSVD

import matfact
from matfact import _core

from .data import Array, newsgroups, reuters
from .harness import THREADS, Job, Row, clock, duel
from .measure import orthonormality

CORPORA: dict[str, Callable[[bool], Any]] = {"newsgroups": newsgroups, "reuters": reuters}


def reading(b: Array) -> float:
    """Bytes a second of all threads that read b again and again, out of the cache that holds it."""
    turns = np.broadcast_to(b.ravel(), (max(1, 2**29 // b.nbytes), b.size))
    with ThreadPoolExecutor(THREADS) as pool:
        seconds = min(clock(lambda: list(pool.map(np.max, [turns] * THREADS)))[0] for _ in range(5))
    return THREADS * turns.size * b.itemsize / seconds


def byte_model(job: str, product: Callable[[], Any], moved: int, b: Array) -> Row:
    """Products in a row, as iterations ask for them, and the time of their bytes if all streamed out of the cache that
    holds B."""

    def several(n: int) -> float:
        return clock(lambda: [product() for _ in range(n)])[0] / n

    rate = reading(b)
    row = Row(f"{job}: share of the byte model", "reading B, NumPy", unit="of its speed", at_least=0.6)
    row.ours_seconds, row.peer_seconds = [several(20) for _ in range(5)], [moved / rate]
    row.value = row.peer_seconds[0] / statistics.median(row.ours_seconds)
    row.note = f"{rate / 1e9:.0f} GB/s"
    return row


def products(corpus: str, width: int, dtype: type[np.floating[Any]], *, transposed: bool, at_least: float) -> Job:
    """A B or A'B for B of `width` columns, as the projection of new rows runs it, checks included."""

    def run(quick: bool, repeats: int) -> list[Row]:
        x, source = CORPORA[corpus](quick)
        x = x.astype(dtype)
        a = x.T.tocsr() if transposed else x
        b = np.random.default_rng(0).standard_normal((a.shape[1], width)).astype(dtype)
        name = "A'B" if transposed else "A B"
        row = Row(f"{name} of {source}, {a.shape[0]} x {a.shape[1]}, b={width}, {dtype.__name__}", "scipy.sparse")
        row.at_least = at_least
        matrix = x.T if transposed else x  # SciPy's A.T is CSC, as its users have it
        project: Any = getattr(_core, f"project_csr_f{8 * b.itemsize}_i{8 * a.indices.itemsize}")

        def product() -> Any:
            return project(a.data, a.indices, a.indptr, *a.shape, b.T, None, num_threads=THREADS)

        ours, peer = duel(row, product, lambda: matrix @ b, 4 * repeats)
        row.accuracy = {"difference": float(abs(ours - peer).max() / abs(peer).max())}
        row.required = {"difference": 450 * float(np.finfo(dtype).eps)}
        moved = a.nnz * (a.data.itemsize + a.indices.itemsize + width * b.itemsize) + ours.nbytes
        row.note = f"{moved / min(row.ours_seconds) / 1e9:.0f} GB/s of entries, gathered rows and results"
        return [row, byte_model(row.job, product, moved, b)]

    return Job(f"spmm_{corpus}_{'t' if transposed else 'n'}_{width}_{dtype.__name__}", run)


def accuracy(x: Any, u: Array, s: Array, vt: Array) -> dict[str, float]:
    """The residual of the worse side: which one holds by construction depends on the solver and the shape."""
    sides = x.T @ u - vt.T * s, x @ vt.T - u * s
    return {
        "residual": float(max(np.linalg.norm(side, axis=0).max() for side in sides) / s.max()),
        "vt orthonormality": orthonormality(vt.T),
    }


def loosest(x: Any, k: int, solver: str, residual: float) -> tuple[float, float]:
    """SciPy's largest tolerance that reaches the residual, and the seconds that it took."""
    for tol in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7):
        seconds, (u, s, vt) = clock(lambda t=tol: svds(x, k, solver=solver, tol=t, rng=0))
        if accuracy(x, u, s, vt)["residual"] <= residual:
            return tol, seconds
    return 0.0, seconds


def against_svds(corpus: str, k: int, at_least: float) -> Job:
    """At a residual of 1e-6: the faster of ARPACK and PROPACK, with the largest tolerance that reaches it."""

    def run(quick: bool, repeats: int) -> list[Row]:
        x, source = CORPORA[corpus](quick)
        n = 10 if quick else k
        found = {solver: loosest(x, n, solver, 1e-6) for solver in ("arpack", "propack")}
        fastest = min(found, key=lambda solver: found[solver][1])
        tol = found[fastest][0]
        row = Row(f"svd({n}) of {source}, {x.shape[0]} x {x.shape[1]}, residual 1e-6", f"svds, {fastest}")
        row.at_least, row.required = at_least, {"residual": 1e-6, "vt orthonormality": 1e-12}
        ours, peer = duel(
            row,
            lambda: matfact.svd(x, n, solver="krylov", tol=1e-6, num_threads=THREADS),
            lambda: svds(x, n, solver=fastest, tol=tol, rng=0),
            max(3, repeats // 2),
        )
        row.accuracy, row.peer_accuracy = accuracy(x, *ours), accuracy(x, *peer)
        row.note = f"{ours.n_passes} passes; " + ", ".join(
            f"{s} {t:.2f} s at tol={e:.0e}" for s, (e, t) in found.items()
        )
        return [row]

    return Job(f"svds_{corpus}", run)


def against_randomized(corpus: str, k: int, at_least: float) -> Job:
    """TruncatedSVD(n_iter=5), scikit-learn's default, wherever its residuals end up; ours at 1e-4."""

    def run(quick: bool, repeats: int) -> list[Row]:
        x, source = CORPORA[corpus](quick)
        n = 10 if quick else k
        row = Row(f"TruncatedSVD({n}) of {source}, {x.shape[0]} x {x.shape[1]}", "scikit-learn, randomized, n_iter=5")
        row.at_least, row.required = at_least, {"residual": 1e-4}
        peer_model = TruncatedSVD(n, n_iter=5, random_state=0)
        ours, scores = duel(
            row,
            lambda: matfact.svd(x, n, solver="krylov", tol=1e-4, num_threads=THREADS),
            lambda: peer_model.fit_transform(x),
            max(3, repeats // 2),
        )
        s = peer_model.singular_values_
        row.accuracy = accuracy(x, *ours)
        row.peer_accuracy = accuracy(x, scores / s, s, peer_model.components_)
        row.note = f"{ours.n_passes} passes"
        return [row]

    return Job(f"truncated_svd_{corpus}", run)


JOBS = [
    *(
        products(corpus, width, dtype, transposed=transposed, at_least=1.7)
        for dtype in (np.float64, np.float32)
        for corpus in CORPORA
        for transposed in (False, True)
        for width in (16, 64)
    ),
    *(against_svds(corpus, 100, 5.0) for corpus in CORPORA),
    *(against_randomized(corpus, 100, 2.0) for corpus in CORPORA),
]
