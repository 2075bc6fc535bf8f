"""BiasedMF by stochastic steps: the objective of als and its optimum, planted factors, bad input."""

from __future__ import annotations

import time

import numpy as np
import pytest
import scipy.sparse as sp

import matfact
from reference import recommender

EPS = np.finfo(np.float32).eps


@pytest.fixture(params=["sgd", "adam"])
def solver(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def ratings() -> sp.csr_array:
    """Stars; the last user and the last item have none, and the first user rated nearly everything."""
    rng = np.random.default_rng(5)
    x = np.where(rng.random((90, 50)) < 0.2, rng.integers(1, 6, (90, 50)), 0)
    x[0, :45] = rng.integers(1, 6, 45)
    x[-1], x[:, -1] = 0, 0
    return sp.csr_array(x.astype(np.float32))


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("l2_scaling", ["count", "none"])
@pytest.mark.parametrize("k", [1, 7, 17])
def test_the_objective_is_the_one_in_the_docstring(ratings, solver, l2_scaling, k, biases):
    m = matfact.BiasedMF(k, solver=solver, l2=0.2, l2_scaling=l2_scaling, biases=biases, max_iter=5, random_state=0)
    m.fit(ratings)
    x = ratings.toarray()
    factors = (m.user_factors_, m.item_factors_, m.user_bias_, m.item_bias_)
    truth, _, _ = recommender.biased(x, x != 0, m.global_mean_, *factors, l2=0.2, by_count=l2_scaling == "count")
    # Errors are of float32, of numbers up to 5.
    np.testing.assert_allclose(m.objective_, truth, rtol=100 * EPS)
    assert m.objective_history_.shape == (5,)
    assert m.user_factors_.shape == (90, k)
    if not biases:
        assert not m.user_bias_.any()
        assert not m.item_bias_.any()


def test_many_sweeps_end_near_the_optimum_of_als(ratings, solver):
    options = {"l2": 0.15, "random_state": 0}
    als = matfact.BiasedMF(2, max_iter=300, **options).fit(ratings)
    m = matfact.BiasedMF(2, solver=solver, max_iter=400, learning_rate=0.2, **options).fit(ratings)
    # Their steps shrink as one over the root of the number of sweeps, and so does what is left.
    assert m.objective_ <= 1.01 * als.objective_


def test_planted_factors_are_recovered(solver):
    """Without noise, held-out ratings come back: far below their spread of 1.3."""
    rng = np.random.default_rng(0)
    truth = 3 + rng.normal(size=(300, 1)) * 0.5 + rng.normal(size=(1, 100)) * 0.5
    truth = truth + rng.normal(size=(300, 3)) @ rng.normal(size=(3, 100)) * 0.6
    seen = rng.random(truth.shape) < 0.5
    x = matfact.Interactions(sp.csr_array(np.where(seen, truth, 0)))
    m = matfact.BiasedMF(3, solver=solver, l2=1e-4, max_iter=100, learning_rate=0.1, random_state=0).fit(x)
    users, items = np.nonzero(~seen)
    error = m.predict(users, items) - truth[users, items].clip(truth[seen].min(), truth[seen].max())
    assert np.sqrt((error**2).mean()) <= 0.1


def test_threads_change_no_bit(ratings, solver):
    fits = [
        matfact.BiasedMF(9, solver=solver, max_iter=3, random_state=1, num_threads=n).fit(ratings) for n in (1, 2, 3, 7)
    ]
    for other in fits[1:]:
        assert other.user_factors_.tobytes() == fits[0].user_factors_.tobytes()
        assert other.item_bias_.tobytes() == fits[0].item_bias_.tobytes()
        assert other.objective_history_.tobytes() == fits[0].objective_history_.tobytes()


def test_index_types_change_no_bit(ratings, solver):
    """As a matrix beyond 2^31 has them: `Interactions` narrows the others."""
    narrow, wide = matfact.Interactions(ratings), matfact.Interactions(ratings)
    for a in (wide.matrix, wide.transposed):
        a.indices, a.indptr = a.indices.astype(np.int64), a.indptr.astype(np.int64)
    fits = [matfact.BiasedMF(4, solver=solver, max_iter=2, random_state=1).fit(x) for x in (narrow, wide)]
    types = [m.interactions_.matrix.indices.dtype for m in fits]
    assert types == [np.int32, np.int64]
    assert fits[0].user_factors_.tobytes() == fits[1].user_factors_.tobytes()


def test_fold_in_solves_a_row_so_known_users_gain_by_it(ratings, solver):
    m = matfact.BiasedMF(4, solver=solver, l2=0.1, random_state=0).fit(ratings)
    x = ratings.toarray()
    solved = m.fold_in(ratings)

    def objective(factors, bias):
        known = (x, x != 0, m.global_mean_, factors, m.item_factors_, bias, m.item_bias_)
        return recommender.biased(*known, l2=0.1, by_count=True)[0]

    assert objective(solved[:, :4], solved[:, 4]) < objective(m.user_factors_, m.user_bias_)


@pytest.mark.parametrize("scale", [1e-15, 1e15])
def test_ratings_of_any_size_are_fitted(ratings, solver, scale):
    """l2 is relative to the scale of the factors: theirs is the root of the ratings'."""
    m = matfact.BiasedMF(3, solver=solver, l2=0.0, random_state=0)
    with pytest.warns(UserWarning, match="l2=0"):
        plain = m.fit(ratings).objective_
    with pytest.warns(UserWarning, match="l2=0"):
        scaled = m.fit(ratings * scale).objective_
    # float32 roundings of all steps of all sweeps
    np.testing.assert_allclose(scaled / scale**2, plain, rtol=1e5 * EPS)
    assert np.isfinite(m.predict(np.arange(90), np.zeros(90, int))).all()


def test_equal_ratings_are_their_mean(solver):
    x = sp.csr_array(np.full((6, 5), 4.0, np.float32))
    m = matfact.BiasedMF(3, solver=solver, random_state=0).fit(x)
    np.testing.assert_array_equal(m.predict(np.arange(5), np.arange(5)), 4.0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1)])
