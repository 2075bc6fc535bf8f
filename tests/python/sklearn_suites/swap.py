"""A pytest plugin: scikit-learn's own tests find our classes under the names they import; outcomes are counted."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import sklearn.decomposition

import matfact

sklearn.decomposition.PCA = matfact.PCA
sklearn.decomposition.TruncatedSVD = matfact.TruncatedSVD

_outcomes: Counter[str] = Counter()
_failures: list[str] = []


def unwanted() -> list[str]:
    """Names such as ``test_pca.py::test_x[full]`` from the public list; every line must give a reason."""
    names = []
    for line in (Path(__file__).parent / "deselected.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.partition("  ")
            if not reason.strip():
                raise ValueError(f"deselected.txt gives no reason for {name}")
            names.append(name)
    return names


def pytest_collection_modifyitems(items):
    names = unwanted()
    dropped = [item for item in items if f"{item.path.name}::{item.name}" in names]
    _outcomes["deselected"] = len(dropped)
    items[:] = [item for item in items if item not in dropped]


def pytest_runtest_logreport(report):
    if report.when == "call" or (report.when == "setup" and not report.passed):
        _outcomes[report.outcome] += 1
    if report.failed:
        _failures.append(report.nodeid)


def pytest_sessionfinish():
    result = {"outcomes": _outcomes, "failures": _failures}
    Path(os.environ["MATFACT_SUITE_RESULT"]).write_text(json.dumps(result), encoding="utf-8")
