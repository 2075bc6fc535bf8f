"""Limits of memory: what users write, and which way of decomposing a source stays below one."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from math import prod
from typing import Any

from matfact._sources import Source
from matfact._validation import as_integer

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_BATCH_BYTES = 1 << 26  # more rows at a time gain nothing
_SMALL_BATCH_BYTES = 1 << 20  # fewer cost
_USUAL_COMPONENTS = 26  # for which blocks are chosen where their number is not known
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
    max_components: int
    """Triplets that a share of the variance may take; 0 where nothing limits them."""
    fixed_bytes: int
    """What is needed beside the rows."""


def plan(source: Source, n_components: int, *, solver: str, compute_u: bool, limit: int | None) -> Plan:
    """The fastest way that stays below `limit`; ValueError, with the smallest limit that works, where there is none.
    `n_components` 0 stands for all."""
    n_rows, n = _shape(source)
    k = n_components or min(n_rows, n)
    needs = [(way, _fixed(way, source, k, compute_u)) for way in _ways(solver, n, k)]
    least = _least_batch(source)
    for (name, block), fixed in needs:
        if limit is None or fixed + least <= limit:
            return Plan(name, block, batch_rows(source, None if limit is None else limit - fixed), 0, fixed)
    raise too_small(limit, min(fixed for _, fixed in needs) + least)


def plan_share(source: Source, *, solver: str, compute_u: bool, limit: int | None, batch_bytes: int) -> Plan:
    """The same where a share of the variance decides on the number of triplets: no more of them than `limit` holds
    beside batches of `batch_bytes`, where these are not ours to cut."""
    if limit is None:
        return plan(source, _USUAL_COMPONENTS, solver=solver, compute_u=compute_u, limit=None)
    whole = prod(_shape(source)) * source.dtype.itemsize
    least = batch_bytes or max(_least_batch(source), min(_SMALL_BATCH_BYTES, whole))
    numbers = range(1, min(_shape(source)) + 1)

    def most(way: tuple[str, int]) -> int:
        return bisect_right(numbers, limit - least, key=lambda k: _fixed(way, source, k, compute_u, grows=True))

    ways = _ways(solver, source.n_features, _USUAL_COMPONENTS)
    found = [(way, most(way)) for way in ways]
    enough = max(1, max(k for _, k in found) // 2)  # narrow blocks hold a few more, and take many more passes
    for (name, block), k in found:
        if k >= enough:
            fixed = _fixed((name, block), source, k, compute_u, grows=True)
            return Plan(name, block, batch_rows(source, limit - fixed), k, fixed)
    raise too_small(limit, min(_fixed(way, source, 1, compute_u, grows=True) for way in ways) + least)


def _shape(source: Source) -> tuple[int, int]:
    """As good as known: rows that are not counted yet are taken for many."""
    n = source.n_features
    return n if source.n_rows is None else source.n_rows, n


def _ways(solver: str, n: int, k: int) -> list[tuple[str, int]]:
    """Solvers and columns of their products, the fastest first."""
    ways = []
    if solver == "gram" or (solver == "auto" and n <= GRAM_FEATURES):
        ways.append(("gram", 0))
    if solver in ("krylov", "auto"):
        block = min(64, max(16, -(-(k + 6) // 8) * 8))
        ways += [("krylov", b) for b in range(block, 0, -8)]
    return ways


def _least_batch(source: Source) -> int:
    return max(source.row_bytes, min(_SMALL_BATCH_BYTES, source.row_bytes * _shape(source)[0]))


def _fixed(way: tuple[str, int], source: Source, k: int, compute_u: bool, *, grows: bool = False) -> int:
    """Bytes beside a batch."""
    u = result_bytes(source.n_rows or 0, k) if compute_u else 0
    return u + _workspace(*way, source.n_features, k, grows=grows)


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


def _workspace(solver: str, block: int, n: int, k: int, *, grows: bool) -> int:
    """Bytes of the core's own arrays, beside the batch and u; a basis that grows with k moves to larger memory."""
    if solver == "gram":
        # Gram matrices of all rows and of a batch, what the eigensolver takes, and panels of rows.
        return 8 * n * (4 * n + 4 * k) + (1 << 21)
    # A probe widens the block, and another one where there may be as many copies of a value as columns.
    widest = block + 8 + (max(8, k // 2) if k >= block + 8 else 0)
    # The basis, products in 16 lanes, blocks on their way, and v; the system may keep the lanes of narrower blocks.
    basis = max(4 * k, k + max(128, 8 * block, 4 * widest))
    return 8 * n * (basis * (2 if grows else 1) + 26 * widest + 16 * block + 6 * k) + (1 << 20)
