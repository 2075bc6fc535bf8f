"""Theorems that hold for any matrix: hypothesis looks for one where they do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import matfact
from reference.measure import eps, orthonormality, svd_residual
from reference.planted import with_singular_values

seeds = st.integers(0, 2**32 - 1)
sides = st.integers(1, 40)
solvers = st.sampled_from(["full", "gram", "auto"])
dtypes = st.sampled_from([np.float32, np.float64])
decays = st.sampled_from([1.0, 0.9, 0.5, 0.1])  # flat to 15 digits within 15 columns


def matrix(seed, m, n, decay, dtype):
    """Random singular vectors, geometric singular values."""
    return with_singular_values(np.random.default_rng(seed), m, n, decay ** np.arange(min(m, n))).astype(dtype)


def bound(m, n, dtype):
    """Rounding of sums of m and n terms, with room for the constants of the backward error analyses."""
    return 16 * np.sqrt(m + n) * eps(dtype)


@given(seeds, sides, sides, decays, solvers, dtypes)
def test_svd_rebuilds_x_from_orthonormal_factors(seed, m, n, decay, solver, dtype):
    x = matrix(seed, m, n, decay, dtype)
    u, s, vt = matfact.svd(x, solver=solver)
    assert svd_residual(x, u, s, vt) <= bound(m, n, dtype)
    assert orthonormality(u) <= bound(m, n, dtype)
    assert orthonormality(vt.T) <= bound(m, n, dtype)


@given(seeds, sides, sides, decays, solvers, dtypes)
def test_residuals_bound_the_error_of_every_singular_value(seed, m, n, decay, solver, dtype):
    """The certificate is a promise: some exact value lies within residual * s_1 of each (Weyl), plus rounding."""
    x = matrix(seed, m, n, decay, dtype)
    r = matfact.svd(x, solver=solver)
    exact = np.linalg.svd(x.astype(float), compute_uv=False)
    assert (np.abs(r.s - exact) <= r.residuals * r.s[0] + bound(m, n, dtype) * exact[0]).all()


@given(seeds, sides, sides, solvers)
def test_transposing_x_swaps_u_and_v(seed, m, n, solver):
    """Up to signs: those are fixed by v. Singular values agree to rounding."""
    x = matrix(seed, m, n, 0.7, np.float64)
    a, b = matfact.svd(x, solver=solver), matfact.svd(x.T, solver=solver)
    np.testing.assert_allclose(a.s, b.s, atol=bound(m, n, float) * a.s[0])
    np.testing.assert_allclose((a.u * a.s) @ a.vt, ((b.u * b.s) @ b.vt).T, atol=bound(m, n, float) * a.s[0])


@given(seeds, sides, sides, solvers)
def test_permuting_rows_permutes_u_and_leaves_s_alone(seed, m, n, solver):
    x = matrix(seed, m, n, 0.7, np.float64)
    p = np.random.default_rng(seed + 1).permutation(m)
    a, b = matfact.svd(x, solver=solver), matfact.svd(x[p], solver=solver)
    np.testing.assert_allclose(a.s, b.s, atol=bound(m, n, float) * a.s[0])
    np.testing.assert_allclose(((a.u * a.s) @ a.vt)[p], (b.u * b.s) @ b.vt, atol=bound(m, n, float) * a.s[0])


@given(seeds, sides, sides, solvers, st.integers(-300, 300))
def test_scaling_by_a_power_of_two_scales_s_alone(seed, m, n, solver, exponent):
    """Powers of two are exact, so only the internal scaling can make a difference, and that is one of rounding."""
    x = matrix(seed, m, n, 0.7, np.float64)
    a, b = matfact.svd(x, solver=solver), matfact.svd(np.ldexp(x, exponent), solver=solver)
    np.testing.assert_allclose(np.ldexp(b.s, -exponent), a.s, atol=bound(m, n, float) * a.s[0])


@given(seeds, sides, sides, solvers, dtypes)
def test_the_squares_of_s_sum_to_the_total_variance(seed, m, n, solver, dtype):
    x = matrix(seed, m, n, 0.9, dtype)
    r = matfact.svd(x, solver=solver)
    assert (r.s.astype(float) ** 2).sum() == pytest.approx(r.total_variance, rel=2 * bound(m, n, dtype))


@given(seeds, sides, sides, solvers)
def test_adding_a_row_to_all_rows_does_not_change_the_centered_svd(seed, m, n, solver):
    rng = np.random.default_rng(seed)
    x, shift = rng.standard_normal((m, n)), 10 * rng.standard_normal(n)
    a, b = (matfact.svd(y, solver=solver, center=True) for y in (x, x + shift))
    # Each entry of x + shift is rounded at the scale of the shift.
    np.testing.assert_allclose(a.s, b.s, atol=bound(m, n, float) * np.linalg.norm(x + shift))


@given(seeds, sides, st.integers(1, 40), dtypes, st.sampled_from(["full", "subset", "auto"]))
def test_eigenvalues_of_a_shifted_matrix_are_shifted(seed, n, k, dtype, solver):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((n, n))
    a = ((a + a.T) / 2).astype(dtype)
    k = min(k, n)
    shifted = a + 3 * np.eye(n, dtype=dtype)
    w, w_shifted = (matfact.eigh(m, k, solver=solver).w for m in (a, shifted))
    np.testing.assert_allclose(w_shifted, w + 3, atol=bound(n, n, dtype) * np.linalg.norm(shifted.astype(float), 2))


def masked(seed, m, n, share):
    """Gaussian entries, a share of them missing; one entry of every row and column is always there."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((m, n))
    gaps = rng.random((m, n)) < share
    gaps[np.arange(m), np.arange(m) % n] = False
    gaps[np.arange(n) % m, np.arange(n)] = False
    return np.where(gaps, np.nan, x)


