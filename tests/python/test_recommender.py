"""What all recommenders share: lists, filters, ids, cold users, fold-in, neighbours, scikit-learn's conventions."""

from __future__ import annotations

import subprocess
import sys
import threading
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import matfact

EPS = np.finfo(np.float32).eps
MODELS = [
    matfact.ImplicitMF(5, solver="als", l2_scaling=0.0, random_state=0),
    matfact.BiasedMF(5, l2=0.5, random_state=0),
    matfact.BiasedMF(5, solver="gibbs", burn_in=3, n_samples=4, random_state=0),
    matfact.BPR(5, random_state=0),
    matfact.BiasedMF(5, solver="sgd", random_state=0),
    matfact.BiasedMF(5, solver="adam", random_state=0),
    matfact.ImplicitMF(5, solver="block", block_size=2, random_state=0),
]


@pytest.fixture(params=MODELS, ids=["ImplicitMF", "BiasedMF", "gibbs", "BPR", "sgd", "adam", "block"])
def model(request: pytest.FixtureRequest):
    return clone(request.param)


@pytest.fixture
def x() -> sp.csr_array:
    """The last user and the last item are cold; the first user saw all but two items."""
    rng = np.random.default_rng(1)
    x = np.where(rng.random((60, 40)) < 0.2, rng.integers(1, 6, (60, 40)), 0)
    x[0, :38] = 3
    x[-1], x[:, -1] = 0, 0
    return sp.csr_array(x.astype(np.float32))


@pytest.fixture
def named() -> matfact.Interactions:
    df = pd.DataFrame({"user": list("aabbccdd"), "item": [7, 8, 7, 9, 8, 9, 7, 10], "rating": [5, 1, 4, 2, 3, 1, 5, 4]})
    return matfact.Interactions.from_frame(df)


def all_scores(model, users):
    return np.stack([model.predict([u], np.arange(40)) for u in users]).astype(np.float64)


def test_lists_are_what_sorting_all_scores_gives(model, x):
    model.fit(x)
    users = np.arange(59)
    found = model.recommend(users, 8)
    queries, constants = model._as_queries(model._w)
    scores = queries @ model._h.T + constants[:, None]
    scores = np.where(x.toarray() != 0, -np.inf, scores)[:59]
    best = -np.sort(-scores, axis=1)[:, :8]
    # Sums of five products and a constant, in another order.
    np.testing.assert_allclose(found.scores, best, rtol=0, atol=50 * EPS * np.abs(scores[np.isfinite(scores)]).max())
    assert (found.mask == np.isfinite(best)).all()
    assert found.mask[0].sum() == 2  # two items were left
    assert (found.items[0, 2:] == -1).all()
    rows = np.repeat(users, 8)[found.mask.ravel()]
    assert (x.toarray()[rows, found.items[found.mask]] == 0).all()
    assert len(found.of(0)) == 2


def test_filters_hold(model, x):
    model.fit(x)
    only = model.recommend([1, 2], 40, include=[3, 4, 5], exclude_seen=False)
    assert set(only.items[only.mask].tolist()) == {3, 4, 5}
    without = model.recommend([1, 2], 40, exclude=[3, 4, 5], exclude_seen=False)
    assert set(without.items[0].tolist()) == set(range(40)) - {3, 4, 5} | {-1}
    each = model.recommend([1, 2], 40, exclude=[[3], [4, 5]], exclude_seen=False)
    assert set(each.items[0][each.mask[0]].tolist()) == set(range(40)) - {3}
    assert set(each.items[1][each.mask[1]].tolist()) == set(range(40)) - {4, 5}
    nothing = model.recommend([1], 5, include=[])
    assert not nothing.mask.any()
    assert (nothing.scores == -np.inf).all()
    with pytest.raises(ValueError, match="item 99 is unknown"):
        model.recommend([1], include=[99])
    with pytest.raises(ValueError, match="one sequence for each user, got 1 for 2"):
        model.recommend([1, 2], exclude=[[3]])


