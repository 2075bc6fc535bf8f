"""What bad input gets from every function and estimator that takes a matrix: the right answer, or one clear sentence in
the right type of exception. Nothing crashes."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import matfact
from reference.measure import eps
from support.entrances import ENTRANCES, ESTIMATORS, FUNCTIONS, SQUARE, values_of, with_entry

EPS = eps(np.float64)
WHERE_NAN_IS_A_MISTAKE = ["svd", "eigh", "PCA", "IncrementalPCA", "TruncatedSVD"]


@pytest.fixture(params=ENTRANCES)
def entrance(request):
    return ENTRANCES[request.param]


@pytest.fixture(params=FUNCTIONS)
def function(request):
    return FUNCTIONS[request.param]


class TestNotFinite:
    @pytest.mark.parametrize("name", WHERE_NAN_IS_A_MISTAKE)
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_nan_where_it_is_a_mistake(self, name, dtype):
        with pytest.raises(ValueError, match="NaN"):
            ENTRANCES[name](with_entry(np.nan, dtype))

    @pytest.mark.parametrize("value", [np.inf, -np.inf])
    def test_infinity_is_a_mistake_everywhere(self, entrance, value):
        with pytest.raises(ValueError, match="inf"):
            entrance(with_entry(value))


class TestShapes:
    @pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
    def test_empty(self, entrance, shape):
        with pytest.raises(ValueError, match=r"at least one row|0 sample|0 feature"):
            entrance(np.empty(shape))

    @pytest.mark.parametrize("x", [np.float64(3.0), np.ones(3), np.ones((2, 2, 2))], ids=["0-d", "1-d", "3-d"])
    def test_not_a_matrix(self, function, x):
        with pytest.raises(ValueError, match=r"must have 2 dimensions, got [013]"):
            function(x)

    @pytest.mark.parametrize("name", ESTIMATORS)
    @pytest.mark.parametrize("x", [np.ones(3), np.ones((2, 2, 2))], ids=["1-d", "3-d"])
    def test_not_a_matrix_for_an_estimator(self, name, x):
        with pytest.raises(ValueError, match=r"Expected 2D array|Found array with dim 3"):
            ENTRANCES[name](x)

    def test_ragged_rows(self, function):
        with pytest.raises(ValueError, match=r"[AX] must be a matrix, got rows of unequal lengths"):
            function([[1.0, 2.0], [3.0]])

    def test_one_by_one(self, entrance, request):
        if "[PCA]" in request.node.name or "TruncatedSVD" in request.node.name:
            with pytest.raises(ValueError, match="minimum of 2 is required"):
                entrance([[2.0]])
        else:
            assert np.isfinite(values_of(entrance([[2.0]]))).all()

    @pytest.mark.parametrize("name", ESTIMATORS)
    def test_new_rows_of_an_estimator_need_as_many_columns(self, name):
        fitted = ENTRANCES[name](SQUARE)
        with pytest.raises(ValueError, match="X has 2 features, but"):
            fitted.transform(np.ones((1, 2)))


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


class TestDegenerate:
    def test_all_zero(self, entrance):
        assert (values_of(entrance(np.zeros((4, 4)))) == 0).all()

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


class TestArguments:
    @pytest.mark.parametrize("value", ["svds", "", None, 1])
    def test_not_a_solver(self, function, value):
        with pytest.raises(ValueError, match="solver must be one of 'auto', "):
            function(SQUARE, solver=value)

    @pytest.mark.parametrize(
        ("value", "error"), [(0, ValueError), (-1, ValueError), (1.0, TypeError), ("2", TypeError)]
    )
    def test_not_a_number_of_threads(self, function, value, error):
        with pytest.raises(error, match="num_threads must be"):
            function(SQUARE, num_threads=value)

    def test_arguments_after_n_components_are_keyword_only(self):
        for function in (matfact.svd, matfact.eigh, matfact.factorize):
            parameters = list(inspect.signature(function).parameters.values())
            assert all(p.kind is p.KEYWORD_ONLY for p in parameters[2:])


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
def test_estimators_must_be_fitted_first(name, method):
    with pytest.raises(NotFittedError) if method == "transform" else pytest.raises((NotFittedError, AttributeError)):
        getattr(ESTIMATORS[name](), method)(SQUARE)
