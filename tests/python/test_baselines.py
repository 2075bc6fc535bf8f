"""Popularity, PureSVD and Baseline: closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import matfact

EPS = np.finfo(np.float32).eps


@pytest.fixture
def x() -> sp.csr_array:
    return sp.random_array((50, 30), density=0.2, format="csr", dtype=np.float32, rng=np.random.default_rng(0))


def test_popularity_is_the_share_of_users(x, tmp_path):
    m = matfact.Popularity().fit(x)
    share = (x.toarray() != 0).mean(axis=0)
    np.testing.assert_allclose(m.predict(np.zeros(30), np.arange(30)), share, rtol=EPS, atol=0)
    found = m.recommend([3, 999], 30, exclude_seen=False)
    assert (found.items == np.argsort(-share, kind="stable")).all()
    m.save(tmp_path / "model")
    other = matfact.Popularity.load(tmp_path / "model")
    assert (other.recommend(np.arange(50)).items == m.recommend(np.arange(50)).items).all()


@pytest.mark.parametrize("k", [1, 5, 30])
def test_pure_svd_scores_by_the_leading_right_singular_vectors(x, k, tmp_path):
    m = matfact.PureSVD(k).fit(x)
    _, s, vt = np.linalg.svd(x.toarray().astype(np.float64))
    truth = x.toarray() @ vt[:k].T @ vt[:k]
    scores = m.predict(np.repeat(np.arange(50), 30), np.tile(np.arange(30), 50)).reshape(50, 30)
    # Vectors of a float32 matrix, next to gaps of a few percent between singular values.
    np.testing.assert_allclose(scores, truth, rtol=0, atol=500 * EPS * np.abs(truth).max())
    np.testing.assert_allclose(m.singular_values_, s[:k], rtol=100 * EPS)
    assert m.fold_in(x).tobytes() == m.user_factors_.tobytes()
    m.save(tmp_path / "model")
    assert matfact.PureSVD.load(tmp_path / "model").fold_in(x).tobytes() == m.user_factors_.tobytes()


def test_pure_svd_gives_a_matrix_of_its_rank_back():
    """Planted factors, whose products are all stored."""
    rng = np.random.default_rng(1)
    truth = rng.uniform(1, 2, (60, 4)) @ rng.uniform(0, 1, (4, 25))
    m = matfact.PureSVD(4).fit(sp.csr_array(truth))
    scores = m.predict(np.repeat(np.arange(60), 25), np.tile(np.arange(25), 60)).reshape(60, 25)
    # Sums of 25 products in float32.
    np.testing.assert_allclose(scores, truth, rtol=0, atol=50 * EPS * truth.max())


def test_pure_svd_refuses_more_components_than_the_matrix_has(x):
    with pytest.raises(ValueError, match="n_components must be between 1 and 30, got 31"):
        matfact.PureSVD(31).fit(x)
    with pytest.raises(ValueError, match="at least one entry"):
        matfact.Popularity().fit(sp.csr_array((3, 3)))


@pytest.mark.parametrize(("l2_user", "l2_item"), [(5.0, 2.0), (0.5, 10.0)])
def test_baseline_biases_minimize_the_documented_objective(x, l2_user, l2_item):
    m = matfact.Baseline(l2_user=l2_user, l2_item=l2_item, max_iter=100).fit(x)
    stored = x.toarray() != 0
    left = np.where(stored, x.toarray() - m.global_mean_ - m.user_bias_[:, None] - m.item_bias_[None, :], 0)
    # The gradient is a sum of at most some dozen entries below 1, from biases in float32.
    assert np.abs(left.sum(axis=1) - l2_user * m.user_bias_).max() <= 50 * EPS
    assert np.abs(left.sum(axis=0) - l2_item * m.item_bias_).max() <= 50 * EPS


def test_baseline_recovers_biases_and_folds_users_in(tmp_path):
    rng = np.random.default_rng(2)
    truth = 3 + rng.normal(size=(50, 1)) + rng.normal(size=(1, 30))
    ratings = sp.csr_array(np.where(rng.random((50, 30)) < 0.5, truth, 0))
    m = matfact.Baseline(l2_user=0.0, l2_item=0.0, max_iter=200).fit(ratings)
    users, items = np.nonzero(ratings.toarray() == 0)
    expected = truth[users, items].clip(*m._range)
    np.testing.assert_allclose(m.predict(users, items), expected, rtol=0, atol=50 * EPS * np.abs(truth).max())
    np.testing.assert_allclose(m.fold_in(ratings)[:, 0], m.user_bias_, rtol=0, atol=50 * EPS * np.abs(truth).max())
    m.save(tmp_path / "model")
    assert (
        matfact.Baseline.load(tmp_path / "model").predict(users, items).tobytes() == m.predict(users, items).tobytes()
    )
    best = m.recommend([0], 30, exclude_seen=False).items[0]
    assert (best == np.argsort(-m.item_bias_, kind="stable")).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"l2_user": -1.0}, "l2_user must be finite and not negative"),
        ({"l2_item": np.nan}, "l2_item must be finite and not negative"),
        ({"max_iter": 0}, "max_iter must be at least 1, got 0"),
    ],
)
def test_baseline_names_parameters_out_of_range(x, parameters, message):
    with pytest.raises(ValueError, match=message):
        matfact.Baseline(**parameters).fit(x)


@pytest.mark.parametrize(
    "model", [matfact.Popularity(), matfact.Baseline(), matfact.PureSVD(3), matfact.SpectralRecommender(3)]
)
def test_what_is_found_at_once_takes_the_arguments_of_what_iterates(x, model, tmp_path):
    """A fit is one sweep then."""
    train, test = matfact.random_split(matfact.Interactions(x), 0.2, random_state=0)
    told = []
    model.fit(train, validation=test, callback=told.append, progress=True)
    metric = model._default_metric
    expected = matfact.evaluate(model, test, [metric])[metric]
    assert model.validation_history_.tolist() == [expected]
    assert [(it.n_iter, it.validation) for it in told] == [(1, expected)]
    assert np.isnan(told[0].objective)
    model.save(tmp_path / "model")
    assert type(model).load(tmp_path / "model").validation_history_.tolist() == [expected]
    assert model.fit(train).validation_history_ is None

    def fail(_: matfact.Iteration) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        model.fit(train, validation=test, metric="recall@5", callback=fail)
    assert model.validation_history_.tolist() == [matfact.evaluate(model, test, ["recall@5"])["recall@5"]]
    with pytest.raises(TypeError, match="callback must be callable, got 3"):
        model.fit(train, callback=3)
    with pytest.raises(TypeError, match="progress must be True or False"):
        model.fit(train, progress=1)
    with pytest.raises(ValueError, match="num_threads must be"):
        type(model)(num_threads=0).fit(train)
