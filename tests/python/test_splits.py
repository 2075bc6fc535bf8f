"""Splits: every entry in exactly one part, no leakage, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import matfact


@pytest.fixture
def x() -> matfact.Interactions:
    rng = np.random.default_rng(0)
    pairs = rng.permutation(40 * 25)[:300]
    df = pd.DataFrame({"user": pairs // 25, "item": pairs % 25, "rating": rng.integers(1, 6, 300)})
    return matfact.Interactions.from_frame(df.assign(t=rng.integers(0, 50, 300)), time="t")


def entries(x: matfact.Interactions) -> set[tuple[int, int, float]]:
    coo = x.matrix.tocoo()
    return set(zip(coo.row.tolist(), coo.col.tolist(), coo.data.tolist(), strict=True))


def assert_partition(whole: matfact.Interactions, *parts: matfact.Interactions) -> None:
    union = [entry for part in parts for entry in entries(part)]
    assert len(union) == whole.n_interactions
    assert set(union) == entries(whole)
    for part in parts:
        assert part.user_ids is whole.user_ids
        assert part.shape == whole.shape
        assert part.times is not None
        assert len(part.times) == part.n_interactions


def test_random_split_holds_out_the_share_asked_for(x):
    train, test = matfact.random_split(x, 0.2, random_state=3)
    assert_partition(x, train, test)
    assert test.n_interactions == 60


def test_a_seed_gives_the_same_split_on_every_platform():
    x = matfact.Interactions(sp.csr_array(np.ones((3, 4))))
    test = matfact.random_split(x, 0.25, random_state=1).test
    again = matfact.random_split(x, 0.25, random_state=1).test
    assert entries(test) == entries(again)
    other = matfact.random_split(x, 0.25, random_state=2).test
    assert entries(test) != entries(other)
    # The smallest three of the raw draws of Philox4x64-10 with the key (1, 0), of which the core has its own version.
    draws = [word for block in range(1, 4) for word in matfact._core.philox4x64((block, 0, 0, 0), (1, 0))]
    held_out = sorted(np.argsort(np.array(draws[:12], dtype=np.uint64))[:3].tolist())
    assert [4 * row + col for row, col, _ in sorted(entries(test))] == held_out


@pytest.mark.parametrize("by", ["random", "time"])
def test_leave_k_out_takes_k_of_each_user_who_has_more(x, by):
    train, test = matfact.leave_k_out(x, 3, by=by)
    assert_partition(x, train, test)
    assert test.user_counts.tolist() == [3 if n > 3 else 0 for n in x.user_counts]
    if by == "time":
        for u in np.flatnonzero(test.user_counts):
            latest = train.times[train.matrix.indptr[u] : train.matrix.indptr[u + 1]].max()
            assert test.times[test.matrix.indptr[u] : test.matrix.indptr[u + 1]].min() >= latest


def test_temporal_split_never_trains_on_the_future(x):
    train, test = matfact.temporal_split(x, 0.3)
    assert_partition(x, train, test)
    assert 0 < test.n_interactions <= 90
    assert train.times.max() < test.times.min()


def test_entries_of_one_time_are_left_out_at_random():
    """Not by their items: all users would be judged by the same."""
    df = pd.DataFrame({"user": np.repeat(np.arange(40), 10), "item": np.tile(np.arange(10), 40), "t": 5})
    df.loc[df["item"] == 3, "t"] = 4
    x = matfact.Interactions.from_frame(df, value=None, time="t")
    test = matfact.leave_k_out(x, by="time").test
    counts = test.item_counts
    assert counts[3] == 0  # the only one that is not among the latest
    assert (np.delete(counts, 3) > 0).sum() >= 7  # of 9, for 40 users
    assert entries(test) == entries(matfact.leave_k_out(x, by="time").test)
    assert entries(test) != entries(matfact.leave_k_out(x, by="time", random_state=1).test)


@pytest.mark.parametrize("test_size", [0.01, 0.5, 0.99])
def test_no_part_of_a_small_split_is_empty(test_size):
    df = pd.DataFrame({"user": [0, 0, 1], "item": [0, 1, 1], "t": [1, 2, 3]})
    x = matfact.Interactions.from_frame(df, value=None, time="t")
    for train, test in (matfact.random_split(x, test_size), matfact.temporal_split(x, test_size)):
        assert_partition(x, train, test)
        assert train.n_interactions > 0 < test.n_interactions


def test_what_cannot_be_split_is_refused():
    one = matfact.Interactions.from_frame(pd.DataFrame({"user": [0], "item": [0], "t": [1]}), value=None, time="t")
    for split in (matfact.random_split, matfact.temporal_split):
        with pytest.raises(ValueError, match="at least two entries to split, got 1"):
            split(one)
    df = pd.DataFrame({"user": range(5), "item": 0, "t": [1, 2, 2, 2, 2]})
    x = matfact.Interactions.from_frame(df, value=None, time="t")
    with pytest.raises(ValueError, match=r"4 of 5 entries have the latest time, more than the 3 of test_size=0\.6"):
        matfact.temporal_split(x, 0.6)
    assert matfact.temporal_split(x, 0.8).test.n_interactions == 4


def test_k_fold_holds_out_every_entry_once(x):
    folds = list(matfact.k_fold(x, 7))
    for train, test in folds:
        assert_partition(x, train, test)
        assert test.n_interactions in (42, 43)
    assert_partition(x, *(test for _, test in folds))


def test_strong_generalization_keeps_held_out_users_out_of_training(x):
    train, history, test = matfact.strong_generalization(x, 10, test_size=0.25)
    assert_partition(x, train, history, test)
    held_out = np.flatnonzero(test.user_counts)
    assert len(held_out) == 10
    assert (train.user_counts[held_out] == 0).all()
    assert (history.user_counts[held_out] >= 1).all()
    assert (np.flatnonzero(history.user_counts) == held_out).all()


def test_bad_arguments_are_named(x):
    with pytest.raises(ValueError, match="test_size must be between 0 and 1"):
        matfact.random_split(x, 1.0)
    with pytest.raises(ValueError, match="k must be at least 1"):
        matfact.leave_k_out(x, 0)
    with pytest.raises(ValueError, match="n_splits must be between 2 and 300"):
        list(matfact.k_fold(x, 1))
    with pytest.raises(ValueError, match="n_test_users must be between 1 and"):
        matfact.strong_generalization(x, 1000)
    timeless = matfact.Interactions(x.matrix)
    with pytest.raises(ValueError, match="have no times"):
        matfact.temporal_split(timeless)
    with pytest.raises(ValueError, match="have no times"):
        matfact.leave_k_out(timeless, by="time")