def test_every_user_may_have_an_own_choice(model, x):
    model.fit(x)
    own = [[3, 4, 5, 3], [7], []]
    found = model.recommend([1, 2, 3], 40, include=own, exclude_seen=False)
    for i, choice in enumerate(own):
        whole = model.recommend([i + 1], 40, include=choice, exclude_seen=False)
        assert [item for item, _ in found.of(i)] == [item for item, _ in whole.of(0)]
        # Sums of five products in another order.
        np.testing.assert_allclose(
            found.scores[i, : len(set(choice))], whole.scores[0, : len(set(choice))], rtol=50 * EPS
        )
    both = model.recommend([1, 2], 40, include=[[3, 4, 5], [7, 8]], exclude=[[4], [8]], exclude_seen=False)
    assert [{item for item, _ in both.of(i)} for i in range(2)] == [{3, 5}, {7}]
    same = model.recommend([1, 2], 40, include=[[3, 4, 5], [7, 8]], exclude=[4], exclude_seen=False)
    assert [{item for item, _ in same.of(i)} for i in range(2)] == [{3, 5}, {7, 8}]
    assert [i for i, _ in model.recommend([0], 40, include=[list(range(40))]).of(0)] == [
        i for i, _ in model.recommend([0], 40).of(0)
    ]
    new = model.recommend_new(x[:2], 2, include=[[38, 39], [39]])
    assert set(new.items[0].tolist()) == {38, 39}
    with pytest.raises(ValueError, match="include must hold one sequence for each user, got 1 for 2"):
        model.recommend([1, 2], include=[[3]])


def test_equal_scores_of_an_own_choice_come_in_the_order_of_items():
    model = matfact.Popularity().fit(sp.csr_array(np.ones((2, 5))))
    assert model.recommend([0], 3, include=[[4, 1, 3, 0]], exclude_seen=False).items.tolist() == [[0, 1, 3]]


def test_no_list_is_longer_than_the_catalogue(model, x):
    model.fit(x)
    assert model.recommend([3], 10**6, exclude_seen=False).items.shape == (1, 40)
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        model.recommend([3], 0)


def test_nobody_asks_for_nothing(model, x):
    model.fit(x)
    assert model.recommend([], 5).items.shape == model.recommend_new(sp.csr_array((0, 40)), 5).items.shape == (0, 5)
    assert model.fold_in(sp.csr_array((0, 40))).shape == (0, model._w.shape[1])
    assert model.predict([], []).shape == (0,)
    with pytest.raises(ValueError, match="rows must have 40 columns"):
        model.recommend_new(sp.csr_array((0, 39)), 5)


def test_ids_go_in_and_come_out(model, named):
    model.fit(named)
    found = model.recommend(["a", "c"], 4)
    assert set(found.items[0][found.mask[0]].tolist()) == {9, 10}
    assert set(found.items[1][found.mask[1]].tolist()) == {7, 10}
    assert model.predict("a", [7, 8]).shape == (2,)
    assert set(model.similar_users("a", 3).items[0].tolist()) == {"b", "c", "d"}


def test_strings_that_are_missing_are_none(model, named):
    named = matfact.Interactions(named.matrix, item_ids=["p", "q", "r", "s"])
    assert model.fit(named).recommend([0], 4).items[0].tolist()[2:] == [None, None]


def common_scores(model, x):
    """What the rule says of each item to somebody of whom nothing is known."""
    if isinstance(model, matfact.BiasedMF | matfact.Baseline):
        if getattr(model, "biases", True):
            return model.global_mean_ + model.item_bias_.astype(np.float64)
        x = x.toarray().astype(np.float64)
        mean = x[x != 0].mean()
        return mean + np.where(x != 0, x - mean, 0).sum(axis=0) / ((x != 0).sum(axis=0) + 5)
    return (x.toarray() != 0).mean(axis=0)


