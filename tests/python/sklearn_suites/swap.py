"""A pytest plugin: scikit-learn's own tests find our classes under the names they import; outcomes are counted."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest
import sklearn.decomposition

import matfact

sklearn.decomposition.IncrementalPCA = matfact.IncrementalPCA
sklearn.decomposition.PCA = matfact.PCA
sklearn.decomposition.TruncatedSVD = matfact.TruncatedSVD

_outcomes: Counter[str] = Counter()
_failures: list[str] = []


def listed(file: str) -> list[str]:
    """Names such as ``test_pca.py::test_x[full]`` from a public list; every line must give a reason."""
    names = []
    for line in (Path(__file__).parent / file).read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.partition("  ")
            if not reason.strip():
                raise ValueError(f"{file} gives no reason for {name}")
            names.append(name)
    return names


_UNWANTED, _ACCEPTED = listed("deselected.txt"), listed("accepted.txt")


def name_of(item: pytest.Item) -> str:
    return f"{item.path.name}::{item.name}"


def pytest_collection_modifyitems(items):
    dropped = [item for item in items if name_of(item) in _UNWANTED]
    _outcomes["deselected"] = len(dropped)
    items[:] = [item for item in items if item not in dropped]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A test of accepted.txt has to get as far as the error that is not raised, and no further."""
    report = yield
    if report.when == "call" and name_of(item) in _ACCEPTED:
        accepted = call.excinfo is not None and "DID NOT RAISE" in str(call.excinfo.value)
        report.outcome = "accepted" if accepted else "failed"
    return report


def pytest_runtest_logreport(report):
    if report.when == "call" or (report.when == "setup" and not report.passed):
        _outcomes[report.outcome] += 1
    if report.failed:
        _failures.append(report.nodeid)


def pytest_sessionfinish():
    result = {"outcomes": _outcomes, "failures": _failures}
    Path(os.environ["MATFACT_SUITE_RESULT"]).write_text(json.dumps(result), encoding="utf-8")
