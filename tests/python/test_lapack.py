"""The LAPACK that is borrowed from SciPy: how its table is read, and that it is not needed for the right answer."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.linalg import cython_lapack

import matfact
from matfact import _core, _lapack
from reference.measure import eps, orthonormality, svd_residual

D = "__pyx_t_5scipy_6linalg_13cython_lapack_d *"
GESDD = "void (char *, {i} *, {i} *, {d}, {i} *, {d}, {d}, {i} *, {d}, {i} *, {d}, {i} *, {i} *, {i} *)"


class TestSignatures:
    @pytest.mark.parametrize(
        ("integer", "bits"), [("int", 32), ("int32_t", 32), ("int64_t", 64), ("npy_int64", 64), ("long long", 64)]
    )
    def test_the_type_of_the_integers_gives_their_width(self, integer, bits):
        assert _lapack.integer_bits("dgesdd", GESDD.format(i=integer, d=D)) == bits

    def test_long_is_as_wide_as_this_platform_has_it(self):
        assert _lapack.integer_bits("dgesdd", GESDD.format(i="long", d=D)) == 8 * np.dtype("long").itemsize

    @pytest.mark.parametrize(
        "signature",
        [
            "",
            "int (char *)",
            GESDD.format(i="int", d=D).replace("void", "int"),
            GESDD.format(i="short", d=D),
            GESDD.format(i="blas_integer_of_tomorrow", d=D),
            GESDD.format(i="int", d="float *"),  # single precision where double is expected
            GESDD.format(i="int", d=D).replace("char *, ", "", 1),  # one argument short
            GESDD.format(i="int", d=D).replace("int *", "int64_t *", 1),  # two widths
            GESDD.format(i="int", d=D).replace("int *", "int", 1),  # by value
        ],
    )
    def test_anything_else_is_refused_by_name(self, signature):
        with pytest.raises(ValueError, match="dgesdd"):
            _lapack.integer_bits("dgesdd", signature)

    def test_the_table_of_this_scipy_is_understood(self):
        addresses, bits = _lapack.read_table(cython_lapack.__pyx_capi__)
        assert bits in (32, 64)
        assert len(set(addresses.values())) == len(addresses)
        assert all(addresses.values())

    def test_a_table_without_a_routine_is_refused(self):
        capsules = {k: v for k, v in cython_lapack.__pyx_capi__.items() if k != "dgesdd"}
        with pytest.raises(LookupError, match="dgesdd"):
            _lapack.read_table(capsules)
        with pytest.raises(LookupError, match="has no dgesdd"):
            _lapack.read_table({})


class TestProvider:
    def test_large_matrices_borrow_lapack(self, rng):
        matfact.svd(rng.standard_normal((100, 50)))
        assert "SciPy" in _core.lapack_provider()

    def test_tiny_matrices_do_not_import_scipy_for_it(self):
        script = (
            "import sys, numpy as np, matfact; matfact.svd(np.eye(8)); matfact.eigh(np.eye(8));"
            "matfact.factorize(np.eye(8), 2, solver='exact');"
            "assert 'scipy' not in sys.modules, 'scipy was imported'"
        )
        subprocess.run([sys.executable, "-c", script], check=True)

    def test_cpu_info_names_it(self):
        assert "SciPy" in str(matfact.cpu_info())

    @pytest.mark.usefixtures("eigen_only")
    def test_without_one_the_core_says_so(self):
        assert _core.lapack_provider() is None


@pytest.mark.usefixtures("eigen_only")
class TestEigenFallback:
    """The same promises as with LAPACK, only slower."""

    @pytest.mark.parametrize("shape", [(300, 40), (40, 300), (80, 80)], ids=["tall", "wide", "square"])
    @pytest.mark.parametrize("solver", ["full", "gram"])
    def test_svd(self, rng, solver, shape, dtype):
        x = rng.standard_normal(shape).astype(dtype)
        u, s, vt = matfact.svd(x, solver=solver)
        bound = 8 * np.sqrt(sum(shape)) * eps(dtype)
        assert svd_residual(x, u, s, vt) <= bound
        assert orthonormality(u) <= bound
        assert orthonormality(vt.T) <= bound


@pytest.mark.parametrize("solver", ["full", "gram"])
def test_with_and_without_lapack_the_singular_values_agree_to_rounding(rng, request, solver, dtype):
    x = rng.standard_normal((200, 60)).astype(dtype)
    borrowed = matfact.svd(x, solver=solver)
    request.getfixturevalue("eigen_only")
    own = matfact.svd(x, solver=solver)
    np.testing.assert_allclose(own.s, borrowed.s, atol=64 * eps(dtype) * borrowed.s[0])
    np.testing.assert_allclose((own.u * own.s) @ own.vt, x, atol=64 * eps(dtype) * borrowed.s[0])


def test_lapack_uses_no_more_threads_than_asked_for_and_gives_them_back(rng):
    """svd(num_threads=1) must not leave SciPy's pool at one thread."""
    threadpoolctl = pytest.importorskip("threadpoolctl")
    x = rng.standard_normal((300, 200))
    matfact.svd(x)
    pools = [p["num_threads"] for p in threadpoolctl.threadpool_info() if p["internal_api"] == "openblas"]
    matfact.svd(x, solver="full", num_threads=1)
    after = [p["num_threads"] for p in threadpoolctl.threadpool_info() if p["internal_api"] == "openblas"]
    assert after == pools
