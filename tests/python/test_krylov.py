"""The truncated solvers, krylov and randomized: planted spectra, promises kept, and what happens where they cannot."""

from __future__ import annotations

import numpy as np
import pytest

import matfact
from reference.measure import eps, orthonormality, signs_are_fixed, subspace_sine, svd_residual, triplet_residuals
from reference.planted import orthonormal, spectra, with_eigenvalues, with_singular_values

D = 240  # the shorter side
SPECTRA = spectra(D)
DEFAULT_TOL = {np.float64: 1e-6, np.float32: 1e-4}


@pytest.fixture(params=[(700, D), (D, 700)], ids=["tall", "wide"])
def shape(request):
    return request.param


def exact_values(x):
    return np.linalg.svd(x.astype(np.float64), compute_uv=False)


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("k", [1, 10, 30])
def test_every_singular_value_is_within_its_bound(rng, shape, name, k, dtype):
    """The certificate is a promise, whatever the spectrum: flat, step, clustered, gaps of 1e-8, repeated values."""
    x = with_singular_values(rng, *shape, SPECTRA[name]).astype(dtype)
    r = matfact.svd(x, k, solver="krylov")
    # The oracle's own rounding.
    oracle = 8 * np.sqrt(D) * eps(float) * SPECTRA[name][0]
    assert (np.abs(r.s - exact_values(x)[:k]) <= r.error_bounds + oracle).all()
    assert r.residuals.max() <= DEFAULT_TOL[dtype]
    assert r.status == "converged"
    assert orthonormality(r.u) <= 64 * eps(dtype)
    assert orthonormality(r.vt.T) <= 64 * eps(dtype)
    assert signs_are_fixed(r.vt)


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("solver", ["full", "gram", "randomized"])
def test_other_solvers_keep_their_bounds_too(rng, shape, name, solver, dtype):
    """randomized may miss directions of a flat spectrum: its bounds say how far its values are from some singular
    value, and only where nothing was missed from the leading ones."""
    x = with_singular_values(rng, *shape, SPECTRA[name]).astype(dtype)
    r = matfact.svd(x, 10, solver=solver)
    exact = exact_values(x)
    oracle = 8 * np.sqrt(D) * eps(float) * exact[0]
    error = np.abs(r.s - exact[:10])
    if solver == "randomized":
        error = np.abs(r.s[:, None] - exact).min(axis=1)
    assert (error <= r.error_bounds + oracle).all()


@pytest.mark.parametrize("solver", ["full", "gram", "krylov"])
def test_residuals_that_tol_asks_for_are_those_measured_later(rng, shape, solver):
    x = with_singular_values(rng, *shape, SPECTRA["power"])
    asked = matfact.svd(x, 10, solver=solver, tol=1e-9)
    assert asked.status == "converged"
    np.testing.assert_allclose(asked.residuals, matfact.svd(x, 10, solver=solver).residuals, atol=1e-6)


def test_a_gap_makes_the_bound_quadratic(rng):
    """Residuals of 1e-6 over a gap of 1 prove twelve digits."""
    x = with_singular_values(rng, 700, D, SPECTRA["step"])
    r = matfact.svd(x, 12, solver="krylov", tol=1e-3)
    assert r.error_bounds.max() <= 4 * 12 * r.residuals.max() ** 2 + 1e-13


@pytest.mark.parametrize("name", ["power", "steep", "low rank"])
def test_residuals_are_what_they_say_for_iterations(rng, name, dtype):
    x = with_singular_values(rng, 700, D, SPECTRA[name]).astype(dtype)
    r = matfact.svd(x, 8, solver="krylov")
    np.testing.assert_allclose(r.residuals, triplet_residuals(x, *r), atol=16 * eps(dtype))


