"""The C++ library as others use it: installed and found, or as a subdirectory."""

import platform
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from tests.packaging.support import Run

CONSUMER = Path(__file__).parent / "consumer"


@pytest.fixture(scope="module")
def eigen() -> str:
    """Return the headers of the Eigen that the consumer brings along."""
    return str(distribution("cmeel-eigen").locate_file("cmeel.prefix/include/eigen3"))


@pytest.fixture(scope="module")
def prefix(build_directory: Path, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a prefix into which the library has been installed."""
    directory = tmp_path_factory.mktemp("prefix")
    run(["cmake", "--install", build_directory, "--prefix", directory])
    return directory


def native_flags() -> str:
    """Return flags that make the consumer's Eigen choose other packet sizes and alignments than the library's."""
    return "-march=native" if platform.machine() in ("x86_64", "AMD64") and sys.platform != "win32" else ""


def build_and_run(run: Run, build: Path, *definitions: str) -> None:
    run(["cmake", "-G", "Ninja", "-S", CONSUMER, "-B", build, *definitions])
    run(["cmake", "--build", build])
    run([build / "consumer"])


def test_an_installed_library_is_found(prefix: Path, eigen: str, run: Run, tmp_path: Path) -> None:
    """find_package(matfact CONFIG), a consumer with another -march and its own Eigen."""
    build_and_run(
        run,
        tmp_path,
        f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCONSUMER_EIGEN={eigen}",
        f"-DCONSUMER_FLAGS={native_flags()}",
        "-DCMAKE_BUILD_TYPE=Release",
    )


def test_an_installed_library_asks_for_no_eigen(prefix: Path) -> None:
    """Only matfact/eigen.hpp needs Eigen, and only of those who include it."""
    config = "".join(path.read_text() for path in prefix.rglob("*.cmake"))
    assert "eigen" not in config.lower().replace("matfact/eigen.hpp", "")


def test_an_installed_library_brings_every_public_header(prefix: Path, root: Path) -> None:
    """And none of the private ones."""
    installed = {path.name for path in (prefix / "include" / "matfact").iterdir()}
    assert installed == {path.name for path in (root / "cpp" / "include" / "matfact").iterdir()}


def test_the_source_tree_works_as_a_subdirectory(root: Path, eigen: str, run: Run, tmp_path: Path) -> None:
    """add_subdirectory; without a build type, hence without optimization, because it compiles the library again."""
    build_and_run(
        run,
        tmp_path,
        f"-DMATFACT_SOURCE={root}",
        f"-DPython_EXECUTABLE={sys.executable}",
        f"-DCONSUMER_EIGEN={eigen}",
        f"-DCONSUMER_FLAGS={native_flags()}",
    )
