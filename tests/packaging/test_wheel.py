"""The wheel: one file that runs elsewhere, with all that users and type checkers need."""

import re
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from tests.packaging.support import Run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads ELF files")


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    """Return the paths in the wheel."""
    return zipfile.ZipFile(wheel).namelist()


@pytest.fixture(scope="module")
def modules(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the extension modules, unpacked, by name."""
    directory = tmp_path_factory.mktemp("wheel")
    zipfile.ZipFile(wheel).extractall(directory)
    return {path.name.split(".")[0]: path for path in (directory / "matfact" / "_core").glob("*.so")}


def test_the_wheel_is_small(wheel: Path) -> None:
    """Three CPU levels fit into 20 MB."""
    assert wheel.stat().st_size <= 20e6


def test_the_wheel_is_a_manylinux_wheel(wheel: Path, run: Run) -> None:
    """Auditwheel finds no library that another Linux lacks."""
    assert re.search(r'"manylinux_2_\d+_\w+"', run([sys.executable, "-m", "auditwheel", "show", wheel]))


def test_the_wheel_holds_types_stubs_and_licences(names: list[str]) -> None:
    """Type checkers find py.typed and the stub; Eigen's licence asks for its notice."""
    assert {"matfact/py.typed", "matfact/_core/__init__.pyi", "matfact/_core/_cpu.pyi"} <= set(names)
    licences = {name.rsplit("/", 1)[1] for name in names if "/licenses/" in name}
    assert {"LICENSE", "NOTICE-Eigen.txt", "MPL-2.0.txt", "NOTICE-pybind11.txt"} <= licences


def test_the_wheel_holds_nothing_else(names: list[str]) -> None:
    """No headers, static libraries, tests or sources slip in."""
    allowed = re.compile(r"matfact/.*\.(py|pyi|so|typed)$|matfact\.libs/libg\w+-[\w.\-]+$|matfact-[^/]+\.dist-info/.*")
    assert [name for name in names if not allowed.match(name) and not name.endswith("/")] == []


def test_the_wheel_has_one_module_per_level(modules: dict[str, Path]) -> None:
    """The default levels, and the baseline module that chooses."""
    x86 = {"_core_v2", "_core_v3", "_core_v4"}
    levels = x86 if "x86_64" in sysconfig.get_platform() else {"_core_generic"}
    assert set(modules) == levels | {"_cpu"}


def test_modules_export_their_init_function_only(modules: dict[str, Path]) -> None:
    """A symbol that two levels share could be resolved to code the CPU does not have."""
    elffile = pytest.importorskip("elftools.elf.elffile")
    for name, path in modules.items():
        with path.open("rb") as file:
            symbols = elffile.ELFFile(file).get_section_by_name(".dynsym").iter_symbols()
            exported = {
                symbol.name
                for symbol in symbols
                if symbol["st_shndx"] != "SHN_UNDEF" and symbol["st_info"]["bind"] != "STB_LOCAL"
            }
        assert exported - {"_init", "_fini"} == {f"PyInit_{name}"}


def test_modules_do_not_need_each_other(modules: dict[str, Path]) -> None:
    """Loading one level never pulls in another, so no initializer of a level that was not chosen runs."""
    elffile = pytest.importorskip("elftools.elf.elffile")
    for path in modules.values():
        with path.open("rb") as file:
            tags = elffile.ELFFile(file).get_section_by_name(".dynamic").iter_tags()
            needed = {tag.needed for tag in tags if tag.entry.d_tag == "DT_NEEDED"}
        assert not [library for library in needed if library.startswith(("_core", "_cpu"))]


def test_the_wheel_works_in_a_clean_environment(clean_python: Path, run: Run) -> None:
    """Nothing but the declared dependencies is needed to import, compute and report."""
    code = (
        "import matfact, numpy; x = numpy.eye(40, 30); u, s, vt = matfact.svd(x); "
        "assert abs((u * s) @ vt - x).max() < 1e-14"
    )
    run([clean_python, "-I", "-W", "error", "-c", code])
    assert "v" in run([clean_python, "-I", "-m", "matfact", "info"])


def test_importing_the_package_imports_neither_scikit_learn_nor_scipy(clean_python: Path, run: Run) -> None:
    """Functions alone must start fast."""
    code = "import sys, matfact; print(sorted({'sklearn', 'scipy', 'matplotlib'} & set(sys.modules)))"
    assert run([clean_python, "-I", "-c", code]).strip() == "[]"
