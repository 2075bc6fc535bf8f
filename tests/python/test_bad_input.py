"""What bad input gets: the right answer, or one clear sentence in the right type of exception. Nothing crashes."""

from __future__ import annotations

import inspect
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest
import scipy.sparse
from sklearn.exceptions import NotFittedError

import matfact

EPS = np.finfo(np.float64).eps


def eigh_of_gram(x, *args, **kwargs):
    """eigh needs a symmetric matrix; x'x inherits NaN and infinity from x."""
    with np.errstate(invalid="ignore", over="ignore"):
        return matfact.eigh(np.asarray(x).T @ np.asarray(x), *args, **kwargs)


def factorize(x, k=None, **kwargs):
    return matfact.factorize(x, 1 if k is None else k, random_state=0, **kwargs)


FUNCTIONS = {"svd": matfact.svd, "eigh": matfact.eigh, "factorize": factorize}
ESTIMATORS = {
    "PCA": lambda k=None, **p: matfact.PCA(k, **p),
    "IncrementalPCA": lambda k=None, **p: matfact.IncrementalPCA(k, **p),
    "TruncatedSVD": lambda k=None, **p: matfact.TruncatedSVD(1 if k is None else k, **p),
    "MatrixFactorization": lambda k=None, **p: matfact.MatrixFactorization(1 if k is None else k, random_state=0, **p),
}
# One way to hand a matrix to each entrance, functions and estimators alike.
ENTRANCES = {
    **FUNCTIONS,
    **{name: (lambda x, k=None, make=make, **p: make(k, **p).fit(x)) for name, make in ESTIMATORS.items()},
}
# Where NaN is a missing entry and where it is a mistake.
DENSE_ONLY = ["svd", "eigh", "PCA", "IncrementalPCA", "TruncatedSVD"]
SQUARE = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]])


@pytest.fixture(params=ENTRANCES)
def entrance(request):
    return ENTRANCES[request.param]


@pytest.fixture(params=FUNCTIONS)
def function(request):
    return FUNCTIONS[request.param]


def with_entry(value, dtype=np.float64):
    """SQUARE with one symmetric pair of entries replaced."""
    x = SQUARE.astype(dtype)
    x[0, 2] = x[2, 0] = value
    return x


def values_of(result):
    """The numbers that do not depend on signs or rotations: singular values, eigenvalues, objective."""
    for name in ("s", "w", "singular_values_", "reconstruction_rmse_"):
        if hasattr(result, name) and not hasattr(result, "objective"):
            return np.atleast_1d(getattr(result, name))
    return np.atleast_1d(result.objective)


class TestNotFinite:
    @pytest.mark.parametrize("name", DENSE_ONLY)
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_nan_where_it_is_a_mistake(self, name, dtype):
        with pytest.raises(ValueError, match="NaN"):
            ENTRANCES[name](with_entry(np.nan, dtype))

    @pytest.mark.parametrize("position", range(9))
    def test_nan_is_seen_wherever_it_is(self, position):
        x = SQUARE.copy()
        x.flat[position] = np.nan
        with pytest.raises(ValueError, match="NaN"):
            matfact.svd(x)

    @pytest.mark.parametrize("solver", ["full", "gram"])
    def test_nan_is_seen_by_every_solver_in_a_larger_matrix(self, solver, rng):
        x = rng.standard_normal((500, 70))
        x[321, 7] = np.nan
        with pytest.raises(ValueError, match="NaN"):
            matfact.svd(x, solver=solver)

    @pytest.mark.parametrize("value", [np.inf, -np.inf])
    def test_infinity_is_a_mistake_everywhere(self, entrance, value):
        with pytest.raises(ValueError, match="inf"):
            entrance(with_entry(value))

    @pytest.mark.parametrize("name", ["factorize", "MatrixFactorization"])
    def test_nan_is_a_missing_entry_elsewhere(self, name):
        assert np.isfinite(values_of(ENTRANCES[name](with_entry(np.nan)))).all()

    def test_nothing_observed(self):
        with pytest.raises(ValueError, match="observed"):
            factorize(np.full((3, 2), np.nan))

    def test_nothing_stored(self):
        with pytest.raises(ValueError, match="observed"):
            factorize(scipy.sparse.csr_array((3, 2)))

    def test_exact_with_missing_entries(self):
        with pytest.raises(ValueError, match="exact"):
            factorize(with_entry(np.nan), solver="exact")

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_stored_values_of_a_sparse_matrix(self, value):
        with pytest.raises(ValueError, match=r"NaN|inf"):
            factorize(scipy.sparse.csr_array(with_entry(value)))

    def test_new_rows_of_a_projection(self):
        r = matfact.svd(SQUARE, 2)
        with pytest.raises(ValueError, match="Q holds infinity"):
            r.fold_in(with_entry(np.inf))

    def test_new_rows_of_a_transform(self):
        with pytest.raises(ValueError, match="inf"):
            factorize(SQUARE).transform(with_entry(np.inf))


