"""PCA(20) of a matrix of which 30 % is missing: the fit against the EM implementations that pip installs.

    pip install ppca-py ppca-rs rustypca

Those that are there take part. Each makes the least of eight efforts (1, 2, 4, ... of its iterations, or a tolerance
of 1, 0.1, ... where it takes only that) whose model predicts hidden entries as well as ours; the fastest one under that
rule is the rival. The NumPy package ``ppca`` has the import name of ppca-py and cannot stand beside it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

import matfact

from .data import Array
from .harness import THREADS, Job, Row, clock, duel

Model = tuple[Array, Array, float]
"""Loadings (n, k), mean and noise variance."""

K = 20
EQUAL = 1.001  # ratio of held-out errors that counts as equal
EFFORTS = 8
BUDGET = 20.0  # seconds after which a peer's search for the effort it needs ends


def incomplete(quick: bool) -> tuple[Array, Array]:
    """A factor model with noise of variance 1, 30 % hidden; and all of it."""
    m, n = (500, 100) if quick else (5000, 500)
    rng = np.random.default_rng(1)
    axes = rng.standard_normal((n, K)) * np.linspace(2.0, 0.5, K)
    full = rng.standard_normal((m, K)) @ axes.T + 3 * rng.standard_normal(n) + rng.standard_normal((m, n))
    x = full.copy()
    x[rng.random((m, n)) < 0.3] = np.nan
    return x, full


def ours(x: Array) -> Model:
    pca = matfact.PCA(K, missing="ppca", num_threads=THREADS).fit(x)
    signal = pca.explained_variance_ - pca.noise_variance_
    return pca.components_.T * np.sqrt(signal), pca.mean_, float(pca.noise_variance_)


def ppca_py(x: Array, effort: int) -> Model:
    """An error where `max_iter` is reached, so that the tolerance has to end it."""
    ppca = importlib.import_module("ppca")
    model = ppca.PPCA(K, rtol=10.0**-effort, min_iter=1, rotate_to_orthogonal=False, random_state=0).fit(x)
    found = model.get_params()
    return found["components"].T, found["mean"], float(found["noise_variance"])


def ppca_rs(x: Array, effort: int) -> Model:
    module = importlib.import_module("ppca_rs")
    trainer = module.PPCATrainer(module.Dataset(x))
    model = trainer.train(state_size=K, n_iters=2**effort, quiet=True)
    return model.transform, model.mean, float(model.isotropic_noise) ** 2


def rustypca(x: Array, effort: int) -> Model:
    module = importlib.import_module("rustypca")
    model = module.PPCA(K, max_iterations=2**effort, tol=0.0, random_state=0).fit(x)
    return model.components_.T, model.mean_, model.noise_variance_


PEERS: dict[str, Callable[[Array, int], Model]] = {"ppca-py": ppca_py, "ppca-rs": ppca_rs, "rustypca": rustypca}


def held_out_error(model: Model, x: Array, full: Array) -> float:
    """Root mean square over the hidden entries of the first thousand rows, each row completed by its expectation."""
    w, mean, noise = model
    squares = []
    for row, truth in zip(x[:1000], full[:1000], strict=True):
        seen = ~np.isnan(row)
        a = w[seen]
        z = np.linalg.solve(a.T @ a + noise * np.eye(w.shape[1]), a.T @ (row - mean)[seen])
        squares.append((mean + w @ z - truth)[~seen] ** 2)
    return float(np.sqrt(np.concatenate(squares).mean()))


def missing(quick: bool, repeats: int) -> list[Row]:
    x, full = incomplete(quick)
    target = held_out_error(ours(x), x, full)
    seconds: dict[str, float] = {}
    needed: dict[str, int] = {}
    notes = []
    for name, fit in PEERS.items():
        error, spent = np.inf, 0.0
        try:
            for effort in range(EFFORTS):
                took, model = clock(lambda f=fit, e=effort: f(x, e))
                error = held_out_error(model, x, full)
                if error <= EQUAL * target:
                    seconds[name], needed[name] = took, effort
                    break
                spent += took
                if spent > BUDGET:
                    break
        except ImportError:
            notes.append(f"{name} is not installed")
            continue
        reached = (
            f"effort {needed[name]}, {seconds[name]:.2f} s"
            if name in needed
            else f"error {error:.4f} against {target:.4f} after {spent:.0f} s"
        )
        notes.append(f"{name}: {reached}")
    name = min(seconds, key=seconds.__getitem__, default="none at hand")
    row = Row(f"PCA({K}) with 30 % missing, {x.shape[0]} x {x.shape[1]}, fit", name, at_least=5.0)
    row.note = "; ".join(notes)
    row.required = {"held-out error": EQUAL * target}
    row.accuracy = {"held-out error": target}
    if seconds:
        _, theirs = duel(row, lambda: ours(x), lambda: PEERS[name](x, needed[name]), repeats)
        row.peer_accuracy = {"held-out error": held_out_error(theirs, x, full)}
    return [row]


JOBS: list[Any] = [Job("pca_missing", missing)]
