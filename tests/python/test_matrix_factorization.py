"""MatrixFactorization: what the function factorize gives, in scikit-learn's terms, with missing entries."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import matfact

EPS = np.finfo(np.float64).eps


@pytest.fixture
def planted(rng):
    """Rank 3 exactly, and the same with a quarter of the entries missing (12 x 3 unknowns a column are left over)."""
    x = rng.standard_normal((60, 3)) @ rng.standard_normal((3, 20))
    return x, np.where(rng.random(x.shape) < 0.25, np.nan, x)


def fitted(x, **parameters):
    return matfact.MatrixFactorization(3, random_state=0, **parameters).fit(x)


def test_attributes_are_those_of_the_function(planted):
    x, _ = planted
    mf, f = fitted(x), matfact.factorize(x, 3, random_state=0)
    np.testing.assert_array_equal(mf.components_, f.h)
    np.testing.assert_array_equal(mf.history_, f.history)
    assert (mf.objective_, mf.status_, mf.reconstruction_rmse_) == (f.objective, f.status, f.rmse)


def test_parameters_are_stored_as_given_and_cloned():
    init = (np.ones((4, 1)), np.ones((1, 3)))
    mf = matfact.MatrixFactorization(1, solver="gd", l2=0.5, init=init)
    assert mf.get_params()["init"] is init
    assert clone(mf).get_params()["solver"] == "gd"


def test_missing_entries_are_recovered(planted):
    """Rank 3 data determine the missing entries; alternating least squares stops at a relative gradient of 1e-12."""
    x, gaps = planted
    mf = fitted(gaps, tol=1e-12, max_iter=5000)
    np.testing.assert_allclose(mf.impute(gaps), x, atol=1e-6 * np.abs(x).max())


def test_impute_keeps_the_observed_entries(planted):
    _, gaps = planted
    seen = ~np.isnan(gaps)
    np.testing.assert_array_equal(fitted(gaps).impute(gaps)[seen], gaps[seen])


def test_inverse_transform_is_the_product_with_the_components(planted):
    mf = fitted(planted[0])
    w = mf.transform(planted[0])
    np.testing.assert_array_equal(mf.inverse_transform(w), w @ mf.components_)


def test_transform_solves_each_row_by_least_squares(planted):
    x, gaps = planted
    mf = fitted(x)
    for row, w in zip(gaps[:5], mf.transform(gaps[:5]), strict=True):
        seen = ~np.isnan(row)
        expected = np.linalg.lstsq(mf.components_[:, seen].T, row[seen])[0]
        np.testing.assert_allclose(w, expected, atol=1e4 * EPS)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_transform_weighs_the_penalty_as_the_fit_did(planted, reduction):
    """At the optimum, solving the training rows again for the fitted H gives the fitted W back."""
    l2 = 1e-3 if reduction == "mean" else 1.0
    f = matfact.factorize(planted[0], 3, l2=l2, reduction=reduction)
    np.testing.assert_allclose(f.transform(planted[0]), f.w, atol=1e5 * EPS)


def test_a_row_without_entries_gets_zeros(planted):
    np.testing.assert_array_equal(fitted(planted[0]).transform(np.full((1, 20), np.nan)), 0)


def test_sparse_and_nan_say_the_same(planted):
    _, gaps = planted
    rows, cols = np.nonzero(~np.isnan(gaps))
    sparse = scipy.sparse.coo_array((gaps[rows, cols], (rows, cols)), shape=gaps.shape)
    mf = fitted(gaps)
    np.testing.assert_allclose(mf.transform(sparse), mf.transform(gaps), atol=1e4 * EPS)


def test_explicit_zeros_are_observed():
    x = scipy.sparse.csr_array((np.zeros(6), ([0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1])), shape=(3, 2))
    assert matfact.factorize(x, 1, random_state=0, tol=0, max_iter=1).n_observed == 6


def test_reconstruction_rmse_leaves_out_penalties_and_missing_entries(planted):
    _, gaps = planted
    f = matfact.factorize(gaps, 3, l2=1e-3, random_state=0, max_iter=50, tol=0)
    seen = ~np.isnan(gaps)
    error = np.sqrt(np.mean((gaps - f.w @ f.h)[seen] ** 2))
    assert f.rmse == pytest.approx(error, rel=1e4 * EPS)


def test_sum_and_mean_differ_by_the_number_of_observed_entries(planted):
    _, gaps = planted
    f = matfact.factorize(gaps, 3, reduction="sum", random_state=0, max_iter=20, tol=0)
    g = matfact.factorize(gaps, 3, reduction="mean", random_state=0, max_iter=20, tol=0)
    assert f.objective == pytest.approx(g.objective * np.count_nonzero(~np.isnan(gaps)), rel=1e6 * EPS)


def test_works_in_a_pipeline_and_names_its_features(planted):
    pipeline = make_pipeline(StandardScaler(), matfact.MatrixFactorization(2, random_state=0)).fit(planted[1])
    assert list(pipeline.get_feature_names_out()) == ["matrixfactorization0", "matrixfactorization1"]


def test_sparse_input_is_not_changed():
    """Duplicates are summed in a copy."""
    x = scipy.sparse.csr_array((np.ones(3), np.array([0, 0, 1]), np.array([0, 2, 3])), shape=(2, 2))
    matfact.factorize(x, 1, random_state=0, max_iter=1, tol=0)
    assert x.nnz == 3