class TestShapes:
    @pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
    def test_empty(self, entrance, shape):
        with pytest.raises(ValueError, match=r"at least one row|0 sample|0 feature"):
            entrance(np.empty(shape))

    @pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
    def test_empty_sparse(self, shape):
        with pytest.raises(ValueError, match="at least one row and one column"):
            factorize(scipy.sparse.csr_array(shape))

    @pytest.mark.parametrize("x", [np.float64(3.0), np.ones(3), np.ones((2, 2, 2))], ids=["0-d", "1-d", "3-d"])
    def test_not_a_matrix(self, function, x):
        with pytest.raises(ValueError, match=r"must have 2 dimensions, got [013]"):
            function(x)

    @pytest.mark.parametrize("name", ESTIMATORS)
    @pytest.mark.parametrize("x", [np.ones(3), np.ones((2, 2, 2))], ids=["1-d", "3-d"])
    def test_not_a_matrix_for_an_estimator(self, name, x):
        with pytest.raises(ValueError, match=r"Expected 2D array|Found array with dim 3"):
            ENTRANCES[name](x)

    def test_one_dimension_names_the_way_out(self):
        with pytest.raises(ValueError, match=r"reshape\(1, -1\) for one row"):
            matfact.svd([1.0, 2.0])

    def test_ragged_rows(self, function):
        with pytest.raises(ValueError, match=r"[AX] must be a matrix, got rows of unequal lengths"):
            function([[1.0, 2.0], [3.0]])

    @pytest.mark.parametrize("x", [[[3.0, 4.0]], [[3.0], [4.0]]], ids=["one row", "one column"])
    def test_one_row_or_column(self, x):
        """The norm of (3, 4)."""
        np.testing.assert_allclose(matfact.svd(x).s, [5.0], rtol=8 * EPS)
        assert factorize(x).objective <= (64 * EPS) ** 2

    def test_one_by_one(self, entrance, request):
        if "[PCA]" in request.node.name or "TruncatedSVD" in request.node.name:
            with pytest.raises(ValueError, match="minimum of 2 is required"):
                entrance([[2.0]])
        else:
            assert np.isfinite(values_of(entrance([[2.0]]))).all()

    def test_eigh_needs_a_square(self):
        with pytest.raises(ValueError, match=r"A must be square, got shape \(3, 2\)"):
            matfact.eigh(np.ones((3, 2)))

    def test_eigh_needs_symmetry(self):
        with pytest.raises(ValueError, match="symmetric"):
            matfact.eigh(np.array([[1.0, 2.0], [0.0, 1.0]]))

    def test_new_rows_need_as_many_columns(self):
        with pytest.raises(ValueError, match="Q must have 3 columns, as X had, got 2"):
            matfact.svd(SQUARE).fold_in(np.ones((1, 2)))
        with pytest.raises(ValueError, match="X must have 3 columns, as in the fit, got 2"):
            factorize(SQUARE).transform(np.ones((1, 2)))

    @pytest.mark.parametrize("name", ESTIMATORS)
    def test_new_rows_of_an_estimator_need_as_many_columns(self, name):
        fitted = ENTRANCES[name](SQUARE)
        with pytest.raises(ValueError, match="X has 2 features, but"):
            fitted.transform(np.ones((1, 2)))

    def test_coefficients_need_as_many_columns_as_components(self):
        with pytest.raises(ValueError, match="X must have 1 columns, one a component, got 2"):
            ENTRANCES["MatrixFactorization"](SQUARE).inverse_transform(np.ones((1, 2)))


