"""What a list is worth, term by term; `matfact.metrics` has the formulas."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2


def list_metric(
    name: str, k: int, items: Sequence[int], relevant: set[int], n_relevant: int, shares: Sequence[float]
) -> float:
    """One metric of one user's list; `items` ends at the first negative one."""
    listed = [i for i in items if i >= 0][:k]
    ranks = [j for j, i in enumerate(listed, start=1) if i in relevant]
    reachable = min(k, n_relevant)
    if name == "novelty":
        return sum(-log2(shares[i]) for i in listed) / len(listed) if listed else 0.0
    if name == "precision":
        return len(ranks) / k
    if not ranks:
        return 0.0
    if name == "recall":
        return len(ranks) / reachable
    if name == "hit_rate":
        return 1.0
    if name == "mrr":
        return 1 / ranks[0]
    if name == "map":
        return sum(sum(r <= j for r in ranks) / j for j in ranks) / reachable
    if name == "ndcg":
        return sum(1 / log2(j + 1) for j in ranks) / sum(1 / log2(j + 1) for j in range(1, reachable + 1))
    raise ValueError(name)
