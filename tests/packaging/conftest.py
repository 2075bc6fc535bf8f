import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[[Sequence[str | Path]], str]


def _run(command: Sequence[str | Path]) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def run() -> Run:
    """Run a command, show its output where it fails, return its standard output."""
    return _run


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the root of the source tree."""
    return ROOT


@pytest.fixture(scope="session")
def wheel() -> Path:
    """Return the one wheel that `make wheel` has built; building the levels again would take minutes."""
    wheels = sorted((ROOT / "dist").glob("*.whl"))
    assert len(wheels) == 1, "run `make wheel` first"
    return wheels[0]


@pytest.fixture(scope="session")
def build_directory() -> Path:
    """Return the C++ build of `make test-cpp`."""
    directory = ROOT / "build" / "release"
    assert (directory / "CMakeCache.txt").exists(), "run `make test-cpp` first"
    return directory


@pytest.fixture(scope="session")
def clean_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of a new environment that holds the wheel and its dependencies only."""
    directory = tmp_path_factory.mktemp("venv")
    _run([sys.executable, "-m", "venv", directory])
    python = directory / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    _run([python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", wheel])
    return python