def test_tol_zero_is_what_the_arithmetic_gives(rng, shape, dtype):
    x = with_singular_values(rng, *shape, SPECTRA["power"]).astype(dtype)
    r = matfact.svd(x, 20, solver="krylov", tol=0)
    np.testing.assert_allclose(r.s, exact_values(x)[:20], rtol=16 * eps(dtype))
    # Lanczos stops at 4 eps of s_1^2, which is this much of s_20.
    assert r.residuals.max() <= 4 * eps(dtype) + 64 * eps(float)


def test_all_triplets_and_tiny_matrices(rng, shape, dtype):
    for m, n in [(1, 1), (1, 5), (6, 1), (5, 3), shape]:
        x = rng.standard_normal((m, n)).astype(dtype)
        r = matfact.svd(x, min(m, n), solver="krylov", tol=0)
        assert svd_residual(x, *r) <= 64 * np.sqrt(D) * eps(dtype)


@pytest.mark.parametrize("solver", ["krylov", "randomized"])
def test_zero_matrices_have_zero_values_and_orthonormal_vectors(solver, shape, dtype):
    r = matfact.svd(np.zeros(shape, dtype), 5, solver=solver)
    assert (r.s == 0).all()
    assert orthonormality(r.u) <= 16 * eps(dtype)
    assert orthonormality(r.vt.T) <= 16 * eps(dtype)
    assert r.status == "converged"


@pytest.mark.parametrize("solver", ["krylov", "randomized"])
def test_centering_is_that_of_the_centered_matrix(rng, shape, solver, dtype):
    """Means a hundred times the standard deviation, subtracted before anything is multiplied."""
    x = (rng.standard_normal(shape) * np.linspace(3, 0.1, shape[1]) ** 4 + 100.0).astype(dtype)
    centered = x.astype(float) - x.astype(float).mean(axis=0)
    r = matfact.svd(x, 5, solver=solver, center=True, max_passes=40 if solver == "randomized" else None)
    exact = np.linalg.svd(centered, compute_uv=False)
    np.testing.assert_allclose(r.s, exact[:5], rtol=1e-7 if dtype is np.float64 else 1e-4)
    np.testing.assert_allclose(r.mean, x.astype(float).mean(axis=0), rtol=64 * eps(dtype))
    assert r.total_variance == pytest.approx((centered**2).sum(), rel=16 * eps(dtype))


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e170, 1e300])
def test_extreme_scales_change_no_digit(rng, scale, shape):
    x = with_singular_values(rng, *shape, SPECTRA["power"])
    r = matfact.svd(x * scale, 5, solver="krylov")
    np.testing.assert_allclose(r.s / scale, SPECTRA["power"][:5], rtol=1e-9)
    assert r.residuals.max() <= 1e-6


@pytest.mark.parametrize("layout", [np.asfortranarray, lambda x: np.repeat(np.repeat(x, 2, 0), 2, 1)[::2, ::2]])
def test_memory_layout_does_not_change_the_answer(rng, layout, shape, dtype):
    x = with_singular_values(rng, *shape, SPECTRA["power"]).astype(dtype)
    a, b = matfact.svd(x, 5, solver="krylov", center=True), matfact.svd(layout(x), 5, solver="krylov", center=True)
    np.testing.assert_allclose(a.s, b.s, rtol=1e-9 if dtype is np.float64 else 1e-5)


def test_multiplicity_above_the_block_is_found_by_the_probe(rng, dtype):
    """Forty equal values, blocks of 8 or 16: Lanczos from one block alone sees one copy for each of its columns."""
    x = with_singular_values(rng, 700, D, SPECTRA["repeated"]).astype(dtype)
    r = matfact.svd(x, 40, solver="krylov")
    np.testing.assert_allclose(r.s, 1.0, rtol=64 * eps(dtype))


def test_passes_that_do_not_suffice_are_a_warning(rng):
    x = with_singular_values(rng, 700, D, SPECTRA["flat"])
    with pytest.warns(matfact.ConvergenceWarning, match="in 3 passes"):
        r = matfact.svd(x, 20, solver="krylov", max_passes=3)
    assert r.status == "max_iter"
    assert r.n_passes == 3
    assert r.residuals.max() > 1e-6


