"""CPU levels: every one that this machine runs gives the same answers, and a wrong choice is named."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from matfact import _core

KNOWN = ("v2", "v3", "v4", "generic", "native")

COMPUTE = """
import json
import numpy as np
import matfact
from matfact import _core

x = np.random.default_rng(7).standard_normal((300, 41))
f = matfact.factorize(x, 3, solver="gd", max_iter=20, tol=0.0, random_state=0)
a = np.random.default_rng(8).standard_normal((130, 130))
a += a.T
v = matfact.eigh(a).v
print(json.dumps({
    "level": _core.level,
    "reason": _core.level_reason,
    "s": matfact.svd(x, solver="gram").s.tolist(),
    "s32": matfact.svd(x.astype(np.float32), solver="gram").s.tolist(),
    "objective": f.objective,
    "w": matfact.eigh(a).w.tolist(),
    "w32": matfact.eigh(a.astype(np.float32)).w.tolist(),
    "leading": matfact.eigh(a, 9, solver="subset").w.tolist(),
    "orthonormality": float(np.abs(v.T @ v - np.eye(130)).max()),
}))
"""


def run(level: str, code: str = COMPUTE) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MATFACT_CPU": level}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("level", _core.available_levels)
def test_every_available_level_can_be_forced(level: str) -> None:
    """MATFACT_CPU chooses the module, and cpu_info can say why."""
    done = run(level)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["level"] == level
    assert "MATFACT_CPU" in answer["reason"]


def test_levels_agree_to_rounding() -> None:
    """Levels round differently (fused multiply-add, vector width) and in nothing else."""
    answers = [json.loads(run(level).stdout) for level in _core.available_levels]
    for answer in answers[1:]:
        first = answers[0]
        # Sums of 300 products: rounding grows at most linearly with their number.
        for key, dtype in (("s", np.float64), ("s32", np.float32)):
            np.testing.assert_allclose(answer[key], first[key], rtol=300 * float(np.finfo(dtype).eps))
        for key, dtype in (("w", np.float64), ("w32", np.float32), ("leading", np.float64)):
            rounding = 300 * float(np.finfo(dtype).eps) * max(first["w"])
            np.testing.assert_allclose(answer[key], first[key], rtol=0, atol=rounding)
        # Twenty descent steps on top, each of which contracts or keeps an earlier difference.
        assert answer["objective"] == pytest.approx(first["objective"], rel=20 * 300 * float(np.finfo(float).eps))


@pytest.mark.parametrize("level", _core.available_levels)
def test_eigenpairs_are_right_at_every_level(level: str) -> None:
    """The register tiles that a reduction is made of differ in shape."""
    answer = json.loads(run(level).stdout)
    a = np.random.default_rng(8).standard_normal((130, 130))
    exact = np.linalg.eigvalsh(a + a.T)[::-1]
    np.testing.assert_allclose(answer["w"], exact, rtol=0, atol=300 * np.finfo(float).eps * exact[0])
    np.testing.assert_allclose(answer["leading"], exact[:9], rtol=0, atol=300 * np.finfo(float).eps * exact[0])
    np.testing.assert_allclose(answer["w32"], exact, rtol=0, atol=300 * np.finfo(np.float32).eps * exact[0])
    assert answer["orthonormality"] <= 300 * np.finfo(float).eps


@pytest.mark.parametrize("level", ["v9", "avx2", "V3"])
def test_an_unknown_level_is_named(level: str) -> None:
    """A typing error must not end in another level silently."""
    done = run(level, "import matfact")
    assert done.returncode != 0
    assert f"MATFACT_CPU={level} is unknown" in done.stderr


@pytest.mark.parametrize("level", [name for name in KNOWN if name not in _core.available_levels])
def test_a_level_that_cannot_run_here_is_named(level: str) -> None:
    """Not part of the build, or not supported by the CPU: either is said, with the level."""
    done = run(level, "import matfact")
    assert done.returncode != 0
    assert f"MATFACT_CPU={level} is not" in done.stderr


def test_a_level_above_the_cpu_is_refused() -> None:
    """A v4 build on a v2 machine must not reach an illegal instruction."""
    code = """
import sys, types
cpu = types.ModuleType("matfact._core._cpu")
cpu.level = lambda: "v1"
sys.modules["matfact._core._cpu"] = cpu
import matfact._core
"""
    for level in _core.available_levels:
        if level in ("v2", "v3", "v4"):
            done = run(level, code)
            assert f"MATFACT_CPU={level} is not supported by this CPU, which has v1" in done.stderr


def test_the_default_is_the_best_available_level() -> None:
    """Levels are listed best first."""
    done = run("")
    assert json.loads(done.stdout)["level"] == _core.available_levels[0]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/cpuinfo")
def test_the_level_of_the_cpu_agrees_with_the_kernel() -> None:
    """Our cpuid code against the flags that Linux reports."""
    from matfact._core import _cpu

    lines = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")]
    if not lines:
        assert _cpu.level() == "generic"
        return
    flags = set(lines[0].split())
    needed = {
        "v2": {"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"},
        "v3": {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"},
        "v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
    }
    level = "v1"
    for name, wanted in needed.items():
        if not wanted <= flags:
            break
        level = name
    assert _cpu.level() == level
