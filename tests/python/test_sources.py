"""svd of rows that are read in batches: files, arrays under a limit, functions; within the memory that was promised."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

import matfact
from reference.measure import eps, orthonormality, signs_are_fixed, triplet_residuals
from reference.planted import with_singular_values

VALUES = 0.9 ** np.arange(80)
TOL = {np.float32: 1e-4, np.float64: 1e-6}


@pytest.fixture(params=[(300, 80), (80, 300)], ids=["tall", "wide"])
def x(request, rng, dtype):
    return (with_singular_values(rng, *request.param, VALUES) + 0.02).astype(dtype)


def saved(tmp_path, x, name="x.npy"):
    path = tmp_path / name
    np.save(path, x)
    return path


def batches(x, n=7):
    """A function that gives the rows in n batches."""
    return lambda: iter(np.array_split(x, n))


def check(r, x, center):
    """Against the exact values, by the certificate; and the certificate by its definition."""
    z = x.astype(float) - (x.astype(float).mean(axis=0) if center else 0.0)
    exact = np.linalg.svd(z, compute_uv=False)
    assert r.status == "converged"
    assert (np.abs(r.s - exact[: r.s.size]) <= r.error_bounds + 64 * eps(float)).all()
    assert r.residuals.max() <= TOL[x.dtype.type]
    np.testing.assert_allclose(r.residuals, triplet_residuals(z, *r), atol=16 * eps(x.dtype))
    assert r.total_variance == pytest.approx((exact**2).sum(), rel=64 * eps(x.dtype))
    assert r.s.dtype == x.dtype
    assert orthonormality(r.u) <= 64 * eps(x.dtype)
    assert orthonormality(r.vt.T) <= 64 * eps(x.dtype)
    assert signs_are_fixed(r.vt)
    if center:
        np.testing.assert_allclose(r.mean, x.mean(axis=0, dtype=float), atol=8 * eps(x.dtype))


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("solver", ["auto", "gram", "krylov"])
class TestSameAsInMemory:
    def test_npy_file_in_either_order(self, tmp_path, x, solver, center):
        for order in "CF":
            path = saved(tmp_path, np.asarray(x, order=order))
            check(matfact.svd(path, 6, solver=solver, center=center), x, center)
            check(matfact.svd(str(path), 6, solver=solver, center=center, memory_limit="12MB"), x, center)

    def test_function(self, x, solver, center):
        check(matfact.svd(batches(x), 6, solver=solver, center=center), x, center)

    def test_sparse_batches(self, x, solver, center):
        """Of all formats; what is stored twice adds up, rows may be empty, and dense batches may come between."""
        x = np.where(np.abs(x) > np.median(np.abs(x)), x, 0).astype(x.dtype)
        x[3:9] = 0
        first = scipy.sparse.coo_array(x[:20])
        twice = scipy.sparse.coo_array(
            (np.tile(first.data / 2, 2), (np.tile(first.row, 2), np.tile(first.col, 2))), shape=first.shape
        )
        parts = [twice, scipy.sparse.csc_array(x[20:31]), x[31:60], scipy.sparse.csr_array(x[60:])]
        check(matfact.svd(lambda: parts, 6, solver=solver, center=center), x, center)

    def test_memmap_under_a_limit(self, tmp_path, x, solver, center):
        mapped = np.load(saved(tmp_path, x), mmap_mode="r")
        check(matfact.svd(mapped, 6, solver=solver, center=center, memory_limit="12MB"), x, center)
        check(matfact.svd(x[:, ::-1], 6, solver=solver, center=center, memory_limit="12MB"), x[:, ::-1], center)


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".feather"])
def test_columns_of_a_table(tmp_path, rng, suffix):
    """float32 columns make a float32 result, others float64; whole numbers are fine."""
    pa = pytest.importorskip("pyarrow")
    feather, parquet = pytest.importorskip("pyarrow.feather"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / f"x{suffix}"
    x = rng.standard_normal((500, 6)).astype(np.float32)
    x[:, 5] = rng.integers(0, 9, 500)

    def write(kinds):
        table = pa.table({f"c{j}": pa.array(x[:, j].astype(kind)) for j, kind in enumerate(kinds)})
        if suffix == ".parquet":
            parquet.write_table(table, path, row_group_size=90)
        else:
            feather.write_feather(table, path, chunksize=90, compression="uncompressed")

    write([np.float32] * 6)
    check(matfact.svd(path, 3, center=True), x, True)
    write([np.float32] * 5 + [np.int16])
    check(matfact.svd(path, 3, memory_limit="9MB"), x.astype(float), False)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(ValueError, match=r"is not a readable|is damaged"):
        matfact.svd(path, 3)


def test_without_pyarrow_a_table_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"reading x.parquet needs pyarrow: pip install matfact\[arrow\]"):
        matfact.svd(tmp_path / "x.parquet", 1)


def test_tables_that_hold_no_numbers(tmp_path):
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "x.parquet"
    parquet.write_table(pa.table({"a": [1.0, 2.0], "name": ["x", "y"]}), path)
    with pytest.raises(TypeError, match="must hold numbers, got column 'name' of type string"):
        matfact.svd(path, 1)
    parquet.write_table(pa.table({"a": [1.0, None], "b": [1, 2]}), path)
    with pytest.raises(ValueError, match="X holds NaN or infinity"):
        matfact.svd(path, 1)
    parquet.write_table(pa.table({"a": pa.array([], pa.float64())}), path)
    with pytest.raises(ValueError, match="must have at least one row"):
        matfact.svd(path, 1)


def test_other_dtypes_and_byte_orders(tmp_path):
    whole = np.arange(60).reshape(20, 3) % 7
    exact = np.linalg.svd(whole, compute_uv=False)
    for stored in (np.int16, ">f4", ">f8", np.float16, bool):
        r = matfact.svd(saved(tmp_path, whole.astype(stored)), 3)
        expected = exact if stored is not bool else np.linalg.svd(whole.astype(bool), compute_uv=False)
        assert r.s.dtype == (np.float32 if stored in (">f4", np.float16) else np.float64)
        np.testing.assert_allclose(r.s, expected, rtol=16 * eps(r.s.dtype))


def test_passes_over_the_data_are_few_and_reported(rng):
    """One for the Gram matrix, and two for u and its residuals; else one for each product of Lanczos as well."""
    x = with_singular_values(rng, 400, 300, 0.95 ** np.arange(300))
    calls = []

    def rows():
        calls.append(1)
        return np.array_split(x, 5)

    assert matfact.svd(rows, 10).n_passes == 3
    assert len(calls) == 4  # one more to look at the first batch
    calls.clear()
    r = matfact.svd(rows, 10, solver="krylov")
    assert r.n_passes == len(calls) - 1
    assert r.n_passes <= 15


def test_all_triplets_and_shares_of_the_variance(tmp_path, x):
    path = saved(tmp_path, x)
    r = matfact.svd(path)
    np.testing.assert_allclose((r.u * r.s) @ r.vt, x, atol=256 * eps(x.dtype))
    for solver in ("gram", "krylov"):
        for arguments in ({"n_components": 0.8}, {"error": 0.5}):
            here = matfact.svd(x, **arguments)
            there = matfact.svd(path, solver=solver, **arguments)
            assert there.s.size == here.s.size
    assert matfact.svd(batches(x), 0.8).s.size == matfact.svd(x, 0.8).s.size


def test_the_bits_do_not_depend_on_the_threads(tmp_path, x):
    path = saved(tmp_path, x)
    sparse = [scipy.sparse.csr_array(part) for part in np.array_split(x, 4)]
    for source in (path, lambda: sparse):
        for solver in ("gram", "krylov"):
            results = [matfact.svd(source, 5, solver=solver, center=True, num_threads=n) for n in (1, 2, 3, 7)]
            assert len({(r.u.tobytes(), r.s.tobytes(), r.vt.tobytes(), r.mean.tobytes()) for r in results}) == 1


class TestBadSources:
    X = np.linspace(-1, 1, 600).reshape(60, 10) ** 3

    def test_batches_of_changing_width(self):
        with pytest.raises(ValueError, match=r"batch 1 of X must have 10 columns, as the first has, got 9"):
            matfact.svd(lambda: [self.X[:5], self.X[:5, :9]], 2)

    def test_iterators_that_can_be_read_only_once(self):
        with pytest.raises(TypeError, match="X is an iterator, which can be read only once: pass a function"):
            matfact.svd((part for part in [self.X]), 2)
        rows = iter([self.X, self.X])
        with pytest.raises(ValueError, match=r"X\(\) returned the same iterator again, which is used up"):
            matfact.svd(lambda: rows, 2)

    def test_passes_that_differ(self):
        calls = []

        def rows():
            calls.append(1)
            return [self.X] * (2 if len(calls) < 3 else 1)

        with pytest.raises(ValueError, match="pass 2 over X gave only 60 of the 120 rows of the first"):
            matfact.svd(rows, 2)

    def test_functions_that_give_nothing_or_nonsense(self):
        with pytest.raises(ValueError, match=r"X\(\) gave no rows"):
            matfact.svd(list, 2)
        with pytest.raises(ValueError, match="batch 0 of X must have 2 dimensions"):
            matfact.svd(lambda: [np.ones(3)], 1)
        with pytest.raises(TypeError, match="batch 1 of X must hold numbers"):
            matfact.svd(lambda: [self.X, np.full((2, 10), "a")], 1)
        with pytest.raises(TypeError, match="not iterable"):
            matfact.svd(lambda: None, 1)
        # Batches without rows are no mistake: a filter may leave none.
        r = matfact.svd(lambda: [self.X[:0], self.X, self.X[:0]], 2)
        np.testing.assert_allclose(r.s, np.linalg.svd(self.X, compute_uv=False)[:2], rtol=1e-12)

    def test_an_exception_of_the_function_passes_through(self):
        def rows():
            yield self.X
            raise ConnectionError("the server is gone")

        with pytest.raises(ConnectionError, match="the server is gone"):
            matfact.svd(rows, 2)

    @pytest.mark.parametrize("solver", ["gram", "krylov"])
    def test_entries_that_are_not_finite_or_out_of_range(self, tmp_path, solver):
        for value in (np.nan, np.inf):
            bad = self.X.copy()
            bad[41, 3] = value
            with pytest.raises(ValueError, match="X holds NaN or infinity"):
                matfact.svd(saved(tmp_path, bad), 2, solver=solver)
        with pytest.raises(matfact.NumericalError, match=r"scale X down|exceed"):
            matfact.svd(saved(tmp_path, self.X * 1e200), 2, solver=solver)
        with pytest.raises(matfact.NumericalError, match="scale X up"):
            matfact.svd(saved(tmp_path, self.X * 1e-200), 2, solver=solver)

    def test_sparse_batches_that_point_outside(self):
        bad = scipy.sparse.csr_array(self.X)
        bad.indices[7] = 10
        with pytest.raises(ValueError, match="ind"):
            matfact.svd(lambda: [bad], 2)

    def test_truncated_and_damaged_files(self, tmp_path, rng):
        path = saved(tmp_path, self.X)
        whole = path.read_bytes()
        path.write_bytes(whole[:-8])
        with pytest.raises(ValueError, match=r"x.npy is truncated: 4920 of 4928 bytes"):
            matfact.svd(path, 2)
        for length in range(0, 128, 9):
            path.write_bytes(whole[:length])
            with pytest.raises(ValueError, match=r"is not a .npy file, or damaged|is truncated"):
                matfact.svd(path, 2)
        for _ in range(200):  # of the header; whatever it then says, it is an error or the numbers of a matrix
            damaged = bytearray(whole)
            damaged[rng.integers(0, 128)] = rng.integers(0, 256)
            path.write_bytes(damaged)
            with contextlib.suppress(ValueError, TypeError, matfact.NumericalError):
                matfact.svd(path, 1)

    def test_files_of_another_kind(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            matfact.svd(tmp_path / "none.npy", 1)
        with pytest.raises(ValueError, match=r"must be a file of type .npy, .parquet, .arrow, .feather, got '.*x.csv'"):
            matfact.svd(tmp_path / "x.csv", 1)
        with pytest.raises(ValueError, match=r"must hold 2 dimensions.*got shape \(10,\)"):
            matfact.svd(saved(tmp_path, np.ones(10)), 1)
        with pytest.raises(TypeError, match="complex128"):
            matfact.svd(saved(tmp_path, self.X * 1j), 1)
        with pytest.raises(TypeError, match="must hold numbers, got dtype object"):
            matfact.svd(saved(tmp_path, np.full((3, 3), None)), 1)

    def test_solvers_and_counts(self, tmp_path):
        path = saved(tmp_path, self.X)
        for solver in ("full", "randomized"):
            with pytest.raises(ValueError, match=f"solver='{solver}' needs X in memory"):
                matfact.svd(path, 2, solver=solver)
        for source in (path, batches(self.X)):
            with pytest.raises(ValueError, match="n_components must be between 1 and 10, got 11"):
                matfact.svd(source, 11)
        with pytest.raises(ValueError, match="n_components must be between 1 and 4, got 5"):
            matfact.svd(batches(self.X[:4], 2), 5)

    def test_ctrl_c_while_reading(self):
        def rows():
            yield self.X
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            matfact.svd(rows, 2)


class TestMemoryLimit:
    @pytest.mark.parametrize(
        ("text", "n"), [("512MB", 512 * 10**6), ("1.5 GiB", 3 * 2**29), ("9 kb", 9000), ("77B", 77), (12, 12)]
    )
    def test_units(self, text, n):
        from matfact._memory import parse_memory_limit

        assert parse_memory_limit(text) == n

    @pytest.mark.parametrize("limit", ["512", "MB", "-1MB", "1 parsec", 0, -5, "0MB", "1e3MB"])
    def test_nonsense(self, tmp_path, limit):
        with pytest.raises(ValueError, match="memory_limit must be"):
            matfact.svd(saved(tmp_path, np.eye(3)), 1, memory_limit=limit)
        with pytest.raises(TypeError, match="memory_limit must be an integer"):
            matfact.svd(saved(tmp_path, np.eye(3)), 1, memory_limit=1.5)

    @pytest.mark.parametrize("solver", ["auto", "gram", "krylov"])
    def test_a_limit_that_is_too_small_names_the_smallest_that_works(self, tmp_path, rng, solver):
        path = saved(tmp_path, rng.standard_normal((500, 400)))
        with pytest.raises(ValueError, match="too small here: it takes at least") as caught:
            matfact.svd(path, 3, solver=solver, memory_limit="100kB", tol=1e-2)
        smallest = re.search(r"'([\d.]+)MB'", str(caught.value))[1]
        matfact.svd(path, 3, solver=solver, memory_limit=f"{smallest}MB", tol=1e-2)
        with pytest.raises(ValueError, match=f"at least '{smallest}MB'"):
            matfact.svd(path, 3, solver=solver, memory_limit=int((float(smallest) - 0.011) * 1e6), tol=1e-2)

    def test_batches_of_a_function_must_fit(self, rng):
        x = rng.standard_normal((4000, 300))
        with pytest.raises(ValueError, match="too small here") as caught:
            matfact.svd(lambda: [x], 3, solver="krylov", memory_limit="9MB", tol=1e-2)
        smallest = re.search(r"'([\d.]+)MB'", str(caught.value))[1]
        assert float(smallest) > 9.6
        assert matfact.svd(batches(x, 40), 3, solver="krylov", memory_limit="9MB", tol=1e-2).s.size == 3
        # u counts, and its rows are known at the end of the first pass.
        with pytest.raises(ValueError, match="too small here"):
            matfact.svd(batches(x, 40), 150, solver="gram", memory_limit="20MB")

    def test_what_has_no_limit(self):
        with pytest.raises(TypeError, match=r"memory_limit needs an array, a path or a function .* got csr_array"):
            matfact.svd(scipy.sparse.eye_array(9, format="csr"), 2, memory_limit="1GB")
        with pytest.raises(ValueError, match="a linear operator is not read"):
            matfact.svd(scipy.sparse.linalg.aslinearoperator(np.eye(3)), 2, memory_limit="1GB")

    @pytest.mark.parametrize("solver", ["auto", "gram", "krylov"])
    @pytest.mark.parametrize("target", [{"n_components": 0.9}, {"error": 0.3}], ids=["share", "error"])
    def test_a_share_of_the_variance_takes_what_the_limit_holds(self, tmp_path, x, solver, target):
        path, free = saved(tmp_path, x), matfact.svd(x.astype(float), **target)
        for source in (path, np.load(path, mmap_mode="r"), batches(x)):
            r = matfact.svd(source, solver=solver, memory_limit="64MB", **target)
            assert r.s.size == free.s.size
            check(r, x, False)

    @pytest.mark.parametrize("solver", ["gram", "krylov"])
    def test_a_share_beyond_the_limit_says_what_the_limit_holds(self, tmp_path, rng, solver):
        x = rng.standard_normal((6000, 60))  # u of 5 columns takes 1.4 MB, of 60 17 MB
        for source in (saved(tmp_path, x), batches(x, 40)):
            with pytest.raises(ValueError, match=r"holds \d+ components, with a share of 0\.\d+ of the var") as caught:
                matfact.svd(source, 0.9, solver=solver, memory_limit="7MB")
            k = int(re.search(r"n_components=(\d+)", str(caught.value))[1])
            assert 1 <= k < 54
            r = matfact.svd(source, k, solver=solver, memory_limit="7MB")
            assert r.explained_variance_ratio.sum() == pytest.approx(
                float(re.search(r"share of ([\d.]+)", str(caught.value))[1]), rel=1e-3
            )
            with pytest.raises(ValueError, match="too small here: it takes at least"):
                matfact.svd(source, 0.9, solver=solver, memory_limit="500kB")

    def test_a_share_is_found_within_the_limit_by_pca_of_many_features(self, tmp_path, rng):
        x = with_singular_values(rng, 150, 2100, VALUES)
        n_components = matfact.PCA(0.8).fit(x).n_components_
        for source in (saved(tmp_path, x), batches(x, 2)):
            assert matfact.PCA(0.8, memory_limit="60MB").fit(source).n_components_ == n_components

    def test_memory_is_not_blamed_for_what_else_ends_a_share(self, tmp_path, rng):
        small, path = (
            saved(tmp_path, rng.standard_normal(shape), f"{shape[1]}.npy") for shape in [(600, 60), (900, 500)]
        )
        assert matfact.svd(small, error=1e-9, memory_limit="1GB").s.size == 60
        with pytest.warns(matfact.ConvergenceWarning, match="too few for tol"):
            r = matfact.svd(path, 0.5, solver="krylov", memory_limit="20MB", max_passes=4)
        assert r.status == "max_iter"
        stopped = matfact.svd(path, 0.5, solver="krylov", memory_limit="20MB", callback=lambda _: True)
        assert stopped.status == "stopped"


LIMITED = """
import re, resource, sys
import numpy as np
import matfact

