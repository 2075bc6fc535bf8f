"""What lists are worth by the places of relevant items in them; `matfact.metrics` has the definitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Hits: TypeAlias = npt.NDArray[np.bool_]
PerUser: TypeAlias = npt.NDArray[np.float64]


def _precision(hits: Hits, relevant: Any, k: int) -> PerUser:  # noqa: ARG001 (one signature for all)
    return np.asarray(hits.sum(axis=1) / k)


def _recall(hits: Hits, relevant: Any, k: int) -> PerUser:
    return np.asarray(hits.sum(axis=1) / np.minimum(k, relevant))


def _hit_rate(hits: Hits, relevant: Any, k: int) -> PerUser:  # noqa: ARG001
    return np.asarray(hits.any(axis=1), dtype=np.float64)


def _mrr(hits: Hits, relevant: Any, k: int) -> PerUser:  # noqa: ARG001
    return np.asarray(hits.any(axis=1) / (hits.argmax(axis=1) + 1))


def _map(hits: Hits, relevant: Any, k: int) -> PerUser:
    precision = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    return np.asarray((precision * hits).sum(axis=1) / np.minimum(k, relevant))


def _ndcg(hits: Hits, relevant: Any, k: int) -> PerUser:
    gains = 1.0 / np.log2(np.arange(2, hits.shape[1] + 2))
    return np.asarray((hits @ gains) / np.cumsum(gains)[np.minimum(k, relevant) - 1])


BY_HITS: dict[str, Callable[[Hits, Any, int], PerUser]] = {
    "precision": _precision,
    "recall": _recall,
    "hit_rate": _hit_rate,
    "mrr": _mrr,
    "map": _map,
    "ndcg": _ndcg,
}
"""Of hits in the first k places, or as many as there are items; relevant items of each user; and k."""
