"""What a job is, and how two rivals are timed so that neither disturbs the other."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

THREADS = 2
# BLAS and OpenMP workers spin for some milliseconds after their last task; a rival timed meanwhile would lose a core.
PAUSE = 0.1

Accuracy = dict[str, float]


def thread_environment() -> dict[str, str]:
    """Every pool of a job's process gets the same number of threads, before it is created."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    return {**os.environ, **dict.fromkeys(names, str(THREADS))}


@dataclass
class Row:
    """One line of the table. `value` is what the target is about; by default the ratio peer / ours of the medians."""

    job: str
    peer: str
    ours_seconds: list[float] = field(default_factory=list)
    peer_seconds: list[float] = field(default_factory=list)
    value: float = float("nan")
    unit: str = "x"
    at_least: float | None = None
    at_most: float | None = None
    accuracy: Accuracy = field(default_factory=dict)
    peer_accuracy: Accuracy = field(default_factory=dict)
    required: Mapping[str, float] = field(default_factory=dict)  # largest value allowed of an entry of `accuracy`
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether speed and accuracy are as asked; None where nothing is asked."""
        if self.at_least is None and self.at_most is None:
            return None
        fast = (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )
        return fast and all(self.accuracy[name] <= bound for name, bound in self.required.items())

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "met": self.met}


@dataclass(frozen=True)
class Job:
    """Runs in a process of its own and gives its rows. `quick` asks for sizes of a smoke test."""

    name: str
    run: Callable[[bool, int], list[Row]]  # (quick, repeats)


def clock(function: Callable[[], Any]) -> tuple[float, Any]:
    time.sleep(PAUSE)
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def duel(row: Row, ours: Callable[[], Any], peer: Callable[[], Any], repeats: int) -> tuple[Any, Any]:
    """Times A B A B ..., after one run of each that nobody counts; fills in the row and returns the last results."""
    ours(), peer()
    for _ in range(repeats):
        seconds, ours_result = clock(ours)
        row.ours_seconds.append(seconds)
        seconds, peer_result = clock(peer)
        row.peer_seconds.append(seconds)
    row.value = statistics.median(row.peer_seconds) / statistics.median(row.ours_seconds)
    return ours_result, peer_result
