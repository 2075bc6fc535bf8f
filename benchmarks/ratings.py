"""BiasedMF against LIBMF, cmfrec and Surprise: times at equal or better errors on ratings that were held out.

The peers are compiled from source where PyPI has no wheel for the machine:

    CFLAGS="-O3 -march=native -fopenmp -DUSEAVX -DUSEOMP" pip install --no-build-isolation libmf==0.9.2
    pip install cmfrec==3.5.1.post14 scikit-surprise==1.1.5
"""

from __future__ import annotations

import functools
import importlib.metadata
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

import matfact

from .data import find
from .harness import THREADS, Accuracy, Job, Row, clock, duel

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass
class Split:
    """Ratings to fit, and those held out; users x items."""

    name: str
    train: sp.coo_array
    test: sp.coo_array

    def rmse(self, predictions: Array) -> float:
        """Of predictions for the held-out ratings, clipped to the scale."""
        return float(np.sqrt(np.mean((np.clip(predictions, 1, 5) - self.test.data) ** 2)))

    def rmse_of(self, model: matfact.BiasedMF) -> float:
        return self.rmse(model.predict(self.test.row, self.test.col))


def stars(quick: bool) -> Split:
    """A million ratings of MovieLens 1M's shape and skew: planted biases, 30 factors of falling size, and noise."""
    n_users, n_items, stored = (600, 400, 20_000) if quick else (6040, 3706, 1_000_209)
    rng = np.random.default_rng(0)
    activity = np.exp(rng.normal(0, 1.05, n_users))
    low, high = 0.0, float(stored)
    for _ in range(60):  # users have at least 20 ratings, and all of them `stored`
        middle = (low + high) / 2
        total = _counts(middle * activity, n_items).sum()
        low, high = (low, middle) if total > stored else (middle, high)
    counts = _counts(low * activity, n_items)
    counts[np.argsort(-counts)[: stored - counts.sum()]] += 1

    sizes = 1 / np.sqrt(1 + np.arange(30))
    taste, kind = rng.normal(size=(n_users, 30)) * sizes, rng.normal(size=(n_items, 30)) * sizes
    leniency, appeal = 0.4 * rng.normal(size=n_users), 0.5 * rng.normal(size=n_items)
    log_popularity = rng.permutation(-4.5 * np.arange(n_items) / n_items) + 0.6 * appeal
    items = [
        np.argpartition(-(log_popularity + rng.gumbel(size=n_items)), count)[:count] for count in counts
    ]  # without replacement, with odds of their popularity
    user, item = np.repeat(np.arange(n_users), counts), np.concatenate(items)
    score = 3.55 + leniency[user] + appeal[item] + 0.78 * rng.normal(size=len(user))
    score += 0.5 / np.linalg.norm(sizes**2) * np.einsum("ij,ij->i", taste[user], kind[item])
    held_out = rng.random(len(user)) < 0.1
    values = np.clip(np.rint(score), 1, 5).astype(np.float32)

    def part(where: Array) -> sp.coo_array:
        return sp.coo_array((values[where], (user[where], item[where])), shape=(n_users, n_items))

    return Split(f"{stored} synthetic ratings", part(~held_out), part(held_out))


def _counts(wanted: Array, n_items: int) -> Array:
    return np.clip(20 + np.rint(wanted), 20, 0.65 * n_items).astype(int)


def movielens_folds() -> list[Split]:
    """The five official folds of MovieLens 100K, from the files u1.base to u5.test; empty without them."""
    folds = []
    for i in range(1, 6):
        paths = [find(f"u{i}.{part}") for part in ("base", "test")]
        if None in paths:
            return []
        parts = []
        for path in paths:
            user, item, value = np.loadtxt(str(path), dtype=np.int64, usecols=(0, 1, 2), unpack=True)
            parts.append(sp.coo_array((value.astype(np.float32), (user - 1, item - 1)), shape=(943, 1682)))
        folds.append(Split(f"MovieLens 100K, fold {i}", *parts))
    return folds


def ours(k: int, **options: Any) -> matfact.BiasedMF:
    return matfact.BiasedMF(k, random_state=0, num_threads=THREADS, **options)


def version(package: str) -> str:
    return f"{package} {importlib.metadata.version(package)}"


def compare(row: Row, split: Split, our_rmse: float, peer_rmse: float) -> Row:
    row.accuracy, row.required = {"RMSE / peer's": our_rmse / peer_rmse}, {"RMSE / peer's": 1.0}
    row.note = f"{split.name}; RMSE {our_rmse:.4f}, peer's {peer_rmse:.4f}" + (f"; {row.note}" if row.note else "")
    return row


