"""svd: accuracy on planted spectra, every layout, the solvers, and what the result offers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import matfact
from reference.measure import eps, orthonormality, signs_are_fixed, subspace_sine, svd_residual, triplet_residuals
from reference.planted import orthonormal, with_singular_values

SOLVERS = ["full", "gram", "auto"]
SHAPES = {"tall": (400, 30), "wide": (30, 400), "square": (90, 90), "nearly square": (100, 80), "one column": (50, 1)}


@pytest.fixture(params=SOLVERS)
def solver(request):
    return request.param


@pytest.fixture(params=SHAPES.values(), ids=SHAPES.keys())
def shape(request):
    return request.param


def test_a_diagonal_matrix_gives_its_entries_in_descending_order(solver, dtype):
    """diag(2, 5, 1): U and V are permutations of the identity."""
    u, s, vt = matfact.svd(np.diag([2, 5, 1]).astype(dtype), solver=solver)
    expected = np.eye(3)[[1, 0, 2]]
    np.testing.assert_allclose(s, [5, 2, 1], rtol=8 * eps(dtype))
    np.testing.assert_allclose(vt, expected, atol=8 * eps(dtype))
    np.testing.assert_allclose(u, expected.T, atol=8 * eps(dtype))


def test_u_s_vt_rebuild_x(rng, shape, solver, dtype):
    """Backward stability: the error is a few eps per unit of s_1, growing at most with the root of the dimensions."""
    x = rng.standard_normal(shape).astype(dtype)
    u, s, vt = matfact.svd(x, solver=solver)
    assert svd_residual(x, u, s, vt) <= 4 * np.sqrt(sum(shape)) * eps(dtype)


def test_u_and_vt_are_orthonormal(rng, shape, solver, dtype):
    """CholeskyQR2 and LAPACK both promise O(eps) entries of Q'Q - I; sums over rows add the root of their number."""
    u, _, vt = matfact.svd(rng.standard_normal(shape).astype(dtype), solver=solver)
    bound = 4 * np.sqrt(sum(shape)) * eps(dtype)
    assert orthonormality(u) <= bound
    assert orthonormality(vt.T) <= bound


def test_shapes_and_dtypes_follow_numpy(rng, shape, solver, dtype):
    x = rng.standard_normal(shape).astype(dtype)
    u, s, vt = matfact.svd(x, solver=solver)
    k = min(shape)
    assert (u.shape, s.shape, vt.shape) == ((shape[0], k), (k,), (k, shape[1]))
    assert u.dtype == s.dtype == vt.dtype == dtype


def test_singular_values_descend_and_match_numpy(rng, shape, solver, dtype):
    """Weyl: both are within a few eps * s_1 of the exact values."""
    x = rng.standard_normal(shape).astype(dtype)
    s = matfact.svd(x, solver=solver).s
    exact = np.linalg.svd(x.astype(np.float64), compute_uv=False)
    assert (np.diff(s) <= 0).all()
    np.testing.assert_allclose(s, exact, atol=4 * np.sqrt(sum(shape)) * eps(dtype) * exact[0], rtol=0)


def test_the_largest_entry_of_each_row_of_vt_is_positive(rng, shape, solver, dtype):
    assert signs_are_fixed(matfact.svd(rng.standard_normal(shape).astype(dtype), solver=solver).vt)


@pytest.mark.parametrize("shape", [(2000, 60), (60, 2000), (150, 150)], ids=["tall", "wide", "square"])
def test_condition_number_1e7_keeps_six_digits_of_every_singular_value(rng, shape, solver):
    """The textbook route through X'X would leave sigma_min with eps * 1e14 / 2 = 1e-2 relative error."""
    planted = np.logspace(0, -7, min(shape))
    u, s, vt = matfact.svd(with_singular_values(rng, *shape, planted), solver=solver)
    assert (abs(s / planted - 1) <= 1e-6).all()
    assert orthonormality(u) <= 1e-12
    assert orthonormality(vt.T) <= 1e-12


