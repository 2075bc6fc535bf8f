"""The bounds of singular values on planted spectra that hypothesis draws: each error is below its bound, always."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import example, given
from hypothesis import strategies as st

import matfact
from reference.measure import eps
from reference.planted import spectra, with_singular_values

D = 200
SPECTRA = spectra(D)
HARD = ["flat", "step", "clustered", "close", "repeated"]


def assert_bounded(x, r):
    exact = np.linalg.svd(x.astype(float), compute_uv=False)
    oracle = 8 * np.sqrt(min(x.shape)) * eps(float) * exact[0]  # the rounding of LAPACK's values
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


@given(
    seed=st.integers(0, 2**32 - 1),
    n_groups=st.integers(1, 8),
    copies=st.integers(3, 60),
    log_gap=st.floats(-12, -3),
    tail=st.floats(0.2, 0.9),
    k=st.integers(1, 60),
)
@example(seed=15, n_groups=4, copies=42, log_gap=-8, tail=0.5, k=30)
@example(seed=1117, n_groups=6, copies=53, log_gap=-10, tail=0.43, k=33)
def test_no_copy_of_equal_and_nearly_equal_values_is_missed(seed, n_groups, copies, log_gap, tail, k):
    """Groups of far more copies than a block has columns: one that is missed would move the values after it beyond
    their bounds."""
    rng = np.random.default_rng(seed)
    d = n_groups * copies + 60
    i = np.arange(d)
    s = np.where(i < n_groups * copies, 1.0 - 10.0**log_gap * (i // copies), tail * (1.0 - i / (2 * d)))
    x = with_singular_values(rng, d + 100, d, s)
    assert_bounded(x, matfact.svd(x, k, solver="krylov", random_state=seed))


@given(seed=st.integers(0, 2**32 - 1), name=st.sampled_from(HARD), k=st.integers(1, 40))
def test_weighted_rows_and_sparse_matrices_keep_their_bounds(seed, name, k):
    """A planted spectrum that weights uncover: rows are divided by the roots that they are multiplied by."""
    rng = np.random.default_rng(seed)
    z = with_singular_values(rng, 260, D, SPECTRA[name])
    w = rng.random(260) + 0.1
    x = z / np.sqrt(w)[:, None]
    assert_bounded(z, matfact.svd(x, k, solver="krylov", sample_weight=w))
    assert_bounded(z, matfact.svd(scipy.sparse.csr_array(x), k, solver="krylov", sample_weight=w))
