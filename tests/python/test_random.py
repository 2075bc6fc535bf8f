"""The counter-based generator: NumPy's Philox, and normals that look normal."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from matfact import _core
from reference.philox import philox4x64

words = st.integers(0, 2**64 - 1)


@given(st.tuples(words, words, words, words), st.tuples(words, words))
def test_blocks_equal_those_of_numpy(counter, key):
    assert tuple(_core.philox4x64(counter, key)) == philox4x64(counter, key)


def test_normals_have_normal_moments():
    """Standard errors of mean, variance, skewness and kurtosis at N = 1e6; five of them."""
    n = 1_000_000
    z = _core.random_normal(7, 0, n)
    assert abs(z.mean()) <= 5 / np.sqrt(n)
    assert abs(z.var() - 1) <= 5 * np.sqrt(2 / n)
    assert abs(scipy.stats.skew(z)) <= 5 * np.sqrt(6 / n)
    assert abs(scipy.stats.kurtosis(z)) <= 5 * np.sqrt(24 / n)


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
def test_normals_pass_kolmogorov_smirnov(seed):
    assert scipy.stats.kstest(_core.random_normal(seed, 3, 200_000), "norm").pvalue > 1e-4


def test_tails_reach_where_normal_tails_reach():
    """P(|z| > 4.5) = 6.8e-6: in 2e6 draws about 14 are expected, none or 40 would be a one in 1e5 accident."""
    beyond = np.count_nonzero(np.abs(_core.random_normal(11, 0, 2_000_000)) > 4.5)
    assert 1 <= beyond <= 40


def test_a_value_depends_on_its_index_only():
    """A shorter draw is the beginning of a longer one."""
    np.testing.assert_array_equal(_core.random_normal(5, 2, 1000)[:77], _core.random_normal(5, 2, 77))


def test_streams_and_seeds_are_uncorrelated():
    """|r| has standard error 1 / sqrt(N)."""
    n = 100_000
    z = [_core.random_normal(seed, stream, n) for seed, stream in [(0, 0), (0, 1), (1, 0), (1, 1)]]
    correlation = np.corrcoef(z) - np.eye(4)
    assert np.abs(correlation).max() <= 5 / np.sqrt(n)
    lagged = np.corrcoef(z[0][:-1], z[0][1:])[0, 1]
    assert abs(lagged) <= 5 / np.sqrt(n)


def test_all_draws_are_finite():
    assert np.isfinite(_core.random_normal(123, 0, 1_000_000)).all()
