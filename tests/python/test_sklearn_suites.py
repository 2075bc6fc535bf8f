"""scikit-learn's installed tests of PCA, IncrementalPCA and TruncatedSVD, run on our classes in their place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SUITES = Path(__file__).parent / "sklearn_suites"


@pytest.mark.parametrize(
    ("module", "share", "at_least"),
    [("test_pca", 0.95, 400), ("test_incremental_pca", 0.90, 27), ("test_truncated_svd", 0.90, 45)],
)
def test_scikit_learns_own_tests_pass(module, share, at_least, tmp_path):
    """Of the tests that scikit-learn itself does not skip here: missing array libraries and GPUs are no result."""
    result = tmp_path / "result.json"
    package = f"sklearn.decomposition.tests.{module}"
    environment = {
        **os.environ,
        "MATFACT_SUITE_RESULT": str(result),
        "PYTHONPATH": os.pathsep.join([str(SUITES), os.environ.get("PYTHONPATH", "")]),
        # Half of the solver comparisons are only run in float32 when they are asked for.
        "SKLEARN_RUN_FLOAT32_TESTS": "1",
        "SKLEARN_TESTS_GLOBAL_RANDOM_SEED": "42",
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "swap",
        "-p",
        "no:cacheprovider",
        "--pyargs",
        package,
    ]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900)
    assert result.exists(), done.stdout + done.stderr
    found = json.loads(result.read_text(encoding="utf-8"))
    counts = found["outcomes"]
    ran = sum(counts.get(outcome, 0) for outcome in ("passed", "accepted", "failed", "deselected"))
    assert ran >= at_least, counts
    # A failure that is not on the list is news, whatever the share.
    assert found["failures"] == []
    assert counts["passed"] + counts.get("accepted", 0) >= share * ran, counts