OTHER_MODELS = [
    matfact.PureSVD(5),
    matfact.SpectralRecommender(5),
    matfact.Popularity(),
    matfact.Baseline(),
    matfact.BiasedMF(5, biases=False, random_state=0),
    matfact.BiasedMF(5, solver="gibbs", biases=False, burn_in=3, n_samples=4, random_state=0),
]


@pytest.mark.parametrize("model", MODELS + OTHER_MODELS, ids=str, indirect=True)
def test_who_has_no_history_gets_the_baseline_or_the_popular_items(model, x):
    model.fit(x)
    scores = common_scores(model, x)
    order = np.argsort(-scores.astype(np.float32), kind="stable")
    for found in (
        model.recommend(59, 40),
        model.recommend(["nobody", 3], 40, exclude_seen=False),
        model.recommend_new(sp.csr_array((1, 40), dtype=np.float32), 40),
        model.recommend([59], 40, include=[list(range(40))]),
    ):
        assert found.items[0].tolist() == order.tolist()
        np.testing.assert_allclose(found.scores[0], scores[order], rtol=4 * EPS)  # a rounding or two
    for users in (59, "nobody"):
        predicted = model.predict(users, np.arange(40))
        clipped = np.clip(scores, *model._range) if hasattr(model, "_range") else scores
        np.testing.assert_allclose(predicted, clipped, rtol=4 * EPS)
        all_scores, _ = model._all_scores([users, 3])
        np.testing.assert_allclose(all_scores[0], scores, rtol=4 * EPS)
    filtered = model.recommend([59, "nobody"], 2, include=[5, 6, 7], exclude=[[5], [6]])
    assert [set(items) for items in filtered.items.tolist()] == [{6, 7}, {5, 7}]


@pytest.mark.parametrize("model", MODELS + OTHER_MODELS, ids=str, indirect=True)
def test_nobody_changes_what_others_get(model, x):
    model.fit(x)
    beside, alone = model.recommend([3, 59, "nobody", 4], 6), model.recommend([3, 4], 6)
    assert (beside.items[[0, 3]] == alone.items).all()
    assert beside.scores[[0, 3]].tobytes() == alone.scores.tobytes()


@pytest.mark.parametrize("model", MODELS + OTHER_MODELS, ids=str, indirect=True)
def test_no_pair_of_cold_unknown_or_known_ids_is_predicted_nan(model, x):
    model.fit(x)
    users, items = np.meshgrid([59, 12345, 3], [39, 777, 2])
    assert np.isfinite(model.predict(users.ravel(), items.ravel())).all()
    unknown = model.predict([59, 12345], [777, 777])
    expected = model.global_mean_ if hasattr(model, "_range") else 0
    np.testing.assert_allclose(unknown, expected, rtol=EPS)
    if getattr(model, "solver", "") == "gibbs":
        means, deviations = model.predict(users.ravel(), items.ravel(), return_std=True)
        np.testing.assert_allclose(means, model.predict(users.ravel(), items.ravel()), rtol=20 * EPS)
        assert (deviations >= model.noise_std_ * (1 - EPS)).all()


@pytest.mark.parametrize("model", MODELS[:2], indirect=True)
def test_the_own_history_folds_in_as_the_user(model, x):
    """But for draws, where a fold-in is the mean of what a user's factors were drawn from, and for gradients."""
    model.fit(x)
    assert model.fold_in(x[:10]).tobytes() == model._w[:10].tobytes()
    old, new = model.recommend(np.arange(10), 6), model.recommend_new(x[:10], 6)
    assert (old.items == new.items).all()
    assert old.scores.tobytes() == new.scores.tobytes()


