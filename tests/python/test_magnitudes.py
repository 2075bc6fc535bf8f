"""Entries of any magnitude: what holds at 1 holds at 1e300 and 1e-300, and what cannot be represented says so."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

import matfact
from matfact import PCA
from reference.measure import eps

SCALES = [2.0**-990, 2.0**-532, 2.0**512, 2.0**990]  # about 1e-298, 1e-160, 1e154 and 1e298
SOLVERS = ["full", "gram", "krylov", "randomized"]


@pytest.fixture
def x(rng):
    return rng.standard_normal((40, 25))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("solver", SOLVERS)
def test_error_bounds_hold_and_scale_with_the_matrix(x, scale, center, solver):
    """Powers of two round nothing, so the errors at 1 are those everywhere; squares of s_1 are out of range here."""
    exact = np.linalg.svd(x - x.mean(0) if center else x, compute_uv=False)[:3]
    expected = matfact.svd(x, 3, solver=solver, center=center)
    r = matfact.svd(scale * x, 3, solver=solver, center=center)
    assert (abs(r.s / scale - exact) <= r.error_bounds / scale + 8 * eps(float) * exact[0]).all()
    # Products scaled by another power of two may be tiled otherwise: bounds agree up to the rounding of residuals.
    bounds = expected.error_bounds
    np.testing.assert_allclose(r.error_bounds / scale, bounds, rtol=1e-6, atol=32 * eps(float) * exact[0])


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("solver", ["gram", "krylov", "randomized"])
def test_error_bounds_of_a_sparse_matrix_hold(x, scale, solver):
    exact = np.linalg.svd(x, compute_uv=False)[:3]
    r = matfact.svd(scipy.sparse.csr_array(scale * x), 3, solver=solver)
    assert np.isfinite(r.error_bounds).all()
    assert (abs(r.s / scale - exact) <= r.error_bounds / scale + 8 * eps(float) * exact[0]).all()


@pytest.mark.parametrize("scale", [1e-40, 1e38])
@pytest.mark.parametrize("solver", SOLVERS)
def test_error_bounds_hold_at_the_ends_of_float32(x, scale, solver):
    """Below the range of float32 its rounding is absolute, and the bounds say so."""
    small = (0.02 * scale * x).astype(np.float32)
    exact = np.linalg.svd(small.astype(float) / scale, compute_uv=False)[:3]
    r = matfact.svd(small, 3, solver=solver)
    error = abs(r.s.astype(float) / scale - exact)
    assert (error <= r.error_bounds.astype(float) / scale + 8 * eps(float) * exact[0]).all()


@pytest.mark.parametrize("solver", SOLVERS)
def test_zeros_have_no_error(solver):
    assert (matfact.svd(np.zeros((12, 8)), 2, solver=solver).error_bounds == 0.0).all()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("solver", ["auto", "full", "gram", "krylov"])
@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array], ids=["dense", "sparse"])
def test_a_target_takes_as_many_components_at_any_magnitude(x, scale, solver, kind):
    if kind is not np.asarray and solver == "full":
        pytest.skip("full takes dense matrices")
    for target in ({"n_components": 0.95}, {"error": 0.3}):
        expected = matfact.svd(kind(x), solver=solver, **target).s.size
        assert matfact.svd(kind(scale * x), solver=solver, **target).s.size == expected


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("solver", SOLVERS)
def test_shares_of_the_variance_are_right_where_the_total_is_out_of_range(x, scale, solver):
    expected = matfact.svd(x, 3, solver=solver).explained_variance_ratio
    r = matfact.svd(scale * x, 3, solver=solver)
    assert r.total_variance in (0.0, np.inf) or scale in (2.0**-532, 2.0**512)
    np.testing.assert_allclose(r.explained_variance_ratio, expected, rtol=64 * eps(float))
    np.testing.assert_allclose(r.truncate(2).explained_variance_ratio, expected[:2], rtol=64 * eps(float))


def test_shares_are_right_where_even_the_norm_exceeds_the_range():
    r = matfact.svd(1.7e308 * np.eye(12), 3)
    np.testing.assert_allclose(r.explained_variance_ratio, 1 / 12, rtol=16 * eps(float))


def test_a_singular_value_beyond_the_range_is_a_numerical_error():
    with pytest.raises(matfact.NumericalError, match="scale X down"):
        matfact.svd(np.full((12, 12), 1.7e308), 2)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("svd_solver", ["auto", "full", "covariance_eigh", "arpack"])
class TestPCA:
    def test_shares_and_bounds(self, x, scale, svd_solver):
        scaled = scale * x  # which bounds are measured with
        expected, pca = (PCA(3, svd_solver=svd_solver).fit(a) for a in (x, scaled))
        np.testing.assert_allclose(
            pca.explained_variance_ratio_, expected.explained_variance_ratio_, rtol=64 * eps(float)
        )
        exact = np.linalg.svd(x - x.mean(0), compute_uv=False)
        error = abs(pca.singular_values_ / scale - exact[:3])
        assert (error <= pca.error_bounds_ / scale + 8 * eps(float) * exact[0]).all()

    def test_variances_out_of_range_are_infinity_or_zero(self, x, scale, svd_solver):
        pca = PCA(3, svd_solver=svd_solver).fit(scale * x)
        assert not np.isnan(pca.noise_variance_)
        if abs(np.log2(scale)) > 600:
            limit = np.inf if scale > 1 else 0.0
            assert (pca.explained_variance_ == limit).all()
            assert pca.noise_variance_ == limit


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("n_components", [0.95, "mle"])
def test_pca_chooses_as_many_axes_at_any_magnitude(rng, scale, n_components):
    x = rng.standard_normal((60, 3)) @ rng.standard_normal((3, 12)) + 0.1 * rng.standard_normal((60, 12))
    expected, pca = (PCA(n_components, svd_solver="full").fit(a) for a in (x, scale * x))
    assert pca.n_components_ == expected.n_components_
    assert not np.isnan(pca.noise_variance_)


@pytest.mark.parametrize("solver", ["auto", "full", "subset", "krylov"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
class TestEigh:
    def test_an_eigenvalue_beyond_the_range_is_a_numerical_error(self, solver, dtype):
        largest = np.finfo(dtype).max / dtype(1.5)
        with pytest.raises(matfact.NumericalError, match="scale A down"):
            matfact.eigh(np.full((12, 12), largest, dtype), 2, solver=solver)

    def test_entries_at_the_end_of_the_range_are_fine_where_the_eigenvalues_are(self, solver, dtype):
        largest = np.finfo(dtype).max / dtype(1.5)
        r = matfact.eigh(np.diag(np.full(12, largest)), 2, solver=solver)
        np.testing.assert_allclose(r.w / largest, 1.0, rtol=16 * eps(dtype))
        assert np.isfinite(r.error_bounds).all()


@pytest.mark.parametrize("missing", ["ppca", "vb"])
class TestMissing:
    @pytest.fixture
    def holes(self, rng):
        x = rng.standard_normal((80, 2)) @ rng.standard_normal((2, 8)) + 0.1 * rng.standard_normal((80, 8))
        x[rng.random(x.shape) < 0.2] = np.nan
        return x

    @pytest.mark.parametrize("scale", [2.0**-480, 2.0**-27, 2.0**480])
    def test_powers_of_two_change_no_digit(self, holes, missing, scale):
        expected, pca = (PCA(2, missing=missing).fit(a) for a in (holes, scale * holes))
        np.testing.assert_array_equal(pca.components_, expected.components_)
        np.testing.assert_array_equal(pca.explained_variance_ratio_, expected.explained_variance_ratio_)
        np.testing.assert_array_equal(pca.mean_, scale * expected.mean_)
        np.testing.assert_array_equal(pca.explained_variance_, scale * (scale * expected.explained_variance_))

    @pytest.mark.parametrize("scale", [1e-300, 1e300])
    def test_variances_out_of_range_are_a_numerical_error(self, holes, missing, scale):
        with pytest.raises(matfact.NumericalError, match="scale X"):
            PCA(2, missing=missing).fit(scale * holes)

    def test_variances_out_of_the_range_of_float32_are_a_numerical_error(self, holes, missing):
        with pytest.raises(matfact.NumericalError, match="float32"):
            PCA(2, missing=missing).fit((1e-25 * holes).astype(np.float32))

    @pytest.mark.parametrize("value", [0.0, 4.0, 0.1, 1e-150])
    def test_constant_data_has_no_variance(self, holes, missing, value):
        x = np.where(np.isnan(holes), np.nan, value)
        pca = PCA(2, missing=missing).fit(x)
        assert (pca.explained_variance_ == 0.0).all()
        assert (pca.explained_variance_ratio_ == 0.0).all()
        assert pca.noise_variance_ == 0.0
        np.testing.assert_array_equal(pca.mean_, value)
        np.testing.assert_array_equal(pca.impute(x), value)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array], ids=["dense", "sparse"])
def test_shares_of_truncated_svd_are_right_where_variances_are_out_of_range(x, scale, kind):
    """Up to the square of the 1e-6 that the iterations promise, and what their paths differ by."""
    expected, svd = (matfact.TruncatedSVD(3, algorithm="arpack").fit(kind(a)) for a in (x, scale * x))
    np.testing.assert_allclose(svd.explained_variance_ratio_, expected.explained_variance_ratio_, rtol=1e-9)
    assert not np.isnan(svd.explained_variance_).any()


@pytest.mark.parametrize("solver", ["full", "gram", "krylov"])
@pytest.mark.parametrize("wide", [False, True])
def test_entries_of_opposite_signs_may_be_as_large_as_float64_has_them(solver, wide):
    x = np.zeros((4, 40))
    x[0, 0], x[1, 0], x[2, 1] = 1e308, -1e308, 1e307
    r = matfact.svd(x if wide else x.T, 2, solver=solver, center=wide)
    np.testing.assert_allclose(r.s[0], np.sqrt(2) * 1e308, rtol=1e-9)