class TestNumberOfComponents:
    @pytest.mark.parametrize("k", [0, -1, 4])
    def test_out_of_range(self, function, k):
        with pytest.raises(ValueError, match=f"n_components must be between 1 and 3, got {k}"):
            function(SQUARE, k)

    @pytest.mark.parametrize("k", [2.0, np.float64(2), "2", True, [2], 1 + 0j])
    def test_not_an_integer(self, function, k):
        with pytest.raises(TypeError, match="n_components must be an integer, got"):
            function(SQUARE, k)

    @pytest.mark.parametrize("k", [np.int8(2), np.int64(2), np.uint16(2)])
    def test_numpy_integers(self, entrance, k):
        np.testing.assert_array_equal(values_of(entrance(SQUARE, k)), values_of(entrance(SQUARE, 2)))

    @pytest.mark.parametrize("name", ESTIMATORS)
    @pytest.mark.parametrize("k", [-1, 4])
    def test_out_of_range_for_an_estimator(self, name, k):
        with pytest.raises(ValueError, match="n_components"):
            ENTRANCES[name](SQUARE, k)

    @pytest.mark.parametrize("name", ESTIMATORS)
    @pytest.mark.parametrize("k", [2.5, "2"])
    def test_not_an_integer_for_an_estimator(self, name, k):
        with pytest.raises((ValueError, TypeError), match="n_components"):
            ENTRANCES[name](SQUARE, k)

    def test_truncation_cannot_add_components(self):
        with pytest.raises(ValueError, match="n_components must be between 1 and 2, got 3"):
            matfact.svd(SQUARE, 2).truncate(3)


class TestDtypes:
    @pytest.mark.parametrize("dtype", [np.complex128, np.complex64])
    def test_complex(self, function, dtype):
        with pytest.raises(TypeError, match=r"must hold real numbers, got complex\d+: factorize"):
            function(SQUARE.astype(dtype))

    @pytest.mark.parametrize("name", ESTIMATORS)
    def test_complex_for_an_estimator(self, name):
        with pytest.raises(ValueError, match="Complex data not supported"):
            ENTRANCES[name](SQUARE.astype(complex))

    @pytest.mark.parametrize(
        "x",
        [SQUARE.astype(object), SQUARE.astype(str), SQUARE.astype("S8"), np.zeros((2, 2), "M8[s]"), [["a", "b"]]],
        ids=["object", "string", "bytes", "date", "list of strings"],
    )
    def test_not_numbers(self, function, x):
        with pytest.raises(TypeError, match=r"must hold numbers, got dtype .*: convert with"):
            function(x)

    @pytest.mark.parametrize("name", ESTIMATORS)
    def test_words_for_an_estimator(self, name):
        with pytest.raises(ValueError, match="could not convert string to float"):
            ENTRANCES[name](np.array([["a", "b"], ["c", "d"]]))

    @pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int32, np.int64, np.uint64])
    def test_integers_and_booleans_count_as_float64(self, entrance, dtype):
        x = (SQUARE > 0.6).astype(dtype)
        result = entrance(x)
        np.testing.assert_array_equal(values_of(result), values_of(entrance(x.astype(np.float64))))
        assert values_of(result).dtype == np.float64

    def test_float16_counts_as_float32(self, function):
        half = SQUARE.astype(np.float16)
        np.testing.assert_array_equal(values_of(function(half)), values_of(function(half.astype(np.float32))))

    def test_long_double_counts_as_float64(self, function):
        np.testing.assert_array_equal(values_of(function(SQUARE.astype(np.longdouble))), values_of(function(SQUARE)))

    @pytest.mark.parametrize("dtype", [">f4", ">f8", "<f4", "<f8", ">i4"])
    def test_any_byte_order(self, function, dtype):
        native = SQUARE.astype(dtype).astype(np.dtype(dtype).newbyteorder("="))
        np.testing.assert_array_equal(values_of(function(SQUARE.astype(dtype))), values_of(function(native)))

    @pytest.mark.parametrize("name", ESTIMATORS)
    @pytest.mark.parametrize("dtype", [">f4", ">f8"])
    def test_a_foreign_byte_order_is_float64_to_an_estimator(self, name, dtype):
        """scikit-learn's validation converts whatever is not native float32 or float64 to float64."""
        x = SQUARE.astype(dtype)
        np.testing.assert_array_equal(values_of(ENTRANCES[name](x)), values_of(ENTRANCES[name](x.astype(np.float64))))

    def test_lists(self, entrance):
        np.testing.assert_array_equal(values_of(entrance(SQUARE.tolist())), values_of(entrance(SQUARE)))

    def test_masked_arrays_name_the_way_out(self, function):
        with pytest.raises(TypeError, match=r"is a masked array: pass [AX].filled\(numpy.nan\)"):
            function(np.ma.masked_less(SQUARE, 1))