@pytest.mark.parametrize(
    ("model", "n_columns", "of_nobody"),
    [
        (MODELS[0], 5, 0),
        (MODELS[1], 6, 0),
        (MODELS[2], 4 * 6, None),
        (MODELS[3], 6, [0, 0, 0, 0, 0, 1]),
        (matfact.Baseline(), 1, 0),
        (matfact.Popularity(), 1, 1),
        (matfact.SpectralRecommender(5), 5, 0),
    ],
    indirect=["model"],
)
def test_fold_in_has_the_columns_that_it_documents(model, n_columns, of_nobody, x):
    folded = model.fit(x).fold_in(x)
    assert folded.shape == (60, n_columns)
    if of_nobody is None:  # the means of the prior, which are no zeros
        assert folded[-1].tobytes() == model._draws.user_prior[::2].tobytes()
    else:
        assert (folded[-1] == of_nobody).all()


def test_new_interactions_are_matched_by_the_ids_of_items(model, named):
    model.fit(named)
    df = pd.DataFrame({"user": ["z", "z", "z"], "item": [99, 9, 7], "rating": [1, 2, 4]})
    new = model.recommend_new(matfact.Interactions.from_frame(df), 4)
    assert set(new.items[new.mask].tolist()) == {8, 10}
    assert new.scores.tobytes() == model.recommend_new(named.matrix[[1]], 4).scores.tobytes()


def test_rows_of_another_width_are_refused(model, x):
    model.fit(x)
    with pytest.raises(ValueError, match="rows must have 40 columns, one an item of the fit"):
        model.fold_in(x.T)


def test_neighbours_are_cosines_without_the_query(model, x):
    model.fit(x)
    h = model.item_factors_.astype(np.float64).reshape(40, -1)
    norms = np.linalg.norm(h, axis=1)
    unit = h / np.where(norms > 0, norms, 1)[:, None]
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    found = model.similar_items(np.arange(40), 6)
    np.testing.assert_allclose(found.scores, -np.sort(-cosines, axis=1)[:, :6], rtol=0, atol=20 * EPS)
    assert (found.items != np.arange(40)[:, None]).all()
    with pytest.raises(ValueError, match="item 41 is unknown"):
        model.similar_items([1, 41])


def test_models_are_estimators(model, x):
    with pytest.raises(NotFittedError):
        model.recommend([0])
    other = clone(model).set_params(n_components=2)
    assert other.get_params()["n_components"] == 2
    factors = other.fit(x).user_factors_
    assert (len(factors), factors.shape[-1]) == (60, 2)


def test_pairs_of_unequal_numbers_are_refused(model, x):
    with pytest.raises(ValueError, match="equally many, got 2 and 3"):
        model.fit(x).predict([0, 1], [0, 1, 2])


def test_eight_threads_may_ask_one_model(model, x):
    model.fit(x)
    expected = model.recommend(np.arange(60), 5)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(model.recommend(np.arange(60), 5))) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(answers) == 8
    assert all((a.items == expected.items).all() for a in answers)


INTERRUPTED = """
import os, signal, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np, scipy.sparse as sp, matfact

rng = np.random.default_rng(0)
x = sp.csr_array((np.ones(400_000, np.float32), (rng.integers(0, 20_000, 400_000), rng.integers(0, 9_000, 400_000))))
x = matfact.Interactions(x)
x.transposed
sent = []

def interrupt():
    time.sleep(0.5)
    sent.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)

matfact.{model}(4, {sweeps}=1{solver}).fit(x)
threading.Thread(target=interrupt).start()
try:
    matfact.{model}(160, {sweeps}=10**6{solver}).fit(x)
except KeyboardInterrupt:
    print(time.perf_counter() - sent[0])
"""


