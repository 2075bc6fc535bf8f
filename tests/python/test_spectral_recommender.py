"""The graph filter against its formula with dense matrices."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

import matfact
from matfact import spectral_recommender

EPS = np.finfo(np.float32).eps


@pytest.fixture
def x() -> sp.csr_array:
    """The last user and the last item are cold."""
    rng = np.random.default_rng(2)
    x = np.where(rng.random((50, 30)) < 0.25, rng.integers(1, 4, (50, 30)), 0)
    x[-1], x[:, -1] = 0, 0
    return sp.csr_array(x.astype(np.float32))


def dense_scores(x, k, linear_weight, rows):
    """The formula, with all matrices formed."""
    x = x.toarray().astype(np.float64)
    by_user, by_item = (np.where(s > 0, s, 1.0) for s in (x.sum(axis=1), x.sum(axis=0)))
    scaled = x / np.sqrt(by_user)[:, None] / np.sqrt(by_item)
    v = np.linalg.svd(scaled)[2][:k].T
    ideal = np.diag(by_item**-0.5) @ v @ v.T @ np.diag(by_item**0.5)
    return rows @ (ideal + linear_weight * scaled.T @ scaled)


@pytest.mark.parametrize("linear_weight", [0.0, 10 / 3])
@pytest.mark.parametrize("k", [1, 8])
def test_scores_are_those_of_the_formula(x, k, linear_weight, monkeypatch):
    monkeypatch.setattr(spectral_recommender, "_SCORES", 7 * 50)  # seven users at a time
    m = matfact.SpectralRecommender(k, linear_weight=linear_weight).fit(x)
    truth = dense_scores(x, k, linear_weight, x.toarray())[:49]
    scores = m.predict(np.repeat(np.arange(49), 30), np.tile(np.arange(30), 49)).reshape(49, 30)
    # Vectors of a float32 matrix, next to gaps of a few percent between singular values.
    np.testing.assert_allclose(scores, truth, rtol=0, atol=500 * EPS * np.abs(truth).max())
    found = m.recommend(np.arange(49), 6)
    best = -np.sort(-np.where(x.toarray()[:49] != 0, -np.inf, scores), axis=1)[:, :6]
    np.testing.assert_allclose(found.scores, best, rtol=0, atol=20 * EPS * np.abs(truth).max())
    assert (x.toarray()[np.repeat(np.arange(49), 6), found.items.ravel()] == 0).all()


def test_new_users_are_filtered_as_users_of_the_fit(x):
    m = matfact.SpectralRecommender(8).fit(x)
    old, new = m.recommend(np.arange(10), 6), m.recommend_new(x[:10], 6)
    assert (old.items == new.items).all()
    assert old.scores.tobytes() == new.scores.tobytes()


def test_filters_and_ties_are_those_of_other_models(x):
    m = matfact.SpectralRecommender(4).fit(x)
    only = m.recommend([1, 2], 40, include=[3, 4, 5], exclude=[4], exclude_seen=False)
    assert only.items[:, :2].tolist() in ([[3, 5], [3, 5]], [[3, 5], [5, 3]], [[5, 3], [3, 5]], [[5, 3], [5, 3]])
    assert not only.mask[:, 2:].any()
    own = m.recommend([1, 2], 2, include=[[3, 4], [5]], exclude_seen=False)
    assert own.mask.tolist() == [[True, True], [True, False]]
    assert not m.recommend([1], 3, include=[]).mask.any()
    assert m.recommend([], 3).items.shape == (0, 3)
    even = matfact.SpectralRecommender(1).fit(sp.csr_array(np.ones((3, 6))))
    assert even.recommend([0], 4, exclude_seen=False).items.tolist() == [[0, 1, 2, 3]]


@pytest.mark.parametrize("num_threads", [1, 2, 3, 7])
def test_threads_change_no_bit(x, num_threads):
    one, many = (matfact.SpectralRecommender(8, num_threads=n).fit(x) for n in (1, num_threads))
    assert one.user_factors_.tobytes() == many.user_factors_.tobytes()
    assert one.recommend(np.arange(50)).scores.tobytes() == many.recommend(np.arange(50)).scores.tobytes()
    pairs = np.repeat(np.arange(50), 30), np.tile(np.arange(30), 50)
    assert one.predict(*pairs).tobytes() == many.predict(*pairs).tobytes()


def test_lists_have_the_scores_of_pairs(x):
    """Bit for bit, wherever a user stands among those that are asked for together."""
    m = matfact.SpectralRecommender(8).fit(x)
    asked = np.arange(49)[::-1]
    found = m.recommend(asked, 30, include=np.arange(0, 29, 2))
    users = np.repeat(asked, 30).reshape(found.items.shape[0], -1)[:, : found.items.shape[1]]
    scores = m.predict(users[found.mask], found.items[found.mask])
    assert scores.tobytes() == found.scores[found.mask].tobytes()


def test_wide_indices_change_no_bit(x):
    m = matfact.SpectralRecommender(8).fit(x)
    wide = x.copy()
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    narrow_lists, wide_lists = m.recommend_new(x, 5), m.recommend_new(wide, 5)
    assert narrow_lists.scores.tobytes() == wide_lists.scores.tobytes()
    assert matfact.SpectralRecommender(8).fit(wide).recommend_new(x, 5).items.tolist() == narrow_lists.items.tolist()


@pytest.mark.parametrize(
    "model", [matfact.SpectralRecommender(8), matfact.PureSVD(8, normalize="degree")], ids=["spectral", "pure"]
)
def test_a_saved_model_answers_with_the_same_bits(x, tmp_path, model):
    model.fit(x).save(tmp_path / "model")
    other = type(model).load(tmp_path / "model")
    assert other.get_params() == model.get_params()
    ours, theirs = model.recommend(np.arange(50), 7), other.recommend(np.arange(50), 7)
    assert (ours.items == theirs.items).all()
    assert ours.scores.tobytes() == theirs.scores.tobytes()
    assert other.fold_in(x).tobytes() == model.fold_in(x).tobytes() == model.user_factors_.tobytes()


def test_without_the_linear_term_it_is_a_normalized_pure_svd(x):
    spectral = matfact.SpectralRecommender(8, linear_weight=0.0).fit(x)
    pure = matfact.PureSVD(8, normalize="degree").fit(x)
    assert spectral.user_factors_.tobytes() == pure.user_factors_.tobytes()
    users, items = np.repeat(np.arange(49), 30), np.tile(np.arange(30), 49)
    scores = pure.predict(users, items)
    np.testing.assert_allclose(spectral.predict(users, items), scores, rtol=0, atol=20 * EPS * np.abs(scores).max())


def test_new_users_may_stay(x):
    m = matfact.SpectralRecommender(8).fit(matfact.Interactions(x))
    folded = m.fold_in(x[:5])
    m.partial_fit_users(matfact.Interactions(x[:5], user_ids=list("abcde")))
    assert m._w[50:].tobytes() == folded.tobytes()
    assert m.recommend("c", 3).mask.all()


FOLDING = {
    "spectral": matfact.SpectralRecommender(8),
    "pure": matfact.PureSVD(8, normalize="degree"),
    "plain": matfact.PureSVD(8),
}


def with_copies(x, items):
    return matfact.Interactions(x[:, items], item_ids=[f"copy of {i}" for i in items])


@pytest.mark.parametrize("model", FOLDING.values(), ids=FOLDING.keys())
def test_an_item_with_the_users_of_another_gets_its_factors(x, model):
    """X~' U / s is V for the columns of the fit; a second item of that kind changes no other."""
    m = clone(model).fit(matfact.Interactions(x))
    before = m._w.copy(), m._h.copy()
    assert m.partial_fit_items(with_copies(x, [3, 7])) is m
    assert m._w.tobytes() == before[0].tobytes()
    assert m._h[:30].tobytes() == before[1].tobytes()
    # s_1 / s_8 is about 2.5, and its square is what the normal equations multiply errors by.
    np.testing.assert_allclose(m._h[30:], m._h[[3, 7]], rtol=0, atol=20 * EPS * np.abs(before[1]).max())
    users = np.arange(49)
    new, old = (m.predict(users, np.full(49, i)) for i in ("copy of 3", 3))
    np.testing.assert_allclose(new, old, rtol=0, atol=20 * EPS * np.abs(old).max())


