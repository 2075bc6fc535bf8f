"""Arguments that are almost right: taken where they mean something, and refused in words that say what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator

import matfact

X = np.random.default_rng(0).standard_normal((30, 12))


class TestShares:
    @pytest.mark.parametrize("solver", ["auto", "full", "covariance_eigh"])
    def test_a_share_that_rounding_keeps_out_of_reach_takes_every_axis(self, solver):
        pca = matfact.PCA(0.9999999999999998, svd_solver=solver).fit(X)
        assert pca.n_components_ == 12
        assert pca.noise_variance_ == 0.0

    def test_of_moments_too(self):
        pca = matfact.PCA.from_moments(matfact.Moments().update(X), 0.9999999999999998)
        assert pca.n_components_ == 12
        assert pca.noise_variance_ == 0.0

    @pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
    @pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
    def test_numpys_floats_are_shares(self, kind, form):
        assert matfact.PCA(kind(0.5)).fit(form(X)).n_components_ == matfact.PCA(0.5).fit(form(X)).n_components_

    def test_numpys_integers_count_axes_of_a_sparse_matrix(self):
        assert matfact.PCA(np.int64(12)).fit(sp.csr_array(X)).n_components_ == 12


class TestFlags:
    @pytest.mark.parametrize("flag", [True, False, np.True_])
    @pytest.mark.parametrize("make", [matfact.PCA, matfact.TruncatedSVD, matfact.IncrementalPCA])
    def test_are_no_numbers_of_components(self, make, flag):
        with pytest.raises(TypeError, match="n_components must be an integer, got"):
            make(flag).fit(X)

    @pytest.mark.parametrize("flag", [True, False])
    def test_nor_of_moments(self, flag):
        with pytest.raises(TypeError, match="n_components must be an integer, got"):
            matfact.PCA.from_moments(matfact.Moments().update(X), flag)


class TestThreads:
    def test_more_than_any_machine_has_are_a_mistake(self):
        before = matfact.get_num_threads()
        for call in (
            lambda: matfact.set_num_threads(10**9),
            lambda: matfact.threads(4097).__enter__(),
            lambda: matfact.svd(X, 2, num_threads=10**9),
            lambda: matfact.PCA(2, num_threads=10**9).fit(X),
        ):
            with pytest.raises(ValueError, match="num_threads must be at least 1 and at most 4096"):
                call()
        assert matfact.get_num_threads() == before


class TestOperators:
    def test_without_a_transpose_are_refused_in_words(self):
        operator = LinearOperator(X.shape, matvec=lambda v: X @ v, dtype=X.dtype)
        with pytest.raises(TypeError, match=r"X\.rmatmat has nothing to call: give the operator an rmatvec"):
            matfact.svd(operator, 3)

    def test_keep_their_own_type_error(self):
        def broken(_):
            raise TypeError("of the user's own")

        operator = LinearOperator(X.shape, matvec=lambda v: X @ v, rmatvec=broken, dtype=X.dtype)
        with pytest.raises(TypeError, match="of the user's own"):
            matfact.svd(operator, 3)


def test_a_function_without_batches_says_what_it_returned():
    with pytest.raises(TypeError, match=r"X\(\) returned NoneType, which is not iterable: it must return"):
        matfact.svd(lambda: None, 5)


class TestMissing:
    @pytest.mark.parametrize("missing", ["ppca", "vb"])
    def test_where_it_is_not_supported(self, missing):
        x = X.copy()
        x[0, 0] = np.nan
        message = f"missing='{missing}' with NaN needs a dense X in memory, without memory_limit"
        with pytest.raises(ValueError, match=message):
            matfact.PCA(2, missing=missing, memory_limit="50MB").fit(x)
        with pytest.raises(ValueError, match=message):
            matfact.PCA(2, missing=missing).fit(sp.csr_array(x))

    def test_a_complete_matrix_may_be_read_in_batches_all_the_same(self):
        pca = matfact.PCA(2, missing="ppca", memory_limit="50MB").fit(X)
        np.testing.assert_allclose(pca.explained_variance_, matfact.PCA(2).fit(X).explained_variance_, rtol=1e-12)


class TestIndices:
    """Of other types than SciPy's constructors give them."""

    @pytest.mark.parametrize("kind", [np.int16, np.int64])
    @pytest.mark.parametrize("form", ["csr", "csc"])
    def test_truncated_svd_takes_them(self, kind, form):
        x = sp.csr_array(X).asformat(form)
        x.indices = x.indices.astype(kind)
        found = matfact.TruncatedSVD(2).fit(x)
        expected = matfact.TruncatedSVD(2).fit(sp.csr_array(X).asformat(form))
        # Both sum the same numbers in the same order.
        np.testing.assert_array_equal(found.explained_variance_ratio_, expected.explained_variance_ratio_)
        np.testing.assert_array_equal(found.transform(x), expected.transform(x))


@pytest.mark.parametrize("solver", ["auto", "full", "covariance_eigh"])
def test_identical_rows_have_no_axes_by_maximum_likelihood(solver):
    pca = matfact.PCA("mle", svd_solver=solver).fit(np.ones((20, 5)))
    assert pca.n_components_ == 0
    assert pca.transform(np.ones((2, 5))).shape == (2, 0)
