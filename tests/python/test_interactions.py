"""Interactions: ids and codes, duplicates, counts, and clear errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import matfact
from matfact import Interactions


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user": ["eve", "ann", "bob", "ann"],
            "item": [30, 10, 10, 20],
            "rating": [1, 5, 4, 3],
            "when": pd.to_datetime(["2020-01-03", "2020-01-01", "2020-01-02", "2020-01-04"]),
        }
    )


def test_codes_follow_the_order_of_the_ids(frame):
    x = Interactions.from_frame(frame, time="when")
    assert x.user_ids.tolist() == ["ann", "bob", "eve"]
    assert x.item_ids.tolist() == [10, 20, 30]
    assert x.matrix.toarray().tolist() == [[5, 3, 0], [4, 0, 0], [0, 0, 1]]
    assert x.matrix.dtype == np.float32
    assert x.matrix.indices.dtype == np.int32
    assert (x.transposed.toarray() == x.matrix.toarray().T).all()
    assert x.times is not None
    assert np.argsort(x.times).tolist() == [0, 2, 3, 1]


def test_ids_are_looked_up_and_unknown_ones_have_no_code(frame):
    x = Interactions.from_frame(frame)
    assert x.user_codes(["eve", "zoe", "ann"]).tolist() == [2, -1, 0]
    assert x.user_codes("bob").tolist() == [1]
    assert x.item_codes(np.array([30, 31])).tolist() == [2, -1]
    assert x.item_codes(20).tolist() == [1]


def test_integers_beyond_int64_stay_what_they_are():
    large = [2**63 + 1, 7, 2**64 - 1]
    for ids in (large, np.array(large, np.uint64)):
        x = Interactions(sp.csr_array(np.eye(3)), user_ids=ids)
        assert x.user_ids.tolist() == large
        assert x.user_codes(ids).tolist() == [0, 1, 2]
        assert x.user_codes(2**63 + 1).tolist() == [0]
    x = Interactions.from_frame(pd.DataFrame({"user": np.array(large, np.uint64), "item": [1, 1, 1], "rating": 1.0}))
    assert x.user_ids.tolist() == sorted(large)
    small = Interactions(sp.csr_array(np.eye(2)), user_ids=np.array([5, 2**63 - 1], np.uint64))
    assert small.user_ids.dtype == np.int64


def test_lists_of_ids_keep_the_type_of_each():
    x = Interactions(sp.csr_array(np.eye(3)), user_ids=["a", 1, ("b", 2)], item_ids=[3, 1, 2])
    assert x.user_ids.tolist() == ["a", 1, ("b", 2)]
    assert x.user_codes([1, "1", ("b", 2)]).tolist() == [1, -1, 2]
    assert x.item_ids.dtype == np.int64
    for wrong in ("abc", 3, np.ones((3, 1))):
        with pytest.raises(ValueError, match=r"user_ids must have shape \(3,\)"):
            Interactions(sp.csr_array(np.eye(3)), user_ids=wrong)
    with pytest.raises(TypeError, match="unhashable"):
        Interactions(sp.csr_array(np.eye(3)), user_ids=[[1], [2], [3]])


def test_ids_of_several_types_keep_the_order_of_their_first_appearance():
    x = Interactions.from_frame(pd.DataFrame({"user": ["a", 1, (2,)], "item": [1, 1, 1], "rating": 1.0}))
    assert x.user_ids.tolist() == ["a", 1, (2,)]


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_other_data_frames_give_the_same(frame, library):
    module = pytest.importorskip(library)
    other = module.from_pandas(frame) if library == "polars" else module.Table.from_pandas(frame)
    ours, theirs = Interactions.from_frame(frame), Interactions.from_frame(other)
    assert (ours.matrix != theirs.matrix).nnz == 0
    assert ours.user_ids.tolist() == theirs.user_ids.tolist()


def test_columns_of_arrow_are_looked_up(frame):
    pa = pytest.importorskip("pyarrow")
    x = Interactions.from_frame(frame)
    table = pa.Table.from_pandas(frame)
    assert x.user_codes(table["user"]).tolist() == [2, 0, 1, 0]
    assert x.item_codes(table["item"].chunk(0)).tolist() == [2, 0, 0, 1]
    model = matfact.Popularity().fit(x)
    ours = model.recommend(frame["user"], 3, include=table["item"], exclude=table["item"][:1])
    assert ours.mask.sum(axis=1).tolist() == [2, 0, 1, 0]  # of 10 and 20, those not seen
    assert Interactions(x.matrix, user_ids=table["user"].unique()).user_ids.tolist() == ["eve", "ann", "bob"]


@pytest.mark.parametrize(("duplicates", "value"), [("last", 2.0), ("sum", 9.0), ("mean", 3.0)])
def test_duplicates_are_merged_as_asked(duplicates, value):
    df = pd.DataFrame({"user": [1, 1, 1, 2], "item": [7, 7, 7, 7], "rating": [3, 4, 2, 1]})
    x = Interactions.from_frame(df, duplicates=duplicates)
    assert x.matrix.toarray().tolist() == [[value], [1.0]]
    assert x.n_duplicates == 2


def test_the_last_duplicate_is_the_latest_where_there_is_time():
    df = pd.DataFrame({"user": [1, 1], "item": [7, 7], "rating": [3, 4], "t": [20, 10]})
    x = Interactions.from_frame(df, time="t", duplicates="last")
    assert x.matrix.data.tolist() == [3.0]
    assert x.times is not None
    assert x.times.tolist() == [20]


@pytest.mark.parametrize(
    "times", [["2019-12-31", "2020-01-02 12:00"], pd.to_datetime(["2019-12-31", "2020-01-02"]).date]
)
def test_dates_as_text_or_objects_are_times(times):
    x = Interactions.from_frame(pd.DataFrame({"user": [1, 1], "item": [8, 7], "rating": [3, 4], "t": times}), time="t")
    assert x.times is not None
    assert x.times.dtype.kind == "M"
    assert matfact.temporal_split(x, 0.5).test.matrix.toarray().tolist() == [[4.0, 0.0]]


@pytest.mark.parametrize(
    "times",
    [["12/31/2019", "01/02/2020"], ["a", 1], [(1, 2), (3, 4)], ["today", "2019-01-01"], ["201912", "2019-12-31"]],
)
def test_text_that_is_no_time_is_refused(times):
    """In the order of its letters the first of these would be the latest, and a split by time would leak."""
    df = pd.DataFrame({"user": [1, 1], "item": [8, 7], "rating": [3, 4], "t": times})
    with pytest.raises(ValueError, match="column 't' must hold numbers, timestamps or text such as '2024-05-31 12:00'"):
        Interactions.from_frame(df, time="t")


@pytest.mark.parametrize(
    "times",
    [["20161231", "20170101"], ["1577836800", "1577923200"], np.array([0.25, 0.75], dtype=object)],
    ids=["dates", "seconds", "objects"],
)
def test_numbers_as_text_or_objects_keep_their_order(times):
    x = Interactions.from_frame(pd.DataFrame({"user": [1, 1], "item": [7, 8], "rating": [3, 4], "t": times}), time="t")
    assert x.times is not None
    assert np.argsort(x.times).tolist() == [0, 1]
    assert x.times[0] == float(times[0])


def test_a_time_that_is_missing_in_any_way_is_refused():
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"user": [1, 1], "item": [8, 7], "rating": [3, 4], "t": [np.nan, 1.0]})
    with pytest.raises(ValueError, match="column 't' has missing entries"):
        Interactions.from_frame(table, time="t")


def test_duplicates_are_an_error_unless_told_otherwise():
    df = pd.DataFrame({"user": ["ann", "ann"], "item": [7, 7], "rating": [3, 4]})
    with pytest.raises(ValueError, match=r"user 'ann' and item 7 come together more than once"):
        Interactions.from_frame(df)
    coo = sp.coo_array(([1.0, 2.0], ([0, 0], [1, 1])), shape=(1, 2))
    with pytest.raises(ValueError, match="more than once"):
        Interactions(coo)
    assert Interactions(coo, duplicates="sum").matrix.toarray().tolist() == [[0.0, 3.0]]


def test_counts_and_cold_rows_are_reported():
    x = Interactions(sp.csr_array([[1, 0, 2], [0, 0, 0]]), user_ids=["a", "b"])
    assert (x.n_users, x.n_items, x.n_interactions, x.density) == (2, 3, 2, 1 / 3)
    assert x.user_counts.tolist() == [2, 0]
    assert x.item_counts.tolist() == [1, 0, 1]
    assert x.cold_users.tolist() == ["b"]
    assert x.cold_items.tolist() == [1]
    assert "1 cold users" in repr(x)


def test_stored_zeros_are_interactions():
    x = Interactions(sp.csr_array(([0.0, 1.0], [0, 1], [0, 2]), shape=(1, 3)))
    assert x.n_interactions == 2


@pytest.mark.parametrize("layout", ["csr", "csc", "coo", "lil", "bsr", "dok"])
def test_every_sparse_layout_is_accepted_and_left_alone(layout):
    a = sp.random_array((20, 30), density=0.2, rng=np.random.default_rng(0)).asformat(layout)
    before = a.toarray().copy()
    assert np.array_equal(Interactions(a).matrix.toarray(), before.astype(np.float32))
    assert np.array_equal(a.toarray(), before)


def test_wide_indices_are_narrowed():
    a = sp.random_array((20, 30), density=0.2, format="csr", rng=np.random.default_rng(0))
    wide = sp.csr_array((a.data, a.indices.astype(np.int64), a.indptr.astype(np.int64)), shape=a.shape)
    assert Interactions(wide).matrix.indices.dtype == np.int32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rating": [1.0, np.inf, 1.0, 1.0]}, "values must be finite"),
        ({"rating": [1.0, np.nan, 1.0, 1.0]}, "column 'rating' has missing entries"),
        ({"rating": [1.0, 1e300, 1.0, 1.0]}, "fit into float32"),
        ({"user": ["a", None, "b", "c"]}, "column 'user' has missing entries"),
    ],
)
def test_bad_columns_are_named(frame, change, message):
    with pytest.raises(ValueError, match=message):
        Interactions.from_frame(frame.assign(**change))


def test_other_mistakes_have_clear_messages(frame):
    with pytest.raises(ValueError, match=r"df has no column 'stars': its columns are 'user', 'item'"):
        Interactions.from_frame(frame, value="stars")
    with pytest.raises(ValueError, match="at least one row"):
        Interactions.from_frame(frame.iloc[:0])
    with pytest.raises(TypeError, match="df must be a data frame"):
        Interactions.from_frame([[1, 2, 3]])
    with pytest.raises(TypeError, match="values must be numbers"):
        Interactions.from_frame(frame.assign(rating="five"))
    with pytest.raises(TypeError, match="SciPy sparse array of users x items"):
        Interactions(np.ones((2, 2)))
    with pytest.raises(ValueError, match="user_ids must have shape"):
        Interactions(sp.csr_array([[1]]), user_ids=[1, 2])
    with pytest.raises(ValueError, match="item_ids must be unique"):
        Interactions(sp.csr_array([[1, 2]]), item_ids=[1, 1])
    with pytest.raises(ValueError, match="duplicates must be one of"):
        Interactions.from_frame(frame, duplicates="first")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="keep must have shape"):
        Interactions.from_frame(frame).select([True])


def test_indices_that_point_outside_are_refused():
    a = sp.csr_array([[1.0, 2.0], [0.0, 3.0]])
    a.indices[0] = 7
    with pytest.raises(ValueError, match="indices must be between 0 and 1"):
        Interactions(a)


def test_without_values_every_row_counts_as_one(frame):
    assert set(matfact.Interactions.from_frame(frame, value=None).matrix.data.tolist()) == {1.0}


def test_arrays_of_integers_are_looked_up_as_lists_are():
    ids = np.array([40, -3, 7, 2**40])
    x = Interactions(sp.csr_array(np.ones((4, 4))), user_ids=ids, item_ids=ids[::-1].astype(object))
    for asked in (np.array([7, 8, -3, 2**40, 40, 41, -4]), np.array([7, 40], np.int16), np.zeros(0, np.int64)):
        assert x.user_codes(asked).tolist() == x.user_codes(asked.tolist()).tolist()
        assert x.item_codes(asked).tolist() == x.item_codes(asked.tolist()).tolist()
    assert x.user_codes(np.array([7.0, 7.5])).tolist() == [2, -1]


@pytest.mark.parametrize("form", ["csr", "csc", "bsr"])
def test_room_behind_the_last_entry_is_not_read(form):
    x = sp.random_array((6, 5), density=0.5, format=form, rng=np.random.default_rng(0))
    spare = x.copy()
    spare.indices = np.append(x.indices, x.indices[:1]).astype(x.indices.dtype)
    spare.data = np.concatenate((x.data, x.data[:1]))
    if form == "csr":  # entries that do not ascend go another way
        spare.indices[[0, 1]], spare.data[[0, 1]] = x.indices[[1, 0]], x.data[[1, 0]]
    np.testing.assert_array_equal(Interactions(spare).matrix.toarray(), x.toarray().astype(np.float32))
