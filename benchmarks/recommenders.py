"""Recommenders against `implicit`: time of an iteration with what it reaches, and time and memory of lists for all."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
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


def tastes(quick: bool) -> tuple[matfact.Interactions, matfact.Interactions]:
    """The same lengths; two of three choices are in the user's one of 50 groups of items. A tenth is held out."""
    n_users, n_items, stored = (2000, 1000, 30_000) if quick else (60_000, 30_000, 1_500_000)
    rng = np.random.default_rng(0)
    by_user, by_item = (np.arange(n_users) + 20.0) ** -0.7, (np.arange(n_items) + 20.0) ** -0.9
    users = rng.choice(rng.permutation(n_users), stored * 3 // 2, p=by_user / by_user.sum())
    items = rng.choice(n_items, stored * 3 // 2, p=by_item / by_item.sum())  # in order of popularity
    items = np.where(rng.random(len(items)) < 2 / 3, items // 50 * 50 + users % 50, items)
    pairs = rng.permutation(np.unique(users * n_items + rng.permutation(n_items)[items]))[:stored]
    x = sp.coo_array((np.ones(len(pairs)), (pairs // n_items, pairs % n_items)), shape=(n_users, n_items))
    return matfact.random_split(matfact.Interactions(x), 0.1, random_state=0)


def auc(w: Any, h: Any, train: matfact.Interactions, test: matfact.Interactions) -> float:
    """Of held-out entries against all items that a user lacks, a mean over some of the users."""
    shares = []
    for u in np.flatnonzero(test.user_counts > 0)[:2000]:
        scores, held = h @ w[u], test.matrix[[u]].indices
        lacks = np.ones(len(scores), bool)
        lacks[held] = lacks[train.matrix[[u]].indices] = False
        rest = np.sort(scores[lacks])
        below = np.searchsorted(rest, scores[held], "left") + np.searchsorted(rest, scores[held], "right")
        shares.append(below.mean() / (2 * len(rest)))
    return float(np.mean(shares))


def epochs(k: int, at_least: float) -> Job:
    def run(quick: bool, repeats: int) -> list[Row]:
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        train, test = tastes(quick)
        matrix = sp.csr_matrix(train.matrix)
        rate, l2, counted, trained = 0.05, 0.0025, 5, 20

        def fit(n: int) -> matfact.BPR:
            options = {"l2_user": l2, "l2_positive": l2, "l2_negative": l2, "random_state": 0, "num_threads": THREADS}
            # The peer draws negatives in this way.
            return matfact.BPR(k, negatives="popularity", learning_rate=rate, max_iter=n, **options).fit(train)

        def fit_peer(n: int) -> Any:
            options = {"regularization": l2, "random_state": 0, "num_threads": THREADS}
            model = BayesianPersonalizedRanking(factors=k, learning_rate=rate, iterations=n, **options)
            model.fit(matrix, show_progress=False)
            return model

        row = Row(f"BPR, one epoch, {train.n_interactions} entries, k={k}", "implicit, Hogwild")
        row.at_least = at_least
        ours, peer = iteration_time(fit, counted), iteration_time(fit_peer, counted)
        for _ in range(repeats):
            row.ours_seconds.append(ours()[0])
            row.peer_seconds.append(peer()[0])
        row.value = float(np.median(row.peer_seconds) / np.median(row.ours_seconds))
        model, other = fit(trained), fit_peer(trained)
        h = np.hstack((model.item_factors_, model.item_bias_[:, None]))
        w = np.hstack((model.user_factors_, np.ones((len(model.user_factors_), 1), np.float32)))
        reached = auc(other.user_factors, other.item_factors, train, test)
        row.accuracy = {"1 - AUC": 1 - auc(w, h, train, test)}
        row.peer_accuracy = {"1 - AUC": 1 - reached}
        row.required = {"1 - AUC": 1 - reached}
        return [row]

    return Job(f"bpr_{k}", run)


def catalogue(k: int, quick: bool) -> tuple[matfact.ImplicitMF, Any]:
    """A model of 30000 users and 40000 items, and what the users have seen."""
    n_users, n_items, stored = (500, 2000, 5000) if quick else (30_000, 40_000, 900_000)
    rng = np.random.default_rng(0)
    pairs = np.unique(rng.integers(0, n_users * n_items, stored))
    seen = sp.csr_array((np.ones(len(pairs)), (pairs // n_items, pairs % n_items)), shape=(n_users, n_items))
    return matfact.ImplicitMF(k, max_iter=1, random_state=0, num_threads=THREADS).fit(seen), seen


def lists(k: int, at_least: float) -> Job:
    def run(quick: bool, repeats: int) -> list[Row]:
        model, seen = catalogue(k, quick)
        n_users, n_items = seen.shape
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


def list_memory(k: int, at_most: float) -> Job:
    """Of a process that loads a model and serves all its users, libraries and inputs included."""

    def run(quick: bool, repeats: int) -> list[Row]:
        del repeats  # a peak does not scatter as a time does
        model, seen = catalogue(k, quick)
        n_users, n_items = seen.shape
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.safetensors"
            model.save(path)
            command = [sys.executable, "-m", "benchmarks.recommenders", str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        before, peak = json.loads(done.stdout)
        row = Row(
            f"top 10 of {n_items} items for {n_users} users, seen ones left out, k={k}: peak memory", "–", unit="MB"
        )
        row.at_most, row.value = at_most, peak
        row.note = f"of the whole process; {peak - before:.0f} MB above interpreter, libraries and model"
        return [row]

    return Job(f"top_n_memory_{k}", run)


def _measure_lists(path: str) -> tuple[float, float]:
    """Resident MB before the lists, and the most there have been after them."""
    model = matfact.ImplicitMF.load(path)
    before = _resident("VmRSS")
    model.recommend(model.interactions_.user_ids, 10)
    return before, _resident("VmHWM")


def _resident(kind: str) -> float:
    """From Linux itself: getrusage would count what the parent had before it became this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kind)) * 1024 / 1e6


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
    epochs(64, 1.3),
    lists(64, 3.0),
    list_memory(64, 300.0),
    fold_in(64, 100, 2.0),
]

if __name__ == "__main__":
    print(json.dumps(_measure_lists(sys.argv[1])))