def address_space():
    return int(re.search(r"VmSize:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024

matfact.set_num_threads(1)
np.save(sys.argv[2], np.random.default_rng(0).standard_normal((300, 90)))
for solver in ("gram", "krylov"):  # libraries are loaded and pools are filled
    matfact.svd(sys.argv[2], 5, solver=solver, memory_limit="50MB")
limit, wanted = int(sys.argv[3]), sys.argv[4]
k = float(wanted) if "." in wanted else int(wanted)
allowed = address_space() + limit
resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
try:
    np.load(sys.argv[1])
    print("in memory it would fit as well")
except MemoryError:
    pass
for solver in ("auto", "krylov"):
    r = matfact.svd(sys.argv[1], k, solver=solver, center=True, memory_limit=limit)
    print(r.n_passes, *r.s)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS and /proc are Linux's")
@pytest.mark.parametrize("by_share", [False, True])
@pytest.mark.parametrize("n_features", [400, 1500])
def test_a_file_ten_times_the_limit_is_decomposed_within_it(tmp_path, rng, n_features, by_share):
    """The address space may grow by the limit and no further, so that it is kept by the system and not by trust."""
    limit = 15_000_000
    n_rows = 10 * limit // (8 * n_features)
    factors = rng.standard_normal((20, n_features)) * (0.8 ** np.arange(20))[:, None]
    x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float64, (n_rows, n_features))
    for begin in range(0, n_rows, 1000):
        block = x[begin : begin + 1000]
        block[:] = rng.standard_normal((len(block), 20)) @ factors + 0.01 * rng.standard_normal(block.shape)
    x.flush()
    path, small = tmp_path / "x.npy", tmp_path / "small.npy"
    k = 2 if by_share else 3
    whole = matfact.svd(x, k, center=True, solver="krylov")
    wanted = whole.explained_variance_ratio.sum() - 1e-6 if by_share else k
    command = [sys.executable, "-c", LIMITED, str(path), str(small), str(limit), str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr[-800:]
    lines = done.stdout.splitlines()
    assert len(lines) == 2, done.stdout
    for line in lines:
        n_passes, *s = line.split()
        assert int(n_passes) <= 16
        np.testing.assert_allclose(np.array(s, dtype=float), whole.s, rtol=1e-9)  # the square of tol, and some
    assert Path(path).stat().st_size > 10 * limit


class TestPCA:
    @pytest.fixture
    def x(self, rng, dtype):
        return (with_singular_values(rng, 400, 60, VALUES[:60]) + 0.02).astype(dtype)

    @pytest.mark.parametrize(
        ("svd_solver", "n_components"),
        [("arpack", 5), *((solver, k) for solver in ("auto", "covariance_eigh") for k in (5, 0.9, None, "mle"))],
    )
    def test_equals_the_fit_in_memory(self, tmp_path, x, n_components, svd_solver):
        here = matfact.PCA(n_components, svd_solver="covariance_eigh").fit(x)
        for source in (saved(tmp_path, x), batches(x), lambda: map(scipy.sparse.csr_array, np.array_split(x, 3))):
            pca = matfact.PCA(n_components, svd_solver=svd_solver).fit(source)
            assert pca.n_components_ == here.n_components_
            assert pca.n_samples_ == 400
            assert pca.n_features_in_ == 60
            assert pca.components_.dtype == x.dtype
            # Eigenvalues of the Gram matrix: errors of some eps of the largest, and of the dtype.
            close = 64 * eps(x.dtype) * here.explained_variance_[0]
            np.testing.assert_allclose(pca.explained_variance_, here.explained_variance_, atol=close, rtol=1e-5)
            np.testing.assert_allclose(pca.mean_, here.mean_, atol=8 * eps(x.dtype))
            np.testing.assert_allclose(pca.noise_variance_, here.noise_variance_, rtol=1e-3, atol=close)
            np.testing.assert_allclose(
                pca.explained_variance_ratio_.sum(), here.explained_variance_ratio_.sum(), rtol=1e-5
            )
            np.testing.assert_allclose(pca.transform(source)[:, :3], here.transform(x)[:, :3], atol=2e-5)

    def test_moments_need_a_single_pass(self, x):
        calls = []
        rows = batches(x)
        matfact.PCA(3).fit(lambda: calls.append(1) or rows())
        assert len(calls) == 2  # and a look at the first batch

    def test_memory_limit_reads_arrays_in_batches(self, tmp_path, x):
        mapped = np.load(saved(tmp_path, x), mmap_mode="r")
        here, pca = matfact.PCA(3).fit(x), matfact.PCA(3, memory_limit="9MB")
        scores = pca.fit_transform(mapped)
        np.testing.assert_allclose(scores, here.transform(x), atol=64 * eps(x.dtype))
        with pytest.raises(ValueError, match="it takes at least"):
            matfact.PCA(3, memory_limit="10kB").fit(saved(tmp_path, x))

    def test_whitened_scores(self, tmp_path, x):
        path = saved(tmp_path, x)
        scores = matfact.PCA(3, whiten=True).fit_transform(path)
        np.testing.assert_allclose(scores.std(axis=0, ddof=1), 1.0, rtol=1e-4)

    def test_what_is_refused(self, tmp_path, x):
        path = saved(tmp_path, x)
        pca = matfact.PCA(2).fit(path)
        with pytest.raises(ValueError, match="X has 59 features, but PCA is expecting 60"):
            pca.transform(saved(tmp_path, x[:, 1:], "narrow.npy"))
        with pytest.raises(ValueError, match="svd_solver='full' needs X in memory"):
            matfact.PCA(2, svd_solver="full").fit(path)
        with pytest.raises(ValueError, match="n_components=61 must be between 0 and"):
            matfact.PCA(61).fit(path)
        with pytest.raises(ValueError, match=r"Found array with 1 sample\(s\)"):
            matfact.PCA(1).fit(lambda: [x[:1]])
        with pytest.raises(ValueError, match="n_samples >= n_features"):
            matfact.PCA("mle").fit(batches(x[:30]))
