"""Recommenders against `implicit`: time of an iteration with the objective reached, and of lists for all users."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

import matfact

from .harness import THREADS, Job, Row, duel

L2 = 1.0


def plays(quick: bool) -> matfact.Interactions:
    """Counts whose rows and columns have lengths of power laws: 1.5 million of 60000 x 30000."""
    n_users, n_items, stored = (2000, 1000, 30_000) if quick else (60_000, 30_000, 1_500_000)
    rng = np.random.default_rng(0)
    by_user, by_item = (np.arange(n_users) + 20.0) ** -0.7, (np.arange(n_items) + 20.0) ** -0.9
    users = rng.choice(rng.permutation(n_users), stored * 5 // 4, p=by_user / by_user.sum())
    items = rng.choice(rng.permutation(n_items), stored * 5 // 4, p=by_item / by_item.sum())
    pairs = rng.permutation(np.unique(users * n_items + items))[:stored]
    values = 1.0 + rng.poisson(1.0, len(pairs))
    x = sp.coo_array((values, (pairs // n_items, pairs % n_items)), shape=(n_users, n_items))
    return matfact.Interactions(x)


def objective(x: matfact.Interactions, w: Any, h: Any) -> float:
    """In float64, some users at a time."""
    w, h = np.asarray(w, np.float64), np.asarray(h, np.float64)
    total = float(np.vdot(w.T @ w, h.T @ h) + L2 * ((w**2).sum() + (h**2).sum()))
    for begin in range(0, x.n_users, 2000):
        part = x.matrix[begin : begin + 2000].tocoo()
        scores = np.einsum("ij,ij->i", w[begin + part.row], h[part.col])
        total += float(((1 + part.data) * (1 - scores) ** 2 - scores**2).sum())
    return total


def peer_model(k: int, iterations: int, *, use_cg: bool) -> Any:
    from implicit.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, "blas")  # what implicit asks for
    return AlternatingLeastSquares(
        factors=k, regularization=L2, iterations=iterations, use_cg=use_cg, num_threads=THREADS, random_state=0
    )


def iteration_time(fit: Callable[[int], Any], iterations: int) -> Callable[[], tuple[float, Any]]:
    """Seconds of an iteration after the first, and the model after all of them."""

    fit(1)  # what is loaded at the first call

    def run() -> tuple[float, Any]:
        start = time.perf_counter()
        fit(1)
        middle = time.perf_counter()
        model = fit(1 + iterations)
        return (time.perf_counter() - middle - (middle - start)) / iterations, model

    return run


def iterations(k: int, *, use_cg: bool, at_least: float) -> Job:
    def run(quick: bool, repeats: int) -> list[Row]:
        x = plays(quick)
        confidence = sp.csr_matrix(x.matrix + (x.matrix > 0))
        options = {"l2": L2, "l2_scaling": 0.0, "random_state": 0, "num_threads": THREADS}
        counted = 4 if use_cg else 2  # the peer's take seconds each
        ours = iteration_time(lambda n: matfact.ImplicitMF(k, max_iter=n, **options).fit(x), counted)
        peer = iteration_time(
            lambda n: (m := peer_model(k, n, use_cg=use_cg), m.fit(confidence, show_progress=False))[0], counted
        )
        name = "CG" if use_cg else "Cholesky"
        row = Row(f"ImplicitMF, one iteration, {x.n_interactions} entries, k={k}", f"implicit, {name}")
        row.at_least = at_least
        for _ in range(max(2, repeats // 2)):
            seconds, model = ours()
            row.ours_seconds.append(seconds)
            seconds, other = peer()
            row.peer_seconds.append(seconds)
        row.value = float(np.median(row.peer_seconds) / np.median(row.ours_seconds))
        reached = objective(x, other.user_factors, other.item_factors)
        row.accuracy = {"objective / peer's": objective(x, model.user_factors_, model.item_factors_) / reached}
        row.required = {"objective / peer's": 1.002}  # other random starts
        return [row]

    return Job(f"implicit_mf_{'cg' if use_cg else 'cholesky'}_{k}", run)


def lists(k: int, at_least: float) -> Job:
    def run(quick: bool, repeats: int) -> list[Row]:
        n_users, n_items, stored = (500, 2000, 5000) if quick else (30_000, 40_000, 900_000)
        rng = np.random.default_rng(0)
        pairs = np.unique(rng.integers(0, n_users * n_items, stored))
        seen = sp.csr_array((np.ones(len(pairs)), (pairs // n_items, pairs % n_items)), shape=(n_users, n_items))
        model = matfact.ImplicitMF(k, max_iter=1, random_state=0, num_threads=THREADS).fit(seen)
        other = peer_model(k, 1, use_cg=True)
        other.user_factors, other.item_factors = model.user_factors_, model.item_factors_
        matrix, users = sp.csr_matrix(seen.astype(np.float32)), np.arange(n_users)
        row = Row(f"top 10 of {n_items} items for {n_users} users, seen ones left out, k={k}", "implicit.recommend")
        row.at_least = at_least
        ours, peer = duel(row, lambda: model.recommend(users), lambda: other.recommend(users, matrix), repeats)
        row.accuracy = {"score difference": float(np.abs(ours.scores - peer[1]).max() / np.abs(peer[1]).max())}
        row.required = {"score difference": 1e-5}
        return [row]

    return Job(f"top_n_{k}", run)


def fold_in(k: int, n: int, at_most: float) -> Job:
    """Milliseconds, of the slowest of a hundred calls from Python: one user after another."""

    def run(quick: bool, repeats: int) -> list[Row]:
        x = plays(quick)
        rng = np.random.default_rng(1)
        calls = 100 * max(2, repeats)
        users = [np.sort(rng.choice(x.n_items, n, replace=False)) for _ in range(calls)]
        histories = [sp.csr_array((np.ones(n, np.float32), codes, [0, n]), shape=(1, x.n_items)) for codes in users]
        rows = []
        for model in (matfact.ImplicitMF, matfact.BiasedMF):
            fitted = model(k, max_iter=1, random_state=0, num_threads=THREADS).fit(x)
            row = Row(f"{model.__name__}.fold_in of one user, k={k}, {n} items, 99th percentile", "–", unit="ms")
            row.at_most = at_most
            for history in histories:
                start = time.perf_counter()
                fitted.fold_in(history)
                row.ours_seconds.append(time.perf_counter() - start)
            row.value = 1e3 * float(np.quantile(row.ours_seconds, 0.99))
            row.ours_seconds = [float(np.median(row.ours_seconds))]
            rows.append(row)
        return rows

    return Job(f"fold_in_{k}", run)


JOBS = [
    *(iterations(k, use_cg=True, at_least=2.5) for k in (64, 128)),
    *(iterations(k, use_cg=False, at_least=8.0) for k in (64, 128)),
    lists(64, 3.0),
    fold_in(64, 100, 2.0),
]
