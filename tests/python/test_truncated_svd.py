"""TruncatedSVD: the attributes and numbers of scikit-learn 1.9."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import sklearn.decomposition
from sklearn.datasets import load_digits

import matfact

ATTRIBUTES = ["components_", "explained_variance_", "explained_variance_ratio_", "singular_values_"]


@pytest.fixture(scope="module")
def digits():
    return load_digits().data


def close(actual, expected, dtype=np.float64, factor=1e4):
    """Two backward stable methods differ by eps * s_1 / gap; the factor allows gaps of 1e-2 and a root of the size."""
    np.testing.assert_allclose(actual, expected, atol=factor * np.finfo(dtype).eps * np.abs(expected).max())


@pytest.mark.parametrize("attribute", ATTRIBUTES)
@pytest.mark.parametrize("algorithm", ["arpack", "randomized"])
def test_attributes_are_scikit_learns(digits, algorithm, attribute):
    ours = matfact.TruncatedSVD(6, algorithm=algorithm).fit(digits)
    theirs = sklearn.decomposition.TruncatedSVD(6, algorithm="arpack").fit(digits)
    close(getattr(ours, attribute), getattr(theirs, attribute))


def test_fit_transform_is_fit_then_transform(digits):
    svd = matfact.TruncatedSVD(6)
    np.testing.assert_array_equal(svd.fit_transform(digits), svd.fit(digits).transform(digits))


def test_inverse_transform_of_all_components_gives_x_back(digits):
    svd = matfact.TruncatedSVD(64)
    close(svd.inverse_transform(svd.fit_transform(digits)), digits)


def test_float32_stays_float32(digits):
    svd = matfact.TruncatedSVD(6).fit(digits.astype(np.float32))
    assert {getattr(svd, a).dtype for a in ATTRIBUTES} == {np.dtype(np.float32)}
    assert svd.transform(digits.astype(np.float32)).dtype == np.float32


def test_sparse_input_gives_what_dense_input_gives(digits):
    """Both to what the arithmetic allows."""
    sparse = matfact.TruncatedSVD(4, algorithm="arpack").fit(scipy.sparse.csr_array(digits))
    dense = matfact.TruncatedSVD(4).fit(digits)
    close(sparse.singular_values_, dense.singular_values_)
    close(dense.transform(scipy.sparse.csr_array(digits)), dense.transform(digits))


def test_more_components_than_features_are_refused(digits):
    with pytest.raises(ValueError, match=r"n_components\(65\) must be <= n_features\(64\)"):
        matfact.TruncatedSVD(65).fit(digits)


def test_arpack_keeps_its_limit(digits):
    with pytest.raises(ValueError, match="n_components must be between 1 and 63 with algorithm='arpack', got 64"):
        matfact.TruncatedSVD(64, algorithm="arpack").fit(digits)


def test_fewer_samples_than_components_give_as_many_as_there_are(digits):
    assert matfact.TruncatedSVD(5).fit(digits[:3]).components_.shape == (3, 64)


def test_constant_columns_have_a_ratio_of_zero():
    """Every column is constant: the scores are too, and there is no variance to share."""
    svd = matfact.TruncatedSVD(1).fit(np.ones((5, 3)))
    np.testing.assert_array_equal(svd.explained_variance_ratio_, 0)
