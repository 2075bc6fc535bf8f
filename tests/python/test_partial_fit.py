"""New and changed users and items in a fitted model."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

import matfact

EPS = np.finfo(np.float32).eps
MODELS = {
    "als": matfact.ImplicitMF(5, solver="als", random_state=0),
    "cg": matfact.ImplicitMF(5, solver="cg", random_state=0),
    "BiasedMF": matfact.BiasedMF(5, l2=0.5, random_state=0),
    "sgd": matfact.BiasedMF(5, solver="sgd", random_state=0),
    "gibbs": matfact.BiasedMF(5, solver="gibbs", burn_in=3, n_samples=4, random_state=0),
    "PureSVD": matfact.PureSVD(5),
    "degree": matfact.PureSVD(5, normalize="degree"),
    "spectral": matfact.SpectralRecommender(5, linear_weight=0.0),
    "Baseline": matfact.Baseline(),
    "Popularity": matfact.Popularity(),
    "BPR": matfact.BPR(5, max_iter=3, random_state=0),
}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest):
    return clone(MODELS[request.param])


@pytest.fixture
def whole() -> matfact.Interactions:
    rng = np.random.default_rng(1)
    x = sp.csr_array(np.where(rng.random((60, 40)) < 0.3, rng.integers(1, 6, (60, 40)), 0).astype(np.float32))
    return matfact.Interactions(x, user_ids=[f"u{i}" for i in range(60)], item_ids=np.arange(40) + 100)


def users(whole, codes):
    return matfact.Interactions(whole.matrix[codes], user_ids=whole.user_ids[codes], item_ids=whole.item_ids)


def items(whole, codes):
    return matfact.Interactions(whole.matrix[:, codes], user_ids=whole.user_ids, item_ids=whole.item_ids[codes])


def test_new_users_become_users_of_the_fit(model, whole):
    model.fit(users(whole, np.arange(50)))
    before = model._w.copy()
    folded = model.fold_in(users(whole, np.arange(50, 60)))
    expected = model.recommend_new(users(whole, np.arange(50, 60)), 5)
    assert model.partial_fit_users(users(whole, np.arange(50, 60))) is model
    assert model.interactions_.user_ids.tolist() == whole.user_ids.tolist()
    assert (model.interactions_.matrix != whole.matrix).nnz == 0
    assert model._w[:50].tobytes() == before.tobytes()
    assert model._w[50:].tobytes() == folded.tobytes()
    found = model.recommend(whole.user_ids[50:], 5)
    assert (found.items == expected.items).all()
    assert found.scores.tobytes() == expected.scores.tobytes()
    assert np.isfinite(model.predict(["u55"], [100])).all()


def test_histories_are_merged_and_the_newest_value_counts(model, whole):
    model.fit(whole)
    row = whole.matrix[[3]].toarray()[0]
    seen, unseen = np.flatnonzero(row)[0], np.flatnonzero(row == 0)[0]
    news = sp.csr_array(([5.0, 4.0], ([0, 0], [0, 1])), shape=(1, 2), dtype=np.float32)
    news = matfact.Interactions(news, user_ids=["u3"], item_ids=whole.item_ids[[seen, unseen]])
    row[[seen, unseen]] = 5.0, 4.0
    expected = model.fold_in(sp.csr_array(row[None]))
    model.partial_fit_users(news)
    assert model.interactions_.matrix[[3]].toarray()[0].tolist() == row.tolist()
    assert model.interactions_.n_interactions == whole.n_interactions + 1
    assert model._w[3].tobytes() == expected.tobytes()


def test_users_may_come_in_any_order_between_known_ones(model, whole):
    model.fit(users(whole, np.arange(40)))
    model.partial_fit_users(users(whole, np.array([55, 2, 44])))
    assert model.interactions_.user_ids.tolist()[39:] == ["u39", "u55", "u44"]
    again = clone(model).fit(users(whole, np.arange(40)))
    again.partial_fit_users(users(whole, np.array([55]))).partial_fit_users(users(whole, np.array([44, 2])))
    assert model._w.tobytes() == again._w.tobytes()


def test_rows_without_new_entries_keep_their_bits(model, whole):
    """Parts of a split name all users; gradients and draws leave rows that solving again would change."""
    part = whole.matrix.toarray()
    part[1:] = 0
    model.fit(users(whole, np.arange(50)))
    before = model._w.copy()
    model.partial_fit_users(matfact.Interactions(sp.csr_array(part), user_ids=whole.user_ids, item_ids=whole.item_ids))
    assert model._w[1:50].tobytes() == before[1:].tobytes()
    assert model.interactions_.user_ids.tolist() == whole.user_ids.tolist()
    assert model.interactions_.user_counts[50:].tolist() == [0] * 10
    average = model.recommend(["nobody"], 5, exclude_seen=False)
    cold = model.recommend(["u55"], 5, exclude_seen=False)
    assert cold.items.tolist() == average.items.tolist()
    nothing = matfact.Interactions(sp.csr_array((50, 40)), user_ids=whole.user_ids[:50], item_ids=whole.item_ids)
    after = model._w.copy()
    assert model.partial_fit_users(nothing)._w.tobytes() == after.tobytes()


@pytest.mark.parametrize(
    "model", ["BiasedMF", "sgd", "PureSVD", "spectral", "Baseline", "Popularity", "BPR"], indirect=True
)
def test_items_without_new_entries_keep_their_bits(model, whole):
    """But for models that rotate their factors."""
    part = whole.matrix.toarray()
    part[:, 1:] = 0
    model.fit(items(whole, np.arange(35)))
    before = model._h.copy()
    model.partial_fit_items(matfact.Interactions(sp.csr_array(part), user_ids=whole.user_ids, item_ids=whole.item_ids))
    assert model._h[1:35].tobytes() == before[1:].tobytes()
    assert model.interactions_.item_counts[35:].tolist() == [0] * 5
    assert np.isfinite(model.predict(whole.user_ids, 139)).all()


@pytest.mark.parametrize(
    "model",
    ["als", "cg", "BiasedMF", "gibbs", "PureSVD", "degree", "spectral", "Baseline", "Popularity", "BPR"],
    indirect=True,
)
def test_new_items_are_found_by_users(model, whole):
    model.fit(items(whole, np.arange(35)))
    old = model.predict(np.repeat(whole.user_ids, 35), np.tile(whole.item_ids[:35], 60))
    model.partial_fit_items(items(whole, np.arange(35, 40)))
    assert model.interactions_.item_ids.tolist() == whole.item_ids.tolist()
    assert (model.interactions_.matrix != whole.matrix).nnz == 0
    kept = model.predict(np.repeat(whole.user_ids, 35), np.tile(whole.item_ids[:35], 60))
    # Rotations of rows of five by rounded matrices.
    np.testing.assert_allclose(kept, old, rtol=0, atol=50 * EPS * np.abs(old).max())
    assert set(range(135, 140)) & set(model.recommend(whole.user_ids, 40).items.ravel().tolist())


@pytest.mark.parametrize("model", ["als", "BiasedMF"], indirect=True)
def test_items_are_the_least_squares_of_their_users(model, whole):
    """As users are: the model of the transposed matrix, whose items are our users, folds them in."""
    model.fit(items(whole, np.arange(35)))
    mirrored = clone(model).fit(matfact.Interactions(model.interactions_.transposed))
    w, h = model._w, model._h
    if isinstance(model, matfact.ImplicitMF):
        w, _, facts = mirrored._settled(h, w)[1], None, mirrored._settled(h, w)[2]
    else:
        facts = mirrored._facts | {"mean": model.global_mean_}
    mirrored._adopt(mirrored.interactions_, mirrored._w, w, facts)
    expected = mirrored.fold_in(whole.transposed[35:])
    model.partial_fit_items(items(whole, np.arange(35, 40)))
    scores = model._w @ model._h[35:].T
    np.testing.assert_allclose(scores, w @ expected.T, rtol=0, atol=200 * EPS * np.abs(scores).max())


@pytest.mark.parametrize("model", ["als"], indirect=True)
def test_new_items_leave_a_model_that_folds_in_its_users(model, whole):
    """The Gram matrix of the items is diagonal again, as the equations of users need it."""
    model.fit(items(whole, np.arange(35))).partial_fit_items(items(whole, np.arange(35, 40)))
    gram = model._h.astype(np.float64).T @ model._h
    np.testing.assert_allclose(gram, np.diag(model._spectrum), rtol=0, atol=40 * EPS * model._spectrum[0])
    model.partial_fit_users(users(whole, np.array([7])))
    # User 7 is now optimal for all 40 items: no other row does better in the objective.
    x, w = whole.matrix[[7]].toarray()[0], model._w[7].astype(np.float64)
    confidence = 1.0 + x
    l2 = model.l2 * ((x != 0).sum() + 40)
    h = model._h.astype(np.float64)
    gradient = h.T @ (confidence * (h @ w - (x != 0))) + l2 * w
    assert np.linalg.norm(gradient) <= 100 * EPS * np.linalg.norm(h.T @ (confidence * (x != 0)))


@pytest.mark.parametrize("num_threads", [1, 2, 3, 7])
def test_threads_change_no_bit(model, whole, num_threads):
    fits = [clone(model).set_params(num_threads=n).fit(users(whole, np.arange(40))) for n in (1, num_threads)]
    one, many = (fit.partial_fit_users(users(whole, np.arange(30, 60))) for fit in fits)
    assert one._w.tobytes() == many._w.tobytes()


def test_parameters_that_were_changed_since_do_not_count(whole):
    for model, other in (
        (matfact.ImplicitMF(5, solver="als", l2=0.5, random_state=0), {"l2": 0.001, "n_components": 7}),
        (matfact.Baseline(), {"l2_user": 0.001, "l2_item": 70.0}),
    ):
        model.fit(users(whole, np.arange(50)))
        expected = model.fold_in(users(whole, np.arange(50, 60)))
        model.set_params(**other)
        assert model.fold_in(users(whole, np.arange(50, 60))).tobytes() == expected.tobytes()
        model.partial_fit_users(users(whole, np.arange(50, 60)))
        assert model._w[50:].tobytes() == expected.tobytes()
        assert {name: getattr(model, name) for name in other} == other


def test_a_model_that_grew_is_saved_whole(model, whole, tmp_path):
    model.fit(users(whole, np.arange(50))).partial_fit_users(users(whole, np.arange(50, 60))).save(tmp_path / "model")
    other = type(model).load(tmp_path / "model")
    ours, theirs = model.recommend(whole.user_ids, 6), other.recommend(whole.user_ids, 6)
    assert (ours.items == theirs.items).all()
    assert ours.scores.tobytes() == theirs.scores.tobytes()


def test_mistakes_say_the_way_out(model, whole):
    with pytest.raises(ValueError, match="not fitted"):
        model.partial_fit_users(whole)
    model.fit(items(whole, np.arange(35)))
    with pytest.raises(ValueError, match="item 135 is unknown: bring it in by partial_fit_items first"):
        model.partial_fit_users(whole)
    with pytest.raises(TypeError, match="matched by ids: pass Interactions, got csr_array"):
        model.partial_fit_users(whole.matrix)
    model.fit(users(whole, np.arange(50)))
    with pytest.raises(ValueError, match="user 'u50' is unknown: bring it in by partial_fit_users first"):
        model.partial_fit_items(whole)


def test_items_of_draws_follow_the_unit_of_ratings(whole):
    """In the equations of an item, factors are free of units and biases are ratings."""
    tenfold = matfact.Interactions(10 * whole.matrix, user_ids=whole.user_ids, item_ids=whole.item_ids)
    models = [clone(MODELS["gibbs"]).fit(items(x, np.arange(35))) for x in (whole, tenfold)]
    one, ten = (
        model.partial_fit_items(items(x, np.arange(35, 40))) for model, x in zip(models, (whole, tenfold), strict=True)
    )
    np.testing.assert_allclose(ten.item_factors_[35:], one.item_factors_[35:], rtol=0, atol=1e-3)
    np.testing.assert_allclose(ten.item_bias_[35:], 10 * one.item_bias_[35:], rtol=0, atol=1e-2)
    assert np.abs(one.item_bias_[35:]).max() > 0.05


def test_items_of_draws_explain_their_ratings():
    rng = np.random.default_rng(3)
    truth = 3 + rng.normal(size=(300, 1)) + rng.normal(size=60) + rng.normal(size=(300, 2)) @ rng.normal(size=(2, 60))
    x = matfact.Interactions(sp.csr_array(np.where(rng.random(truth.shape) < 0.4, truth, 0)))
    model = matfact.BiasedMF(2, solver="gibbs", burn_in=20, n_samples=20, random_state=0)
    whole_fit = clone(model).fit(x)
    model.fit(items(x, np.arange(50))).partial_fit_items(items(x, np.arange(50, 60)))
    users_, items_ = np.nonzero(x.matrix.toarray()[:, 50:] == 0)
    errors = [
        np.sqrt(np.mean((m.predict(users_, items_ + 50) - truth[:, 50:][users_, items_].clip(*m._range)) ** 2))
        for m in (model, whole_fit)
    ]
    assert errors[0] <= 1.1 * errors[1] + 0.02
    assert errors[0] <= 0.2 * truth.std()


def test_a_model_of_draws_that_was_saved_without_the_prior_of_items_says_so(whole, tmp_path):
    model = clone(MODELS["gibbs"]).fit(items(whole, np.arange(35)))
    del model._facts["item_prior"]
    model.save(tmp_path / "model")
    with pytest.raises(ValueError, match="fit it to all interactions again"):
        matfact.BiasedMF.load(tmp_path / "model").partial_fit_items(items(whole, np.arange(35, 40)))


def test_ids_of_two_kinds_may_meet(whole):
    model = matfact.Popularity().fit(matfact.Interactions(whole.matrix))
    model.partial_fit_users(matfact.Interactions(whole.matrix[:1], user_ids=["new"]))
    assert model.interactions_.user_ids.tolist() == [*range(60), "new"]
