"""Popularity and PureSVD: closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import matfact

EPS = np.finfo(np.float32).eps


@pytest.fixture
def x() -> sp.csr_array:
    return sp.random_array((50, 30), density=0.2, format="csr", dtype=np.float32, rng=np.random.default_rng(0))


def test_popularity_is_the_share_of_users(x, tmp_path):
    m = matfact.Popularity().fit(x)
    share = (x.toarray() != 0).mean(axis=0)
    np.testing.assert_allclose(m.predict(np.zeros(30), np.arange(30)), share, rtol=EPS, atol=0)
    found = m.recommend([3, 999], 30, exclude_seen=False)
    assert (found.items == np.argsort(-share, kind="stable")).all()
    m.save(tmp_path / "model")
    other = matfact.Popularity.load(tmp_path / "model")
    assert (other.recommend(np.arange(50)).items == m.recommend(np.arange(50)).items).all()


@pytest.mark.parametrize("k", [1, 5, 30])
def test_pure_svd_scores_by_the_leading_right_singular_vectors(x, k, tmp_path):
    m = matfact.PureSVD(k).fit(x)
    _, s, vt = np.linalg.svd(x.toarray().astype(np.float64))
    truth = x.toarray() @ vt[:k].T @ vt[:k]
    scores = m.predict(np.repeat(np.arange(50), 30), np.tile(np.arange(30), 50)).reshape(50, 30)
    # Vectors of a float32 matrix, next to gaps of a few percent between singular values.
    np.testing.assert_allclose(scores, truth, rtol=0, atol=500 * EPS * np.abs(truth).max())
    np.testing.assert_allclose(m.singular_values_, s[:k], rtol=100 * EPS)
    assert m.fold_in(x).tobytes() == m.user_factors_.tobytes()
    m.save(tmp_path / "model")
    assert matfact.PureSVD.load(tmp_path / "model").fold_in(x).tobytes() == m.user_factors_.tobytes()


def test_pure_svd_refuses_more_components_than_the_matrix_has(x):
    with pytest.raises(ValueError, match="n_components must be between 1 and 30, got 31"):
        matfact.PureSVD(31).fit(x)
    with pytest.raises(ValueError, match="at least one entry"):
        matfact.Popularity().fit(sp.csr_array((3, 3)))
