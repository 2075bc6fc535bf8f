"""Items that were left out, ranked among 99 others: the protocol and data of NCF (He et al. 2017) on MovieLens 1M.

MATFACT_DATA must hold ml-1m.train.rating, ml-1m.test.rating and ml-1m.test.negative, as its authors publish them.
The published numbers to stand against are those of Rendle et al. (2022), doi:10.1145/3523227.3548486.
"""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np
import scipy.sparse as sp

import matfact

from .data import find
from .harness import THREADS, Job, Row, clock

SHAPE = (6040, 3706)
FILES = ("ml-1m.train.rating", "ml-1m.test.rating", "ml-1m.test.negative")
SEEDS = range(5)


def pairs(path: Path) -> matfact.Interactions:
    users, items = np.loadtxt(path, dtype=np.int64, usecols=(0, 1), unpack=True)
    return matfact.Interactions(sp.coo_array((np.ones(len(users), np.float32), (users, items)), shape=SHAPE))


def negatives(path: Path) -> matfact.Interactions:
    """99 items for each user, one line each, after a column that repeats the test pair."""
    items = np.loadtxt(path, dtype=np.int64, usecols=range(1, 100), delimiter="\t")
    users = np.repeat(np.arange(len(items)), items.shape[1])
    # The published files hold a user's test item among these in 156 cases; it is ranked once.
    drawn = np.unique(np.column_stack([users, items.ravel()]), axis=0).T
    return matfact.Interactions(sp.coo_array((np.ones(drawn.shape[1], np.float32), tuple(drawn)), shape=SHAPE))


def run(quick: bool, _: int) -> list[Row]:
    rows = [
        Row("NCF's protocol on MovieLens 1M, ImplicitMF(192), HR@10", "published iALS, .731", unit="HR@10"),
        Row("NCF's protocol on MovieLens 1M, ImplicitMF(192), NDCG@10", "published iALS, .452", unit="NDCG@10"),
    ]
    paths = [find(name) for name in FILES]
    if None in paths:
        for row in rows:
            row.note = f"not measured: MATFACT_DATA holds no {FILES[paths.index(None)]}"
        return rows
    train, test, others = (read(Path(str(path))) for read, path in zip((pairs, pairs, negatives), paths, strict=True))
    values = []
    for seed in SEEDS[: 1 if quick else None]:
        model = matfact.ImplicitMF(
            192, unobserved_weight=0.3, l2=0.0085, max_iter=16, random_state=seed, num_threads=THREADS
        )
        seconds, _model = clock(lambda model=model: model.fit(train))
        found = matfact.evaluate(model, test, ["hit_rate@10", "ndcg@10"], candidates=others, num_threads=THREADS)
        values.append(tuple(found.values()))
        for row in rows:
            row.ours_seconds.append(seconds)
    for row, of_metric, at_least in zip(rows, zip(*values, strict=True), (0.728, 0.450), strict=True):
        row.value, row.at_least = statistics.mean(of_metric), at_least
        row.note = f"{len(values)} seeds, {min(of_metric):.4f} to {max(of_metric):.4f}"
    return rows


JOBS = [Job("ncf", run)]
