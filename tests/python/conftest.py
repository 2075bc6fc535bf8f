"""Shared by all tests: the reference versions and the support on the path, one hypothesis profile, seeds and dtypes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # tests/reference and tests/support, never installed

# Derandomized: a failure that only some runs show is no use to whoever sent the change.
hypothesis.settings.register_profile("matfact", deadline=None, max_examples=30, derandomize=True)
hypothesis.settings.load_profile("matfact")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240229)


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> type[np.floating]:
    return request.param


@pytest.fixture
def eigen_only() -> Iterator[None]:
    """No borrowed LAPACK, as before the first need of it: Eigen's solvers serve."""
    from matfact import _core, _lapack

    _lapack._reason = "switched off by a test"
    _core.reset_lapack()
    yield
    _lapack._reason = None
    _lapack.ensure_lapack()
