"""What a callback is told, and how the core calls it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias


class Iteration(NamedTuple):
    """What a callback is told after each sweep."""

    n_iter: int
    """Sweeps done so far."""
    objective: float
    """The value that is minimized, after the last sweep."""


Callback: TypeAlias = Callable[[Iteration], bool | None]


def between_sweeps(callback: Callback | None) -> Callable[[int, float], bool | None] | None:
    """`callback` as the core calls it; in the middle of a sweep, where there is no objective, it stays quiet."""
    if callback is None:
        return None
    return lambda n_iter, objective: None if math.isnan(objective) else callback(Iteration(n_iter, objective))
