"""What no recommender may stumble over: values, shapes, sizes, forks, interrupts."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

import matfact
from matfact._entries import index_type

MODELS = {
    "als": matfact.ImplicitMF(3, solver="als", random_state=0),
    "cg": matfact.ImplicitMF(3, solver="cg", random_state=0),
    "BiasedMF": matfact.BiasedMF(3, random_state=0),
    "BiasedMF cg": matfact.BiasedMF(3, solver="cg", random_state=0),
    "sgd": matfact.BiasedMF(3, solver="sgd", random_state=0),
    "adam": matfact.BiasedMF(3, solver="adam", random_state=0),
    "gibbs": matfact.BiasedMF(3, solver="gibbs", burn_in=2, n_samples=3, random_state=0),
    "PureSVD": matfact.PureSVD(1),
    "spectral": matfact.SpectralRecommender(1),
    "Popularity": matfact.Popularity(),
    "Baseline": matfact.Baseline(),
    "BPR": matfact.BPR(3, max_iter=3, random_state=0),
}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest):
    return clone(MODELS[request.param])


@pytest.fixture
def x() -> sp.csr_array:
    rng = np.random.default_rng(1)
    return sp.csr_array(np.where(rng.random((60, 40)) < 0.2, rng.integers(1, 6, (60, 40)), 0).astype(np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_no_model_takes_values_that_are_not_finite(model, x, value):
    x = x.astype(np.float64)
    x.data[5] = value
    with pytest.raises(ValueError, match=r"values must (be finite|fit into float32)"):
        model.fit(x)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nor_in_the_histories_of_new_users(model, x, value):
    model.fit(x)
    bad = x[:3].astype(np.float64)
    bad.data[0] = value
    for ask in (model.fold_in, model.recommend_new):
        with pytest.raises(ValueError, match="values must be finite"):
            ask(bad)


@pytest.mark.parametrize("name", ["als", "cg", "BPR", "spectral"])
def test_signs_of_interest_are_positive_in_new_histories_too(name, x):
    model = clone(MODELS[name]).fit(x)
    bad = x[:3].copy()
    bad.data[0] = -1.0
    if name != "spectral":  # whose new rows are only multiplied
        with pytest.raises(ValueError, match="must be positive"):
            model.fold_in(bad)
    with pytest.raises(ValueError, match="must be positive"):
        model.partial_fit_users(matfact.Interactions(bad))


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1)])
def test_one_user_or_one_item_is_enough(model, shape):
    model.fit(sp.csr_array(np.full(shape, 2.0)))
    users, items = np.repeat(np.arange(shape[0]), shape[1]), np.tile(np.arange(shape[1]), shape[0])
    assert np.isfinite(model.predict(users, items)).all()
    assert not model.recommend(0, 3).mask.any()  # everything was seen
    assert model.recommend(0, 3, exclude_seen=False).mask.sum() == min(3, shape[1])
    assert model.similar_items(0, 2).items.shape == (1, min(2, shape[1]))


def test_one_entry_is_enough_among_cold_users_and_items(model):
    model.fit(sp.csr_array(([3.0], ([1], [2])), shape=(4, 5)))
    assert np.isfinite(model.predict(np.repeat(np.arange(4), 5), np.tile(np.arange(5), 4))).all()
    found = model.recommend([0, 1, "nobody"], 9)
    assert np.isfinite(found.scores[found.mask]).all()
    assert found.mask.sum(axis=1).tolist() == [5, 4, 5]


def test_unknown_ids_are_served_and_never_nan(model, x):
    model.fit(x)
    scores = model.predict(["nobody", 0, None], [0, "nothing", -1])
    assert np.isfinite(scores).all()
    assert model.recommend(["nobody", (1, 2)], 4).mask.all()


def test_a_transposed_matrix_is_told_by_its_width(model, x):
    model.fit(x)
    for ask in (model.fold_in, model.recommend_new):
        with pytest.raises(ValueError, match=r"got shape \(40, 60\): is it users x items\?"):
            ask(sp.csr_array(x.T))


@pytest.mark.parametrize("name", ["als", "cg", "BiasedMF", "sgd", "adam", "gibbs"])
def test_more_components_than_users_items_and_entries_are_finite(name):
    model = clone(MODELS[name]).set_params(n_components=50)
    model.fit(sp.csr_array([[5.0, 3.0, 0.0], [0.0, 1.0, 4.0]]))
    assert np.isfinite(model.predict([0, 0, 1], [0, 2, 0])).all()
    assert np.isfinite(model.fold_in(sp.csr_array([[0.0, 0.0, 2.0]]))).all()


@pytest.mark.parametrize("kind", [matfact.PureSVD, matfact.SpectralRecommender])
def test_singular_vectors_are_as_many_as_the_smaller_side(kind):
    with pytest.raises(ValueError, match="n_components must be between 1 and 2, got 3"):
        kind(3).fit(sp.csr_array([[5.0, 3.0, 1.0], [0.0, 1.0, 4.0]]))


@pytest.mark.parametrize(
    ("shape", "n_entries", "expected"),
    [
        ((2**31 - 1, 7), 10, np.int32),
        ((2**31, 7), 10, np.int64),
        ((7, 2**31), 10, np.int64),
        ((7, 7), 2**31 - 1, np.int32),
        ((7, 7), 2**31, np.int64),
    ],
)
def test_indices_are_wide_from_two_to_the_31(shape, n_entries, expected):
    """Asked of the rule, without the arrays."""
    assert index_type(shape, n_entries) is expected


def test_wide_indices_give_the_same_bits(model, x):
    """As a matrix beyond 2^31 has them."""
    narrow = clone(model).fit(matfact.Interactions(x))
    wide = matfact.Interactions(x)
    for name in ("matrix", "transposed"):
        a = getattr(wide, name)
        a.indices, a.indptr = a.indices.astype(np.int64), a.indptr.astype(np.int64)
    assert wide.matrix.indices.dtype == wide.transposed.indptr.dtype == np.int64
    model.fit(wide)
    assert model._w.tobytes() == narrow._w.tobytes()
    ours, theirs = model.recommend(np.arange(60), 5), narrow.recommend(np.arange(60), 5)
    assert (ours.items == theirs.items).all()
    assert ours.scores.tobytes() == theirs.scores.tobytes()


def test_filters_that_leave_nothing_leave_nothing(model, x):
    model.fit(x)
    for filters in ({"include": []}, {"exclude": range(40)}, {"include": [3], "exclude": [3]}, {"include": [[], []]}):
        found = model.recommend([1, 2], 5, **filters)
        assert not found.mask.any()
        assert (found.items == -1).all()
        assert (found.scores == -np.inf).all()


def test_a_callback_that_raises_leaves_the_sweeps_that_were_done(x):
    def fail(iteration: matfact.Iteration) -> None:
        if iteration.n_iter == 2:
            raise ZeroDivisionError

    for name in ("als", "BiasedMF", "sgd", "adam", "gibbs"):
        model = clone(MODELS[name])
        with pytest.raises(ZeroDivisionError):
            model.fit(x, callback=fail)
        assert model.n_iter_ == len(model.objective_history_) == 2
        assert np.isfinite(model.recommend([0], 3).scores).all()


FORK = """
import os, sys
import numpy as np, scipy.sparse as sp, matfact

x = matfact.Interactions(sp.random_array((900, 300), density=0.05, format="csr", dtype=np.float32,
                         rng=np.random.default_rng(0)))

def work():
    bits = b""
    for model in (matfact.ImplicitMF(8, max_iter=2, random_state=0, num_threads=2),
                  matfact.BiasedMF(8, max_iter=2, random_state=0, num_threads=2)):
        model.fit(x)
        bits += model.fold_in(x.matrix[:9]).tobytes() + model.recommend(np.arange(50)).items.tobytes()
    return bits

bits = work()              # the parent's pool is running now
child = os.fork()
if child == 0:
    os._exit(0 if work() == bits else 3)
status = os.waitpid(child, 0)[1]
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_fits_and_recommends_with_the_same_bits():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FORK], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
