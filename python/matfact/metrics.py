r"""What predictions and lists are worth, on entries that the model has not seen.

Lists are judged with binary relevance: the items of a user in the test part are relevant, all others are not. With
:math:`r_j = 1` where the item at rank j (from 1) is relevant and :math:`n` relevant items of a user,

============= ========================================================================================================
precision@k   :math:`\sum_{j \le k} r_j / k`
recall@k      :math:`\sum_{j \le k} r_j / \min(k, n)`, so that 1 can be reached [2]_
hit_rate@k    1 if any :math:`r_j = 1`, :math:`j \le k`, else 0
mrr@k         :math:`1 / j` of the first :math:`r_j = 1`, :math:`j \le k`; 0 without one
map@k         :math:`\sum_{j \le k} r_j \, \mathrm{precision@}j / \min(k, n)`
ndcg@k        :math:`\sum_{j \le k} r_j / \log_2(j + 1)` over its largest value,
              :math:`\sum_{j \le \min(k, n)} 1 / \log_2(j + 1)` [1]_
============= ========================================================================================================

each the mean over the users with at least one relevant item. Lists that are shorter than k miss in the ranks they lack.

References
----------
.. [1] Järvelin, K., and Kekäläinen, J. (2002). Cumulated gain-based evaluation of IR techniques. ACM TOIS 20(4),
   422-446. doi:10.1145/582415.582418
.. [2] Liang, D., Krishnan, R. G., Hoffman, M. D., and Jebara, T. (2018). Variational autoencoders for collaborative
   filtering. WWW 2018, 689-698. doi:10.1145/3178876.3186150
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from matfact._recommender import Recommender
from matfact.interactions import Interactions

Hits: TypeAlias = npt.NDArray[np.bool_]
PerUser: TypeAlias = npt.NDArray[np.float64]

_USERS = 4096  # whose lists are held at a time


def rmse(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Root of the mean squared error.

    Parameters
    ----------
    truth, predicted : array-like of shape (n_entries,)
        Finite numbers, at least one.

    Returns
    -------
    float
        In the unit of the ratings.

    Raises
    ------
    ValueError
        If the lengths differ or are 0.

    Examples
    --------
    >>> from matfact import metrics
    >>> metrics.rmse([3, 5], [4, 5])
    0.7071067811865476
    """
    return float(np.sqrt(np.mean(_errors(truth, predicted) ** 2)))