def libmf_model(l2: float, n_iter: int) -> Any:
    from libmf import mf

    return mf.MF(
        k=64, nr_threads=THREADS, nr_bins=20, nr_iters=n_iter, eta=0.05, quiet=True, copy_data=False,
        lambda_p1=0.0, lambda_q1=0.0, lambda_p2=l2, lambda_q2=l2,
    )  # fmt: skip


def libmf_rmse(split: Split, triples: Array, l2: float, n_iter: int) -> float:
    model = libmf_model(l2, n_iter)
    model.fit(triples)
    p, q = model.p_factors(), model.q_factors()
    return split.rmse(np.einsum("ij,ij->i", p[split.test.row], q[split.test.col]))


def libmf_best(split: Split, triples: Array, quick: bool) -> tuple[float, float, int]:
    """The lowest RMSE of a grid, and where: its rates of 0.1 end above it."""
    grid = [(0.05, 10)] if quick else [(l2, n) for l2 in (0.04, 0.05, 0.06) for n in (10, 15, 20, 30)]
    return min((libmf_rmse(split, triples, l2, n), l2, n) for l2, n in grid)


def to_the_best_of_libmf(quick: bool, repeats: int) -> list[Row]:
    split = stars(quick)
    triples = np.column_stack((split.train.row, split.train.col, split.train.data)).astype(np.float32)
    best, l2, n_iter = libmf_best(split, triples, quick)

    @functools.cache
    def rmse_after(n: int) -> float:
        return split.rmse_of(ours(64, solver="sgd", l2=0.06, max_iter=n).fit(split.train))

    n = next((n for n in range(1, 31) if rmse_after(n) <= best), 30)
    row = Row("BiasedMF(64, solver='sgd') to the best error of LIBMF", version("libmf"), at_least=1.0)
    row.note = f"{n} sweeps, peer's {n_iter} at l2={l2}"
    peer = libmf_model(l2, n_iter)
    model, _ = duel(
        row,
        lambda: ours(64, solver="sgd", l2=0.06, max_iter=n).fit(split.train),
        lambda: peer.fit(triples),
        repeats,
    )
    rows = [compare(row, split, split.rmse_of(model), best)]

    burn_in, n_samples = (5, 5) if quick else (30, 60)
    row = Row("BiasedMF(32, solver='gibbs'): error below LIBMF's best", version("libmf"), unit="RMSE", at_most=best)
    seconds, model = clock(lambda: ours(32, solver="gibbs", burn_in=burn_in, n_samples=n_samples).fit(split.train))
    row.ours_seconds.append(seconds)
    row.value, row.peer_accuracy = split.rmse_of(model), {"RMSE": best}
    return [*rows, row]


def cmfrec(name: str, use_cg: bool, at_least: float) -> Job:
    """As many sweeps against theirs: our conjugate gradients, and where the peer solves exactly, so do we too.

    The target is that of the fastest whose error does not exceed the peer's.
    """

    def run(quick: bool, repeats: int) -> list[Row]:
        from cmfrec import CMF

        split = stars(quick)
        l2 = 0.07  # of each rating, on both sides
        peer = CMF(
            k=50, lambda_=l2, scale_lam=True, use_cg=use_cg, niter=15, nthreads=THREADS, use_float=True,
            precompute_for_predictions=False, verbose=False,
        )  # fmt: skip
        train = sp.coo_matrix(split.train)
        rows = []
        for solver, target in (("cg", at_least),) if use_cg else (("cg", at_least), ("als", None)):
            job = f"BiasedMF(50, solver='{solver}'), 15 sweeps"
            row = Row(job, f"{version('cmfrec')}, {name}", at_least=target)
            model, other = duel(
                row,
                lambda solver=solver: ours(50, solver=solver, l2=l2).fit(split.train),
                lambda: peer.fit(train),
                min(repeats, 5),
            )
            reached = split.rmse(other.predict(split.test.row, split.test.col))
            rows.append(compare(row, split, split.rmse_of(model), reached))
        return rows

    return Job(f"biased_cmfrec_{name.lower()}", run)


