"""IncrementalPCA: exact while moments fit, bounded by frequent directions beyond; scikit-learn's in everything else."""

from __future__ import annotations

import copy
import pickle
import tracemalloc

import numpy as np
import pytest
import scipy.sparse
import sklearn.decomposition
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

import matfact
from matfact import _sketch, incremental_pca
from reference.measure import eps, orthonormality, signs_are_fixed
from reference.planted import orthonormal

LAZY = incremental_pca._LAZY


@pytest.fixture(scope="module")
def digits():
    x = load_digits().data
    return x[:, x.std(axis=0) > 1]


@pytest.fixture
def sketched(monkeypatch):
    """Nothing fits any more: every stream wider than its sketch is sketched."""
    monkeypatch.setattr(incremental_pca, "_EXACT_FEATURES", 0)


def decaying(rng, n, d, decay=0.97):
    return (rng.standard_normal((n, d)) * decay ** np.arange(d)) @ orthonormal(rng, d, d).T + 5


def feed(ipca, batches):
    for batch in batches:
        ipca.partial_fit(batch)
    return ipca


def check_equal(ipca, pca, rtol=1e-12):
    """To 1e-12 of the largest; vectors are off by rounding over gaps, which are above 1e-3 of it here."""
    for name in ("explained_variance_", "explained_variance_ratio_", "singular_values_", "noise_variance_", "mean_"):
        expected = getattr(pca, name)
        np.testing.assert_allclose(getattr(ipca, name), expected, rtol=0, atol=rtol * np.abs(expected).max())
    np.testing.assert_allclose(ipca.components_, pca.components_, rtol=0, atol=1e3 * rtol)


@pytest.mark.parametrize("batch_size", [1, 7, 100, 2000, None])
@pytest.mark.parametrize("n_components", [1, 10])
def test_it_is_pca_of_all_rows(digits, n_components, batch_size):
    ipca = matfact.IncrementalPCA(n_components, batch_size=batch_size).fit(digits)
    check_equal(ipca, matfact.PCA(n_components, svd_solver="full").fit(digits))
    assert ipca.error_bound_ == 0.0


@pytest.mark.parametrize("size", [1, 3, 500])
def test_batches_of_any_size_give_what_fit_gives(digits, size):
    """One row at a time too: ten components are asked for, and none of the first nine batches could give them."""
    ipca = feed(matfact.IncrementalPCA(10), (digits[i : i + size] for i in range(0, 600, size)))
    check_equal(ipca, matfact.PCA(10, svd_solver="full").fit(digits[: ipca.n_samples_seen_]))


def test_axes_that_no_row_has_reached_have_variance_zero(rng):
    ipca = matfact.IncrementalPCA(4).partial_fit(rng.standard_normal((1, 6)))
    np.testing.assert_array_equal(ipca.explained_variance_, 0)
    assert orthonormality(ipca.components_.T) <= 16 * eps(float)
    ipca.partial_fit(rng.standard_normal((2, 6)))
    assert (ipca.explained_variance_[:2] > 0).all()
    np.testing.assert_allclose(ipca.explained_variance_[2:], 0, atol=64 * eps(float))
    assert orthonormality(ipca.components_.T) <= 16 * eps(float)


@pytest.mark.parametrize(
    "name", ["explained_variance_", "explained_variance_ratio_", "singular_values_", "components_"]
)
def test_attributes_mean_what_scikit_learns_do(digits, name):
    """Where scikit-learn is exact as well: all components are kept."""
    ours, theirs = (
        c(n_components=None, batch_size=300).fit(digits)
        for c in (matfact.IncrementalPCA, sklearn.decomposition.IncrementalPCA)
    )
    expected = getattr(theirs, name)
    # Its chain of decompositions rounds six times, and vectors are off by that over gaps of 1e-4 of the largest.
    atol = 1e-7 if name == "components_" else 1e-11 * np.abs(expected).max()
    np.testing.assert_allclose(getattr(ours, name), expected, rtol=0, atol=atol)
    assert (ours.n_components_, ours.n_samples_seen_, ours.batch_size_) == (
        theirs.n_components_,
        theirs.n_samples_seen_,
        theirs.batch_size_,
    )
    np.testing.assert_allclose(ours.var_, theirs.var_, rtol=1e-12)


