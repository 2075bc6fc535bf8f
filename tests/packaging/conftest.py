import sys
from pathlib import Path

import pytest
from tests.packaging.support import Run, run_command

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def run() -> Run:
    """Return the function that runs a command and shows its output where it fails."""
    return run_command


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
    run_command([sys.executable, "-m", "venv", directory])
    python = directory / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    run_command([python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", wheel])
    return python