@pytest.mark.parametrize(
    ("name", "sweeps", "solver"),
    [
        ("ImplicitMF", "max_iter", ""),
        ("ImplicitMF", "max_iter", ", solver='block'"),
        ("BPR", "max_iter", ""),
        ("BPR", "max_iter", ", loss='warp'"),
        ("BiasedMF", "max_iter", ""),
        ("BiasedMF", "max_iter", ", solver='sgd'"),
        ("BiasedMF", "max_iter", ", solver='adam'"),
        ("BiasedMF", "max_iter", ", solver='cg'"),
        ("BiasedMF", "burn_in", ", solver='gibbs', n_samples=1"),
        ("BiasedMF", "burn_in", ", solver='gibbs', n_samples=25"),  # half a gigabyte, to be touched first
    ],
)
def test_control_c_ends_a_sweep_within_a_fifth_of_a_second(name, sweeps, solver):
    """In one of three runs: other work on the machine may delay any one."""
    script = INTERRUPTED.replace("{model}", name).replace("{sweeps}", sweeps).replace("{solver}", solver)

    def run() -> float:
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
        return float(done.stdout)

    assert any(run() <= 0.2 for _ in range(3))


ITEMS_INTERRUPTED = """
import os, signal, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np, scipy.sparse as sp, matfact

rng = np.random.default_rng(0)
x = sp.csr_array((np.ones(2_000_000, np.float32), (rng.integers(0, 30_000, 2_000_000), rng.integers(0, 90, 2_000_000))))
x.sum_duplicates()
model = matfact.BPR(64, max_iter=1{more}).fit(x)
model.best_iter_ = 10**6  # as many passes, of some 20,000 pairs of others for each new item
new = sp.csr_array((np.ones(512, np.float32), (np.arange(512), np.arange(512))), shape=x.shape[:1] + (512,))
new = matfact.Interactions(new, item_ids=[f"new {i}" for i in range(512)])
sent = []

def interrupt():
    time.sleep(0.5)
    sent.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt).start()
try:
    model.partial_fit_items(new)
except KeyboardInterrupt:
    print(time.perf_counter() - sent[0])
"""


@pytest.mark.parametrize("more", ["", ", loss='warp'"])
def test_control_c_ends_new_items_that_meet_many_users_within_a_fifth_of_a_second(more):
    """New items have an entry each; what they meet are pairs of all others."""
    command = [sys.executable, "-c", ITEMS_INTERRUPTED.replace("{more}", more)]

    def run() -> float:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return float(done.stdout)

    assert any(run() <= 0.2 for _ in range(3))


def test_items_that_are_left_out_for_all_are_not_copied_for_each_user():
    x = matfact.Interactions(sp.random_array((2000, 1500), density=0.01, format="csr", rng=np.random.default_rng(0)))
    model = matfact.Popularity().fit(x)
    own = [[u % 1500, (u + 1) % 1500, 7] for u in range(2000)]
    tracemalloc.start()
    found = model.recommend(range(2000), 3, exclude_seen=False, include=own, exclude=range(1, 1500, 2))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    for u in (0, 1, 1499, 1999):
        assert set(found.items[u][found.mask[u]].tolist()) == {i for i in own[u] if i % 2 == 0}
    assert peak < 8 * 2000 * 750  # of one index for each pair of a user and an item that is left out


def test_a_query_does_not_count_the_entries_of_all_users_again(model, x, monkeypatch):
    """Nor of all items."""
    model.fit(x)
    users = [3, "nobody"]
    first = model.recommend(users, 5), model.predict(users, [1, 2])
    for name in ("user_counts", "item_counts"):
        monkeypatch.setattr(matfact.Interactions, name, property(lambda _: pytest.fail("counted again")))
    again = model.recommend(users, 5), model.predict(users, [1, 2])
    assert again[0].scores.tobytes() == first[0].scores.tobytes()
    assert again[1].tobytes() == first[1].tobytes()


def test_popularity_follows_new_users(x):
    model = matfact.PureSVD(3).fit(x)
    before = model.predict("nobody", 1)
    model.partial_fit_users(matfact.Interactions(x[:5] * 9, user_ids=[f"new {i}" for i in range(5)]))
    assert model.predict("nobody", 1) != before
    share = (model.interactions_.matrix[:, [1]].toarray() != 0).mean()
    np.testing.assert_allclose(model.predict("nobody", 1), share, rtol=EPS)