def test_randomized_says_what_its_passes_were_good_for(rng):
    """A flat spectrum is where power iterations fail; five passes leave residuals of some percent."""
    x = with_singular_values(rng, 700, D, SPECTRA["flat"])
    r = matfact.svd(x, 20, solver="randomized")
    assert r.n_passes == 5
    assert 1e-3 < r.residuals.max() < 0.5
    assert r.status == "converged"
    np.testing.assert_allclose(r.residuals, triplet_residuals(x, *r), atol=16 * eps(float))
    with pytest.warns(matfact.ConvergenceWarning):
        assert matfact.svd(x, 20, solver="randomized", tol=1e-6).status == "max_iter"
    steep = with_singular_values(rng, 700, D, SPECTRA["steep"])
    np.testing.assert_allclose(matfact.svd(steep, 10, solver="randomized").s, SPECTRA["steep"][:10], rtol=1e-9)


@pytest.mark.parametrize(
    ("rows", "cols", "k", "dtype", "expected"),
    [
        (700, 700, 10, np.float64, "krylov"),
        (699, 699, 10, np.float64, "gram"),
        (700, 700, 100, np.float64, "gram"),
        (1000, 4000, 50, np.float64, "gram"),
        (4000, 1000, 50, np.float64, "gram"),
        (4000, 1000, 50, np.float32, "krylov"),
    ],
)
def test_auto_multiplies_where_the_cost_model_in_docs_methods_svd_says_so(rng, rows, cols, k, dtype, expected):
    """Only krylov counts passes."""
    x = rng.standard_normal((rows, cols)).astype(dtype) * np.arange(1, cols + 1, dtype=dtype) ** -0.5
    assert ("krylov" if matfact.svd(x, k).n_passes else "gram") == expected


@pytest.mark.parametrize("solver", ["auto", "full", "gram", "krylov"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.9999])
def test_a_share_of_the_variance_decides_how_many(rng, shape, solver, share):
    x = with_singular_values(rng, *shape, SPECTRA["power"])
    held = np.cumsum(SPECTRA["power"] ** 2) / np.sum(SPECTRA["power"] ** 2)
    r = matfact.svd(x, share, solver=solver)
    assert r.s.size == np.searchsorted(held, share) + 1
    assert r.explained_variance_ratio.sum() >= share


@pytest.mark.parametrize("solver", ["auto", "krylov"])
def test_an_error_decides_how_many(rng, shape, solver):
    x = with_singular_values(rng, *shape, SPECTRA["steep"])
    r = matfact.svd(x, error=0.01, solver=solver)
    left = np.sqrt(np.cumsum((SPECTRA["steep"] ** 2)[::-1])[::-1] / np.sum(SPECTRA["steep"] ** 2))
    assert r.s.size == np.argmax(left <= 0.01)
    assert np.linalg.norm(x - (r.u * r.s) @ r.vt) <= 0.01 * np.linalg.norm(x)


def test_targets_are_checked(rng):
    x = rng.standard_normal((20, 10))
    for bad in (0.0, 1.0, 1.5, -0.5, np.nan):
        with pytest.raises((TypeError, ValueError), match="n_components"):
            matfact.svd(x, bad)
    for bad in (1.0, -0.1, np.nan, np.inf):
        with pytest.raises(ValueError, match="error"):
            matfact.svd(x, error=bad)
    with pytest.raises(ValueError, match="exclude"):
        matfact.svd(x, 3, error=0.1)
    with pytest.raises(ValueError, match="randomized"):
        matfact.svd(x, 0.5, solver="randomized")
    with pytest.raises(ValueError, match="max_passes"):
        matfact.svd(x, 3, solver="krylov", max_passes=0)


@pytest.mark.parametrize("solver", ["krylov", "randomized"])
def test_nan_is_refused_by_iterations(rng, solver, shape):
    x = rng.standard_normal(shape)
    x[3, 4] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        matfact.svd(x, 3, solver=solver)


