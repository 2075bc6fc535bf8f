"""complete: the nuclear-norm problem against soft-impute by full decompositions, and its certificate."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import matfact
from matfact import complete
from reference.measure import orthonormality, signs_are_fixed
from reference.missing import nuclear_objective, soft_impute


def planted(rng, shape=(60, 40), k=3, missing=0.5, noise=0.1):
    full = rng.standard_normal((shape[0], k)) @ rng.standard_normal((k, shape[1])) + noise * rng.standard_normal(shape)
    x = full.copy()
    x[rng.random(shape) < missing] = np.nan
    return x, full


def as_sparse(x, index=np.int32):
    rows, cols = np.nonzero(~np.isnan(x))
    a = scipy.sparse.csr_array((x[rows, cols], (rows, cols)), shape=x.shape)
    a.indices, a.indptr = a.indices.astype(index), a.indptr.astype(index)
    return a


@pytest.fixture
def data(rng):
    return planted(rng)


@pytest.mark.parametrize("l2", [0.5, 2.0, 10.0])
def test_the_optimum_is_that_of_soft_impute(data, l2):
    """A gap of 1e-8 of the objective: its root bounds the distance, up to the curvature that is missing off Omega."""
    x, _ = data
    c = complete(x, l2=l2, tol=1e-8)
    z = soft_impute(x, l2, 3000)
    assert c.objective <= nuclear_objective(x, z, l2) * (1 + 1e-8)
    np.testing.assert_allclose(c.to_dense(), z, atol=1e-2 * np.abs(z).max())


def test_the_certificate_holds(data):
    x, _ = data
    c = complete(x, l2=2.0, tol=1e-7)
    residual = np.where(np.isnan(x), 0, x - c.to_dense())
    np.testing.assert_allclose(c.dual_norm, np.linalg.norm(residual, 2), rtol=1e-6)
    assert c.dual_norm <= 2.0 * (1 + 1e-3)
    assert 0 <= c.optimality_gap <= 1e-7 * c.objective
    np.testing.assert_allclose(c.objective, nuclear_objective(x, c.to_dense(), 2.0), rtol=1e-10)


@given(seed=st.integers(0, 10**6), missing=st.sampled_from([0.0, 0.3, 0.7]), l2=st.sampled_from([0.3, 3.0]))
def test_no_matrix_is_below_the_lower_bound(seed, missing, l2):
    """Not the optimum either, rounding aside; and the objective falls from sweep to sweep."""
    x, full = planted(np.random.default_rng(seed), (25, 15), missing=missing)
    if np.isnan(x).all():
        return
    c = complete(x, l2=l2, tol=1e-6, max_iter=5000)
    bound = c.objective - c.optimality_gap
    assert nuclear_objective(x, soft_impute(x, l2, 200), l2) >= bound * (1 - 1e-9)
    assert nuclear_objective(x, full, l2) >= bound * (1 - 1e-9)
    assert (np.diff(c.history) <= 1e-9 * c.history[0]).all()


def test_a_complete_matrix_has_soft_thresholded_singular_values(rng):
    x = rng.standard_normal((30, 20))
    c = complete(x, l2=2.0, tol=1e-10)
    s = np.maximum(np.linalg.svd(x, compute_uv=False) - 2.0, 0)
    np.testing.assert_allclose(c.s, s[: c.s.size], rtol=1e-4)
    assert c.s.size == np.count_nonzero(s)


def test_a_large_weight_leaves_nothing(data):
    x, _ = data
    largest = np.linalg.norm(np.nan_to_num(x), 2)
    c = complete(x, l2=1.01 * largest)
    assert (c.s.size, c.u.shape, c.vt.shape) == (0, (60, 0), (0, 40))
    np.testing.assert_array_equal(c.to_dense(), 0)
    assert c.status == "converged"
    np.testing.assert_allclose(c.dual_norm, largest, rtol=1e-6)


def test_missing_entries_of_low_rank_are_recovered(rng):
    x, full = planted(rng, (200, 100), missing=0.5, noise=0.0)
    filled = complete(x, l2=0.05, tol=1e-4).impute(x)
    holes = np.isnan(x)
    assert np.linalg.norm((filled - full)[holes]) <= 0.02 * np.linalg.norm(full[holes])
    np.testing.assert_array_equal(filled[~holes], x[~holes])


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_sparse_is_dense_with_nan(data, index, form, dtype):
    """Sums run in another order, so that only the optimum is the same: the gap decides how far."""
    x = data[0].astype(dtype)
    tol = 1e-5
    a, b = complete(x, l2=2.0, tol=tol), complete(as_sparse(x, index).asformat(form), l2=2.0, tol=tol)
    assert a.n_observed == b.n_observed
    assert abs(a.objective - b.objective) <= 2 * tol * a.objective
    np.testing.assert_allclose(a.to_dense(), b.to_dense(), atol=0.05)
    np.testing.assert_array_equal(b.impute(as_sparse(x))[~np.isnan(x)], x[~np.isnan(x)])


def test_stored_zeros_are_observed(data):
    x, _ = data
    x[0, :5] = 0.0
    assert complete(as_sparse(x), l2=2.0).n_observed == np.count_nonzero(~np.isnan(x))


def test_empty_rows_and_columns_of_a_sparse_matrix(data):
    x, _ = data
    x[3], x[:, 4] = np.nan, np.nan
    z = complete(as_sparse(x), l2=1.0).to_dense()
    np.testing.assert_allclose(z[3], 0, atol=1e-3)
    np.testing.assert_allclose(z[:, 4], 0, atol=1e-3)


def test_factors_are_a_singular_value_decomposition(data, dtype):
    c = complete(data[0].astype(dtype), l2=1.0)
    assert {a.dtype for a in (c.u, c.s, c.vt)} == {np.dtype(dtype)}
    assert max(orthonormality(c.u), orthonormality(c.vt.T)) <= 64 * np.finfo(dtype).eps
    assert (np.diff(c.s) <= 0).all()
    assert (c.s > 0).all()
    assert signs_are_fixed(c.vt)


def test_predict_gives_single_entries(data):
    c = complete(data[0], l2=1.0)
    rows, cols = np.array([[0, 5], [59, -1]]), np.array([[1, 1], [39, 0]])
    np.testing.assert_allclose(c.predict(rows, cols), c.to_dense()[rows, cols], rtol=1e-10, atol=1e-12)
    with pytest.raises(ValueError, match="one shape"):
        c.predict([0, 1], [0])
    with pytest.raises(IndexError):
        c.predict([60], [0])


def test_too_few_components_are_reported(data):
    with pytest.warns(matfact.ConvergenceWarning, match="raise max_components"):
        c = complete(data[0], l2=0.5, max_components=2)
    assert (c.status, c.s.size) == ("max_iter", 2)
    assert c.dual_norm > 0.6


def test_sweeps_run_out(data):
    with pytest.warns(matfact.ConvergenceWarning, match="after 3 sweeps"):
        assert complete(data[0], l2=0.5, max_iter=3).n_iter == 3


@pytest.mark.parametrize("sparse", [False, True])
def test_the_same_bits_at_any_thread_count(rng, sparse, dtype):
    x = planted(rng, (500, 130))[0].astype(dtype)
    x = as_sparse(x) if sparse else x
    runs = [complete(x, l2=5.0, tol=1e-4, num_threads=n) for n in (1, 2, 3, 7)]
    assert len({r.u.tobytes() + r.s.tobytes() + r.vt.tobytes() + r.history.tobytes() for r in runs}) == 1


@pytest.mark.parametrize("layout", [np.asfortranarray, lambda x: np.repeat(x, 2, axis=1)[:, ::2]], ids=["F", "strided"])
def test_layouts_reach_the_same_optimum(data, layout):
    a, b = complete(data[0], l2=2.0), complete(layout(data[0]), l2=2.0)
    assert abs(a.objective - b.objective) <= 2e-5 * a.objective


def test_callback_stops_and_is_told_the_objective(data):
    seen = []
    c = complete(data[0], l2=0.5, callback=lambda sweep: seen.append(sweep) or sweep.n_iter == 4)
    assert (c.status, c.n_iter) == ("stopped", 4)
    assert [s.n_iter for s in seen] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"l2": 0.0}, ValueError, "l2 must be finite and positive"),
        ({"l2": "1"}, TypeError, "l2 must be a number"),
        ({"l2": 1.0, "max_components": 41}, ValueError, "max_components must be between 1 and 40, got 41"),
        ({"l2": 1.0, "max_iter": 0}, ValueError, "max_iter must be at least 1"),
        ({"l2": 1.0, "tol": -1.0}, ValueError, "tol must be"),
        ({"l2": 1.0, "callback": 3}, TypeError, "callback must be callable"),
    ],
)
def test_arguments_out_of_range(data, arguments, error, message):
    with pytest.raises(error, match=message):
        complete(data[0], **arguments)


def test_matrices_that_cannot_be_completed(data):
    x, _ = data
    with pytest.raises(ValueError, match="no observed entry"):
        complete(np.full((3, 2), np.nan), l2=1.0)
    with pytest.raises(ValueError, match="at least one row"):
        complete(np.empty((0, 2)), l2=1.0)
    with pytest.raises(ValueError, match="shape"):
        complete(x, l2=1.0).impute(x.T)
    x[0, 0] = np.inf
    with pytest.raises(ValueError, match="inf"):
        complete(x, l2=1.0)
    with pytest.raises(matfact.NumericalError, match="scale X"):
        complete(np.full((3, 3), 1e200), l2=1.0)


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (1, 1)])
def test_a_single_row_or_column(shape):
    c = complete(np.full(shape, 3.0), l2=1.0, tol=1e-8)
    np.testing.assert_allclose(c.s, [3 * np.sqrt(shape[0] * shape[1]) - 1], rtol=1e-6)