@pytest.mark.parametrize("model", FOLDING.values(), ids=FOLDING.keys())
def test_a_model_that_got_items_is_saved_whole(x, tmp_path, model):
    m = clone(model).fit(matfact.Interactions(x)).partial_fit_items(with_copies(x, [3, 29]))
    m.save(tmp_path / "model")
    other = type(m).load(tmp_path / "model")
    ours, theirs = m.recommend(np.arange(50), 7), other.recommend(np.arange(50), 7)
    assert (ours.items == theirs.items).all()
    assert ours.scores.tobytes() == theirs.scores.tobytes()
    assert m.predict(0, "copy of 29")[0] == 0.0  # nobody has it


def test_the_linear_term_is_that_of_the_extended_matrix(x):
    m = matfact.SpectralRecommender(8).fit(matfact.Interactions(x[:, :25]))
    m.partial_fit_items(matfact.Interactions(x[:, 25:], item_ids=np.arange(25, 30)))
    first = clone(m).set_params(linear_weight=0.0).fit(matfact.Interactions(x[:, :25]))
    first.partial_fit_items(matfact.Interactions(x[:, 25:], item_ids=np.arange(25, 30)))
    users, items = np.repeat(np.arange(49), 30), np.tile(np.arange(30), 49)
    linear = (m.predict(users, items) - first.predict(users, items)).reshape(49, 30)
    truth = dense_scores(x, 1, 10 / 3, x.toarray()) - dense_scores(x, 1, 0.0, x.toarray())
    np.testing.assert_allclose(linear, truth[:49], rtol=0, atol=50 * EPS * np.abs(truth).max())