@pytest.mark.parametrize("solver", ["krylov", "randomized"])
def test_iterations_have_the_same_bits_at_any_thread_count(rng, solver, shape, dtype):
    x = rng.standard_normal((3 * shape[0], 3 * shape[1])).astype(dtype)[:: shape[0] // D, :]
    runs = [matfact.svd(x, 9, solver=solver, center=True, num_threads=n) for n in (1, 2, 3, 7)]
    for r in runs[1:]:
        for a, b in zip((*runs[0], runs[0].residuals), (*r, r.residuals), strict=True):
            assert a.tobytes() == b.tobytes()


def test_seeds_change_the_start_and_not_the_answer(rng):
    x = with_singular_values(rng, 700, D, SPECTRA["power"])
    a, b = (matfact.svd(x, 5, solver="krylov", random_state=seed) for seed in (1, 2))
    assert a.s.tobytes() != b.s.tobytes()
    np.testing.assert_allclose(a.s, b.s, rtol=1e-10)
    assert (
        matfact.svd(x, 5, solver="krylov").s.tobytes() == matfact.svd(x, 5, solver="krylov", random_state=0).s.tobytes()
    )


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("k", [1, 30])
def test_every_eigenvalue_is_within_its_bound(rng, name, k, dtype):
    """Shifted down, so that most eigenvalues are negative and the smallest are largest in magnitude."""
    a = with_eigenvalues(rng, 2.0 * SPECTRA[name] - 1.5 * SPECTRA[name][0]).astype(dtype)
    r = matfact.eigh(a, k, solver="krylov")
    exact = np.linalg.eigvalsh(a.astype(float))[::-1][:k]
    assert (np.abs(r.w - exact) <= r.error_bounds + 8 * np.sqrt(D) * eps(float) * SPECTRA[name][0]).all()
    assert r.status == "converged"
    assert r.residuals.max() <= (2e-12 if dtype is np.float64 else 2e-6)


def test_eigh_says_where_its_passes_did_not_suffice(rng):
    a = with_eigenvalues(rng, np.linspace(1, 2, 300))
    with pytest.warns(matfact.ConvergenceWarning, match="in 4 passes"):
        r = matfact.eigh(a, 10, solver="krylov", max_passes=4)
    assert r.status == "max_iter"
    assert r.n_passes == 4


def test_auto_takes_krylov_for_few_pairs_of_large_symmetric_matrices():
    """The rule of docs/methods/eigh.md, and the accuracy that it promises: that of the direct solvers."""
    d, k = 1500, 20
    w = 1.0 / np.arange(1.0, d + 1)
    v = np.eye(d) - 2.0 / d  # a reflection
    a = (v * w) @ v
    r = matfact.eigh((a + a.T) / 2, k)
    assert r.n_passes > 0
    assert r.residuals.max() <= 2e-12
    np.testing.assert_allclose(r.w, w[:k], atol=64 * eps(float))
    assert matfact.eigh((a + a.T)[:1499, :1499], k).n_passes == 0


def test_auto_falls_back_where_krylov_is_slow():
    """Eigenvalues crowd at the edge of the spectrum: the iterations are given up for the direct solver."""
    d = 1500
    w = np.cos(np.pi * np.arange(d) / d)
    v = np.eye(d) - 2.0 / d
    a = (v * w) @ v
    r = matfact.eigh((a + a.T) / 2, 20)
    assert r.status == "converged"
    assert r.n_passes == 0
    np.testing.assert_allclose(r.w, w[:20], atol=64 * eps(float))


def test_projector_subspaces_are_found(rng):
    q = orthonormal(rng, 400, 25)
    a = np.eye(400) + 4 * q @ q.T
    r = matfact.eigh((a + a.T) / 2, 25, solver="krylov")
    np.testing.assert_allclose(r.w, 5, rtol=64 * eps(float))
    assert subspace_sine(q, r.v) <= 1e-11