def test_no_attribute_of_scikit_learns_is_missing(digits):
    ours, theirs = (c(4).fit(digits) for c in (matfact.IncrementalPCA, sklearn.decomposition.IncrementalPCA))
    assert {a for a in vars(theirs) if a.endswith("_")} <= set(vars(ours))


def test_partial_fit_leaves_the_eigenproblem_for_later(digits):
    ipca = feed(matfact.IncrementalPCA(5), np.array_split(digits, 6))
    assert not set(LAZY) & set(vars(ipca))
    assert ipca.n_samples_seen_ == len(digits)
    assert ipca.components_.shape == (5, digits.shape[1])
    assert set(LAZY) <= set(vars(ipca))
    before = ipca.components_
    assert feed(ipca, [digits[:50] + 1]).components_ is not before


def test_after_fit_looking_changes_nothing(digits):
    ipca = matfact.IncrementalPCA(3).fit(digits)
    before = set(vars(ipca))
    ipca.transform(digits)
    assert set(vars(ipca)) == before


@pytest.mark.parametrize("name", [*LAZY, "mean_", "error_bound_"])
def test_nothing_is_there_before_the_first_batch(name):
    ipca = matfact.IncrementalPCA(3)
    assert not hasattr(ipca, name)
    with pytest.raises(NotFittedError):
        ipca.transform(np.ones((2, 3)))


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))], ids=["copy", "pickle"])
@pytest.mark.parametrize("sketch", [False, True])
def test_a_stream_goes_on_after_a_journey(rng, travel, sketch, monkeypatch):
    if sketch:
        monkeypatch.setattr(incremental_pca, "_EXACT_FEATURES", 0)
    x = decaying(rng, 600, 200)
    ipca = feed(matfact.IncrementalPCA(4), np.array_split(x[:400], 5))
    there = feed(travel(ipca), [x[400:]])
    here = feed(ipca, [x[400:]])
    assert there.components_.tobytes() == here.components_.tobytes()
    assert there.error_bound_ == here.error_bound_
    assert not hasattr(clone(here), "components_")


@pytest.mark.parametrize("container", [scipy.sparse.csr_array, scipy.sparse.csc_matrix, scipy.sparse.coo_array])
@pytest.mark.parametrize("sketch", [False, True])
def test_sparse_batches_are_taken(rng, container, sketch, monkeypatch):
    if sketch:
        monkeypatch.setattr(incremental_pca, "_EXACT_FEATURES", 0)
    x = scipy.sparse.random_array((900, 210), density=0.05, format="csr", rng=rng)
    dense, given = x.toarray(), container(x)
    whole = matfact.IncrementalPCA(5, batch_size=100).fit(given)
    parts = feed(matfact.IncrementalPCA(5), (container(part) for part in (x[:3], x[3:500], x[500:])))
    expected = matfact.PCA(5, svd_solver="full").fit(dense)
    for ipca in (whole, parts):
        assert ipca.error_bound_ > 0 if sketch else ipca.error_bound_ == 0
        low = expected.explained_variance_ - ipca.explained_variance_
        allowed = 1e-12 * expected.explained_variance_[0]
        assert (low >= -allowed).all()
        assert (low <= ipca.error_bound_ + allowed).all()
        scores = ipca.transform(given)
        np.testing.assert_allclose(scores, ipca.transform(dense), rtol=0, atol=1e-12 * np.abs(scores).max())


@pytest.mark.parametrize("whiten", [False, True])
def test_transform_and_back(digits, whiten, dtype):
    x = digits.astype(dtype)
    ipca = matfact.IncrementalPCA(whiten=whiten).fit(x)
    scores = ipca.transform(x)
    assert scores.shape == x.shape
    np.testing.assert_allclose(ipca.inverse_transform(scores), digits, rtol=0, atol=1e3 * eps(dtype) * digits.max())
    if whiten:
        np.testing.assert_allclose(scores.std(axis=0, ddof=1), 1, rtol=1e3 * eps(dtype))


