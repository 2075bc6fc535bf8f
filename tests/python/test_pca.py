"""PCA: the attributes, semantics and numbers of scikit-learn 1.9, without its copies of X."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.sparse
import sklearn.decomposition
from sklearn.datasets import load_digits

import matfact

SOLVERS = ["auto", "full", "covariance_eigh", "arpack", "randomized"]
ATTRIBUTES = [
    "components_",
    "explained_variance_",
    "explained_variance_ratio_",
    "singular_values_",
    "mean_",
    "noise_variance_",
]


@pytest.fixture(scope="module")
def digits():
    return load_digits().data


def close(actual, expected, dtype=np.float64, factor=1e4):
    """Two backward stable methods differ by eps * s_1 / gap; the factor allows gaps of 1e-2 and a root of the size."""
    scale = np.abs(expected).max()
    np.testing.assert_allclose(actual, expected, atol=factor * np.finfo(dtype).eps * scale)


@pytest.mark.parametrize("attribute", ATTRIBUTES)
@pytest.mark.parametrize("solver", SOLVERS)
def test_attributes_are_scikit_learns(digits, solver, attribute):
    ours = matfact.PCA(10, svd_solver=solver).fit(digits)
    theirs = sklearn.decomposition.PCA(10, svd_solver="full").fit(digits)
    close(getattr(ours, attribute), getattr(theirs, attribute))


@pytest.mark.parametrize("solver", SOLVERS)
def test_no_attribute_of_scikit_learns_is_missing(digits, solver):
    ours, theirs = (
        c(4, svd_solver=solver, random_state=0).fit(digits) for c in (matfact.PCA, sklearn.decomposition.PCA)
    )
    assert {a for a in vars(theirs) if a.endswith("_")} <= set(vars(ours))
    assert ours._fit_svd_solver == theirs._fit_svd_solver


@pytest.mark.parametrize("n_components", [0.5, 0.95, "mle", None, 0, 64])
def test_n_components_is_understood_as_scikit_learn_does(digits, n_components):
    ours = matfact.PCA(n_components, svd_solver="full").fit(digits)
    theirs = sklearn.decomposition.PCA(n_components, svd_solver="full").fit(digits)
    assert ours.n_components_ == theirs.n_components_
    assert ours.components_.shape == theirs.components_.shape
    # "mle" leaves out only the three pixels that are never inked: that variance is rounding, eps**2 of the total.
    np.testing.assert_allclose(ours.noise_variance_, theirs.noise_variance_, rtol=1e4 * np.finfo(float).eps, atol=1e-26)


@pytest.mark.parametrize("n_components", [5, 0.9])
@pytest.mark.parametrize("whiten", [False, True])
def test_fit_transform_is_fit_then_transform(digits, n_components, whiten):
    pca = matfact.PCA(n_components, whiten=whiten)
    scores = pca.fit_transform(digits)
    close(scores, pca.transform(digits))


def test_whitened_scores_have_unit_variance(digits):
    scores = matfact.PCA(8, whiten=True).fit_transform(digits)
    np.testing.assert_allclose(scores.std(axis=0, ddof=1), 1, rtol=1e4 * np.finfo(float).eps)


def test_inverse_transform_of_all_components_gives_x_back(digits):
    pca = matfact.PCA(whiten=False)
    close(pca.inverse_transform(pca.fit_transform(digits)), digits)


@pytest.mark.parametrize("method", ["score", "score_samples", "get_covariance", "get_precision"])
def test_the_probabilistic_model_is_scikit_learns(digits, method):
    """Precision inverts variances that differ by the condition number of the model, which its factor allows for."""
    x = digits[:, (digits.std(axis=0) > 1)]
    ours, theirs = (c(10, svd_solver="full").fit(x) for c in (matfact.PCA, sklearn.decomposition.PCA))
    arguments = [x] if method.startswith("score") else []
    close(getattr(ours, method)(*arguments), getattr(theirs, method)(*arguments), factor=1e6)


def test_float32_stays_float32(digits):
    pca = matfact.PCA(5).fit(digits.astype(np.float32))
    assert pca.transform(digits.astype(np.float32)).dtype == np.float32
    assert {getattr(pca, a).dtype for a in ATTRIBUTES} == {np.dtype(np.float32)}


def test_float32_is_accurate_to_float32(digits):
    ours = matfact.PCA(5).fit(digits.astype(np.float32))
    theirs = sklearn.decomposition.PCA(5, svd_solver="full").fit(digits)
    close(ours.explained_variance_ratio_, theirs.explained_variance_ratio_, np.float32, factor=64)


def test_feature_names_and_pandas_output(digits):
    pandas = pytest.importorskip("pandas")
    x = pandas.DataFrame(digits, columns=[f"pixel {i}" for i in range(64)])
    out = matfact.PCA(2).set_output(transform="pandas").fit_transform(x)
    assert list(out.columns) == ["pca0", "pca1"]


def test_sparse_input_gives_what_dense_input_gives(digits):
    x = scipy.sparse.csr_array(digits)
    ours = matfact.PCA(3, random_state=0).fit(x)
    close(ours.explained_variance_, sklearn.decomposition.PCA(3, svd_solver="full").fit(digits).explained_variance_)


def test_fit_neither_copies_nor_changes_x(rng):
    """Python allocates components, vectors of the size of a row, and nothing of the size of X (8 MB)."""
    x = rng.standard_normal((20_000, 50))
    before = x.copy()
    pca = matfact.PCA(5, copy=False)
    pca.fit(x[:1000])
    tracemalloc.start()
    pca.fit(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= x.nbytes / 20
    np.testing.assert_array_equal(x, before)


def test_no_variance_means_a_ratio_of_zero():
    pca = matfact.PCA(2).fit(np.zeros((10, 3)))
    np.testing.assert_array_equal(pca.explained_variance_ratio_, 0)


def test_one_sample_has_no_variance_to_analyse():
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        matfact.PCA().fit(np.ones((1, 3)))


@pytest.mark.parametrize("n", [1, 2])
def test_num_threads_is_taken(digits, n):
    pca = matfact.PCA(3, num_threads=n)
    assert pca.fit_transform(digits).shape == (1797, 3)


def test_mle_takes_as_many_axes_as_scikit_learn_where_variances_are_tiny(rng):
    x = rng.standard_normal((300, 6)) * [1e4, 1e-4, 1e-8, 1e-8, 1e-8, 1e-8]
    ours, theirs = (cls("mle", svd_solver="full").fit(x) for cls in (matfact.PCA, sklearn.decomposition.PCA))
    assert ours.n_components_ == theirs.n_components_ == 2