@given(
    seeds,
    sides,
    sides,
    st.integers(1, 4),
    st.sampled_from(["gd", "scaled_gd", "als"]),
    st.sampled_from([0.0, 0.4]),
    st.sampled_from([0.0, 1e-3]),
    st.sampled_from(["mean", "sum"]),
)
def test_the_objective_never_rises(seed, m, n, k, solver, share, l2, reduction):
    """With the solver's own step; a last bit of the objective at its start is allowed for the summation."""
    x = masked(seed, m, n, share)
    f = matfact.factorize(
        x, min(k, m, n), solver=solver, l2=l2, reduction=reduction, max_iter=30, tol=0.0, random_state=seed
    )
    assert (np.diff(f.history) <= 8 * eps(float) * f.history[0]).all()


@given(
    seeds, sides, sides, st.integers(1, 4), st.sampled_from(["gd", "momentum", "nesterov", "adam", "scaled_gd", "als"])
)
def test_permuting_rows_permutes_w(seed, m, n, k, solver):
    rng = np.random.default_rng(seed)
    k, x, p = min(k, m, n), rng.standard_normal((m, n)), rng.permutation(m)
    w, h = rng.standard_normal((m, k)), rng.standard_normal((k, n))
    kwargs = {"solver": solver, "max_iter": 3, "tol": 0.0}
    a = matfact.factorize(x, k, init=(w, h), **kwargs)
    b = matfact.factorize(x[p], k, init=(w[p], h), **kwargs)
    # als solves k x k systems of random condition: what is compared is the product, at the scale of x.
    np.testing.assert_allclose((a.w @ a.h)[p], b.w @ b.h, atol=1e-8 * max(1.0, np.abs(a.w @ a.h).max()))


@given(seeds, sides, sides, st.integers(1, 4))
def test_no_solver_beats_the_exact_one(seed, m, n, k):
    x = np.random.default_rng(seed).standard_normal((m, n))
    k = min(k, m, n)
    best = matfact.factorize(x, k, solver="exact").objective
    for solver in ("gd", "adam", "scaled_gd", "als"):
        found = matfact.factorize(x, k, solver=solver, max_iter=50, tol=0.0, random_state=seed).objective
        assert found >= best - 64 * eps(float) * np.mean(x**2)
