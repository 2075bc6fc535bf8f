"""The types hold: mypy --strict on the package and on a user's file, the core's stub against the core, doctests."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import matfact

SAMPLE = """
import numpy as np
import numpy.typing as npt

import matfact
from matfact.typing import FloatArray

x: npt.NDArray[np.float64] = np.ones((4, 3))
u, s, vt = matfact.svd(x, 2, center=True)
scores: FloatArray = matfact.svd(x).truncate(1).scores
w, v = matfact.eigh(x.T @ x, progress=True, callback=lambda p: p.excess < 10.0)


def stop(iteration: matfact.Iteration) -> bool:
    return iteration.objective < 1e-3


f = matfact.factorize(x, 1, solver="adam", learning_rate=0.01, init=(x[:, :1], x[:1]), callback=stop)
product: FloatArray = f.w @ f.h
gap: float = f.optimum_gap
level: str = matfact.cpu_info().level
reveal_type(f.status)
moments: matfact.Moments = matfact.Moments().update(x) + matfact.Moments().update(x, sample_weight=[1, 2, 0, 1])
covariance: npt.NDArray[np.float64] = matfact.Moments.from_bytes(moments.to_bytes()).covariance()
with matfact.threads(2):
    pca = matfact.PCA(2).fit(x)
train, test = matfact.random_split(matfact.Interactions.from_frame(x), 0.2)
model = matfact.ImplicitMF(8, solver="cg").fit(train)
ranked: matfact.BPR = matfact.BPR(8, loss="warp", negatives="uniform").fit(train)
found: matfact.Recommendations = model.recommend([1, 2], 5, exclude=[7])
model.fit(train, validation=test, metric="recall@5", patience=None).partial_fit_users(test).save("model")
tuned: matfact.Tuning = matfact.tune(matfact.BiasedMF(8), {"l2": [0.1]}, train)
worth: float = matfact.evaluate(model, test, ["auc", "ndcg"], k=[5, 10])["auc"] + tuned.value + model.score(test)
predicted: npt.NDArray[np.float32] = matfact.BiasedMF(8, l2_scaling="none").fit(train).predict([1], [2])
"""

MISTAKES = """
import matfact

matfact.svd([[1.0]], solver="qr")
matfact.factorize([[1.0]], 1, solver="sgd")
matfact.eigh([[1.0]], 1, "full")
matfact.get_num_threads() + "1"
"""


def mypy(*arguments: str, cwd: Path) -> tuple[int, str]:
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


def test_the_package_is_strictly_typed():
    root = Path(__file__).parents[2]
    code, output = mypy("--config-file", str(root / "pyproject.toml"), "-p", "matfact", cwd=root)
    assert code == 0, output


def test_a_users_strict_file_type_checks(tmp_path):
    (tmp_path / "sample.py").write_text(SAMPLE, encoding="utf-8")
    code, output = mypy("sample.py", cwd=tmp_path)
    assert code == 0, output
    assert "converged" in output


def test_a_users_mistakes_are_found(tmp_path):
    (tmp_path / "mistakes.py").write_text(MISTAKES, encoding="utf-8")
    code, output = mypy("mistakes.py", cwd=tmp_path)
    assert code == 1
    assert "Found 4 errors" in output


def test_the_stub_describes_the_core(tmp_path):
    pytest.importorskip("mypy")
    # pybind11 leaves a private capsule in each enum.
    (tmp_path / "allowed").write_text(r"matfact\._core\.\w+\.__pybind11_native_enum__", encoding="utf-8")
    command = [sys.executable, "-m", "mypy.stubtest", "matfact._core", "--allowlist", "allowed"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


MODULES = ["matfact", *(f"matfact.{m.name}" for m in pkgutil.iter_modules(matfact.__path__) if m.name != "__main__")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run_as_shown(name):
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module)
    assert failed == 0
    matfact.set_num_threads(None)
