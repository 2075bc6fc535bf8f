"""svd, PCA and TruncatedSVD of sparse matrices: against the dense ones, in every layout, and on what is malformed."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

import matfact
from reference.measure import eps, orthonormality, signs_are_fixed, subspace_sine, triplet_residuals

FORMATS = ["csr", "csc", "coo", "lil", "bsr", "dok", "dia"]
SOLVERS = ["gram", "krylov", "auto"]
SHAPES = {"tall": (300, 40), "wide": (40, 300), "square": (70, 70), "one column": (50, 1)}


@pytest.fixture(params=SHAPES.values(), ids=SHAPES.keys())
def shape(request):
    return request.param


def sparse(rng, shape, density=0.2, dtype=np.float64, *, mean=0.0):
    """Normal values around `mean`, in columns of falling weight so that the leading triplets stand apart."""
    x = scipy.sparse.random(*shape, density=density, rng=rng, data_rvs=rng.standard_normal, format="csr")
    x.data += mean
    return (x @ scipy.sparse.diags(0.97 ** np.arange(shape[1]))).tocsr().astype(dtype)


def centered(x):
    dense = x.toarray().astype(np.float64)
    return dense - dense.mean(axis=0)


def bound(shape, dtype, s):
    """Rounding of sums over rows and columns, relative to the largest singular value."""
    return 8 * np.sqrt(sum(shape)) * eps(dtype) * s


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("solver", SOLVERS)
def test_triplets_are_those_of_the_dense_matrix(rng, shape, dtype, solver, center):
    """Weyl: singular values are within a rounding of the exact ones; the product of the factors rebuilds X."""
    x = sparse(rng, shape, dtype=dtype, mean=0.5)
    dense = centered(x) if center else x.toarray().astype(np.float64)
    r = matfact.svd(x, solver=solver, center=center, tol=0)
    # The means are subtracted from the products, so the rounding is relative to X itself.
    size = np.linalg.norm(x.toarray(), 2)
    np.testing.assert_allclose(r.s, np.linalg.svd(dense, compute_uv=False), atol=bound(shape, dtype, size), rtol=0)
    assert abs(r.u * r.s @ r.vt - dense).max() <= bound(shape, dtype, size)
    assert orthonormality(r.u) <= bound(shape, dtype, 1.0)
    assert orthonormality(r.vt.T) <= bound(shape, dtype, 1.0)
    assert signs_are_fixed(r.vt)
    assert r.u.dtype == r.s.dtype == r.vt.dtype == dtype
    assert r.status == "converged"


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_the_same_triplets(rng, form):
    x = sparse(rng, (60, 30))
    expected = matfact.svd(x, 5)
    found = matfact.svd(x.asformat(form), 5)
    # Another order of sums, nothing else.
    np.testing.assert_allclose(found.s, expected.s, rtol=64 * eps(np.float64))
    assert subspace_sine(found.vt.T, expected.vt.T) <= 1e-12


@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_indices_of_both_widths_give_the_same_bits(rng, form, index):
    x = sparse(rng, (200, 50)).asformat(form)
    wide = type(x)((x.data, x.indices.astype(index), x.indptr.astype(index)), shape=x.shape)
    wide.indices, wide.indptr = wide.indices.astype(index), wide.indptr.astype(index)
    a, b = matfact.svd(x, 4, solver="krylov"), matfact.svd(wide, 4, solver="krylov")
    assert all(p.tobytes() == q.tobytes() for p, q in zip(a, b, strict=True))


def test_the_matrix_stays_as_it_is(rng):
    x = sparse(rng, (100, 30))
    for array in (x.data, x.indices, x.indptr):
        array.flags.writeable = False
    before = x.copy()
    matfact.svd(x, 3, center=True)
    matfact.svd(x.T, 3, center=True)
    assert (x != before).nnz == 0


@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize("center", [False, True])
def test_repeated_and_unsorted_entries_count_as_their_sum(rng, form, center):
    rows, cols = rng.integers(0, 40, 600), rng.integers(0, 25, 600)
    coo = scipy.sparse.coo_array((rng.standard_normal(600), (rows, cols)), shape=(40, 25))
    # COO -> compressed by hand: SciPy would sum.
    major, minor = (rows, cols) if form == "csr" else (cols, rows)
    order = np.argsort(major, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(major, minlength=40 if form == "csr" else 25))])
    kind = scipy.sparse.csr_array if form == "csr" else scipy.sparse.csc_array
    x = kind((coo.data[order], minor[order], indptr), shape=(40, 25))
    dense = coo.toarray()
    expected = matfact.svd(dense, 6, center=center)
    found = matfact.svd(x, 6, center=center)
    np.testing.assert_allclose(found.s, expected.s, rtol=1e-12)
    assert found.total_variance == pytest.approx(expected.total_variance, rel=1e-12)
    assert x.nnz == 600


def test_explicit_zeros_and_empty_rows_and_columns_change_nothing(rng):
    x = sparse(rng, (50, 20), density=0.1).tolil()
    x[10:20] = 0
    x[:, 3:6] = 0
    x = x.tocsr()
    stored = x.copy()
    stored.data[::7] = 0.0
    x = stored.copy()
    x.eliminate_zeros()
    a, b = matfact.svd(stored, 5, center=True), matfact.svd(x, 5, center=True)
    np.testing.assert_allclose(a.s, b.s, rtol=64 * eps(np.float64))
    assert a.total_variance == pytest.approx(b.total_variance)


@pytest.mark.parametrize("solver", [*SOLVERS, "randomized"])
@pytest.mark.parametrize("center", [False, True])
def test_the_zero_matrix_has_orthonormal_vectors_and_no_singular_values(solver, center):
    r = matfact.svd(scipy.sparse.csr_array((30, 20)), 3, solver=solver, center=center)
    assert (r.s == 0).all()
    assert r.total_variance == 0
    assert orthonormality(r.u) <= 1e-12
    assert orthonormality(r.vt.T) <= 1e-12


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_squares_neither_overflow_nor_vanish(rng, scale):
    x = sparse(rng, (80, 30))
    expected = matfact.svd(x, 5, center=True).s
    np.testing.assert_allclose(matfact.svd(x * scale, 5, center=True).s / scale, expected, rtol=1e-12)


def test_the_residuals_are_measured(rng):
    """The certificate is a promise: the residuals are those of the triplets, and bound the error of each value."""
    x = sparse(rng, (400, 90))
    r = matfact.svd(x, 6, solver="krylov", tol=1e-3)
    exact = np.linalg.svd(x.toarray(), compute_uv=False)
    np.testing.assert_allclose(r.residuals, triplet_residuals(x.toarray(), *r), rtol=1e-6, atol=4 * eps(np.float64))
    assert (r.residuals <= 1e-3).all()
    assert (abs(r.s - exact[:6]) <= r.error_bounds).all()
    assert r.n_passes > 0


def test_a_share_of_the_variance_takes_as_many_triplets_as_it_needs(rng):
    x = sparse(rng, (300, 60))
    exact = np.linalg.svd(centered(x), compute_uv=False) ** 2
    needed = int(np.searchsorted(np.cumsum(exact) / exact.sum(), 0.7)) + 1
    for solver in SOLVERS:
        r = matfact.svd(x, 0.7, center=True, solver=solver)
        assert r.s.size == needed
        assert r.total_variance == pytest.approx(exact.sum())


def test_without_a_transpose_the_result_is_the_same_to_rounding(rng):
    x = sparse(rng, (500, 60), mean=1.0)
    for matrix in (x, x.T, x.tocsc()):
        a = matfact.svd(matrix, 5, center=True, solver="krylov", tol=0)
        b = matfact.svd(matrix, 5, center=True, solver="krylov", tol=0, keep_transpose=False)
        np.testing.assert_allclose(a.s, b.s, rtol=1e-12)


def test_large_means_do_not_cost_the_total_variance(rng):
    """1e7 +- 1 everywhere: the sum of squares less the squared means would keep no digit."""
    x = scipy.sparse.csr_array(1e7 + rng.standard_normal((300, 10)))
    r = matfact.svd(x, 3, center=True)
    assert r.total_variance == pytest.approx((centered(x) ** 2).sum(), rel=1e-7)
    # Products round relative to X: sigma_1 of the uncentered matrix is 5e8.
    np.testing.assert_allclose(r.s, np.linalg.svd(centered(x), compute_uv=False)[:3], atol=1e-14 * 5e8)


def test_new_sparse_rows_fold_in_like_dense_ones(rng, dtype):
    x, q = sparse(rng, (100, 30), dtype=dtype), sparse(rng, (20, 30))
    r = matfact.svd(x, 4, center=True)
    expected = (q.toarray() - r.mean) @ r.vt.T
    for form in ("csr", "csc", "coo"):
        np.testing.assert_allclose(r.fold_in(q.asformat(form)), expected, atol=100 * eps(dtype))
    np.testing.assert_allclose(r.fold_in(x), r.scores, atol=1000 * eps(dtype) * r.s[0])
    assert r.project(q).shape == (20, 30)


@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize("solver", ["gram", "krylov", "randomized"])
@pytest.mark.parametrize("keep_transpose", [True, False])
def test_any_number_of_threads_gives_the_same_bits(rng, dtype, form, solver, keep_transpose):
    x = sparse(rng, (900, 120), dtype=dtype, mean=0.3).asformat(form)
    results = [
        matfact.svd(x, 5, solver=solver, center=True, keep_transpose=keep_transpose, num_threads=n)
        for n in (1, 2, 3, 7)
    ]
    for r in results[1:]:
        assert all(a.tobytes() == b.tobytes() for a, b in zip(results[0], r, strict=True))
        assert r.total_variance == results[0].total_variance
        assert r.mean.tobytes() == results[0].mean.tobytes()


def malformed(change):
    x = scipy.sparse.csr_array(np.arange(1.0, 13.0).reshape(4, 3))
    change(x)
    return x


def _index_beyond(x):
    x.indices[5] = 3


def _index_negative(x):
    x.indices[5] = -1


def _index_far(x):
    x.indices[5] = 2**31 - 1


def _falling(x):
    x.indptr[1] = 9


def _too_long(x):
    x.indptr[-1] = 1000


def _late(x):
    x.indptr[0] = 2


def _short_values(x):
    x.data = x.data[:7]


def _short_offsets(x):
    x.indptr = x.indptr[:3]


@pytest.mark.parametrize(
    "change",
    [_index_beyond, _index_negative, _index_far, _falling, _too_long, _late, _short_values, _short_offsets],
)
def test_malformed_structures_are_refused_and_not_followed(change):
    """Nothing is read outside of the arrays: the error comes first."""
    x = malformed(change)
    with pytest.raises(ValueError, match=r"indptr|index|indices"):
        matfact.svd(x, 2)
    r = matfact.svd(np.eye(4)[:, :3], 2)
    with pytest.raises(ValueError, match=r"indptr|index|indices"):
        r.fold_in(x)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(rng, bad):
    x = sparse(rng, (30, 20))
    x.data[7] = bad
    for matrix in (x, x.tocsc()):
        with pytest.raises(ValueError, match="NaN or infinity"):
            matfact.svd(matrix, 2)
        with pytest.raises(ValueError, match="NaN or infinity"):
            matfact.PCA(2).fit(matrix)
        with pytest.raises(ValueError, match="NaN or infinity"):
            matfact.TruncatedSVD(2).fit(matrix)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0)])
def test_a_sparse_matrix_without_entries_on_a_side_is_refused(shape):
    with pytest.raises(ValueError, match="at least one row and one column"):
        matfact.svd(scipy.sparse.csr_array(shape), 1)


def test_arguments_that_a_sparse_matrix_cannot_have_are_named(rng):
    x = sparse(rng, (30, 20))
    with pytest.raises(ValueError, match="solver='full' needs a dense X"):
        matfact.svd(x, 2, solver="full")
    with pytest.raises(ValueError, match="n_components must be between 1 and 20"):
        matfact.svd(x, 21)
    with pytest.raises(TypeError, match="keep_transpose"):
        matfact.svd(x, 2, keep_transpose=1)
    with pytest.raises(TypeError, match="real numbers"):
        matfact.svd(x.astype(complex), 2)
    with pytest.raises(ValueError, match="Q must have 20 columns"):
        matfact.svd(x, 2).fold_in(sparse(rng, (5, 21)))


def test_integers_become_float64(rng):
    x = scipy.sparse.csr_array(rng.integers(0, 3, (40, 20)))
    r = matfact.svd(x, 3)
    assert r.s.dtype == np.float64
    np.testing.assert_allclose(r.s, matfact.svd(x.toarray(), 3).s, rtol=1e-13)


@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize("svd_solver", ["auto", "arpack", "covariance_eigh"])
def test_pca_of_a_sparse_matrix_is_that_of_the_dense_one(rng, form, svd_solver, dtype):
    x = sparse(rng, (200, 40), dtype=dtype, mean=1.0).asformat(form)
    expected = matfact.PCA(4).fit(x.toarray().astype(np.float64))
    found = matfact.PCA(4, svd_solver=svd_solver)
    scores = found.fit_transform(x)
    tol = {"rtol": 1000 * eps(dtype), "atol": 1000 * eps(dtype)}
    np.testing.assert_allclose(found.explained_variance_, expected.explained_variance_, **tol)
    np.testing.assert_allclose(found.explained_variance_ratio_, expected.explained_variance_ratio_, **tol)
    np.testing.assert_allclose(found.mean_, expected.mean_, **tol)
    assert found.noise_variance_ == pytest.approx(expected.noise_variance_, rel=1000 * eps(dtype))
    np.testing.assert_allclose(scores, found.transform(x), **tol)
    assert found.components_.dtype == dtype


def test_pca_of_a_sparse_matrix_takes_a_share_of_the_variance_or_all_axes(rng):
    x = sparse(rng, (200, 30))
    share = matfact.PCA(0.6).fit(x)
    assert share.explained_variance_ratio_.sum() >= 0.6
    assert share.explained_variance_ratio_[:-1].sum() < 0.6
    assert share.fit_transform(x).shape == (200, share.n_components_)
    assert matfact.PCA(30).fit(x).explained_variance_ratio_.sum() == pytest.approx(1.0)
    assert matfact.PCA().fit(x).n_components_ == 29


@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize("algorithm", ["arpack", "randomized"])
def test_truncated_svd_of_a_sparse_matrix_is_that_of_the_dense_one(rng, form, algorithm):
    x = sparse(rng, (200, 40), mean=0.5).asformat(form)
    found, expected = matfact.TruncatedSVD(4, algorithm=algorithm), matfact.TruncatedSVD(4)
    scores = found.fit_transform(x)
    np.testing.assert_allclose(scores, expected.fit_transform(x.toarray()), atol=1e-10)
    for name in ("components_", "singular_values_", "explained_variance_", "explained_variance_ratio_"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-12, rtol=1e-12)
    np.testing.assert_allclose(found.transform(x), scores, atol=1e-12)
    np.testing.assert_allclose(found.transform(x.tocoo()), scores, atol=1e-12)


def test_a_matrix_too_large_to_be_dense_is_factorized(rng):
    """10^6 x 10^5 with 20,000 entries: dense it would take 800 GB."""
    rows, cols = rng.integers(0, 10**6, 20_000), rng.integers(0, 50, 20_000) ** 2 * 40
    x = scipy.sparse.csr_array((rng.random(20_000), (rows, cols)), shape=(10**6, 10**5))
    r = matfact.svd(x, 3, solver="krylov", center=True)
    assert (r.residuals <= 1e-6).all()
    assert r.u.shape == (10**6, 3)
