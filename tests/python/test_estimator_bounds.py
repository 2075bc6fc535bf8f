"""The certificate of PCA and TruncatedSVD: the singular values are off by no more than the bounds, whichever way they
came about. LAPACK in float64 is the oracle."""

from __future__ import annotations

import copy
import pickle
import weakref
from functools import cache

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import matfact
from reference.measure import eps
from reference.planted import spectra, with_singular_values

SPECTRA = spectra(200)
K = 12
# What is kept of x, and what is made of that for the call.
FORMS = {
    "list": (np.ndarray.tolist, lambda a: a),
    "integers": (lambda x: x.astype(np.int16), lambda a: a),
    "objects": (lambda x: x.astype(object), lambda a: a),
    "transposed": (lambda x: x.T.copy(), lambda a: a.T),
    "part": (lambda x: np.pad(x, 3, constant_values=np.nan), lambda a: a[3:-3, 3:-3]),
    "backwards": (lambda x: x[::-1, ::-1].copy(), lambda a: a[::-1, ::-1]),
    "frame": (lambda x: pytest.importorskip("pandas").DataFrame(x.astype(int)), lambda a: a),
}
PCA_SOLVERS = ["auto", "full", "covariance_eigh", "arpack", "randomized"]


@cache
def planted(name, dtype, *, wide=False):
    """Columns have means, so that centering matters."""
    rng = np.random.default_rng(5)
    x = with_singular_values(rng, 260, 200, SPECTRA[name]) + 0.1 * rng.standard_normal(200)
    return (x.T if wide else x).astype(dtype)


@cache
def exact_planted_values(name, dtype, *, wide=False, center=True):
    return exact_values(planted(name, dtype, wide=wide), center=center)


def exact_values(x, *, center, sample_weight=None):
    x = x.astype(np.float64)
    if center:
        x = x - np.average(x, axis=0, weights=sample_weight)
    if sample_weight is not None:
        x = x * np.sqrt(sample_weight)[:, None]
    return np.linalg.svd(x, compute_uv=False)


def assert_bounded(model, exact, *, largest):
    """All errors within the bounds, and these within `largest` times the largest value."""
    bounds, s = model.error_bounds_, model.singular_values_
    oracle = 8 * np.sqrt(len(exact)) * eps(np.float64) * exact[0]  # the rounding of LAPACK's values
    assert bounds.shape == s.shape
    assert bounds.dtype == s.dtype
    assert (np.abs(s.astype(float) - exact[: len(s)]) <= bounds + oracle).all()
    assert (bounds <= largest * exact[0]).all()


def rounding(dtype):
    """Of triplets kept in this dtype and of products of some hundred terms in float64 or in it."""
    return 64 * eps(dtype)


@pytest.mark.parametrize("solver", PCA_SOLVERS)
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("name", SPECTRA)
def test_no_solver_of_pca_is_off_by_more_than_its_bounds(name, wide, solver, dtype):
    x = planted(name, dtype, wide=wide)
    pca = matfact.PCA(K, svd_solver=solver).fit(x)
    assert_bounded(pca, exact_planted_values(name, dtype, wide=wide), largest=rounding(dtype))


@pytest.mark.parametrize("algorithm", ["arpack", "randomized"])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("name", SPECTRA)
def test_truncated_svd_is_off_by_no_more_than_its_bounds(name, sparse, algorithm, dtype):
    x = planted(name, dtype)
    svd = matfact.TruncatedSVD(K, algorithm=algorithm).fit(scipy.sparse.csr_array(x) if sparse else x)
    assert_bounded(svd, exact_planted_values(name, dtype, center=False), largest=rounding(dtype))


@pytest.mark.parametrize("solver", ["auto", "covariance_eigh", "arpack"])
@pytest.mark.parametrize("form", [scipy.sparse.csr_array, scipy.sparse.csc_array])
@pytest.mark.parametrize("wide", [False, True])
def test_sparse_pca_is_off_by_no_more_than_its_bounds(rng, wide, form, solver, dtype):
    x = np.where(rng.random((300, 120)) < 0.1, rng.standard_normal((300, 120)), 0.0).astype(dtype)
    x = x.T if wide else x
    pca = matfact.PCA(K, svd_solver=solver).fit(form(x))
    assert_bounded(pca, exact_values(x, center=True), largest=rounding(dtype))


