"""BiasedMF: the objective it documents, at its minimum; planted factors; bad input."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import matfact
from reference import recommender

EPS = np.finfo(np.float32).eps


@pytest.fixture
def ratings() -> sp.csr_array:
    """Stars; the last user and the last item have none, and the first user rated nearly everything."""
    rng = np.random.default_rng(5)
    x = np.where(rng.random((90, 50)) < 0.2, rng.integers(1, 6, (90, 50)), 0)
    x[0, :45] = rng.integers(1, 6, 45)
    x[-1], x[:, -1] = 0, 0
    return sp.csr_array(x.astype(np.float32))


def reference(m: matfact.BiasedMF, x: sp.csr_array):
    dense = x.toarray()
    factors = (m.user_factors_, m.item_factors_, m.user_bias_, m.item_bias_)
    return recommender.biased(dense, dense != 0, m.global_mean_, *factors, l2=m.l2, by_count=m.l2_scaling == "count")


@pytest.mark.parametrize("solver", ["als", "cg"])
@pytest.mark.parametrize("l2_scaling", ["count", "none"])
@pytest.mark.parametrize("k", [1, 7, 15, 40])
def test_the_objective_is_the_one_in_the_docstring_and_never_rises(ratings, solver, l2_scaling, k):
    m = matfact.BiasedMF(k, solver=solver, l2=0.2, l2_scaling=l2_scaling, max_iter=10, random_state=0).fit(ratings)
    truth, _, _ = reference(m, ratings)
    # It is summed from float32 solutions: some roundings of the objective at zero.
    scale = 50 * EPS * ((ratings.data - m.global_mean_) ** 2).sum()
    assert abs(m.objective_ - truth) <= scale
    assert (np.diff(m.objective_history_) <= scale).all()


@pytest.mark.parametrize("solver", ["als", "cg"])
@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("l2_scaling", ["count", "none"])
def test_the_gradient_vanishes_at_the_solution(ratings, l2_scaling, biases, solver):
    l2 = 0.3 if l2_scaling == "count" else 4.0  # rows have about a dozen entries
    options = {"solver": solver, "l2": l2, "l2_scaling": l2_scaling, "biases": biases, "random_state": 0}
    m = matfact.BiasedMF(3, max_iter=500, cg_steps=3, **options).fit(ratings)
    _, (users, user_bias), (items, item_bias) = reference(m, ratings)
    scale = np.linalg.norm(ratings.data) * np.linalg.norm(m.item_factors_, 2)
    assert np.linalg.norm(users) <= 100 * EPS * scale
    # Sweeps end where rounding of float32 moves the factors as much as they do.
    assert np.linalg.norm(items) <= 1000 * EPS * scale
    if biases:
        assert np.linalg.norm(user_bias) <= 100 * EPS * scale
        assert np.linalg.norm(item_bias) <= 1000 * EPS * scale
    else:
        assert not m.user_bias_.any()


def test_planted_factors_are_recovered():
    """Without noise, held-out ratings come back: far below their spread of 1.3."""
    rng = np.random.default_rng(0)
    truth = 3 + rng.normal(size=(300, 1)) * 0.5 + rng.normal(size=(1, 100)) * 0.5
    truth = truth + rng.normal(size=(300, 3)) @ rng.normal(size=(3, 100)) * 0.6
    seen = rng.random(truth.shape) < 0.5
    x = matfact.Interactions(sp.csr_array(np.where(seen, truth, 0)))
    m = matfact.BiasedMF(3, l2=1e-4, max_iter=100, random_state=0).fit(x)
    users, items = np.nonzero(~seen)
    error = m.predict(users, items) - truth[users, items].clip(truth[seen].min(), truth[seen].max())
    assert np.sqrt((error**2).mean()) <= 0.01


@pytest.mark.parametrize("solver", ["als", "cg"])
def test_threads_change_no_bit(ratings, solver):
    options = {"solver": solver, "max_iter": 3, "random_state": 1}
    fits = [matfact.BiasedMF(9, num_threads=n, **options).fit(ratings) for n in (1, 2, 3, 7)]
    for other in fits[1:]:
        assert other.user_factors_.tobytes() == fits[0].user_factors_.tobytes()
        assert other.item_bias_.tobytes() == fits[0].item_bias_.tobytes()


def test_conjugate_gradients_end_where_exact_solutions_do(ratings):
    """From the same start, one step a sweep reaches the minimum of exact sweeps, in more of them."""
    exact, steps = (
        matfact.BiasedMF(3, solver=solver, l2=0.3, max_iter=n, random_state=0).fit(ratings)
        for solver, n in (("als", 300), ("cg", 1500))
    )
    assert steps.objective_ == pytest.approx(exact.objective_, rel=200 * float(EPS))  # both in float32, entry by entry
    scores = [m.user_factors_ @ m.item_factors_.T + m.user_bias_[:, None] + m.item_bias_ for m in (exact, steps)]
    # A minimum is flat: an objective to EPS fixes scores to its root.
    np.testing.assert_allclose(scores[0], scores[1], rtol=0, atol=5 * EPS**0.5)


def test_conjugate_gradients_without_a_penalty_stay_finite(ratings):
    with pytest.warns(UserWarning, match="l2=0"):
        m = matfact.BiasedMF(30, solver="cg", cg_steps=40, l2=0.0, max_iter=5, random_state=0).fit(ratings)
    assert np.isfinite(m.user_factors_).all()
    assert np.isfinite(m.objective_history_).all()


def test_a_fit_of_conjugate_gradients_goes_on_from_a_start(ratings):
    m = matfact.BiasedMF(4, solver="cg", random_state=0).fit(ratings)
    again = matfact.BiasedMF(4, solver="cg", max_iter=1, random_state=0).fit(ratings, start=m)
    assert again.objective_ <= m.objective_


def test_predictions_are_the_formula_clipped_to_the_scale(ratings):
    m = matfact.BiasedMF(4, random_state=0).fit(ratings)
    users, items = np.array([0, 5, 7]), np.array([3, 2, 1])
    expected = m.global_mean_ + m.user_bias_[users] + m.item_bias_[items]
    expected = (expected + (m.user_factors_[users] * m.item_factors_[items]).sum(axis=1)).clip(1, 5)
    # A few roundings of numbers up to 5.
    np.testing.assert_allclose(m.predict(users, items), expected, rtol=0, atol=50 * EPS)
    everything = m.predict(np.repeat(np.arange(90), 50), np.tile(np.arange(50), 90))
    assert everything.min() >= 1
    assert everything.max() <= 5


def test_without_a_penalty_short_rows_are_reported_and_stay_finite(ratings):
    users, items = ((np.diff(a.indptr) < 31).sum() for a in (ratings.tocsr(), ratings.tocsc()))
    with pytest.warns(
        UserWarning,
        match=f"l2=0, and {users} users and {items} items have fewer entries than their 31 unknowns: pass l2 above 0",
    ):
        m = matfact.BiasedMF(30, l2=0.0, max_iter=5, random_state=0).fit(ratings)
    assert np.isfinite(m.user_factors_).all()


def test_without_a_penalty_short_rows_are_the_shortest_that_fit(ratings):
    with pytest.warns(UserWarning, match="l2=0"):
        m = matfact.BiasedMF(30, l2=0.0, max_iter=5, random_state=0).fit(ratings)
    for u in np.flatnonzero((np.diff(ratings.indptr) < 31) & (np.diff(ratings.indptr) > 0)):
        entries = slice(ratings.indptr[u], ratings.indptr[u + 1])
        features = m._h[ratings.indices[entries]].astype(np.float64)
        left = ratings.data[entries] - m.global_mean_ - features[:, -1]
        features[:, -1] = 1.0
        shortest = np.linalg.lstsq(features, left, rcond=None)[0]
        least = np.linalg.svd(features, compute_uv=False)[-1]
        # The ridge is a millionth of one column's squares, which is less than of all.
        error = np.linalg.norm(m._w[u] - shortest) / np.linalg.norm(shortest)
        assert error <= (1e-6 + 50 * EPS) * (features**2).sum() / least**2


def test_scores_of_lists_are_predictions(ratings):
    m = matfact.BiasedMF(4, random_state=0).fit(ratings)
    found = m.recommend(np.arange(90), 5)
    users, items = np.repeat(np.arange(90), 5)[found.mask.ravel()], found.items[found.mask]
    scores = found.scores[found.mask].clip(1, 5)
    np.testing.assert_allclose(m.predict(users, items), scores, rtol=0, atol=50 * EPS)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, "n_components must be at least 1, got 0"),
        ({"solver": "svd"}, "solver must be one of 'als', 'cg', 'sgd', 'adam', 'gibbs', got 'svd'"),
        ({"solver": "cg", "cg_steps": 0}, "cg_steps must be at least 1, got 0"),
        ({"solver": "gibbs", "burn_in": -1}, "burn_in must be at least 0, got -1"),
        ({"solver": "gibbs", "n_samples": 0}, "n_samples must be at least 1, got 0"),
        ({"l2": -1.0}, "l2 must be finite and not negative"),
        ({"l2_scaling": "rows"}, "l2_scaling must be one of 'count', 'none'"),
        ({"max_iter": 0}, "max_iter must be at least 1"),
    ],
)
def test_parameters_out_of_range_are_named(ratings, parameters, message):
    with pytest.raises(ValueError, match=message):
        matfact.BiasedMF(**{"random_state": 0, **parameters}).fit(ratings)
