"""Limits of memory: what users write, and which way of decomposing a source stays below one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from matfact._sources import Source
from matfact._validation import as_integer

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_BATCH_BYTES = 1 << 26  # more rows at a time gain nothing
_SMALL_BATCH_BYTES = 1 << 20  # fewer cost
GRAM_FEATURES = 2048  # up to here a single pass for X'X is cheaper than many for products with a few vectors


def parse_memory_limit(value: Any) -> int | None:
    """Bytes: an integer of at least 1, or a number with a unit such as "512MB" or "1.5 GiB"."""
    if value is None:
        return None
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?B)\s*", value.upper())
        if match is None or match[2] not in _UNITS:
            raise ValueError(f"memory_limit must be bytes or a number with a unit such as '512MB', got {value!r}")
        limit = int(float(match[1]) * _UNITS[match[2]])
    else:
        limit = as_integer(value, "memory_limit")
    if limit < 1:
        raise ValueError(f"memory_limit must be at least 1 byte, got {value!r}")
    return limit


@dataclass(frozen=True, slots=True)
class Plan:
    """How to decompose a source: the solver, the columns of its products, and the rows of a batch."""

    solver: str
    block: int
    batch_rows: int
    fixed_bytes: int
    """What is needed beside the rows."""


def plan(
    source: Source, n_components: int, *, solver: str, compute_u: bool, by_fraction: bool, limit: int | None
) -> Plan:
    """The fastest way that stays below `limit`; ValueError, with the smallest limit that works, where there is none.
    `n_components` 0 stands for all."""
    n = source.n_features
    n_rows = n if source.n_rows is None else source.n_rows
    k = n_components or min(n_rows, n)
    ways = []
    if solver == "gram" or (solver == "auto" and n <= GRAM_FEATURES):
        ways.append(("gram", 0))
    unknown = by_fraction and limit is not None
    if solver == "krylov" or (solver == "auto" and not unknown):
        block = min(64, max(16, -(-(k + 6) // 8) * 8))
        ways += [("krylov", b) for b in range(block, 0, -8)]
    if unknown and (compute_u or not ways):
        raise ValueError(
            "the memory of a share of the variance is not known beforehand: give n_components as an integer, or no "
            "memory_limit"
        )
    u = result_bytes(source.n_rows or 0, k) if compute_u else 0
    least = max(source.row_bytes, min(_SMALL_BATCH_BYTES, source.row_bytes * n_rows))
    needs = [(way, u + _workspace(*way, n, k)) for way in ways]
    for (name, block), fixed in needs:
        if limit is None or fixed + least <= limit:
            return Plan(name, block, batch_rows(source, None if limit is None else limit - fixed), fixed)
    raise too_small(limit, min(fixed for _, fixed in needs) + least)


def batch_rows(source: Source, room: int | None) -> int:
    """Rows of a batch that takes no more than `room` bytes."""
    most = _BATCH_BYTES if room is None else min(_BATCH_BYTES, room)
    return max(1, most // (source.row_bytes or source.n_features * source.dtype.itemsize))


def too_small(limit: int | None, needed: int) -> ValueError:
    """The error for a limit that does not do."""
    megabytes = -(-needed // 10**4) / 100  # rounded up
    return ValueError(f"memory_limit={limit} bytes is too small here: it takes at least '{megabytes:.2f}MB'")


def result_bytes(n_rows: int, n_components: int) -> int:
    """Of u, in float64 with what it is made from: up to five matrices of its shape, and it."""
    return 48 * n_rows * n_components


def _workspace(solver: str, block: int, n: int, k: int) -> int:
    """Bytes of the core's own arrays, beside the batch and u."""
    if solver == "gram":
        # Gram matrices of all rows and of a batch, what the eigensolver takes, and panels of rows.
        return 8 * n * (4 * n + 4 * k) + (1 << 21)
    # A probe widens the block, and another one where there may be as many copies of a value as columns.
    widest = block + 8 + (max(8, k // 2) if k >= block + 8 else 0)
    # The basis, products in 16 lanes, blocks on their way, and v; the system may keep the lanes of narrower blocks.
    return 8 * n * (max(4 * k, k + max(128, 8 * block, 4 * widest)) + 26 * widest + 16 * block + 6 * k) + (1 << 20)