@pytest.mark.parametrize("shift", [0.0, 1e4])
@pytest.mark.parametrize("n_components", [None, 0.9, "mle", 100])
def test_sparse_pca_of_many_axes_keeps_within_bounds(rng, n_components, shift, dtype):
    """The Gram matrix tells them, and means are subtracted from products: rounding is relative to X as it is."""
    x = np.where(rng.random((300, 120)) < 0.1, rng.standard_normal((300, 120)), 0.0)
    x[:, :5] += shift
    x = x.astype(dtype)
    pca = matfact.PCA(n_components, svd_solver="covariance_eigh").fit(scipy.sparse.csr_array(x))
    exact = exact_values(x, center=True)
    norm = np.linalg.norm(x.astype(float), 2) / exact[0]
    assert_bounded(pca, exact, largest=2 * np.sqrt(200 * eps(np.float64)) * norm + rounding(dtype))


@pytest.mark.parametrize("n_components", [None, 0.9, "mle", 0])
def test_axes_without_variance_have_bounds_too(rng, n_components):
    """Rank 4 of 8 columns: the values that follow are rounding, and so are their bounds."""
    x = rng.standard_normal((50, 4)) @ rng.standard_normal((4, 8)) + 3.0
    pca = matfact.PCA(n_components, svd_solver="full").fit(x)
    assert_bounded(pca, exact_values(x, center=True), largest=rounding(np.float64))


@pytest.mark.parametrize("sparse", [False, True])
def test_weighted_rows_have_bounds(rng, sparse, dtype):
    x = planted("power", dtype)
    w = rng.integers(0, 4, len(x)).astype(float)
    pca = matfact.PCA(K).fit(scipy.sparse.csr_array(x) if sparse else x, sample_weight=w)
    assert_bounded(pca, exact_values(x, center=True, sample_weight=w), largest=rounding(dtype))


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("solver", ["auto", "arpack"])
def test_rows_in_batches_are_off_by_no_more_than_their_bounds(name, solver, dtype):
    """Second moments know a value to their rounding over it, and at worst to the root of that; iterations subtract
    means from their products, so that rounding is relative to X as it is."""
    x = planted(name, dtype)
    pca = matfact.PCA(K, svd_solver=solver, memory_limit="64MB").fit(x)
    exact = exact_planted_values(name, dtype)
    norm = exact_planted_values(name, dtype, center=False)[0] / exact[0] if solver == "arpack" else 1.0
    assert_bounded(pca, exact, largest=2 * norm * np.sqrt(300 * eps(np.float64)) + rounding(dtype))
    assert np.isnan(pca.residuals_).all()
    assert pca.n_passes_ >= 1


@pytest.mark.parametrize("name", SPECTRA)
def test_moments_are_off_by_no_more_than_their_bounds(name):
    x = planted(name, np.float64)
    moments = matfact.Moments()
    for batch in np.array_split(x, 7):
        moments = moments.update(batch)
    pca = matfact.PCA.from_moments(moments, K)
    assert_bounded(pca, exact_planted_values(name, np.float64), largest=np.sqrt(300 * eps(np.float64)))


def test_iterations_that_stop_early_say_how_far_they_came():
    """tol = 1e-3 leaves residuals far above rounding; with the gaps of this spectrum bounds are about their squares."""
    x = planted("steep", np.float64)
    pca = matfact.PCA(5, svd_solver="arpack", tol=1e-3).fit(x)
    assert_bounded(pca, exact_values(x, center=True), largest=1e-3)
    assert pca.n_passes_ > 0
    assert pca.status_ == "converged"
    assert (pca.residuals_ <= 1e-3).all()


def test_of_missing_entries_nothing_is_known(rng):
    x = rng.standard_normal((40, 6))
    x[3, 2] = np.nan
    pca = matfact.PCA(2, missing="ppca", tol=1e-3).fit(x)
    assert pca.status_ == "converged"
    for a in (pca.error_bounds_, pca.residuals_):
        np.testing.assert_array_equal(a, [np.nan, np.nan])


