"""Weights of rows in svd and PCA: whole numbers are repeated rows, and a row of weight 0 is not there."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import matfact
from reference.measure import eps, orthonormality, triplet_residuals

KINDS = {
    "dense": lambda x: x,
    "fortran": np.asfortranarray,
    "csr": scipy.sparse.csr_matrix,
    "csc": scipy.sparse.csc_matrix,
    "int64": lambda x: with_wide_indices(scipy.sparse.csr_matrix(x)),
}
SOLVERS = {name: ["auto", "gram", "krylov", "randomized"] for name in KINDS}
SOLVERS["dense"] = [*SOLVERS["dense"], "full"]
CASES = [(kind, solver) for kind, solvers in SOLVERS.items() for solver in solvers]


def with_wide_indices(x):
    x.indices, x.indptr = x.indices.astype(np.int64), x.indptr.astype(np.int64)
    return x


def decaying(rng, m, n):
    """Entries with means as large as their deviations, of which 60 % are zero, and gaps in the spectrum."""
    x = (rng.standard_normal((m, n)) + 1.0) * 0.7 ** np.arange(n)
    return np.where(rng.random((m, n)) < 0.4, x, 0.0)


def tolerance(dtype):
    """The promise of float64, whose rounding is far below; of float32 the sums of some hundred terms."""
    return 1e-10 if dtype is np.float64 else 64 * eps(np.float32)


def tight(solver):
    """What the iterations need so that their answers can be compared."""
    return {"krylov": {"tol": 0}, "randomized": {"max_passes": 60}}.get(solver, {})


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("shape", [(60, 12), (9, 40)], ids=["tall", "wide"])
@pytest.mark.parametrize(("kind", "solver"), CASES)
def test_whole_weights_are_repeated_rows(rng, kind, solver, shape, center, dtype):
    x = decaying(rng, *shape).astype(dtype)
    w = rng.integers(0, 5, shape[0])
    w[0], w[1] = 0, 3
    k, options = 4, {"solver": solver, "center": center, **tight(solver)}
    weighted = matfact.svd(KINDS[kind](x), k, sample_weight=w, **options)
    repeated = matfact.svd(KINDS[kind](np.repeat(x, w, axis=0)), k, **options)
    atol = tolerance(dtype) * weighted.s[0]
    np.testing.assert_allclose(weighted.s, repeated.s, rtol=0, atol=atol)
    np.testing.assert_allclose(weighted.total_variance, repeated.total_variance, rtol=tolerance(dtype))
    np.testing.assert_allclose(
        weighted.explained_variance / weighted.explained_variance[0],
        repeated.explained_variance / repeated.explained_variance[0],
        rtol=0,
        atol=4 * tolerance(dtype),
    )
    np.testing.assert_allclose(
        weighted.vt.T @ np.diag(weighted.s) @ weighted.vt,
        repeated.vt.T @ np.diag(repeated.s) @ repeated.vt,
        rtol=0,
        atol=16 * atol,
    )
    if center:
        np.testing.assert_allclose(weighted.mean, repeated.mean, rtol=0, atol=tolerance(dtype))


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("shape", [(60, 12), (9, 40)], ids=["tall", "wide"])
@pytest.mark.parametrize(("kind", "solver"), CASES)
def test_u_and_the_certificate_are_those_of_the_weighted_rows(rng, kind, solver, shape, center, dtype):
    x = decaying(rng, *shape).astype(dtype)
    w = rng.random(shape[0]) * 3.0
    w[[0, 5]] = 0.0
    r = matfact.svd(KINDS[kind](x), 4, sample_weight=w, solver=solver, center=center, **tight(solver))
    present = w > 0
    mean = np.average(x.astype(float), axis=0, weights=w) if center else np.zeros(shape[1])
    z = np.sqrt(w)[:, None] * (x - mean)
    exact = np.linalg.svd(z, compute_uv=False)
    assert (r.u[~present] == 0.0).all()
    assert orthonormality(r.u) <= 64 * eps(dtype)
    assert orthonormality(r.vt.T) <= 64 * eps(dtype)
    np.testing.assert_allclose(
        r.residuals, triplet_residuals(z[present], r.u[present], r.s, r.vt), atol=16 * eps(dtype)
    )
    assert (np.abs(r.s - exact[:4]) <= r.error_bounds + 64 * eps(dtype) * exact[0]).all()
    np.testing.assert_allclose(r.scores, np.sqrt(w)[:, None] * r.fold_in(x), atol=256 * eps(dtype) * exact[0])
    np.testing.assert_allclose(r.explained_variance, r.s**2 / (w.sum() - 1), rtol=8 * eps(dtype))


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 8),
    weights=st.lists(st.integers(0, 6), min_size=2, max_size=30).filter(lambda w: sum(w) >= 2),
    sparse=st.booleans(),
    k_share=st.floats(0, 1),
)
def test_pca_of_whole_weights_is_that_of_repeated_rows(seed, n, weights, sparse, k_share):
    """Any weights, also fewer rows than columns, a single row, and rows that repeat until they are more."""
    rng = np.random.default_rng(seed)
    x = decaying(rng, len(weights), n) + (0 if sparse else 10.0)
    most = min(sum(weights), n)
    k = 1 + int(k_share * (most - 1))
    kind = scipy.sparse.csr_array if sparse else np.asarray
    solver = "covariance_eigh" if sparse else "full"
    weighted = matfact.PCA(k, svd_solver=solver).fit(kind(x), sample_weight=weights)
    repeated = matfact.PCA(k, svd_solver=solver).fit(kind(np.repeat(x, weights, axis=0)))
    largest = max(1.0, float(repeated.explained_variance_[0]))
    assert weighted.n_samples_ == repeated.n_samples_ == sum(weights)
    np.testing.assert_allclose(weighted.mean_, repeated.mean_, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(weighted.explained_variance_, repeated.explained_variance_, rtol=0, atol=1e-10 * largest)
    np.testing.assert_allclose(weighted.noise_variance_, repeated.noise_variance_, rtol=0, atol=1e-10 * largest)
    np.testing.assert_allclose(weighted.get_covariance(), repeated.get_covariance(), rtol=0, atol=1e-8 * largest)
    if repeated.explained_variance_[0] > 1e-20:  # else there is only rounding to share
        np.testing.assert_allclose(
            weighted.explained_variance_ratio_, repeated.explained_variance_ratio_, rtol=0, atol=1e-10
        )


@pytest.mark.parametrize("n_components", [None, 3, 0.8, "mle"])
@pytest.mark.parametrize("svd_solver", ["auto", "full", "covariance_eigh", "arpack", "randomized"])
def test_every_pca_takes_weights(rng, svd_solver, n_components, dtype):
    if not isinstance(n_components, (int, type(None))) and svd_solver in ("arpack", "randomized"):
        pytest.skip("refused without weights too")
    x = decaying(rng, 50, 8).astype(dtype)
    w = rng.integers(0, 4, 50)
    weighted = matfact.PCA(n_components, svd_solver=svd_solver, whiten=True).fit(x, sample_weight=w)
    repeated = matfact.PCA(n_components, svd_solver=svd_solver, whiten=True).fit(np.repeat(x, w, axis=0))
    atol = tolerance(dtype) * float(repeated.explained_variance_[0])
    for name in ("mean_", "explained_variance_", "explained_variance_ratio_", "components_", "noise_variance_"):
        factor = 64 if name == "components_" else 4  # divided by the gaps
        np.testing.assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=0, atol=factor * atol)
    assert weighted.n_components_ == repeated.n_components_


def test_scores_of_a_weighted_fit_are_those_of_the_rows_as_they_are(rng):
    x, w = decaying(rng, 40, 6), rng.random(40)
    w[3] = 0.0
    pca = matfact.PCA(3)
    scores = pca.fit_transform(x, sample_weight=w)
    np.testing.assert_array_equal(scores, pca.transform(x))
    np.testing.assert_allclose(
        np.average(scores**2, axis=0, weights=w) * w.sum() / (w.sum() - 1), pca.explained_variance_, rtol=1e-12
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_of_weight_zero_may_hold_anything(rng, kind):
    x, w = decaying(rng, 30, 6), np.ones(30)
    w[[4, 9]] = 0.0
    clean = matfact.svd(KINDS[kind](x[w > 0]), 3, center=True)
    x[4, 1], x[9, 2] = np.nan, np.inf
    r = matfact.svd(KINDS[kind](x), 3, sample_weight=w, center=True)
    np.testing.assert_allclose(r.s, clean.s, rtol=1e-13)
    pca = matfact.PCA(3).fit(KINDS[kind](x), sample_weight=w)
    np.testing.assert_allclose(pca.singular_values_, clean.s, rtol=1e-13)
    with pytest.raises(ValueError, match="NaN"):
        matfact.svd(KINDS[kind](x), 3, sample_weight=np.ones(30))


def test_weights_agree_with_moments_of_weights(rng):
    x, w = decaying(rng, 40, 6), rng.random(40) * 5
    pca, other = (
        matfact.PCA(3).fit(x, sample_weight=w),
        matfact.PCA.from_moments(matfact.Moments().update(x, sample_weight=w), 3),
    )
    assert pca.n_samples_ == pytest.approx(other.n_samples_)
    np.testing.assert_allclose(pca.explained_variance_, other.explained_variance_, rtol=1e-12)
    np.testing.assert_allclose(pca.noise_variance_, other.noise_variance_, rtol=1e-10)


def test_large_means_do_not_cancel(rng):
    """Means 1e8 times the deviations leave them eight digits; the sums must not take more."""
    x, w = rng.standard_normal((200, 4)) + 1e8, rng.integers(1, 4, 200)
    exact = np.repeat(x, w, axis=0) - 1e8
    pca = matfact.PCA().fit(x, sample_weight=w)
    np.testing.assert_allclose(pca.explained_variance_, np.linalg.eigvalsh(np.cov(exact.T))[::-1], rtol=1e-12)


@pytest.mark.parametrize("kind", ["dense", "csr", "csc"])
@pytest.mark.parametrize("solver", ["gram", "krylov"])
def test_weighted_answers_have_the_same_bits_at_any_thread_count(rng, kind, solver, dtype):
    x, w = decaying(rng, 3000, 40).astype(dtype), rng.random(3000)
    runs = [
        matfact.svd(KINDS[kind](x), 5, sample_weight=w, solver=solver, center=True, num_threads=n) for n in (1, 2, 3, 7)
    ]
    for r in runs[1:]:
        for a, b in zip((*runs[0], runs[0].mean, runs[0].residuals), (*r, r.mean, r.residuals), strict=True):
            assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("solver", ["auto", "krylov"])
def test_shares_and_errors_are_of_the_weighted_rows(rng, solver):
    x, w = decaying(rng, 60, 12), rng.integers(1, 5, 60)
    for target in ({"n_components": 0.8}, {"error": 0.05}):
        r = matfact.svd(x, sample_weight=w, solver=solver, **target)
        assert r.s.size == matfact.svd(np.repeat(x, w, axis=0), solver=solver, **target).s.size


@pytest.mark.parametrize(
    "run", [matfact.svd, lambda x, sample_weight: matfact.PCA().fit(x, sample_weight=sample_weight)]
)
@pytest.mark.parametrize("kind", ["dense", "csr"])
def test_bad_weights_are_refused(rng, run, kind):
    x = KINDS[kind](rng.standard_normal((5, 3)))
    for bad, message in (
        ([1, 1, 1, 1, -1], r"finite and not negative, got -1.0 for row 4"),
        ([1, np.nan, 1, 1, 1], r"finite and not negative, got nan for row 1"),
        ([1, np.inf, 1, 1, 1], r"finite and not negative, got inf for row 1"),
        ([1, 1, 1], r"shape \(5,\), got \(3,\)"),
        (np.ones((5, 1)), r"shape \(5,\), got \(5, 1\)"),
        (np.zeros(5), "sum of at least 2, got 0|a positive entry"),
        (np.full(5, 1e308), "infinite sum"),
    ):
        with pytest.raises(ValueError, match=message):
            run(x, sample_weight=bad)
    with pytest.raises(TypeError, match="real numbers"):
        run(x, sample_weight=["a"] * 5)


def test_weights_count_the_rows_that_are_there(rng):
    x = rng.standard_normal((5, 4))
    w = [1, 1, 1, 0, 0]
    assert matfact.svd(x, sample_weight=w).u.shape == (5, 3)
    with pytest.raises(ValueError, match="between 1 and 3, got 4"):
        matfact.svd(x, 4, sample_weight=w)
    with pytest.raises(ValueError, match="must be between 0 and"):
        matfact.PCA(4).fit(x, sample_weight=w)
    with pytest.raises(ValueError, match="sum of at least 2"):
        matfact.PCA(1).fit(x, sample_weight=np.full(5, 0.2))


def test_weights_need_rows_in_memory(rng, tmp_path):
    x, w = rng.standard_normal((6, 3)), np.ones(6)
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(ValueError, match="in memory"):
        matfact.svd(tmp_path / "x.npy", 2, sample_weight=w)
    with pytest.raises(ValueError, match="linear operator"):
        matfact.svd(scipy.sparse.linalg.aslinearoperator(x), 2, sample_weight=w)
    with pytest.raises(ValueError, match=r"matfact\.Moments"):
        matfact.PCA(2).fit(tmp_path / "x.npy", sample_weight=w)
    x[0, 0] = np.nan
    with pytest.raises(ValueError, match="complete X"):
        matfact.PCA(2, missing="ppca").fit(x, sample_weight=w)


def test_weights_are_routed_through_pipelines(rng):
    """scikit-learn's metadata routing finds the weights of fit, and only where they are asked for."""
    x, w = decaying(rng, 30, 5), rng.integers(0, 3, 30)
    with config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, matfact.PCA(2).set_fit_request(sample_weight=True)).fit(x, sample_weight=w)
    direct = matfact.PCA(2).fit(StandardScaler().fit_transform(x), sample_weight=w)
    np.testing.assert_array_equal(pipeline[-1].components_, direct.components_)
