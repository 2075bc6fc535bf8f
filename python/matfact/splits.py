"""Splits of interactions into what a model is fitted to and what it is judged by, without leakage.

Every part has the users, items and ids of the whole. What is drawn comes from Philox and depends on the seed and the
order of the entries only: the same on every platform.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from matfact import typing as mt
from matfact._validation import as_integer, check_choice, draw_seed
from matfact.interactions import Interactions, require_ids_of


class Split(NamedTuple):
    """Two parts that together hold every entry once."""

    train: Interactions
    test: Interactions


class StrongSplit(NamedTuple):
    """A split by users: those of `history` and `test` have no entry in `train`."""

    train: Interactions
    history: Interactions
    """What the held-out users are folded in with."""
    test: Interactions
    """What their recommendations are judged by."""


def random_split(interactions: Interactions, test_size: float = 0.1, *, random_state: mt.RandomState = 0) -> Split:
    """Hold out entries at random.

    Parameters
    ----------
    interactions : Interactions
        What to split.
    test_size : float, default=0.1
        The share of the entries that is held out, between 0 and 1, both excluded; at least one entry is, and at least
        one is not.
    random_state : int, Generator or RandomState, default=0
        The seed.

    Returns
    -------
    Split
        ``train`` and ``test``.

    Raises
    ------
    ValueError
        If `test_size` is not between 0 and 1, or there is one entry only.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> import matfact
    >>> x = matfact.Interactions(sp.csr_array([[5, 4, 3], [2, 0, 1]]))
    >>> train, test = matfact.random_split(x, 0.4)
    >>> train.n_interactions, test.n_interactions
    (3, 2)
    """
    n_test = _n_test(test_size, interactions.n_interactions)
    held_out = np.zeros(interactions.n_interactions, bool)
    held_out[_order(interactions.n_interactions, random_state)[:n_test]] = True
    return Split(interactions.select(~held_out), interactions.select(held_out))


def leave_k_out(
    interactions: Interactions,
    k: int = 1,
    *,
    by: Literal["random", "time"] = "random",
    random_state: mt.RandomState = 0,
) -> Split:
    """Hold out `k` entries of each user that has more than `k`.

    Parameters
    ----------
    interactions : Interactions
        What to split.
    k : int, default=1
        Entries of each user, at least 1.
    by : {"random", "time"}, default="random"
        Which ones: drawn, or the latest; those of one time are drawn.
    random_state : int, Generator or RandomState, default=0
        The seed.

    Returns
    -------
    Split
        ``train`` and ``test``.

    Raises
    ------
    ValueError
        If `k` is below 1, or the interactions have no times where those are asked for.
    """
    n = as_integer(k, "k")
    if n < 1:
        raise ValueError(f"k must be at least 1, got {n}")
    check_choice(by, Literal["random", "time"], "by")
    keys: list[npt.NDArray[Any]] = [_ranks(_order(interactions.n_interactions, random_state))]
    if by == "time":
        keys.append(_times(interactions))
    order = np.lexsort((*keys, _rows(interactions)))
    counts = interactions.user_counts
    from_end = np.repeat(np.asarray(interactions.matrix.indptr[1:], np.int64), counts) - 1 - np.arange(len(order))
    held_out = np.zeros(len(order), bool)
    held_out[order] = (from_end < n) & np.repeat(counts > n, counts)
    return Split(interactions.select(~held_out), interactions.select(held_out))


def temporal_split(interactions: Interactions, test_size: float = 0.1) -> Split:
    """Hold out the latest entries: nothing in the test part is earlier than anything in the training part.

    Parameters
    ----------
    interactions : Interactions
        With times.
    test_size : float, default=0.1
        The share of the entries that is held out at most, but for one entry, between 0 and 1, both excluded; entries
        of one time stay together, in the training part where they straddle the cut.

    Returns
    -------
    Split
        ``train`` and ``test``.

    Raises
    ------
    ValueError
        If `test_size` is not between 0 and 1, the interactions have no times, or more of them have the latest than may
        be held out.
    """
    times = _times(interactions)
    n_test = _n_test(test_size, len(times))
    held_out = times > np.sort(times)[len(times) - n_test - 1]
    if not held_out.any():
        n_last = int((times == times.max()).sum())
        raise ValueError(
            f"{n_last} of {len(times)} entries have the latest time, more than the {n_test} of test_size={test_size}: "
            "raise it, or use random_split"
        )
    return Split(interactions.select(~held_out), interactions.select(held_out))


def k_fold(interactions: Interactions, n_splits: int = 5, *, random_state: mt.RandomState = 0) -> Iterator[Split]:
    """Hold out every entry once, in `n_splits` random parts of equal size.

    Parameters
    ----------
    interactions : Interactions
        What to split.
    n_splits : int, default=5
        At least 2, at most the number of entries.
    random_state : int, Generator or RandomState, default=0
        The seed.

    Yields
    ------
    Split
        ``train`` and ``test``.

    Raises
    ------
    ValueError
        If `n_splits` is out of range.
    """
    n = as_integer(n_splits, "n_splits")
    if not 2 <= n <= interactions.n_interactions:
        raise ValueError(
            f"n_splits must be between 2 and {interactions.n_interactions}, the number of entries, got {n}"
        )
    fold = _ranks(_order(interactions.n_interactions, random_state)) % n
    for i in range(n):
        yield Split(interactions.select(fold != i), interactions.select(fold == i))


def strong_generalization(
    interactions: Interactions,
    n_test_users: int,
    *,
    test_size: float = 0.2,
    random_state: mt.RandomState = 0,
) -> StrongSplit:
    """Hold out whole users, and a share of each one's entries to judge by.

    Parameters
    ----------
    interactions : Interactions
        What to split.
    n_test_users : int
        Users to hold out, drawn from those with at least two entries.
    test_size : float, default=0.2
        The share of their entries in ``test``: at least one, and at least one is left in ``history``.
    random_state : int, Generator or RandomState, default=0
        The seed.

    Returns
    -------
    StrongSplit
        ``train``, ``history`` and ``test``.

    Raises
    ------
    ValueError
        If there are not that many users with two entries, or `test_size` is not between 0 and 1.

    References
    ----------
    .. [1] Liang, D., Krishnan, R. G., Hoffman, M. D., and Jebara, T. (2018). Variational autoencoders for
       collaborative filtering. WWW 2018, 689-698. doi:10.1145/3178876.3186150
    """
    n = as_integer(n_test_users, "n_test_users")
    share = _share(test_size, "test_size")
    counts = interactions.user_counts
    eligible = np.flatnonzero(counts >= 2)
    if not 1 <= n <= len(eligible):
        raise ValueError(f"n_test_users must be between 1 and {len(eligible)}, the users with two entries, got {n}")
    seed = draw_seed(random_state)
    chosen = np.zeros(interactions.n_users, bool)
    chosen[eligible[_order(len(eligible), seed)[:n]]] = True
    rows = _rows(interactions)
    order = np.lexsort((_ranks(_order(len(rows), seed, stream=1)), rows))
    place = np.arange(len(rows)) - np.repeat(np.asarray(interactions.matrix.indptr[:-1], np.int64), counts)
    n_judged = np.clip(np.rint(share * counts), 1, np.maximum(counts - 1, 1))
    judged = np.zeros(len(rows), bool)
    judged[order] = place < np.repeat(n_judged, counts)
    theirs = chosen[rows]
    return StrongSplit(*(interactions.select(mask) for mask in (~theirs, theirs & ~judged, theirs & judged)))


def sample_negatives(
    interactions: Interactions, test: Interactions, n: int = 99, *, random_state: mt.RandomState = 0
) -> Interactions:
    """Draw items that users of a test part have no entry with, for ``evaluate(candidates=...)``.

    Parameters
    ----------
    interactions : Interactions
        All entries, those of the test part too: none of these pairs is drawn.
    test : Interactions
        A part of them; users without an entry there get nothing.
    n : int, default=99
        Items for each user, at least 1; all that are left where there are fewer.
    random_state : int, Generator or RandomState, default=0
        The seed.

    Returns
    -------
    Interactions
        Ones where an item was drawn, for the users and items of `test`.

    Raises
    ------
    ValueError
        If `n` is below 1, or the parts have other users or items.

    References
    ----------
    .. [1] He, X., Liao, L., Zhang, H., Nie, L., Hu, X., and Chua, T.-S. (2017). Neural collaborative filtering.
       WWW 2017, 173-182. doi:10.1145/3038912.3052569
    """
    wanted, seed = as_integer(n, "n"), draw_seed(random_state)
    if wanted < 1:
        raise ValueError(f"n must be at least 1, got {wanted}")
    require_ids_of(interactions, test, "test must be a part of the interactions")
    n_users, n_items = test.shape
    rows, cols = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for user in np.flatnonzero(test.user_counts):
        stored = [x.indices[x.indptr[user] : x.indptr[user + 1]] for x in (interactions.matrix, test.matrix)]
        left = np.ones(n_items, bool)
        left[np.concatenate(stored)] = False
        others = np.flatnonzero(left)
        drawn = np.sort(others[_order(len(others), seed, stream=int(user))[:wanted]])
        rows.append(np.full(len(drawn), user))
        cols.append(drawn)
    at = np.concatenate(rows), np.concatenate(cols)
    matrix = sp.csr_array((np.ones(len(at[0]), np.float32), at), shape=(n_users, n_items))
    return Interactions(matrix, user_ids=test.user_ids, item_ids=test.item_ids)


def _share(value: Any, name: str) -> float:
    share = float(value)
    if not 0.0 < share < 1.0:
        raise ValueError(f"{name} must be between 0 and 1, both excluded, got {value!r}")
    return share


def _n_test(test_size: Any, n: int) -> int:
    """How many of `n` entries are held out, so that neither part is empty."""
    share = _share(test_size, "test_size")
    if n < 2:
        raise ValueError(f"there must be at least two entries to split, got {n}")
    return min(max(round(share * n), 1), n - 1)


def _order(n: int, random_state: mt.RandomState, stream: int = 0) -> npt.NDArray[np.intp]:
    """A random permutation. Raw 64-bit draws, because NumPy may change how its shuffle uses them."""
    key = np.array([draw_seed(random_state), stream], dtype=np.uint64)
    return np.argsort(np.random.Philox(key=key).random_raw(n), kind="stable")


def _ranks(order: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order))
    return ranks


def _rows(interactions: Interactions) -> npt.NDArray[np.int64]:
    return np.repeat(np.arange(interactions.n_users), interactions.user_counts)


def _times(interactions: Interactions) -> npt.NDArray[Any]:
    if interactions.times is None:
        raise ValueError("the interactions have no times: name their column in Interactions.from_frame(time=...)")
    return interactions.times
