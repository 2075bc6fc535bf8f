"""Models in files: the same answers after, one kind of error for whatever is damaged or hostile."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from sklearn.base import clone

import matfact
from matfact._recommender.saving import class_name

EPS = np.finfo(np.float32).eps
MODELS = [
    matfact.ImplicitMF(5, solver="als", l2_scaling=0.0, random_state=0),
    matfact.BiasedMF(5, l2=0.5, random_state=0),
    matfact.BiasedMF(5, solver="gibbs", burn_in=3, n_samples=4, random_state=0),
    matfact.BiasedMF(5, solver="sgd", learning_rate=0.1, random_state=0),
    matfact.PureSVD(5),
    matfact.Popularity(),
    matfact.Baseline(),
    matfact.BPR(5, max_iter=3, random_state=0),
    matfact.SpectralRecommender(5),
    matfact.ImplicitMF(5, solver="block", block_size=2, random_state=0),
]
NAMES = ["ImplicitMF", "BiasedMF", "gibbs", "sgd", "PureSVD", "Popularity", "Baseline", "BPR", "Spectral", "block"]


@pytest.fixture(params=MODELS, ids=NAMES)
def model(request: pytest.FixtureRequest):
    return clone(request.param)


@pytest.fixture
def x() -> sp.csr_array:
    rng = np.random.default_rng(1)
    return sp.csr_array(np.where(rng.random((60, 40)) < 0.2, rng.integers(1, 6, (60, 40)), 0).astype(np.float32))


@pytest.fixture
def named() -> matfact.Interactions:
    df = pd.DataFrame({"user": list("aabbccdd"), "item": [7, 8, 7, 9, 8, 9, 7, 10], "rating": [5, 1, 4, 2, 3, 1, 5, 4]})
    return matfact.Interactions.from_frame(df)


@pytest.mark.parametrize("ids", ["positions", "integers", "strings"])
def test_a_saved_model_answers_with_the_same_bits(model, x, tmp_path, ids):
    names = {"positions": None, "integers": np.arange(40) * 7, "strings": [f"item {i}" for i in range(40)]}[ids]
    model.fit(matfact.Interactions(x, item_ids=names)).save(tmp_path / "model")
    other = type(model).load(tmp_path / "model")
    assert other.get_params() == model.get_params()
    for name in ("objective_", "status_"):
        assert getattr(other, name, None) == getattr(model, name, None)
    ours, theirs = model.recommend(np.arange(60), 7), other.recommend(np.arange(60), 7)
    assert (ours.items == theirs.items).all()
    assert ours.scores.tobytes() == theirs.scores.tobytes()
    assert other.fold_in(x).tobytes() == model.fold_in(x).tobytes()
    other.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


def test_a_saved_model_is_of_its_class(x, tmp_path):
    MODELS[0].fit(x).save(tmp_path / "model")
    with pytest.raises(ValueError, match="is no BiasedMF that can be read: expected BiasedMF, format 1, got Impl"):
        matfact.BiasedMF.load(tmp_path / "model")


def test_damaged_files_give_an_error_and_nothing_else(model, named, tmp_path):
    """Cut anywhere, or with any byte of the header changed."""
    if "n_components" in model.get_params():
        model.set_params(n_components=3)
    model.fit(named).save(tmp_path / "model")
    content = (tmp_path / "model").read_bytes()
    damaged = tmp_path / "damaged"
    for n in range(0, len(content), 37):
        damaged.write_bytes(content[:n])
        with pytest.raises(ValueError, match="can be read"):
            type(model).load(damaged)
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(content), 300):
        damaged.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        # Another number in a factor, say, is a model nevertheless.
        with contextlib.suppress(ValueError):
            assert type(model).load(damaged).recommend(["a"], 2).items.shape == (1, 2)


def test_ids_of_other_kinds_cannot_be_saved(named, tmp_path):
    model = matfact.Popularity().fit(matfact.Interactions(named.matrix, user_ids=[1.5, 2.5, 3.5, 4.5]))
    with pytest.raises(TypeError, match=r"integers or strings can be saved, got 1.5"):
        model.save(tmp_path / "model")
    for strange in (None, True):
        model.fit(matfact.Interactions(named.matrix, user_ids=["a", 5, 2, strange]))
        with pytest.raises(TypeError, match=f"integers or strings can be saved, got {strange}"):
            model.save(tmp_path / "model")


def test_integers_beside_strings_come_back_as_they_were(x, tmp_path):
    """As after new users of another kind; and integers that are too large for 64 bits."""
    model = matfact.PureSVD(3).fit(x)
    new = matfact.Interactions(x[:3], user_ids=["7", 2**64, -3])
    model.partial_fit_users(new).save(tmp_path / "model")
    other = matfact.PureSVD.load(tmp_path / "model")
    assert other.interactions_.user_ids.tolist() == [*range(60), "7", 2**64, -3]
    queries = ["7", 7, -3, 2**64]
    assert other.recommend(queries, 5).scores.tobytes() == model.recommend(queries, 5).scores.tobytes()
    other.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


WRITTEN = sorted((Path(__file__).parent / "data").glob("format_*/*.mf"))


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_files_of_older_versions_give_the_same_lists(path):
    answer = json.loads((path.parent / "answers.json").read_text(encoding="utf-8"))[path.stem]
    assert class_name(path) == answer["model"]
    model = getattr(matfact, answer["model"]).load(path)
    users = model.interactions_.user_ids
    assert users.tolist() == [*range(100, 106), *(f"user {i}" for i in range(6))]
    found = model.recommend(users, 3)
    assert found.items.tolist() == answer["items"]
    # Sums of up to nine products, in the order of another CPU.
    expected = np.array(answer["scores"], dtype=float)
    np.testing.assert_allclose(found.scores[found.mask], expected[found.mask], rtol=50 * EPS, atol=50 * EPS)
    assert np.isnan(expected[~found.mask]).all()
    np.testing.assert_allclose(model.predict(users, "c"), answer["predictions"], rtol=50 * EPS, atol=50 * EPS)


def test_every_kind_of_model_has_an_older_file():
    kinds = {json.loads(safe_open(path, framework="numpy").metadata()["matfact"])["model"] for path in WRITTEN}
    assert kinds >= {type(model).__name__ for model in MODELS}


def test_a_file_of_a_newer_format_says_what_reads_it(tmp_path):
    path = write(tmp_path / "model", HEADER | {"format": 2, "version": "9.0"})
    with pytest.raises(ValueError, match=r"format 1, got Popularity, format 2, by matfact 9.0: pip install -U matfact"):
        matfact.Popularity.load(path)
    with pytest.raises(ValueError, match=r"got Popularity, format 0, by matfact 0.1.0$"):
        matfact.Popularity.load(write(path, HEADER | {"format": 0}))


HEADER = {
    "format": 1,
    "version": "0.1.0",
    "model": "Popularity",
    "parameters": {"num_threads": None},
    "facts": {},
}
ARRAYS = {
    "w": np.ones((2, 1), np.float32),
    "h": np.array([[0.5], [1.0], [0.0]], np.float32),
    "values": np.ones(3, np.float32),
    "indices": np.array([0, 1, 1], np.int32),
    "indptr": np.array([0, 2, 3], np.int32),
    "item_ids": np.frombuffer("añb".encode(), np.uint8),
    "item_ids_ends": np.array([1, 3, 4], np.int64),
}


def write(path, header=HEADER, **arrays):
    save_file(
        {name: a for name, a in (ARRAYS | arrays).items() if a is not None}, path, {"matfact": json.dumps(header)}
    )
    return path


def test_files_of_format_1_stay_readable(tmp_path):
    """This is what version 0.1.0 writes."""
    model = matfact.Popularity.load(write(tmp_path / "model"))
    assert model.interactions_.item_ids.tolist() == ["a", "ñ", "b"]
    assert model.recommend(1, 2).of(0) == [("a", 0.5), ("b", 0.0)]
    model.save(tmp_path / "again")
    again = load_file(tmp_path / "again")
    assert again.keys() == ARRAYS.keys()
    assert all(again[name].tobytes() == a.tobytes() for name, a in ARRAYS.items())


@pytest.mark.parametrize(
    ("header", "arrays", "message"),
    [
        ({"format": 2, "version": "9.0"}, {}, "got Popularity, format 2, by matfact 9.0"),
        ({"model": "PCA"}, {}, "got PCA, format 1"),
        ({"parameters": {"shell": "rm"}}, {}, "shell"),
        ({"parameters": [1]}, {}, "mapping"),
        ({"facts": None, "model": "Baseline"}, {}, "got Baseline"),
        ({}, {"w": None}, "'w'"),
        ({}, {"h": np.ones((3, 2), np.float32)}, "the factors must have 1 columns"),
        ({}, {"h": np.array([[1], [np.nan], [0]], np.float32)}, "finite float32"),
        ({}, {"h": np.ones(3, np.float32)}, "the factor h must be a matrix"),
        ({}, {"h": np.ones((3, 1), np.float64)}, "a type that no model has"),
        ({}, {"values": np.array([1, np.inf, 1], np.float32)}, "values must be finite"),
        ({}, {"values": np.ones(2, np.float32)}, ""),
        ({}, {"indices": np.array([0, 1, 3], np.int32)}, ""),
        ({}, {"indices": np.array([0, -1, 1], np.int32)}, ""),
        ({}, {"indptr": np.array([0, 4, 3], np.int32)}, ""),
        ({}, {"indptr": np.array([0, 2**31 - 1, 3], np.int32)}, ""),
        ({}, {"indptr": np.array([0, 2, 2**62], np.int64)}, ""),
        ({}, {"indptr": np.array([0, 3], np.int32)}, ""),
        ({}, {"indices": np.ones(3, np.float32)}, ""),
        ({}, {"item_ids_ends": np.array([1, 9, 4], np.int64)}, "item_ids must end where"),
        ({}, {"item_ids_ends": np.array([1, 3, 5], np.int64)}, "item_ids must end where"),
        ({}, {"item_ids_ends": np.array([-1, 3, 4], np.int64)}, "item_ids must end where"),
        ({}, {"item_ids_ends": np.array([1, 2, 4], np.int64)}, "utf-8"),
        ({}, {"item_ids_ends": np.array([1, 4], np.int64)}, r"item_ids must have shape \(3,\)"),
        ({}, {"item_ids_kinds": np.zeros(2, np.uint8)}, "item_ids_kinds must say"),
        ({}, {"item_ids_kinds": np.zeros(3, np.int32)}, "item_ids_kinds must say"),
        ({}, {"item_ids_kinds": np.ones(3, np.uint8)}, "invalid literal for int"),
        ({}, {"item_ids_ends": None}, "item_ids must be integers, or strings"),
        ({}, {"item_ids": np.array([7, 7, 8]), "item_ids_ends": None}, "item_ids must be unique"),
        ({}, {"user_ids": np.array([[7, 8]])}, "user_ids must be integers, or strings"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path, header, arrays, message):
    write(tmp_path / "model", HEADER | header, **arrays)
    with pytest.raises(ValueError, match=f"is no Popularity that can be read: .*{message}"):
        matfact.Popularity.load(tmp_path / "model")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("kind", [matfact.BiasedMF(2, random_state=0), matfact.Baseline()])
def test_a_number_that_is_not_finite_is_refused(kind, number, named, tmp_path):
    clone(kind).fit(named).save(tmp_path / "model")
    with safe_open(tmp_path / "model", framework="numpy") as file:
        text = file.metadata()["matfact"]
    mean = f'"mean": {named.matrix.data.mean()}'
    assert mean in text
    save_file(load_file(tmp_path / "model"), tmp_path / "bad", {"matfact": text.replace(mean, f'"mean": {number}')})
    with pytest.raises(ValueError, match=f"must hold finite numbers, got {number}"):
        type(kind).load(tmp_path / "bad")


def test_a_file_without_interactions_is_refused(model, named, tmp_path):
    """A fit has one; there would be no mean, and no range of ratings."""
    if "n_components" in model.get_params():
        model.set_params(n_components=3)
    model.fit(named).save(tmp_path / "model")
    with safe_open(tmp_path / "model", framework="numpy") as file:
        metadata = file.metadata()
    arrays = load_file(tmp_path / "model")
    none = {name: arrays[name][:0] for name in ("values", "indices")} | {"indptr": 0 * arrays["indptr"]}
    save_file(arrays | none, tmp_path / "empty", metadata)
    with pytest.raises(ValueError, match="interactions must hold at least one entry"):
        type(model).load(tmp_path / "empty")


@pytest.mark.parametrize("metadata", [None, {}, {"matfact": "{"}, {"matfact": "[" * 10**5}, {"matfact": "[]"}])
def test_other_files_of_the_format_are_no_models(tmp_path, metadata):
    save_file(ARRAYS, tmp_path / "other", metadata)
    with pytest.raises(ValueError, match="is no Popularity that can be read"):
        matfact.Popularity.load(tmp_path / "other")


def test_strings_of_all_kinds_come_back_as_ids(x, tmp_path):
    ids = ["", "a b", "名前", "a\0b", "\ud800", *map(str, range(35))]
    matfact.Popularity().fit(matfact.Interactions(x, item_ids=ids)).save(tmp_path / "model")
    assert matfact.Popularity.load(tmp_path / "model").interactions_.item_ids.tolist() == ids


def test_a_file_that_cannot_be_written_leaves_the_old_one(x, tmp_path):
    path = tmp_path / "model"
    model = matfact.Popularity().fit(x)
    model.save(path)
    before = path.read_bytes()
    (tmp_path / "model.part").mkdir()
    with pytest.raises(OSError, match="directory"):
        model.save(path)
    assert path.read_bytes() == before
    with pytest.raises(OSError, match="No such file"):
        model.save(tmp_path / "nowhere" / "model")
    with pytest.raises(FileNotFoundError):
        matfact.Popularity.load(tmp_path / "nowhere")