def mae(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Mean absolute error.

    Parameters
    ----------
    truth, predicted : array-like of shape (n_entries,)
        Finite numbers, at least one.

    Returns
    -------
    float
        In the unit of the ratings.

    Raises
    ------
    ValueError
        If the lengths differ or are 0.

    Examples
    --------
    >>> from matfact import metrics
    >>> metrics.mae([3, 5], [4, 5])
    0.5
    """
    return float(np.mean(np.abs(_errors(truth, predicted))))


def evaluate(
    model: Recommender,
    test: Interactions,
    metrics: Sequence[str] = ("ndcg@10", "recall@10"),
    *,
    history: Interactions | None = None,
    exclude_seen: bool = True,
) -> dict[str, float]:
    """Judge a fitted model by entries that were held out.

    Parameters
    ----------
    model : ImplicitMF or BiasedMF
        Fitted to the training part.
    test : Interactions
        The test part, with the ids of the training part.
    metrics : sequence of str, default=("ndcg@10", "recall@10")
        ``"rmse"``, ``"mae"``, or precision, recall, hit_rate, mrr, map or ndcg with the length of the list, such as
        ``"ndcg@10"``; `matfact.metrics` defines them.
    history : Interactions, optional
        Entries to fold the test users in with, where they were not in the fit (`strong_generalization`); lists only.
    exclude_seen : bool, default=True
        Leave the entries of the fit, or of `history`, out of the lists.

    Returns
    -------
    dict of str to float
        A value for each metric, in their order.

    Raises
    ------
    ValueError
        If a metric is unknown, `test` has no entry, or `history` has other users or items than `test`.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> import matfact
    >>> x = matfact.Interactions(sp.csr_array([[1, 1, 1, 0], [1, 1, 1, 0], [0, 1, 1, 1]]))
    >>> train, test = matfact.leave_k_out(x)
    >>> model = matfact.ImplicitMF(2, random_state=0).fit(train)
    >>> matfact.evaluate(model, test, ["hit_rate@2"])
    {'hit_rate@2': 1.0}
    """
    lengths = {name: _length(name) for name in metrics}
    if test.n_interactions == 0:
        raise ValueError("test must hold at least one entry")
    if history is not None and history.shape != test.shape:
        raise ValueError(f"history must have the users and items of test, got shape {history.shape} for {test.shape}")
    results = dict.fromkeys(metrics, 0.0)
    for name in metrics:
        if lengths[name] == 0:
            results[name] = _RATINGS[name](test.matrix.data, _predictions(model, test, history))
    if longest := max(lengths.values(), default=0):
        users = np.flatnonzero(test.user_counts)
        for begin in range(0, len(users), _USERS):
            some = users[begin : begin + _USERS]
            hits = _hits(model, test, history, some, longest, exclude_seen)
            relevant = test.user_counts[some]
            for name, k in lengths.items():
                if k:
                    values = _LISTS[name.partition("@")[0]](hits[:, :k], relevant)
                    results[name] += float(values.sum()) / len(users)
    return results


def _hits(
    model: Recommender, test: Interactions, history: Interactions | None, users: Any, n: int, exclude_seen: bool
) -> Hits:
    """Which places of the users' lists hold a test item; (n_users, n)."""
    if history is None:
        found = model.recommend(test.user_ids[users], n, exclude_seen=exclude_seen)
    else:
        found = model.recommend_new(history.matrix[users], n, exclude_seen=exclude_seen)
    codes = test.item_codes(found.items.ravel()).reshape(found.items.shape)
    keys = users[:, None] * test.n_items + codes
    stored = np.repeat(np.arange(test.n_users), test.user_counts) * test.n_items + test.matrix.indices
    place = np.minimum(np.searchsorted(stored, keys), len(stored) - 1)
    hits = np.zeros((len(users), n), bool)
    hits[:, : keys.shape[1]] = (stored[place] == keys) & found.mask & (codes >= 0)
    return hits


def _predictions(model: Recommender, test: Interactions, history: Interactions | None) -> Any:
    if history is not None:
        raise ValueError("rmse and mae are of users of the fit: leave history out")
    users = np.repeat(test.user_ids, test.user_counts)
    return model.predict(users, test.item_ids[test.matrix.indices])


def _precision(hits: Hits, relevant: Any) -> PerUser:  # noqa: ARG001 (one signature for all)
    return np.asarray(hits.mean(axis=1))


def _recall(hits: Hits, relevant: Any) -> PerUser:
    return np.asarray(hits.sum(axis=1) / np.minimum(hits.shape[1], relevant))


def _hit_rate(hits: Hits, relevant: Any) -> PerUser:  # noqa: ARG001
    return np.asarray(hits.any(axis=1), dtype=np.float64)


def _mrr(hits: Hits, relevant: Any) -> PerUser:  # noqa: ARG001
    return np.asarray(hits.any(axis=1) / (hits.argmax(axis=1) + 1))


def _map(hits: Hits, relevant: Any) -> PerUser:
    precision = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    return np.asarray((precision * hits).sum(axis=1) / np.minimum(hits.shape[1], relevant))


def _ndcg(hits: Hits, relevant: Any) -> PerUser:
    gains = 1.0 / np.log2(np.arange(2, hits.shape[1] + 2))
    return np.asarray((hits @ gains) / np.cumsum(gains)[np.minimum(hits.shape[1], relevant) - 1])


_LISTS: dict[str, Callable[[Hits, Any], PerUser]] = {
    "precision": _precision,
    "recall": _recall,
    "hit_rate": _hit_rate,
    "mrr": _mrr,
    "map": _map,
    "ndcg": _ndcg,
}
_RATINGS: dict[str, Callable[[Any, Any], float]] = {"rmse": rmse, "mae": mae}


def _length(name: str) -> int:
    """The k of a metric of lists, 0 for one of ratings."""
    stem, _, k = name.partition("@")
    if name in _RATINGS:
        return 0
    if stem in _LISTS and k.isdecimal() and int(k) >= 1:
        return int(k)
    raise ValueError(
        f"metrics must be 'rmse', 'mae' or one of {', '.join(_LISTS)} with a length, as 'ndcg@10', got {name!r}"
    )


def _errors(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> npt.NDArray[np.float64]:
    a, b = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    if a.shape != b.shape or a.size == 0:
        raise ValueError(f"truth and predicted must be equally long and not empty, got shapes {a.shape} and {b.shape}")
    return a - b