@pytest.mark.parametrize("shape", [(2000, 60), (60, 2000)], ids=["tall", "wide"])
def test_condition_number_1e12_is_as_accurate_as_lapack(rng, shape, solver):
    """Absolute errors stay at eps * s_1 whatever the condition; u and vt stay orthonormal."""
    planted = np.logspace(0, -12, min(shape))
    x = with_singular_values(rng, *shape, planted)
    u, s, vt = matfact.svd(x, solver=solver)
    np.testing.assert_allclose(s, planted, atol=64 * eps(float), rtol=0)
    assert orthonormality(u) <= 1e-12
    assert orthonormality(vt.T) <= 1e-12
    assert svd_residual(x, u, s, vt) <= 64 * np.sqrt(sum(shape)) * eps(float)


@pytest.mark.parametrize("condition", [1e7, 1e12], ids="{:.0e}".format)
@pytest.mark.parametrize("k", [10, 30, 45, 58])
@pytest.mark.parametrize("shape", [(2000, 60), (60, 2000)], ids=["tall", "wide"])
def test_truncation_does_not_mix_small_triplets_with_those_left_out(rng, shape, k, condition, solver):
    """The eigenvectors of X'X are blurred where the squares of two singular values differ by less than rounding."""
    planted = np.logspace(0, -np.log10(condition), 60)
    r = matfact.svd(with_singular_values(rng, *shape, planted), k, solver=solver)
    np.testing.assert_allclose(r.s, planted[:k], atol=64 * eps(float), rtol=0)
    # Backward stable: the residual is that of LAPACK, a few eps times the root of the dimensions.
    assert r.residuals.max() <= 4 * np.sqrt(sum(shape)) * eps(float)


@pytest.mark.parametrize("shape", [(600, 40), (40, 600)], ids=["tall", "wide"])
def test_float32_small_singular_values_are_accurate_to_eps_of_the_largest(rng, shape, solver):
    """float32 data, float64 sums: condition 1e5 is within reach, the textbook float32 Gram loses it at 1e3."""
    planted = np.logspace(0, -5, min(shape))
    x = with_singular_values(rng, *shape, planted).astype(np.float32)
    exact = np.linalg.svd(x.astype(np.float64), compute_uv=False)
    u, s, vt = matfact.svd(x, solver=solver)
    np.testing.assert_allclose(s, exact, atol=8 * eps(np.float32), rtol=0)
    assert orthonormality(u) <= 64 * eps(np.float32)
    assert orthonormality(vt.T) <= 64 * eps(np.float32)


@pytest.mark.parametrize("shape", [(300, 20), (20, 300), (40, 40)], ids=["tall", "wide", "square"])
def test_rank_deficient_matrices_still_get_orthonormal_bases(rng, shape, solver, dtype):
    """Rank 5: the null directions are arbitrary, but u and vt are complete and the tail of s is rounding."""
    x = (rng.standard_normal((shape[0], 5)) @ rng.standard_normal((5, shape[1]))).astype(dtype)
    u, s, vt = matfact.svd(x, solver=solver)
    bound = 16 * np.sqrt(sum(shape)) * eps(dtype)
    assert (s[5:] <= bound * s[0]).all()
    assert orthonormality(u) <= bound
    assert orthonormality(vt.T) <= bound
    assert svd_residual(x, u, s, vt) <= bound


@pytest.mark.parametrize("shape", [(40, 25), (25, 40)], ids=["tall", "wide"])
def test_rank_one_leaves_orthonormal_bases_whoever_serves(shape, solver):
    for seed in range(25):
        x = np.ones((shape[0], 1)) * np.random.default_rng(seed).standard_normal(shape[1])
        u, _, vt = matfact.svd(x, solver=solver)
        assert orthonormality(u) <= 1e-13
        assert orthonormality(vt.T) <= 1e-13


@pytest.mark.parametrize("shape", [(50, 8), (8, 50), (9, 9), (1, 1)])
def test_an_all_zero_matrix_has_zero_singular_values_and_orthonormal_bases(shape, solver, dtype):
    u, s, vt = matfact.svd(np.zeros(shape, dtype), solver=solver)
    assert (s == 0).all()
    assert orthonormality(u) <= 16 * eps(dtype)
    assert orthonormality(vt.T) <= 16 * eps(dtype)


