"""eigh: eigenpairs of symmetric matrices, descending."""

from __future__ import annotations

import numpy as np
import pytest

import matfact
from reference.measure import eps, orthonormality, signs_are_fixed, subspace_sine
from reference.planted import orthonormal, with_eigenvalues

SOLVERS = ["auto", "full", "subset"]


@pytest.fixture(params=SOLVERS)
def solver(request):
    return request.param


def symmetric(rng, n, dtype=np.float64):
    a = rng.standard_normal((n, n))
    return ((a + a.T) / 2).astype(dtype)


def test_a_two_by_two_matrix_has_its_textbook_pairs(solver, dtype):
    """[[2, 1], [1, 2]]: eigenvalues 3 and 1 along (1, 1) and (1, -1)."""
    w, v = matfact.eigh(np.array([[2, 1], [1, 2]], dtype), solver=solver)
    r = np.sqrt(0.5)
    np.testing.assert_allclose(w, [3, 1], rtol=8 * eps(dtype))
    np.testing.assert_allclose(np.abs(v), [[r, r], [r, r]], rtol=8 * eps(dtype))
    assert v[0, 0] * v[1, 0] > 0 > v[0, 1] * v[1, 1]


@pytest.mark.parametrize("n", [1, 2, 5, 33, 120])
def test_pairs_satisfy_their_equation(rng, n, solver, dtype):
    """||A V - V W|| <= a few eps ||A||, times n: the bound that LAPACK gives for its relatively robust vectors."""
    a = symmetric(rng, n, dtype)
    w, v = matfact.eigh(a, solver=solver)
    error = np.linalg.norm(a.astype(float) @ v - v * w.astype(float), axis=0).max()
    assert error <= 4 * (n + 8) * eps(dtype) * np.abs(w).max()
    assert orthonormality(v) <= 4 * (n + 8) * eps(dtype)


@pytest.mark.parametrize("n", [5, 40, 120])
def test_eigenvalues_descend_and_match_numpy(rng, n, solver, dtype):
    a = symmetric(rng, n, dtype)
    w = matfact.eigh(a, solver=solver).w
    exact = np.linalg.eigvalsh(a.astype(np.float64))[::-1]
    assert (np.diff(w) <= 0).all()
    np.testing.assert_allclose(w, exact, atol=16 * np.sqrt(n) * eps(dtype) * np.abs(exact).max(), rtol=0)


@pytest.mark.parametrize("k", [1, 3, 20, 80])
def test_leading_pairs_are_the_largest_ones(rng, k, solver, dtype):
    """Largest, not largest in magnitude: -100 comes last."""
    planted = np.concatenate([np.linspace(10, 1, 79), [-100.0]])
    a = with_eigenvalues(rng, planted).astype(dtype)
    r = matfact.eigh(a, k, solver=solver)
    assert r.v.shape == (80, k)
    np.testing.assert_allclose(r.w, planted[:k], atol=64 * eps(dtype) * 100, rtol=0)


def test_dtype_is_kept(rng, solver, dtype):
    r = matfact.eigh(symmetric(rng, 10, dtype), 3, solver=solver)
    assert r.w.dtype == r.v.dtype == dtype


def test_signs_follow_the_rule(rng, solver):
    assert signs_are_fixed(matfact.eigh(symmetric(rng, 50), solver=solver).v.T)


def test_residuals_are_what_they_say(rng, solver, dtype):
    """||A v_i - w_i v_i|| / max |w|."""
    a = symmetric(rng, 60, dtype)
    r = matfact.eigh(a, 10, solver=solver)
    largest = np.abs(np.linalg.eigvalsh(a.astype(float))).max()
    measured = np.linalg.norm(a.astype(float) @ r.v - r.v * r.w.astype(float), axis=0) / largest
    np.testing.assert_allclose(r.residuals, measured, atol=8 * np.sqrt(60) * eps(dtype))


def test_residuals_are_relative_to_the_whole_spectrum(rng, solver):
    """Leading eigenvalue 0 above others of size 1 to 2: its residual is rounding on the scale of the matrix."""
    a = with_eigenvalues(rng, np.concatenate([[0.0], -np.linspace(1, 2, 99)]))
    assert matfact.eigh(a, 1, solver=solver).residuals[0] <= 4 * 108 * eps(float)


def test_multiple_eigenvalues_span_the_right_subspace(rng, solver):
    """(I + 4 P) for a projector P onto 5 dimensions: eigenvalue 5 five times, gap 4."""
    q = orthonormal(rng, 40, 5)
    a = np.eye(40) + 4 * q @ q.T
    r = matfact.eigh((a + a.T) / 2, 5, solver=solver)
    np.testing.assert_allclose(r.w, 5, rtol=64 * eps(float))
    assert subspace_sine(q, r.v) <= 64 * eps(float)
    assert orthonormality(r.v) <= 64 * eps(float)