@pytest.mark.parametrize("make", [matfact.PCA, matfact.TruncatedSVD])
class TestLifeOfAnEstimator:
    def test_measuring_changes_nothing_else(self, make, rng):
        x = rng.standard_normal((60, 9))
        model = make(3).fit(x)
        components, s = model.components_.copy(), model.singular_values_.copy()
        assert (model.error_bounds_ >= 0).all()
        np.testing.assert_array_equal(model.components_, components)
        np.testing.assert_array_equal(model.singular_values_, s)

    def test_they_are_measured_once(self, make, rng):
        x = rng.standard_normal((60, 9))
        model = make(3).fit(x)
        bounds = model.error_bounds_
        del x
        assert model.error_bounds_ is bounds

    @pytest.mark.parametrize("fit", ["fit", "fit_transform"])
    def test_a_fit_does_not_keep_x_alive(self, make, fit, rng):
        x = rng.standard_normal((60, 9))
        gone = weakref.ref(x)
        model = make(3)
        getattr(model, fit)(x)
        del x
        assert gone() is None
        assert not hasattr(model, "error_bounds_")
        for name in ("error_bounds_", "residuals_"):
            with pytest.raises(AttributeError, match="measured with X, which is gone"):
                getattr(model, name)

    @pytest.mark.parametrize("form", FORMS)
    def test_other_forms_of_x_are_measured_as_the_array_is(self, make, form, rng):
        """Views that live for the call only, and what the fit had to convert."""
        x = np.round(100 * rng.standard_normal((60, 9))).astype(float)
        kept, for_the_call = FORMS[form]
        owner = kept(x)
        model = make(3).fit(for_the_call(owner))
        expected = make(3).fit(x)
        np.testing.assert_allclose(model.error_bounds_, expected.error_bounds_, rtol=1e-2)  # other orders of sums

    def test_memory_that_is_referred_to_cannot_move(self, make, rng):
        x = rng.standard_normal((60, 9))
        model = make(3).fit(x[:, :5])
        with pytest.raises(ValueError, match="cannot resize"):
            x.resize((600, 9), refcheck=False)
        assert (model.error_bounds_ >= 0).all()

    @pytest.mark.parametrize("copied", [lambda m: pickle.loads(pickle.dumps(m)), copy.copy, copy.deepcopy])
    def test_copies_have_the_bounds_and_not_x(self, make, copied, rng):
        x = rng.standard_normal((2000, 9))
        model = make(3).fit(x)
        assert len(pickle.dumps(model)) < 8000  # X has 144,000 bytes
        again = copied(model)
        np.testing.assert_array_equal(again.error_bounds_, model.error_bounds_)
        assert not hasattr(clone(model), "error_bounds_")

    @pytest.mark.parametrize("copied", [lambda m: pickle.loads(pickle.dumps(m)), copy.copy, copy.deepcopy])
    def test_copies_after_x_do_all_but_the_bounds(self, make, copied, rng):
        model = make(3).fit(rng.standard_normal((60, 9)))
        again = copied(model)
        np.testing.assert_array_equal(again.components_, model.components_)
        with pytest.raises(AttributeError, match="measured with X, which is gone"):
            _ = again.error_bounds_

    def test_another_fit_has_its_own_bounds(self, make, rng):
        model = make(3)
        x = rng.standard_normal((60, 9))
        small = model.fit(x).error_bounds_
        x = 1e6 * rng.standard_normal((60, 9))
        large = model.fit(x).error_bounds_
        assert (large > 1e3 * small).all()

    def test_bounds_have_the_same_bits_at_any_number_of_threads(self, make, rng):
        x = rng.standard_normal((3000, 40))
        results = [make(3, num_threads=n).fit(x).error_bounds_ for n in (1, 2, 3, 7)]
        for other in results[1:]:
            np.testing.assert_array_equal(other, results[0])

    def test_a_fit_comes_first(self, make):
        with pytest.raises(NotFittedError):
            _ = make(3).error_bounds_


def test_arrays_of_other_libraries_have_no_bounds(monkeypatch):
    """scikit-learn's own code fits them: here an array that is taken for one of theirs."""
    pca = matfact.PCA(2).fit(np.eye(5))
    monkeypatch.setattr("matfact.pca._is_for_scikit_learn", lambda _: True)
    pca.fit(np.eye(5))
    with pytest.raises(AttributeError, match="scikit-learn's own code"):
        _ = pca.error_bounds_