def test_clusters_are_resolved_as_subspaces(rng, solver):
    """Equal singular values: single vectors are arbitrary, the span of the cluster is not (Davis, Kahan: gap 0.5)."""
    s_planted = np.concatenate([np.ones(6), np.full(6, 0.5), np.full(8, 0.25)])
    u0, v0 = orthonormal(rng, 300, 20), orthonormal(rng, 20, 20)
    _, s, vt = matfact.svd((u0 * s_planted) @ v0.T, solver=solver)
    np.testing.assert_allclose(s, s_planted, rtol=64 * eps(float))
    assert subspace_sine(vt[:6].T, v0[:, :6]) <= 256 * eps(float)


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_very_small_and_very_large_entries_neither_overflow_nor_vanish(rng, scale, solver):
    """X'X of such entries is 0 or infinity; scaling by a power of two first loses nothing."""
    x = rng.standard_normal((60, 8))
    expected = np.linalg.svd(x, compute_uv=False)
    r = matfact.svd(x * scale, solver=solver)
    np.testing.assert_allclose(r.s / scale, expected, rtol=64 * eps(float))
    assert r.residuals.max() <= 64 * eps(float)


def test_float32_entries_whose_squares_overflow_are_fine(rng, solver):
    x = rng.standard_normal((60, 8)).astype(np.float32) * np.float32(1e25)
    expected = np.linalg.svd(x.astype(float), compute_uv=False)
    np.testing.assert_allclose(matfact.svd(x, solver=solver).s, expected, rtol=64 * eps(np.float32))