@pytest.mark.parametrize("n", [64, 65, 97, 257, 301])
def test_all_pairs_of_clustered_spectra_are_orthonormal_and_solve_their_equation(rng, n, dtype):
    """Divide and conquer drops what repeats: three eigenvalues, with and without the rounding that separates them."""
    exact = np.sort(np.resize([3.0, 1.0, -2.0], n))[::-1]
    a = with_eigenvalues(rng, exact).astype(dtype)
    a = (a + a.T) / 2
    w, v = matfact.eigh(a, solver="full")
    # Reduction, divide and conquer and reflections back cost a few sqrt(n) eps each, and building A as much.
    bound = 16 * np.sqrt(n) * eps(dtype)
    assert orthonormality(v) <= bound
    assert np.abs(a.astype(float) @ v - v * w.astype(float)).max() <= bound * 3
    np.testing.assert_allclose(w, exact, atol=bound * 3)


def test_matrices_that_fall_apart_keep_their_blocks(dtype):
    """Where no pair of a half takes part in a join, its columns of the vectors are exact zeros, not what was there."""
    n = 150
    blocks = np.kron(np.eye(3), np.ones((n // 3, n // 3))).astype(dtype)
    for a in (blocks, np.ones((n, n), dtype), np.diag(np.arange(n) % 4).astype(dtype)):
        w, v = matfact.eigh(a, solver="full")
        assert orthonormality(v) <= 16 * np.sqrt(n) * eps(dtype)
        assert np.abs(a.astype(float) @ v - v * w.astype(float)).max() <= 16 * n * eps(dtype) * np.abs(a).max()


@pytest.mark.parametrize("value", [0.0, 1.0, -2.5])
def test_multiples_of_the_identity(value, solver, dtype):
    r = matfact.eigh(value * np.eye(12, dtype=dtype), solver=solver)
    np.testing.assert_allclose(r.w, value, rtol=8 * eps(dtype))
    assert orthonormality(r.v) <= 16 * eps(dtype)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_extreme_scales(rng, scale, solver):
    a = symmetric(rng, 20)
    np.testing.assert_allclose(
        matfact.eigh(a * scale, solver=solver).w / scale, matfact.eigh(a).w, atol=64 * eps(float) * np.linalg.norm(a, 2)
    )


LAYOUTS = [np.asfortranarray, lambda a: np.repeat(np.repeat(a, 2, 0), 2, 1)[::2, ::2]]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_memory_layout_does_not_change_the_answer(rng, layout, solver):
    a = symmetric(rng, 50)
    np.testing.assert_allclose(matfact.eigh(layout(a), solver=solver).w, matfact.eigh(a, solver=solver).w, atol=1e-13)


def test_the_input_is_not_changed(rng, solver):
    a = symmetric(rng, 40)
    before = a.copy()
    matfact.eigh(a, solver=solver)
    np.testing.assert_array_equal(a, before)


def test_asymmetry_is_refused():
    with pytest.raises(ValueError, match="symmetric"):
        matfact.eigh(np.array([[1.0, 2.0], [3.0, 4.0]]))


@pytest.mark.parametrize("n", [2, 7, 16, 65, 270])
@pytest.mark.parametrize("layout", [np.ascontiguousarray, *LAYOUTS], ids=["rows", "columns", "strided"])
def test_one_wrong_entry_is_found_wherever_it_is(rng, n, layout, dtype):
    """Entries are compared in squares of a SIMD packet, which do not fill every matrix."""
    a = symmetric(rng, n, dtype)
    for i, j in ((n - 1, 0), (0, n - 1), (n - 1, n - 2), (n // 2, n // 3), (0, 0), (n - 1, n - 1)):
        for value in (np.nan, np.inf, -np.inf):
            bad = a.copy()
            bad[i, j] = value
            with pytest.raises(ValueError, match="NaN or infinity"):
                matfact.eigh(layout(bad))
        if i != j:
            bad = a.copy()
            bad[i, j] += 1
            with pytest.raises(ValueError, match=r"differ by up to (1\.|0\.99)"):
                matfact.eigh(layout(bad))


def test_asymmetry_of_rounding_is_accepted(rng):
    """A product such as B B' may differ from its transpose in the last bits."""
    b = rng.standard_normal((30, 10))
    a = b @ b.T
    a[0, 1] = np.nextafter(a[0, 1], np.inf)
    assert matfact.eigh(a, 3).w[0] == pytest.approx(np.linalg.norm(b, 2) ** 2, rel=64 * eps(float))


def test_unpacks_as_w_v(rng):
    r = matfact.eigh(symmetric(rng, 6))
    w, v = r
    assert w is r.w
    assert v is r.v
