"""The bounds of singular values on planted spectra that hypothesis draws: each error is below its bound, always."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import matfact
from reference.measure import eps
from reference.planted import four_groups, spectra, with_singular_values

D = 200
SPECTRA = spectra(D)
HARD = ["flat", "step", "clustered", "close", "repeated"]


def assert_bounded(x, r):
    exact = np.linalg.svd(x.astype(float), compute_uv=False)
    oracle = 8 * np.sqrt(D) * eps(float) * exact[0]  # the rounding of LAPACK's values
    assert r.status == "converged"
    assert (np.abs(r.s - exact[: r.s.size]) <= r.error_bounds + oracle).all()


@pytest.mark.parametrize("name", HARD)
@given(
    seed=st.integers(0, 2**32 - 1),
    k=st.sampled_from([1, 5, 20, 42, 60]),
    tol=st.sampled_from([None, 1e-3, 1e-9]),
    dtype=st.sampled_from([np.float32, np.float64]),
    wide=st.booleans(),
)
def test_no_error_exceeds_its_bound(name, seed, k, tol, dtype, wide):
    """Flat, step, clustered, gaps of 1e-8, repeated values: whatever the start, the number of triplets and tol."""
    rng = np.random.default_rng(seed)
    x = with_singular_values(rng, 260, D, SPECTRA[name]).astype(dtype)
    x = x.T if wide else x
    if dtype is np.float32 and tol is not None:
        tol = max(tol, 1e-5)  # what float32 can hold
    assert_bounded(x, matfact.svd(x, k, solver="krylov", tol=tol, random_state=seed))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("k", [42, 43, 84, 130])
def test_no_copy_of_many_equal_values_is_missed(seed, k):
    """Four groups of 42 equal values 1e-8 apart, far more than a block: a copy that is missed would move the values
    after it beyond their bounds."""
    x = with_singular_values(np.random.default_rng(seed), 260, D, four_groups(D))
    assert_bounded(x, matfact.svd(x, k, solver="krylov", random_state=seed))


@pytest.mark.parametrize("seed", range(6))
def test_values_are_within_their_bounds_of_some_exact_value(seed):
    """A basis much smaller than the space may miss copies of values that are closer than `tol` to others. What it
    returns are exact values all the same."""
    x = with_singular_values(np.random.default_rng(seed), 700, 240, four_groups(240))
    r = matfact.svd(x, 30, solver="krylov", random_state=seed)
    nearest = np.abs(r.s[:, None] - np.unique(four_groups(240))).min(axis=1)
    assert (nearest <= r.error_bounds + 8 * np.sqrt(240) * eps(float)).all()


@given(seed=st.integers(0, 2**32 - 1), name=st.sampled_from(HARD), k=st.integers(1, 40))
def test_weighted_rows_and_sparse_matrices_keep_their_bounds(seed, name, k):
    """A planted spectrum that weights uncover: rows are divided by the roots that they are multiplied by."""
    rng = np.random.default_rng(seed)
    z = with_singular_values(rng, 260, D, SPECTRA[name])
    w = rng.random(260) + 0.1
    x = z / np.sqrt(w)[:, None]
    assert_bounded(z, matfact.svd(x, k, solver="krylov", sample_weight=w))
    assert_bounded(z, matfact.svd(scipy.sparse.csr_array(x), k, solver="krylov", sample_weight=w))
