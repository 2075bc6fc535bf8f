"""The Gram matrix X'X, the inner engine of the tall and wide decompositions."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys

import numpy as np

from .data import Array
from .harness import THREADS, Job, Row, clock, duel


def make(dtype: str, quick: bool) -> Array:
    shape = (1000, 100) if quick else (20_000, 1000)
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def ours(x: Array) -> Array:
    from matfact import _core

    function = _core.gram_f64 if x.dtype == np.float64 else _core.gram_f32
    return function(x, center=False, num_threads=THREADS)


def gram(dtype: str, at_least: float) -> Job:
    def run(quick: bool, repeats: int) -> list[Row]:
        x = make(dtype, quick)
        wide = x.astype(np.longdouble if quick else np.float64)
        exact = (wide.T @ wide).astype(np.float64)

        def error(g: Array) -> dict[str, float]:
            return {"relative error": float(np.abs(g - exact).max() / np.abs(exact).max())}

        row = Row(f"Gram matrix {x.shape[0]} x {x.shape[1]}, {dtype}", "NumPy X.T @ X", at_least=at_least)
        row.required = {"relative error": 1e-12}  # of float64 sums, for float32 data as well
        g, peer = duel(row, lambda: ours(x), lambda: x.T @ x, repeats)
        row.accuracy, row.peer_accuracy = error(g), error(peer)
        return [row]

    return Job(f"gram_{dtype}", run)


def levels(quick: bool, repeats: int) -> list[Row]:
    """The same wheel at two CPU levels, each in a process of its own."""
    from matfact import _core

    rows = []
    for dtype in ("float64", "float32"):
        row = Row(f"Gram matrix, {dtype}: level v4 against v2 of one wheel", "matfact, MATFACT_CPU=v2")
        rows.append(row)
        if not {"v2", "v4"} <= set(_core.available_levels):
            row.note = f"not measured: this build offers {', '.join(_core.available_levels)}"
            continue
        for _ in range(repeats):
            row.ours_seconds.append(_at_level("v4", dtype, quick))
            row.peer_seconds.append(_at_level("v2", dtype, quick))
        row.value = statistics.median(row.peer_seconds) / statistics.median(row.ours_seconds)
        row.note = "reported, no target; 5-7 expected"
    return rows


def _at_level(level: str, dtype: str, quick: bool) -> float:
    command = [sys.executable, "-m", "benchmarks.gram", dtype, *(["--quick"] if quick else [])]
    environment = {**os.environ, "MATFACT_CPU": level}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout))


JOBS = [gram("float64", 0.95), gram("float32", 0.5), Job("gram_levels", levels)]

if __name__ == "__main__":
    data = make(sys.argv[1], "--quick" in sys.argv)
    ours(data)
    print(json.dumps(min(clock(lambda: ours(data))[0] for _ in range(3))))
