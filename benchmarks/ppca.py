"""PCA(20) of a matrix of which 30 % is missing: the fit against the EM implementations that pip installs.

    pip install vbpca-py ppca-rs rustypca ppca-py        # and instead of the last one: ppca

Those that are there take part. Each makes the least of some efforts (a number of iterations, or a tolerance where it
takes only that) whose model predicts hidden entries as well as ours; the fastest one under that rule is the rival.
``ppca`` and ``ppca-py`` have the same import name and cannot stand beside each other.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

import matfact

from .data import Array
from .harness import THREADS, Job, Row, clock, duel

Completer: TypeAlias = Callable[[Array], Array]
"""What a fit leaves: the leading rows of x go in, and come out with expectations for what is missing in them."""

K = 20
JUDGED = 1000  # rows by which a model is judged
EQUAL = 1.001  # ratio of held-out errors that counts as equal
ITERATIONS = (1, 2, 3, 4, 6, 8, 12, 16)
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


def ours(x: Array) -> Completer:
    return matfact.PCA(K, missing="ppca", num_threads=THREADS).fit(x).impute


def conditional(loadings: Array, mean: Array, noise: float) -> Completer:
    """Expectations under probabilistic PCA, given the observed entries of each row."""

    def complete(x: Array) -> Array:
        rows = x.copy()
        for row in rows:
            hole = np.isnan(row)
            a = loadings[~hole]
            z = np.linalg.solve(a.T @ a + noise * np.eye(K), a.T @ (row - mean)[~hole])
            row[hole] = (mean + loadings @ z)[hole]
        return rows

    return complete


def vbpca_py(x: Array, effort: int) -> Completer:
    module = importlib.import_module("vbpca_py")
    options = {"maxiters": ITERATIONS[effort], "niter_broadprior": 0, "return_diagnostics": False}
    model = module.VBPCA(K, algorithm="ppca", num_cpu=THREADS, random_state=0, **options).fit(x)
    return conditional(model.components_.T, model.mean_, float(model.noise_variance_))


def ppca_rs(x: Array, effort: int) -> Completer:
    module = importlib.import_module("ppca_rs")
    trainer = module.PPCATrainer(module.Dataset(x))
    model = trainer.train(state_size=K, n_iters=ITERATIONS[effort], quiet=True)
    return conditional(model.transform, model.mean, float(model.isotropic_noise) ** 2)


def rustypca(x: Array, effort: int) -> Completer:
    module = importlib.import_module("rustypca")
    model = module.PPCA(K, max_iterations=ITERATIONS[effort], tol=0.0, random_state=0).fit(x)
    return conditional(model.components_.T, model.mean_, float(model.noise_variance_))


def class_of(package: str) -> Any:
    """``PPCA`` of ``ppca`` or of ``ppca-py``, whose constructor alone has parameters."""
    found = importlib.import_module("ppca").PPCA
    if (package == "ppca-py") != bool(inspect.signature(found).parameters):
        raise ImportError("the other package of that name")
    return found


def ppca_py(x: Array, effort: int) -> Completer:
    """An error where `max_iter` is reached, so that the tolerance has to end it."""
    options = {"rtol": 10.0 ** -(effort + 1), "min_iter": 1, "rotate_to_orthogonal": False}
    found = class_of("ppca-py")(K, random_state=0, **options).fit(x).get_params()
    return conditional(found["components"].T, found["mean"], float(found["noise_variance"]))


def ppca(x: Array, effort: int) -> Completer:
    """It replaces missing entries by their expectations in each iteration, as if they were data: another optimum."""
    model = class_of("ppca")()
    model.fit(x.copy(), d=K, tol=10.0 ** -(effort + 1))
    expected = model.transform() @ model.C.T * model.stds + model.means
    return lambda rows: np.where(np.isnan(rows), expected[: len(rows)], rows)


PEERS: dict[str, Callable[[Array, int], Completer]] = {
    "vbpca-py": vbpca_py,
    "ppca-rs": ppca_rs,
    "rustypca": rustypca,
    "ppca-py": ppca_py,
    "ppca": ppca,
}


def held_out_error(model: Completer, x: Array, full: Array) -> float:
    """Root mean square over the hidden entries of the leading rows."""
    rows = x[:JUDGED]
    return float(np.sqrt(np.mean((model(rows) - full[:JUDGED])[np.isnan(rows)] ** 2)))


def missing(quick: bool, repeats: int) -> list[Row]:
    x, full = incomplete(quick)
    target = held_out_error(ours(x), x, full)
    seconds: dict[str, float] = {}
    needed: dict[str, int] = {}
    notes = []
    for name, fit in PEERS.items():
        error, spent = np.inf, 0.0
        try:
            for effort in range(len(ITERATIONS)):
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