LAYOUTS = {
    "Fortran": np.asfortranarray,
    "every other row": lambda x: np.repeat(x, 2, axis=0)[::2],
    "every third column": lambda x: np.repeat(x, 3, axis=1)[:, ::3],
    "both strided, Fortran": lambda x: np.asfortranarray(np.repeat(np.repeat(x, 2, axis=0), 3, axis=1))[::2, ::3],
    "reversed": lambda x: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
@pytest.mark.parametrize("shape", [(700, 40), (40, 700), (64, 64)], ids=["tall", "wide", "square"])
def test_memory_layout_does_not_change_the_answer(rng, layout, shape, solver, dtype):
    """Sums may run in another order, so equality is to rounding."""
    x = rng.standard_normal(shape).astype(dtype)
    laid_out = layout(x)
    np.testing.assert_array_equal(laid_out, x)
    u, s, vt = matfact.svd(laid_out, solver=solver)
    bound = 4 * np.sqrt(sum(shape)) * eps(dtype)
    np.testing.assert_allclose(s, matfact.svd(x, solver=solver).s, atol=bound * s[0], rtol=0)
    assert svd_residual(x, u, s, vt) <= bound


def test_a_read_only_matrix_is_accepted_and_unchanged(rng, solver):
    x = rng.standard_normal((50, 9))
    before = x.copy()
    x.setflags(write=False)
    matfact.svd(x, solver=solver, center=True)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("k", [1, 7, 30])
def test_truncation_returns_the_leading_part(rng, k, solver, dtype):
    """A gap after each planted value makes single vectors comparable; signs are fixed by the rule."""
    x = with_singular_values(rng, 300, 30, 0.8 ** np.arange(30)).astype(dtype)
    everything = matfact.svd(x, solver="full")
    part = matfact.svd(x, k, solver=solver)
    # Vectors turn by eps * s_1 / gap, the smallest gap being 0.2 * 0.8^29 = 3e-4.
    bound = 64 * eps(dtype) / 3e-4
    np.testing.assert_allclose(part.s, everything.s[:k], atol=64 * eps(dtype))
    np.testing.assert_allclose(part.vt, everything.vt[:k], atol=bound)
    np.testing.assert_allclose(part.u, everything.u[:, :k], atol=bound)


def test_residuals_are_what_they_say(rng, shape, solver, dtype):
    """||X'u_i - s_i v_i|| / s_1, recomputed here; the two roundings differ by a few eps per term of the sum."""
    x = rng.standard_normal(shape).astype(dtype)
    r = matfact.svd(x, solver=solver)
    measured = triplet_residuals(x, r.u, r.s, r.vt)
    np.testing.assert_allclose(r.residuals, measured, atol=4 * np.sqrt(sum(shape)) * eps(dtype))


def test_status_is_converged_unless_a_residual_is_above_tol(rng):
    x = rng.standard_normal((100, 10))
    assert matfact.svd(x).status == "converged"
    assert matfact.svd(x, tol=1e-10).status == "converged"


class TestCentering:
    def test_equals_the_svd_of_the_centered_matrix(self, rng, shape, solver, dtype):
        x = (rng.standard_normal(shape) + rng.standard_normal(shape[1])).astype(dtype)
        centered = x.astype(np.float64) - x.astype(np.float64).mean(axis=0)
        r = matfact.svd(x, solver=solver, center=True)
        exact = np.linalg.svd(centered, compute_uv=False)
        bound = 8 * np.sqrt(sum(shape)) * eps(dtype) * np.linalg.norm(x.astype(float), 2)
        np.testing.assert_allclose(r.s, exact, atol=bound, rtol=0)
        np.testing.assert_allclose((r.u * r.s).astype(float) @ r.vt, centered, atol=bound)

    def test_a_mean_far_above_the_spread_does_not_cancel(self, rng, solver):
        """Mean 1e6 over spread 1: X'X - n m m' would lose 12 of 16 digits; shifting by a pilot loses 6 in x itself."""
        spread = rng.standard_normal((500, 12))
        x = 1e6 + spread
        exact = np.linalg.svd(
            (x.astype(np.longdouble) - x.astype(np.longdouble).mean(axis=0)).astype(float), compute_uv=False
        )
        np.testing.assert_allclose(
            matfact.svd(x, solver=solver, center=True).s, exact, rtol=1e3 * 1e6 * eps(float) / 12
        )

    def test_mean_is_returned(self, rng, solver, dtype):
        x = rng.standard_normal((200, 6)).astype(dtype) + 3
        r = matfact.svd(x, solver=solver, center=True)
        np.testing.assert_allclose(r.mean, x.astype(float).mean(axis=0), rtol=8 * eps(dtype))
        assert r.mean.dtype == dtype

    def test_constant_columns_have_no_variance(self, rng, solver):
        x = rng.standard_normal((50, 4))
        x[:, 2] = 7.25
        r = matfact.svd(x, solver=solver, center=True)
        assert r.s[-1] <= 64 * eps(float) * r.s[0]
        assert orthonormality(r.u) <= 1e-12

    @pytest.mark.parametrize("shape", [(37, 25), (25, 37), (900, 250), (20, 3000)], ids=str)
    def test_identical_rows_leave_nothing_at_all(self, shape, solver, dtype):
        """0.1 is no binary fraction: a mean that is rounded differently would leave its error as all the variance."""
        r = matfact.svd(np.full(shape, 0.1, dtype), 2, solver=solver, center=True)
        assert (r.s == 0).all()
        assert r.total_variance == 0

    def test_one_row_centers_to_zero(self, solver):
        r = matfact.svd(np.array([[3.0, 4.0]]), solver=solver, center=True)
        assert r.s[0] == 0
        assert r.total_variance == 0


class TestResult:
    def test_is_frozen_and_unpacks_as_u_s_vt(self, rng):
        r = matfact.svd(rng.standard_normal((20, 5)), 3)
        u, s, vt = r
        assert u is r.u
        assert s is r.s
        assert vt is r.vt
        with pytest.raises(dataclasses.FrozenInstanceError):
            r.s = s

    @pytest.mark.parametrize("center", [False, True])
    @pytest.mark.parametrize("k", [None, 3])
    def test_total_variance_is_the_squared_norm_also_when_truncated(self, rng, k, center, solver, dtype):
        x = rng.standard_normal((300, 20)).astype(dtype) + 1
        y = x.astype(np.float64) - (x.astype(np.float64).mean(axis=0) if center else 0)
        r = matfact.svd(x, k, center=center, solver=solver)
        # A sum of m n squares in any order and, for float32, of entries that were rounded when they were centered.
        assert r.total_variance == pytest.approx((y**2).sum(), rel=4 * np.sqrt(y.size) * eps(float) + eps(dtype))
        exact = np.linalg.svd(y, compute_uv=False)[:k] ** 2 / (y**2).sum()
        np.testing.assert_allclose(r.explained_variance_ratio, exact, atol=64 * eps(dtype))

    def test_scores_are_u_times_s(self, rng):
        r = matfact.svd(rng.standard_normal((20, 5)), 3)
        np.testing.assert_array_equal(r.scores, r.u * r.s)

    def test_truncate_keeps_the_leading_triplets(self, rng):
        r = matfact.svd(rng.standard_normal((20, 5)), center=True)
        t = r.truncate(2)
        np.testing.assert_array_equal(t.u, r.u[:, :2])
        np.testing.assert_array_equal(t.s, r.s[:2])
        np.testing.assert_array_equal(t.vt, r.vt[:2])
        np.testing.assert_array_equal(t.explained_variance_ratio, r.explained_variance_ratio[:2])

    def test_fold_in_of_the_rows_themselves_gives_their_scores(self, rng, dtype):
        x = rng.standard_normal((60, 9)).astype(dtype) + 2
        r = matfact.svd(x, 4, center=True)
        np.testing.assert_allclose(r.fold_in(x), r.scores, atol=64 * eps(dtype) * np.linalg.norm(x, 2))

    def test_project_maps_back_into_the_original_features(self, rng, dtype):
        """Rank 3 plus a mean: new rows of the same plane are reproduced."""
        basis, mean = rng.standard_normal((3, 9)), rng.standard_normal(9)
        x = (rng.standard_normal((60, 3)) @ basis + mean).astype(dtype)
        q = (rng.standard_normal((5, 3)) @ basis + mean).astype(dtype)
        r = matfact.svd(x, 3, center=True)
        np.testing.assert_allclose(r.project(q), q, atol=64 * eps(dtype) * np.linalg.norm(x, 2))


@pytest.mark.parametrize(
    ("shape", "k", "dtype", "expected"),
    [
        ((32, 512), None, np.float64, "full"),
        ((512, 32), None, np.float64, "full"),
        ((513, 32), None, np.float64, "gram"),
        ((120, 100), None, np.float64, "full"),
        ((120, 100), None, np.float32, "full"),
        ((120, 100), 25, np.float32, "gram"),
        ((150, 100), None, np.float32, "gram"),
    ],
)
def test_auto_follows_the_rule_in_docs_methods_svd(rng, shape, k, dtype, expected):
    """The chosen solver is recognized by its bits; the other one's differ."""
    x = rng.standard_normal(shape).astype(dtype)
    bits = {solver: matfact.svd(x, k, solver=solver, num_threads=1).s.tobytes() for solver in SOLVERS}
    assert bits["auto"] == bits[expected]
    assert bits["full"] != bits["gram"]


@pytest.mark.parametrize("shape", [(3000, 300), (300, 3000)], ids=["tall", "wide"])
@pytest.mark.parametrize("scale", [1.0, 1e-22, 1e18], ids=["", "tiny", "huge"])
@pytest.mark.parametrize("decay", [0.97, 0.5], ids=["flat", "steep"])
def test_leading_triplets_of_float32_are_as_accurate_as_float32(rng, shape, scale, decay):
    """Sums in float32 over short blocks serve where the spectrum allows it (flat), float64 where not (steep)."""
    x = (scale * with_singular_values(rng, *shape, decay ** np.arange(300.0))).astype(np.float32)
    exact = np.linalg.svd(x.astype(float) / scale, compute_uv=False)
    r = matfact.svd(x, 20, solver="gram")
    # Float32 sums are kept where they leave residuals of at most 2e-7.
    np.testing.assert_allclose(r.s / np.float64(scale), exact[:20], atol=4 * eps(np.float32) * exact[0])
    assert r.residuals.max() <= 8 * eps(np.float32)


def test_centered_float32_far_from_the_origin_keeps_its_variance(rng):
    """Blocks are centered before their products are summed in float32."""
    x = rng.standard_normal((5000, 300)) * np.linspace(1, 3, 300) + 1000.0
    x = x.astype(np.float32)
    exact = np.linalg.svd(x.astype(float) - x.astype(float).mean(axis=0), compute_uv=False)
    r = matfact.svd(x, 10, center=True)
    np.testing.assert_allclose(r.s, exact[:10], rtol=16 * eps(np.float32))
