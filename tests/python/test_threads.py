"""Threads: the same bits for any number of them, in a forked child too, and from many callers at once."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse

import matfact
from matfact import _core

COUNTS = [1, 2, 3, 7]
DESCENT = ["gd", "momentum", "nesterov", "adam", "scaled_gd", "als"]


@pytest.mark.skipif(sys.platform != "linux", reason="OpenMP is optional where the compiler may lack it")
def test_this_build_has_threads():
    """A serial build would pass everything below for nothing."""
    assert matfact.cpu_info().openmp


def same_bits(results):
    """All results, arrays or tuples of arrays, equal the first byte by byte."""
    first, *others = [[np.asarray(a).tobytes() for a in r] for r in results]
    return all(r == first for r in others)


def data(shape, dtype, missing=False):
    rng = np.random.default_rng(5)
    x = rng.standard_normal(shape).astype(dtype)
    if missing:
        x[rng.random(shape) < 0.4] = np.nan
    return x


@pytest.mark.parametrize("missing", [False, True], ids=["full", "missing"])
@pytest.mark.parametrize("solver", DESCENT)
def test_factorize_has_the_same_bits_at_any_thread_count(solver, missing, dtype):
    x = data((3001, 257), dtype, missing)
    runs = [
        matfact.factorize(x, 9, solver=solver, l2=1e-3, max_iter=4, tol=0.0, random_state=1, num_threads=n)
        for n in COUNTS
    ]
    assert same_bits([(f.w, f.h, f.history) for f in runs])


@pytest.mark.parametrize("solver", ["gd", "adam", "als"])
def test_sparse_factorize_has_the_same_bits_at_any_thread_count(solver, dtype):
    x = scipy.sparse.random_array((4000, 700), density=0.02, format="csr", rng=np.random.default_rng(2), dtype=dtype)
    runs = [
        matfact.factorize(x, 9, solver=solver, l2=1e-3, max_iter=4, tol=0.0, random_state=1, num_threads=n)
        for n in COUNTS
    ]
    assert same_bits([(f.w, f.h, f.history) for f in runs])


@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray], ids=["C", "F"])
def test_layouts_are_cut_the_same_way(layout, dtype):
    x = layout(data((2000, 300), dtype))
    runs = [matfact.factorize(x, 5, solver="gd", max_iter=3, tol=0.0, random_state=1, num_threads=n) for n in COUNTS]
    assert same_bits([(f.w, f.h, f.history) for f in runs])


def svd_bits(x, solver, **options):
    center = options.get("center", False)
    runs = [matfact.svd(x, solver=solver, num_threads=n, **options) for n in COUNTS]
    return [(r.u, r.s, r.vt, r.mean if center else 0, r.residuals, r.total_variance) for r in runs]


# Borrowed LAPACK has threads of its own, which are not ours to answer for.
@pytest.mark.usefixtures("eigen_only")
@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("shape", [(3001, 70), (70, 3001), (150, 150)], ids=["tall", "wide", "square"])
def test_full_svd_has_the_same_bits_at_any_thread_count(shape, center, dtype):
    assert same_bits(svd_bits(data(shape, dtype), "full", n_components=20, center=center))


# Eigenproblems of 300 and 530 rows are beyond all sizes up to which one thread works.
@pytest.mark.parametrize("n_components", [20, None])
@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("shape", [(3001, 70), (150, 150), (700, 300), (300, 700), (900, 530)])
def test_svd_by_gram_has_the_same_bits_at_any_thread_count(shape, center, n_components, dtype):
    assert same_bits(svd_bits(data(shape, dtype), "gram", n_components=n_components, center=center))


@pytest.mark.parametrize("n", [200, 300, 530])
@pytest.mark.parametrize("n_components", [20, None])
@pytest.mark.parametrize("solver", ["full", "subset"])
def test_eigh_has_the_same_bits_at_any_thread_count(solver, n_components, n, dtype):
    a = data((n, n), dtype)
    runs = [matfact.eigh(a + a.T, n_components, solver=solver, num_threads=t) for t in COUNTS]
    assert same_bits([(r.w, r.v, r.residuals) for r in runs])


@pytest.mark.parametrize("n_components", [20, None])
@pytest.mark.parametrize("shape", [(700, 300), (300, 700), (900, 530)])
def test_pca_by_gram_has_the_same_bits_at_any_thread_count(shape, n_components, dtype):
    x = data(shape, dtype)
    runs = [matfact.PCA(n_components, svd_solver="covariance_eigh", num_threads=n).fit(x) for n in COUNTS]
    assert same_bits([(p.components_, p.singular_values_, p.mean_, p.error_bounds_) for p in runs])


@pytest.mark.usefixtures("eigen_only")
def test_exact_factorization_has_the_same_bits_at_any_thread_count(dtype):
    x = data((2000, 60), dtype)
    runs = [matfact.factorize(x, 5, solver="exact", num_threads=n) for n in COUNTS]
    assert same_bits([(f.w, f.h, f.history) for f in runs])


@pytest.mark.parametrize("kind", ["dense", "weighted", "sparse", "sparse by blocks"])
def test_moments_have_the_same_bits_at_any_thread_count(kind, dtype):
    x, weights = data((3001, 257), dtype), None
    if kind == "weighted":
        weights = np.random.default_rng(1).random(len(x))
    elif kind != "dense":
        x[np.random.default_rng(1).random(x.shape) < (0.97 if kind == "sparse" else 0.4)] = 0
        x = scipy.sparse.csr_array(x)
    runs = []
    for n in COUNTS:
        first, second = (
            matfact.Moments().update(part, sample_weight=w, num_threads=n)
            for part, w in ((x, weights), (x[:700], None))
        )
        runs.append((first + second).to_bytes())
    assert len(set(runs)) == 1


def test_project_has_the_same_bits_at_any_thread_count(dtype):
    x = data((5000, 80), dtype)
    vt, mean = data((7, 80), dtype), data((80,), dtype)
    project = _core.project_f32 if dtype == np.float32 else _core.project_f64
    assert same_bits([(project(x, vt, mean, num_threads=n),) for n in COUNTS])


@pytest.mark.parametrize("missing", [False, True], ids=["full", "missing"])
def test_solve_rows_has_the_same_bits_at_any_thread_count(missing, dtype):
    x, h = data((5000, 80), dtype, missing), data((80, 7), dtype)
    solve = _core.solve_rows_f32 if dtype == np.float32 else _core.solve_rows_f64
    assert same_bits([(solve(x, h, l2=0.1, num_threads=n),) for n in COUNTS])


def test_eight_python_threads_at_once_do_not_disturb_each_other():
    x = data((1500, 90), np.float64)

    def work(seed):
        f = matfact.factorize(x, 4, solver="adam", max_iter=10, tol=0.0, random_state=seed)
        return f.w, f.h, matfact.svd(x, 5, solver="gram").s

    serial = [work(seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        at_once = list(pool.map(work, range(8)))
    for a, b in zip(serial, at_once, strict=True):
        assert same_bits([a[:2], b[:2]])
        np.testing.assert_allclose(a[2], b[2], rtol=1e-12)


FORK = """
import os, sys, numpy as np, matfact
x = np.random.default_rng(0).standard_normal((4000, 120))

def work():
    f = matfact.factorize(x, 6, solver="gd", max_iter=5, tol=0.0, random_state=1, num_threads=2)
    s = matfact.svd(x, 4, solver="gram", num_threads=2).s
    return f.w.tobytes() + f.h.tobytes(), s

bits, s = work()              # the parent's pool is running now
child = os.fork()
if child == 0:
    bits_here, s_here = work()
    os._exit(0 if bits_here == bits and np.allclose(s_here, s, rtol=1e-12) else 3)
status = os.waitpid(child, 0)[1]
work()                        # and the parent goes on
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_of_a_running_pool_works_and_has_the_same_bits():
    """libgomp hangs there: the core must run serially instead."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_the_default_number_of_threads_can_be_set_and_restored():
    before = matfact.get_num_threads()
    with matfact.threads(1):
        assert matfact.get_num_threads() == 1
    assert matfact.get_num_threads() == before


def test_the_environment_decides_when_nobody_else_does():
    done = subprocess.run(
        [sys.executable, "-c", "import matfact; print(matfact.get_num_threads())"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == 1