def test_one_user_or_one_item_is_enough(solver, shape):
    x = sp.csr_array(np.random.default_rng(0).integers(1, 6, shape).astype(np.float32))
    m = matfact.BiasedMF(3, solver=solver, random_state=0).fit(x)
    assert np.isfinite(m.user_factors_).all()
    assert np.isfinite(m.objective_)


def test_steps_that_are_too_long_are_reported_and_leave_the_model_as_it_was(ratings, solver):
    m = matfact.BiasedMF(4, solver=solver, random_state=0).fit(ratings)
    before = m.user_factors_
    with pytest.raises(matfact.NumericalError, match=r"with learning_rate=1000: pass a lower learning_rate"):
        m.set_params(learning_rate=1000.0).fit(ratings)
    assert m.user_factors_ is before


def test_tol_and_callbacks_end_the_sweeps(ratings, solver):
    m = matfact.BiasedMF(4, solver=solver, max_iter=500, tol=1e-3, random_state=0).fit(ratings)
    assert m.status_ == "converged"
    assert m.n_iter_ < 500
    m.set_params(tol=0.0).fit(ratings, callback=lambda it: it.n_iter == 3)
    assert (m.status_, m.n_iter_) == ("stopped", 3)

    def fail(it):
        raise LookupError(f"no {it.n_iter}")

    with pytest.raises(LookupError, match="no 1"):
        m.fit(ratings, callback=fail)
    assert (m.status_, m.n_iter_) == ("stopped", 1)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"learning_rate": 0.0}, ValueError, "learning_rate must be finite and positive, got 0.0"),
        ({"learning_rate": "fast"}, TypeError, "learning_rate must be a number, got 'fast'"),
        ({"solver": "sdg"}, ValueError, "solver must be one of 'als', 'cg', 'sgd', 'adam', 'gibbs', got 'sdg'"),
    ],
)
def test_parameters_out_of_range_are_named(ratings, parameters, error, message):
    with pytest.raises(error, match=message):
        matfact.BiasedMF(4, **{"solver": "sgd", **parameters}).fit(ratings)


def test_a_sweep_of_a_million_ratings_takes_a_fraction_of_a_second():
    """No bound of speed: only that nothing is quadratic in rows."""
    rng = np.random.default_rng(0)
    place = rng.integers(0, 200_000, 1_000_000), rng.integers(0, 100_000, 1_000_000)
    x = matfact.Interactions(sp.csr_array((rng.integers(1, 6, 1_000_000).astype(np.float32), place)))
    start = time.perf_counter()
    matfact.BiasedMF(8, solver="sgd", max_iter=1, random_state=0).fit(x)
    assert time.perf_counter() - start < 10


def test_validation_keeps_the_sweep_that_was_best(ratings, solver):
    entries = ratings.tocoo()
    held = np.arange(entries.nnz) % 5 == 0
    known, rest = (
        sp.csr_array((entries.data[part], (entries.row[part], entries.col[part])), shape=ratings.shape)
        for part in (~held, held)
    )
    m = matfact.BiasedMF(6, solver=solver, l2=0.01, max_iter=200, learning_rate=0.2, random_state=0)
    m.fit(known, validation=rest)
    assert m.best_iter_ == 1 + np.argmin(m.validation_history_)
    assert m.best_iter_ < 200
    same = matfact.BiasedMF(6, solver=solver, l2=0.01, max_iter=m.best_iter_, learning_rate=0.2, random_state=0)
    assert same.fit(known).user_factors_.tobytes() == m.user_factors_.tobytes()