def test_float32_is_summed_in_float64(digits):
    ipca = matfact.IncrementalPCA(5, batch_size=50).fit(digits.astype(np.float32))
    check_equal(ipca, matfact.PCA(5, svd_solver="full").fit(digits))


def test_x_is_neither_copied_nor_changed(rng):
    x = rng.standard_normal((40_000, 50))
    before = x.copy()
    ipca = matfact.IncrementalPCA(5, copy=False, batch_size=1000)
    ipca.fit(x[:2000])
    tracemalloc.start()
    ipca.fit(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= x.nbytes / 20
    np.testing.assert_array_equal(x, before)


def test_a_memory_map_is_read_batch_by_batch(tmp_path, digits):
    np.save(tmp_path / "x.npy", digits)
    ipca = matfact.IncrementalPCA(5, batch_size=100).fit(np.load(tmp_path / "x.npy", mmap_mode="r"))
    check_equal(ipca, matfact.PCA(5, svd_solver="full").fit(digits))


def test_fit_forgets_what_was_seen(digits):
    ipca = feed(matfact.IncrementalPCA(5), [digits * 3 + 1]).fit(digits)
    assert ipca.n_samples_seen_ == len(digits)
    check_equal(ipca, matfact.PCA(5, svd_solver="full").fit(digits))


BAD_BATCHES = [
    (lambda x: x[:, :-1], "features"),
    (lambda x: np.where(np.arange(x.shape[1]) == 3, np.nan, x), "NaN or infinity"),
    (lambda x: np.where(np.arange(x.shape[1]) == 3, np.inf, x), "NaN or infinity"),
    (lambda x: scipy.sparse.csr_array(np.where(np.arange(x.shape[1]) == 3, np.nan, x)), "NaN or infinity"),
    (lambda x: x[:0], "0 sample"),
    (lambda x: x * 1e200, "scale X down"),
]


@pytest.mark.parametrize("sketch", [False, True])
@pytest.mark.parametrize(("spoil", "message"), BAD_BATCHES)
def test_a_refused_batch_changes_nothing(rng, spoil, message, sketch, monkeypatch):
    if sketch:
        monkeypatch.setattr(incremental_pca, "_EXACT_FEATURES", 0)
    x = decaying(rng, 300, 200)
    ipca = feed(matfact.IncrementalPCA(3), np.array_split(x, 3))
    before = pickle.dumps(ipca)
    with pytest.raises((ValueError, matfact.NumericalError), match=message):
        ipca.partial_fit(spoil(x))
    assert pickle.dumps(ipca) == before


def test_a_fit_that_fails_keeps_the_one_before(digits):
    ipca = matfact.IncrementalPCA(3, batch_size=100).fit(digits)
    before = ipca.components_
    bad = digits.copy()
    bad[-1, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        ipca.fit(bad)
    assert ipca.components_ is before
    assert ipca.n_samples_seen_ == len(digits)


@pytest.mark.parametrize("options", [{"n_components": 0}, {"n_components": 2.5}, {"batch_size": 0}, {"num_threads": 0}])
def test_parameters_out_of_range(digits, options):
    for method in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match=next(iter(options))):
            getattr(matfact.IncrementalPCA(**options), method)(digits)


def test_the_number_of_components_stays_what_it_was(digits):
    ipca = matfact.IncrementalPCA(5).partial_fit(digits)
    with pytest.raises(ValueError, match="changed from 5 to 6"):
        ipca.set_params(n_components=6).partial_fit(digits)
    with pytest.raises(ValueError, match="n_components=99 invalid for n_features"):
        matfact.IncrementalPCA(99).partial_fit(digits)


def test_pandas_in_and_out(digits):
    pandas = pytest.importorskip("pandas")
    x = pandas.DataFrame(digits, columns=[f"pixel {i}" for i in range(digits.shape[1])])
    out = matfact.IncrementalPCA(2).set_output(transform="pandas").fit_transform(x)
    assert list(out.columns) == ["incrementalpca0", "incrementalpca1"]


@pytest.mark.usefixtures("sketched")
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 300), st.sampled_from([0.9, 0.98, 0.999, 1.0]))
def test_the_bound_of_a_sketch_is_a_promise(seed, k, batch_size, decay):
    """For every variance, whatever the spectrum and the batches, and never above what is proved for any stream."""
    rng = np.random.default_rng(seed)
    n, d = 500, 2 * _sketch.rows_kept(k) + 20
    x = decaying(rng, n, d, decay)
    ipca = matfact.IncrementalPCA(k, batch_size=batch_size).fit(x)
    exact = np.linalg.eigvalsh(np.cov(x.T))[::-1]
    allowed = 64 * eps(float) * n * exact[0]
    low = exact[:k] - ipca.explained_variance_
    assert (low >= -allowed).all()
    assert (low <= ipca.error_bound_ + allowed).all()
    assert ipca.error_bound_ <= exact[k:].sum() / (k + 64) + allowed
    # What is always exact, and what holds for components of any fit.
    np.testing.assert_allclose(ipca.mean_, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(ipca.var_, x.var(axis=0), rtol=1e-11)
    np.testing.assert_allclose(ipca.explained_variance_ratio_, ipca.explained_variance_ / exact.sum(), rtol=1e-11)
    assert orthonormality(ipca.components_.T) <= 1e4 * eps(float)
    assert signs_are_fixed(ipca.components_)


@pytest.mark.usefixtures("sketched")
def test_a_sketch_of_rows_of_low_rank_is_exact(rng):
    x = rng.standard_normal((3000, 20)) @ rng.standard_normal((20, 300)) + rng.standard_normal(300)
    ipca = matfact.IncrementalPCA(10, batch_size=128).fit(x)
    assert ipca.error_bound_ <= 1e-12 * ipca.explained_variance_[0]
    check_equal(ipca, matfact.PCA(10, svd_solver="full").fit(x), rtol=1e-11)


@pytest.mark.usefixtures("sketched")
def test_a_sketch_of_fewer_rows_than_components(rng):
    x = rng.standard_normal((3, 300))
    ipca = matfact.IncrementalPCA(10).partial_fit(x[:1])
    np.testing.assert_array_equal(ipca.explained_variance_, 0)
    ipca.partial_fit(x[1:])
    assert orthonormality(ipca.components_.T) <= 64 * eps(float)
    np.testing.assert_allclose(ipca.explained_variance_[:2], matfact.PCA(2).fit(x).explained_variance_, rtol=1e-12)
    np.testing.assert_allclose(ipca.explained_variance_[2:], 0, atol=1e-12)


@pytest.mark.usefixtures("sketched")
def test_a_sketch_is_closer_than_scikit_learns_chain(rng):
    x = decaying(rng, 3000, 500, 0.985)
    ours, theirs = (
        c(20, batch_size=100).fit(x) for c in (matfact.IncrementalPCA, sklearn.decomposition.IncrementalPCA)
    )
    exact = matfact.PCA(20, svd_solver="full").fit(x).explained_variance_
    assert ours.error_bound_ > 0
    assert np.abs(ours.explained_variance_ - exact).max() <= 0.5 * np.abs(theirs.explained_variance_ - exact).max()


def test_wide_data_is_sketched_unless_moments_are_smaller(rng):
    x = scipy.sparse.random_array((40, 9000), density=0.001, format="csr", rng=rng)
    assert isinstance(matfact.IncrementalPCA(2).fit(x)._state, _sketch.Sketch)
    assert incremental_pca.IncrementalPCA._begin(1500, 9000).__class__ is matfact.Moments
    assert incremental_pca.IncrementalPCA._begin(2, incremental_pca._EXACT_FEATURES).__class__ is matfact.Moments


@pytest.mark.parametrize("sketch", [False, True])
def test_the_bits_do_not_depend_on_the_threads(rng, sketch, monkeypatch):
    if sketch:
        monkeypatch.setattr(incremental_pca, "_EXACT_FEATURES", 0)
    x = decaying(rng, 700, 220)
    bits = {
        b"".join(getattr(ipca, name).tobytes() for name in ("components_", "explained_variance_", "mean_", "var_"))
        for n in (1, 2, 3, 7)
        for ipca in [matfact.IncrementalPCA(4, batch_size=90, num_threads=n).fit(x)]
    }
    assert len(bits) == 1
