"""BiasedMF by Gibbs sampling: better than least squares where data are few, with standard deviations that hold."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import matfact

EPS = np.finfo(np.float32).eps
NOISE = 0.7


def planted(n_users=150, n_items=80, k=3, share=0.25):
    """Noisy sums of biases and products: what is seen, and what is not (users, items, ratings)."""
    rng = np.random.default_rng(3)
    truth = 3 + rng.normal(size=(n_users, 1)) * 0.5 + rng.normal(size=(1, n_items)) * 0.5
    truth = truth + rng.normal(size=(n_users, k)) @ rng.normal(size=(k, n_items)) * 0.5
    ratings = truth + NOISE * rng.normal(size=truth.shape)
    seen = rng.random(truth.shape) < share
    users, items = np.nonzero(~seen)
    return matfact.Interactions(sp.csr_array(np.where(seen, ratings, 0))), users, items, ratings[users, items]


@pytest.fixture(scope="module")
def fitted():
    x, *held_out = planted()
    model = matfact.BiasedMF(6, solver="gibbs", burn_in=30, n_samples=40, random_state=0).fit(x)
    return model, x, *held_out


def rmse(model, users, items, ratings):
    return np.sqrt(((model.predict(users, items) - ratings) ** 2).mean())


def test_held_out_errors_are_lower_than_those_of_least_squares_at_its_best_penalty(fitted):
    model, x, *held_out = fitted
    als = min(rmse(matfact.BiasedMF(6, l2=l2, random_state=0).fit(x), *held_out) for l2 in (0.05, 0.1, 0.2, 0.4))
    assert rmse(model, *held_out) < 0.98 * als
    assert rmse(model, *held_out) < 1.25 * NOISE


def test_standard_deviations_are_those_of_the_errors_within_a_tenth(fitted):
    model, _, users, items, ratings = fitted
    mean, std = model.predict(users, items, return_std=True)
    z = (ratings - mean) / std
    assert 0.9 <= z.std() <= 1.1
    doubtful = std > np.median(std)
    assert ((ratings - mean)[doubtful] ** 2).mean() > ((ratings - mean)[~doubtful] ** 2).mean()
    assert 0.9 * NOISE <= model.noise_std_ <= 1.1 * NOISE
    np.testing.assert_allclose(mean, model.predict(users, items), rtol=0, atol=100 * EPS * np.abs(mean).max())


def test_threads_change_no_bit(fitted):
    x = fitted[1]
    fits = [
        matfact.BiasedMF(9, solver="gibbs", burn_in=2, n_samples=2, random_state=1, num_threads=n).fit(x)
        for n in (1, 2, 3, 7)
    ]
    for other in fits[1:]:
        assert other.user_factors_.tobytes() == fits[0].user_factors_.tobytes()
        assert other.item_factors_.tobytes() == fits[0].item_factors_.tobytes()
        assert other.noise_std_ == fits[0].noise_std_


def test_predictions_are_the_average_over_the_draws(fitted):
    model, _, users, items, _ = fitted
    some = slice(0, 50)
    w, h = model.user_factors_[users[some]], model.item_factors_[items[some]]
    assert w.shape == (50, 40, 6)
    expected = model.global_mean_ + model.user_bias_[users[some]] + model.item_bias_[items[some]]
    expected = (expected + (w * h).sum(axis=2).mean(axis=1)).clip(*model._range)
    # Sums of some hundred products of numbers up to 10.
    np.testing.assert_allclose(model.predict(users[some], items[some]), expected, rtol=0, atol=1000 * EPS)


def test_units_of_the_ratings_do_not_matter(fitted):
    model, x, users, items, _ = fitted
    scaled = matfact.Interactions(x.matrix * np.float32(64))
    other = matfact.BiasedMF(6, solver="gibbs", burn_in=30, n_samples=40, random_state=0).fit(scaled)
    # A power of two: the draws are the same but for roundings that 70 sweeps have carried on.
    assert abs(other.noise_std_ / 64 - model.noise_std_) <= 1e-3 * NOISE
    assert np.abs(other.predict(users, items) / 64 - model.predict(users, items)).max() <= 0.1


def test_users_of_the_fit_fold_in_close_to_themselves(fitted):
    model, x, *_ = fitted
    rows = model.fold_in(x.matrix[:40])
    queries, constants = model._as_queries(rows)
    scores = queries @ model._h.T + constants[:, None]
    own = model.predict(np.repeat(np.arange(40), 80), np.tile(np.arange(80), 40)).reshape(40, 80)
    # Means of the conditional distributions against averages of 40 draws of them.
    assert np.sqrt(((scores.clip(*model._range) - own) ** 2).mean()) <= 0.25 * NOISE
    assert model.recommend_new(x.matrix[:2], 3).mask.all()


def test_a_stopped_chain_keeps_what_it_has():
    x, users, items, _ = planted()
    for stop, kept in ((2, 1), (7, 2)):
        model = matfact.BiasedMF(3, solver="gibbs", burn_in=5, n_samples=9, random_state=0)
        model.fit(x, callback=lambda it, stop=stop: it.n_iter == stop)
        assert (model.n_iter_, model.status_) == (stop, "stopped")
        assert model.user_factors_.shape == (150, kept, 3)
        assert np.isfinite(model.predict(users, items)).all()


def test_files_keep_draws_bit_by_bit(fitted, tmp_path):
    model, x, users, items, _ = fitted
    model.save(tmp_path / "model.mf")
    again = matfact.BiasedMF.load(tmp_path / "model.mf")
    for kept, read in zip(*(m.predict(users, items, return_std=True) for m in (model, again)), strict=True):
        assert kept.tobytes() == read.tobytes()
    assert again.fold_in(x.matrix[:3]).tobytes() == model.fold_in(x.matrix[:3]).tobytes()


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_ratings_that_are_all_equal_are_predicted(value):
    x = sp.csr_array((np.full(6, value, np.float32), ([0, 0, 1, 1, 2, 2], [0, 1, 0, 2, 1, 2])), shape=(4, 3))
    model = matfact.BiasedMF(2, solver="gibbs", burn_in=5, n_samples=5, random_state=0).fit(x)
    mean, std = model.predict([0, 1, 3], [2, 1, 0], return_std=True)
    assert (mean == value).all()
    assert np.isfinite(std).all()


def test_least_squares_know_no_standard_deviation(fitted):
    model = matfact.BiasedMF(2, random_state=0).fit(fitted[1])
    with pytest.raises(ValueError, match="return_std needs solver='gibbs', got 'als'"):
        model.predict([0], [0], return_std=True)


def test_the_noise_of_draws_does_not_outlive_them():
    ratings, *_ = planted()
    model = matfact.BiasedMF(2, solver="gibbs", burn_in=1, n_samples=2, random_state=0).fit(ratings)
    assert model.noise_std_ > 0
    assert not hasattr(model.set_params(solver="als").fit(ratings), "noise_std_")