class TestSparse:
    def test_where_dense_is_needed(self):
        with pytest.raises(TypeError, match=r"is a sparse matrix, but a dense array is needed: pass A.toarray\(\)"):
            matfact.eigh(scipy.sparse.csr_array(SQUARE))

    @pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok", "dia"])
    def test_every_format_is_the_same_matrix(self, form):
        x = scipy.sparse.random_array((8, 6), density=0.7, rng=np.random.default_rng(0), format="csr")
        f = factorize(x.asformat(form), max_iter=3, tol=0)
        np.testing.assert_allclose(f.history, factorize(x, max_iter=3, tol=0).history, rtol=1e3 * EPS)

    def test_zeros_in_blocks_are_stored_entries(self):
        x = scipy.sparse.bsr_array(np.diag([1.0, 2.0, 3.0, 4.0]), blocksize=(2, 2))
        assert factorize(x, max_iter=1, tol=0).n_observed == 8

    @pytest.mark.parametrize("dtype", [np.float32, np.int64, bool])
    def test_any_dtype(self, dtype):
        x = scipy.sparse.csr_array(SQUARE.astype(dtype))
        assert factorize(x, max_iter=3, tol=0).w.dtype == (np.float32 if dtype == np.float32 else np.float64)

    def test_wide_indices(self):
        x = scipy.sparse.csr_array(SQUARE)
        x.indices, x.indptr = x.indices.astype(np.int64), x.indptr.astype(np.int64)
        history = factorize(scipy.sparse.csr_array(SQUARE), max_iter=3, tol=0).history
        np.testing.assert_array_equal(factorize(x, max_iter=3, tol=0).history, history)

    def test_duplicates_are_summed(self):
        x = scipy.sparse.csr_array((np.array([1.0, 2.0, 5.0]), np.array([0, 0, 1]), np.array([0, 2, 3])), shape=(2, 2))
        f = factorize(x, max_iter=2, tol=0)
        assert f.n_observed == 2
        np.testing.assert_array_equal(f.impute(x)[[0, 1], [0, 1]], [3.0, 5.0])

    @pytest.mark.parametrize("index", [-1, 2, 10**6])
    def test_indices_outside(self, index):
        x = scipy.sparse.csr_array(np.ones((3, 2)))
        x.indices[3] = index
        with pytest.raises(ValueError, match="indices must be between 0 and 1, got"):
            factorize(x)

    def test_indices_outside_in_columns(self):
        x = scipy.sparse.csc_array(np.ones((3, 2)))
        x.indices[3] = 10**6
        with pytest.raises(ValueError, match="indices must be"):
            factorize(x)

    @pytest.mark.parametrize("indptr", [[0, 2, 1, 6], [1, 2, 4, 6], [0, 2, 4, 600]])
    def test_offsets_that_are_no_offsets(self, indptr):
        x = scipy.sparse.csr_array(np.ones((3, 2)))
        x.indptr = np.array(indptr, dtype=np.int32)
        with pytest.raises(ValueError, match="indptr must"):
            factorize(x)

    def test_complex(self):
        with pytest.raises(TypeError, match="must hold real numbers"):
            factorize(scipy.sparse.csr_array(SQUARE.astype(complex)))


def read_only(x, tmp_path):
    del tmp_path
    x = x.copy()
    x.setflags(write=False)
    return x


def memory_mapped(x, tmp_path):
    np.save(tmp_path / "x.npy", x)
    return np.load(tmp_path / "x.npy", mmap_mode="r")


def unaligned(x, tmp_path):
    del tmp_path
    buffer = np.empty(x.nbytes + 1, np.uint8)
    view = buffer[1:].view(x.dtype).reshape(x.shape)
    view[:] = x
    return view


