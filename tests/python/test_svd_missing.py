"""New rows with NaN in a decomposition: impute, fold_in and project against Gaussian conditioning."""

from __future__ import annotations

import numpy as np
import pytest

import matfact
from reference.missing import conditional_mean


@pytest.fixture
def low_rank(rng):
    """Five strong directions in noise."""
    return rng.standard_normal((300, 5)) @ rng.standard_normal((5, 40)) + 0.1 * rng.standard_normal((300, 40)) + 3


def punched(q, rng, share=0.5):
    q = q.copy()
    q[rng.random(q.shape) < share] = np.nan
    return q


def covariance_of(r, n_samples):
    """Probabilistic PCA's: V diag(lambda - sigma^2) V' + sigma^2 I with second moments lambda."""
    noise = (r.total_variance - (r.s**2).sum()) / (r.vt.shape[1] - r.s.size) / n_samples
    return (r.vt.T * (r.s**2 / n_samples - noise)) @ r.vt + noise * np.eye(r.vt.shape[1])


@pytest.mark.parametrize("center", [False, True])
def test_imputed_entries_are_the_conditional_means_of_probabilistic_pca(low_rank, rng, center, dtype):
    """Two ways through a 40 x 40 and a 5 x 5 system: the larger one has the condition s_1^2 / noise, about 1e4."""
    r = matfact.svd(low_rank.astype(dtype), 5, center=center)
    q = punched(low_rank[:50], rng)
    mean = r.mean if center else np.zeros(40)
    expected = conditional_mean(q, mean.astype(float), covariance_of(r, 300))
    np.testing.assert_allclose(r.impute(q), expected, atol=1e4 * np.finfo(dtype).eps * np.abs(low_rank).max())


def test_observed_entries_stay_as_they_are(low_rank, rng):
    q = punched(low_rank, rng)
    filled = matfact.svd(low_rank, 5).impute(q)
    np.testing.assert_array_equal(filled[~np.isnan(q)], q[~np.isnan(q)])
    assert np.isfinite(filled).all()


def test_impute_leaves_its_argument_alone(low_rank):
    r = matfact.svd(low_rank, 3)
    filled = r.impute(low_rank)
    filled[0] = 0
    assert low_rank[0].any()


def test_rows_without_gaps_are_folded_in_as_ever(low_rank):
    """A gap in one row does not change what another row gives, bit by bit."""
    r = matfact.svd(low_rank, 5, center=True)
    q = low_rank[:4].copy()
    q[1, 3] = np.nan
    np.testing.assert_array_equal(r.fold_in(q)[[0, 2, 3]], r.fold_in(low_rank[:4])[[0, 2, 3]])


def test_scores_of_rows_with_gaps_are_those_of_the_completed_rows(low_rank, rng):
    r = matfact.svd(low_rank, 5, center=True)
    q = punched(low_rank[:20], rng)
    np.testing.assert_array_equal(r.fold_in(q), r.fold_in(r.impute(q)))
    np.testing.assert_array_equal(r.project(q), r.project(r.impute(q)))


def test_half_of_the_entries_give_far_better_scores_than_the_plain_product(low_rank, rng):
    r = matfact.svd(low_rank, 5, center=True)
    truth, q = r.fold_in(low_rank), punched(low_rank, rng)
    error = {m: np.linalg.norm(r.fold_in(q, missing=m) - truth) / np.linalg.norm(truth) for m in ("expected", "mean")}
    assert error["expected"] <= 0.1 <= 0.3 <= error["mean"]


@pytest.mark.parametrize("center", [False, True])
def test_the_plain_product_takes_means_for_missing_entries(low_rank, rng, center):
    r = matfact.svd(low_rank, 5, center=center)
    q = punched(low_rank[:10], rng)
    filled = np.where(np.isnan(q), r.mean if center else 0.0, q)
    np.testing.assert_array_equal(r.fold_in(q, missing="mean"), r.fold_in(filled))
    np.testing.assert_array_equal(r.project(q, missing="mean"), r.project(filled))


@pytest.mark.parametrize("center", [False, True])
def test_a_row_with_nothing_observed_gives_zeros_and_the_mean(low_rank, center):
    r = matfact.svd(low_rank, 5, center=center)
    q = np.full((1, 40), np.nan)
    expected = r.mean if center else np.zeros(40)
    np.testing.assert_array_equal(r.impute(q)[0], expected)
    np.testing.assert_array_equal(r.fold_in(q), np.zeros((1, 5)))


def test_a_row_of_a_noiseless_matrix_is_recovered_from_as_many_entries_as_components(rng):
    x = rng.standard_normal((60, 3)) @ rng.standard_normal((3, 20))
    q = x[:5].copy()
    q[:, 3:] = np.nan
    filled = matfact.svd(x, 3).impute(q)
    # Three equations in three unknowns: their condition number, below 1e4 here, multiplies eps; so does that of V D.
    np.testing.assert_allclose(filled, x[:5], atol=1e8 * np.finfo(float).eps * np.abs(x).max())


def test_all_components_and_no_noise_still_give_finite_entries(rng):
    x = rng.standard_normal((8, 5))
    q = x.copy()
    q[0, 1:] = np.nan
    assert np.isfinite(matfact.svd(x).impute(q)).all()
    assert np.isfinite(matfact.svd(np.zeros((8, 5))).impute(q)).all()


@pytest.mark.parametrize("method", ["impute", "fold_in", "project"])
def test_infinity_is_not_a_missing_entry(low_rank, method):
    q = low_rank[:2].copy()
    q[0, 0] = np.inf
    with pytest.raises(ValueError, match="Q holds infinity"):
        getattr(matfact.svd(low_rank, 2), method)(q)


def test_infinity_beside_a_gap(low_rank):
    q = low_rank[:1].copy()
    q[0, :2] = np.nan, -np.inf
    with pytest.raises(ValueError, match="Q holds infinity"):
        matfact.svd(low_rank, 2).fold_in(q)


def test_unknown_rule_for_missing_entries(low_rank):
    with pytest.raises(ValueError, match="missing must be one of 'expected', 'mean', got 'zero'"):
        matfact.svd(low_rank, 2).fold_in(low_rank, missing="zero")


def test_threads_of_the_process_do_not_change_the_bits(low_rank, rng, dtype):
    r, q = matfact.svd(low_rank.astype(dtype), 5, center=True), punched(low_rank, rng).astype(dtype)
    results = []
    for n in (1, 2, 3, 7):
        with matfact.threads(n):
            results.append(r.fold_in(q).tobytes())
    assert len(set(results)) == 1