def test_planted_groups_are_found():
    """Users of a group play items of that group: their lists hold the ones that they have not played yet."""
    rng = np.random.default_rng(0)
    group_u, group_i = np.arange(200) % 4, np.arange(80) % 4
    x = sp.csr_array((group_u[:, None] == group_i) & (rng.random((200, 80)) < 0.4), dtype=np.float32)
    m = matfact.SpectralRecommender(4).fit(x)
    assert (group_i[m.recommend(np.arange(200), 5).items] == group_u[:, None]).all()
    assert (group_i[m.similar_items(np.arange(80), 5).items] == group_i[:, None]).all()


def test_singular_values_are_at_most_one(x):
    """The normalized matrix of a bipartite graph has the norm 1."""
    m = matfact.SpectralRecommender(8).fit(x)
    assert abs(m.singular_values_[0] - 1.0) <= 50 * EPS


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 31}, "n_components must be between 1 and 30, got 31"),
        ({"n_components": 3, "linear_weight": -1.0}, "linear_weight must be finite and not negative"),
    ],
)
def test_parameters_out_of_range_are_named(x, parameters, message):
    with pytest.raises(ValueError, match=message):
        matfact.SpectralRecommender(**parameters).fit(x)


def test_entries_that_cannot_be_normalized_are_refused(x):
    x.data[0] = -1.0
    for model in (matfact.SpectralRecommender(3), matfact.PureSVD(3, normalize="degree")):
        with pytest.raises(ValueError, match="implicit feedback must be positive"):
            model.fit(x)
    with pytest.raises(ValueError, match="normalize must be one of 'degree', got 'rows'"):
        matfact.PureSVD(3, normalize="rows").fit(x)