def field_of_records(x, tmp_path):
    """Strides of 9 bytes are no whole number of elements."""
    del tmp_path
    records = np.zeros(x.shape, dtype=[("flag", "u1"), ("value", "f8")])
    records["value"] = x
    return records["value"]


MEMORY = {
    "read-only": read_only,
    "memory-mapped": memory_mapped,
    "unaligned": unaligned,
    "field of records": field_of_records,
    "Fortran": lambda x, _: np.asfortranarray(x),
    "strided": lambda x, _: np.repeat(np.repeat(x, 2, axis=0), 3, axis=1)[::2, ::3],
    "reversed": lambda x, _: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
    "matrix": lambda x, _: x.view(np.matrix),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("memory", MEMORY.values(), ids=MEMORY.keys())
def test_any_memory_gives_the_same_answer(entrance, memory, tmp_path, request):
    """Sums may run in another order; a few eps of the largest value."""
    if "matrix" in request.node.name and any(name in request.node.name for name in ESTIMATORS):
        pytest.skip("scikit-learn refuses numpy.matrix by itself")
    laid_out = memory(SQUARE, tmp_path)
    np.testing.assert_array_equal(laid_out, SQUARE)
    np.testing.assert_allclose(values_of(entrance(laid_out)), values_of(entrance(SQUARE)), atol=64 * EPS * 5)
    np.testing.assert_array_equal(laid_out, SQUARE)


def test_a_broadcast_matrix_is_read_with_strides_of_zero():
    x = np.broadcast_to(np.array([3.0, 4.0]), (4, 2))
    np.testing.assert_allclose(matfact.svd(x).s, [10.0, 0.0], atol=64 * EPS * 10)


class TestDegenerate:
    @pytest.mark.parametrize("solver", ["full", "gram", "auto"])
    def test_constant_columns_are_centered_away(self, solver):
        r = matfact.svd(np.full((50, 3), 0.1), center=True, solver=solver)
        assert (r.s <= 64 * EPS).all()
        assert np.isfinite(r.u).all()

    def test_all_zero(self, entrance):
        assert (values_of(entrance(np.zeros((4, 4)))) == 0).all()

    def test_all_zero_has_no_shares_to_explain(self):
        np.testing.assert_array_equal(matfact.svd(np.zeros((4, 3))).explained_variance_ratio, 0)

    def test_rank_deficient(self):
        """Rank 1: the second singular value is rounding, and a factorization of rank 1 is exact."""
        x = np.outer(np.arange(1.0, 6.0), [1.0, 2.0, 3.0])
        assert matfact.svd(x).s[1] <= 64 * EPS * np.linalg.norm(x)
        assert factorize(x).objective <= (64 * EPS * np.abs(x).max()) ** 2

    @pytest.mark.parametrize("solver", ["gd", "momentum", "nesterov", "scaled_gd", "als"])
    def test_more_components_than_rank(self, solver):
        """The Gram matrices of the factors become singular: still finite, and no worse than the start."""
        x = np.outer(np.arange(1.0, 6.0), [1.0, 2.0, 3.0])
        f = factorize(x, 3, solver=solver, max_iter=50, tol=0)
        assert np.isfinite(f.w).all()
        assert np.isfinite(f.h).all()
        assert f.objective <= f.history[0]

    @pytest.mark.parametrize("scale", [1e300, 1e-300])
    def test_huge_and_tiny_values_of_svd(self, scale):
        np.testing.assert_allclose(matfact.svd(SQUARE * scale).s / scale, matfact.svd(SQUARE).s, rtol=64 * EPS)

    @pytest.mark.parametrize("scale", [1e300, 1e-300])
    def test_huge_and_tiny_values_of_eigh(self, scale):
        np.testing.assert_allclose(matfact.eigh(SQUARE * scale).w / scale, matfact.eigh(SQUARE).w, rtol=64 * EPS)

    @pytest.mark.parametrize("scale", [1e300, 1e-300])
    @pytest.mark.parametrize("name", ["factorize", *ESTIMATORS])
    def test_huge_and_tiny_values_elsewhere(self, name, scale):
        """Squares of these are not representable: a finite answer, or NumericalError, but no NaN."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            try:
                result = ENTRANCES[name](SQUARE * scale)
            except matfact.NumericalError:
                return
        factors = (result.w, result.h) if name == "factorize" else (result.components_,)
        assert all(np.isfinite(a).all() for a in factors)

    def test_float32_overflow_of_sums(self):
        """Each square is 1e40, above float32's 3e38."""
        x = np.full((4, 3), 1e20, np.float32)
        np.testing.assert_allclose(matfact.svd(x, 1).s, [np.sqrt(12) * 1e20], rtol=64 * np.finfo(np.float32).eps)

    def test_values_too_large_for_the_dtype_of_the_fit(self):
        f = factorize(SQUARE.astype(np.float32))
        with pytest.raises(ValueError, match="X holds values too large for float32"):
            f.transform(SQUARE * 1e50)


class TestArguments:
    @pytest.mark.parametrize("parameter", ["l2", "l2_w", "l2_h", "tol"])
    @pytest.mark.parametrize("value", [-1, np.nan, np.inf])
    def test_not_a_weight(self, parameter, value):
        with pytest.raises(ValueError, match=f"{parameter} must be finite and not negative, got"):
            factorize(SQUARE, **{parameter: value})

    @pytest.mark.parametrize("value", [0, -0.1, np.nan, np.inf])
    def test_not_a_step(self, value):
        with pytest.raises(ValueError, match="learning_rate must be finite and positive, got"):
            factorize(SQUARE, learning_rate=value)

    @pytest.mark.parametrize("parameter", ["learning_rate", "l2", "tol"])
    @pytest.mark.parametrize("value", ["0.1", [0.1, 0.2], True, 1j])
    def test_not_a_number(self, parameter, value):
        with pytest.raises(TypeError, match=f"{parameter} must be a number, got"):
            factorize(SQUARE, **{parameter: value})

    @pytest.mark.parametrize(
        ("value", "error"), [(0, ValueError), (-5, ValueError), (1.5, TypeError), ("9", TypeError)]
    )
    def test_not_a_number_of_iterations(self, value, error):
        with pytest.raises(error, match="max_iter must be"):
            factorize(SQUARE, max_iter=value)

    @pytest.mark.parametrize("value", ["svds", "", None, 1])
    def test_not_a_solver(self, function, value):
        with pytest.raises(ValueError, match="solver must be one of 'auto', "):
            function(SQUARE, solver=value)

    @pytest.mark.parametrize("parameter", ["init", "reduction"])
    def test_not_a_choice(self, parameter):
        with pytest.raises(ValueError, match=f"{parameter} must be one of"):
            factorize(SQUARE, **{parameter: "median"})

    @pytest.mark.parametrize("value", [1, None, "yes"])
    def test_not_a_flag(self, value):
        with pytest.raises(TypeError, match="center must be True or False, got"):
            matfact.svd(SQUARE, center=value)

    @pytest.mark.parametrize(
        ("value", "error"), [(0, ValueError), (-1, ValueError), (1.0, TypeError), ("2", TypeError)]
    )
    def test_not_a_number_of_threads(self, function, value, error):
        with pytest.raises(error, match="num_threads must be"):
            function(SQUARE, num_threads=value)

    @pytest.mark.parametrize(
        ("value", "error"), [(-1, ValueError), (2**64, ValueError), (0.5, TypeError), ("seed", TypeError)]
    )
    def test_not_a_seed(self, value, error):
        with pytest.raises(error, match="random_state must be"):
            matfact.factorize(SQUARE, 1, random_state=value)
        with pytest.raises(error, match="random_state must be"):
            matfact.svd(SQUARE, random_state=value)

    @pytest.mark.parametrize(
        "make", [lambda: 7, lambda: np.int64(7), lambda: np.random.default_rng(7), lambda: np.random.RandomState(7)]
    )
    def test_every_seed_gives_the_same_start_again(self, make):
        f, g = (matfact.factorize(SQUARE, 2, solver="gd", random_state=make(), max_iter=1, tol=0) for _ in range(2))
        np.testing.assert_array_equal(f.w, g.w)

    def test_arguments_after_n_components_are_keyword_only(self):
        for function in (matfact.svd, matfact.eigh, matfact.factorize):
            parameters = list(inspect.signature(function).parameters.values())
            assert all(p.kind is p.KEYWORD_ONLY for p in parameters[2:])


class TestInit:
    @pytest.mark.parametrize(
        ("w", "h", "message"),
        [
            ((3, 2), (1, 3), r"init\[0\] must have shape \(3, 1\), got \(3, 2\)"),
            ((3, 1), (3, 1), r"init\[1\] must have shape \(1, 3\), got \(3, 1\)"),
            ((3,), (1, 3), r"init\[0\] must have 2 dimensions, got 1"),
        ],
    )
    def test_wrong_shapes(self, w, h, message):
        with pytest.raises(ValueError, match=message):
            factorize(SQUARE, 1, init=(np.ones(w), np.ones(h)))

    @pytest.mark.parametrize("init", [None, 3, np.ones((3, 1)), (np.ones((3, 1)),)])
    def test_not_a_pair(self, init):
        with pytest.raises(TypeError, match=r"init must be 'random', 'svd' or a pair \(W, H\), got"):
            factorize(SQUARE, 1, init=init)

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_not_finite(self, value):
        with pytest.raises(ValueError, match=r"init\[1\] holds NaN or infinity"):
            factorize(SQUARE, 1, init=(np.ones((3, 1)), np.full((1, 3), value)))

    def test_is_not_changed(self):
        w, h = np.ones((3, 1)), np.ones((1, 3))
        factorize(SQUARE, 1, solver="gd", init=(w, h), max_iter=5, tol=0)
        assert (w == 1).all()
        assert (h == 1).all()


class TestCallback:
    def test_an_exception_passes_through_unchanged(self):
        error = LookupError("mine")

        def fail(_):
            raise error

        with pytest.raises(LookupError) as caught:
            factorize(SQUARE, solver="gd", callback=fail)
        assert caught.value is error

    def test_true_stops(self):
        f = factorize(SQUARE, solver="gd", callback=lambda it: it.n_iter == 3, tol=0)
        assert (f.status, f.n_iter) == ("stopped", 3)

    def test_is_told_the_iteration_and_the_objective(self):
        seen = []
        f = factorize(SQUARE, solver="gd", callback=seen.append, max_iter=4, tol=0)
        assert [it.n_iter for it in seen] == [1, 2, 3, 4]
        np.testing.assert_array_equal([it.objective for it in seen], f.history[1:])

    def test_not_callable(self):
        with pytest.raises(TypeError, match="callback must be callable, got 3"):
            factorize(SQUARE, callback=3)

    def test_ctrl_c_in_the_middle(self):
        """In a child process: SIGINT to ourselves would end the test run if it were lost."""
        code = """
import os, signal, threading, time
import numpy as np
import matfact

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in what it runs in the background
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    # So short a step that the descent is never over.
    matfact.MatrixFactorization(2, solver="gd", learning_rate=1e-12, max_iter=10**9, tol=0).fit(np.eye(50))
except KeyboardInterrupt:
    print("interrupted")
print(matfact.svd(np.eye(2)).s)
"""
        if not hasattr(signal, "raise_signal") or sys.platform == "win32":
            pytest.skip("needs POSIX signals")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout.splitlines() == ["interrupted", "[1. 1.]"]


class TestNotConverging:
    def test_divergence_warns_and_returns_finite_factors(self):
        with pytest.warns(matfact.ConvergenceWarning, match=r"diverged .*: pass learning_rate=None"):
            f = factorize(SQUARE, solver="gd", learning_rate=1000.0)
        assert f.status == "diverged"
        assert np.isfinite(f.w).all()
        assert np.isfinite(f.h).all()

    def test_running_out_of_iterations_warns(self):
        with pytest.warns(matfact.ConvergenceWarning, match="used all 2 iterations .*: raise max_iter or tol"):
            f = factorize(SQUARE, solver="gd", max_iter=2)
        assert f.status == "max_iter"

    def test_asking_for_all_iterations_does_not_warn(self):
        assert factorize(SQUARE, solver="gd", max_iter=2, tol=0).n_iter == 2


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
def test_estimators_must_be_fitted_first(name, method):
    with pytest.raises(NotFittedError) if method == "transform" else pytest.raises((NotFittedError, AttributeError)):
        getattr(ESTIMATORS[name](), method)(SQUARE)