def surprise(quick: bool, repeats: int) -> list[Row]:
    import pandas as pd
    from surprise import SVD, Dataset, Reader

    split, n_epochs = stars(quick), 2 if quick else 20
    table = pd.DataFrame({"user": split.train.row, "item": split.train.col, "rating": split.train.data})
    peer = SVD(n_factors=100, n_epochs=n_epochs, random_state=0)
    known = Dataset.load_from_df(table, Reader(rating_scale=(1, 5))).build_full_trainset()
    interactions = matfact.Interactions(split.train)
    row = Row(f"BiasedMF(100, solver='sgd'), {n_epochs} epochs", f"{version('scikit-surprise')}, SVD", at_least=60.0)
    model, other = duel(
        row,
        lambda: ours(100, solver="sgd", max_iter=n_epochs).fit(interactions),
        lambda: peer.fit(known),
        min(repeats, 5),
    )
    pairs = zip(split.test.row.tolist(), split.test.col.tolist(), strict=True)
    reached = split.rmse(np.array([other.predict(user, item).est for user, item in pairs]))
    rows = [compare(row, split, split.rmse_of(model), reached)]

    def fit(n: int) -> matfact.BiasedMF:
        return ours(100, solver="sgd", max_iter=n).fit(interactions)

    n = next((n for n in range(1, n_epochs) if split.rmse_of(fit(n)) <= reached), n_epochs)
    early = Row("BiasedMF(100, solver='sgd') to the error of Surprise", row.peer)
    early.note = f"{n} sweeps, the first whose error on the same ratings is no higher, peer's {n_epochs}"
    model, _ = duel(early, lambda: fit(n), lambda: peer.fit(known), min(repeats, 5))
    return [*rows, compare(early, split, split.rmse_of(model), reached)]


def als_flops(split: Split, k: int) -> float:
    """Multiplications and additions of a sweep: symmetric products and Cholesky factors of each row, in as many
    unknowns as it has where entries are fewer."""
    total = 0.0
    for axis in (split.train.row, split.train.col):
        n = np.bincount(axis).astype(np.float64)
        short = 4 * n <= 3 * k
        in_entries, in_features = n[short], n[~short]
        total += float((in_entries**2 * k + in_entries**3 / 3).sum() + (in_features * k**2 + k**3 / 3).sum())
    return total


def share_of_peak(quick: bool, repeats: int) -> list[Row]:
    """Gflop/s of the solver of rows, next to those of a large float32 product by BLAS."""
    split = stars(quick)
    known = matfact.Interactions(split.train)
    n = 500 if quick else 3000
    a = np.random.default_rng(0).standard_normal((n, n), np.float32)
    rows = []
    for k in (50, 64, 128):
        row = Row(f"BiasedMF({k}), solver of rows: share of the speed of a product", "NumPy, float32", unit="of peak")
        duel(row, lambda k=k: ours(k, max_iter=3).fit(known), lambda: a @ a, repeats)
        speed = 3 * als_flops(split, k + 1) / statistics.median(row.ours_seconds) / 1e9
        peak = 2.0 * n**3 / statistics.median(row.peer_seconds) / 1e9
        row.value, row.note = speed / peak, f"{speed:.0f} of {peak:.0f} Gflop/s"
        rows.append(row)
    return rows


def movielens(_: bool, __: int) -> list[Row]:
    """Mean errors over the official folds; .934 and .919 are in Surprise's README, of folds of its own."""
    folds = movielens_folds()
    settings: list[tuple[str, float, Callable[[], matfact.BiasedMF]]] = [
        ("als", 0.920, lambda: ours(64, l2=0.1)),
        ("cg", 0.920, lambda: ours(64, solver="cg", l2=0.1)),
        ("sgd", 0.920, lambda: ours(64, solver="sgd", l2=0.1, max_iter=20)),
        ("gibbs", 0.905, lambda: ours(32, solver="gibbs")),
    ]
    rows = []
    for solver, bound, make in settings:
        row = Row(f"MovieLens 100K, u1 to u5, {solver}", "Surprise SVD .934, SVD++ .919", unit="RMSE", at_most=bound)
        if folds:
            errors: Accuracy = {}
            for fold in folds:
                seconds, model = clock(lambda fold=fold, make=make: make().fit(fold.train))
                row.ours_seconds.append(seconds)
                errors[fold.name] = fold.rmse_of(model)
            row.value = statistics.mean(errors.values())
        else:
            row.note, row.at_most = "not measured: MATFACT_DATA holds no u1.base", None
        rows.append(row)
    return rows


JOBS = [
    Job("biased_sgd_libmf", to_the_best_of_libmf),
    cmfrec("CG", True, 8.0),
    cmfrec("Cholesky", False, 25.0),
    Job("biased_sgd_surprise", surprise),
    Job("biased_als_peak", share_of_peak),
    Job("biased_movielens", movielens),
]
