"""PCA(50) of Fashion-MNIST: time against scikit-learn's fastest exact solver, and memory above X."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from typing import Any

import numpy as np
from sklearn.decomposition import PCA as ReferencePCA

import matfact

from .data import Array, images
from .harness import THREADS, Job, Row, clock, duel
from .measure import orthonormality, relative_error

EXACT = ("full", "covariance_eigh", "arpack")


def exact_variances(x: Array, k: int) -> Array:
    """Leading eigenvalues of the covariance in float64, formed in blocks: an answer that favours nobody."""
    mean = x.mean(axis=0, dtype=np.float64)
    gram = np.zeros((x.shape[1], x.shape[1]))
    for begin in range(0, len(x), 4096):
        block = x[begin : begin + 4096].astype(np.float64) - mean
        gram += block.T @ block
    return np.linalg.eigvalsh(gram)[::-1][:k] / (len(x) - 1)


def speed(dtype: type[np.floating[Any]], at_least: float) -> Job:
    name = np.dtype(dtype).name

    def run(quick: bool, repeats: int) -> list[Row]:
        x, source = images(dtype, quick)
        k = 50
        peers = {solver: ReferencePCA(k, svd_solver=solver, random_state=0) for solver in EXACT}
        seconds = {solver: clock(lambda p=p: p.fit(x))[0] for solver, p in peers.items()}
        fastest = min(seconds, key=seconds.__getitem__)

        row = Row(
            f"PCA({k}) of {source}, {len(x)} x {x.shape[1]}, {name}", f"scikit-learn, {fastest}", at_least=at_least
        )
        row.note = "one run each: " + ", ".join(f"{solver} {s:.2f} s" for solver, s in seconds.items())
        ours, peer = duel(
            row, lambda: matfact.PCA(k, num_threads=THREADS).fit(x), lambda: peers[fastest].fit(x), repeats
        )
        exact = exact_variances(x, k)

        def accuracy(p: Any) -> dict[str, float]:
            return {
                "variance relative error": relative_error(p.explained_variance_, exact),
                "orthonormality": orthonormality(p.components_.T),
            }

        row.accuracy, row.peer_accuracy = accuracy(ours), accuracy(peer)
        # Forming the covariance perturbs every variance by a few eps of the largest.
        eps = float(np.finfo(dtype).eps)
        row.required = {"variance relative error": 16 * eps * exact[0] / exact[-1], "orthonormality": 1000 * eps}
        return [row]

    return Job(f"pca_{name}", run)


def memory(dtype: type[np.floating[Any]]) -> Job:
    name = np.dtype(dtype).name

    def run(quick: bool, repeats: int) -> list[Row]:
        del repeats  # a peak does not scatter as a time does
        share = {who: _peak_above_x(who, name, quick) for who in ("matfact", "sklearn")}
        row = Row(
            f"peak memory above X of PCA(50), {name}", "scikit-learn, covariance_eigh", unit="% of X", at_most=15.0
        )
        row.value = 100 * share["matfact"]
        row.note = f"scikit-learn: {100 * share['sklearn']:.0f} % of X"
        return [row]

    return Job(f"pca_memory_{name}", run)


def _peak_above_x(who: str, dtype: str, quick: bool) -> float:
    command = [sys.executable, "-m", "benchmarks.pca", who, dtype, *(["--quick"] if quick else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout))


def _measure_peak(who: str, dtype: str, quick: bool) -> float:
    """Growth of the peak resident set during fit, as a share of X. Libraries are loaded and warm before."""
    if who == "matfact":
        pca: Any = matfact.PCA(50, num_threads=THREADS)
    else:
        pca = ReferencePCA(50, svd_solver="covariance_eigh")
    pca.fit(np.random.default_rng(0).standard_normal((1000, 784)).astype(dtype))
    x, _ = images(np.dtype(dtype).type, quick)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pca.fit(x)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return grown * (1 if sys.platform == "darwin" else 1024) / x.nbytes


JOBS = [speed(np.float64, 2.5), speed(np.float32, 1.5), memory(np.float64), memory(np.float32)]

if __name__ == "__main__":
    print(json.dumps(_measure_peak(sys.argv[1], sys.argv[2], "--quick" in sys.argv)))
