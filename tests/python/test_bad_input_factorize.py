"""What bad input gets from factorize: the right answer, or one clear sentence in the right type of exception."""

from __future__ import annotations

import signal
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse

import matfact
from reference.measure import eps
from support.entrances import ENTRANCES, SQUARE, factorize, values_of, with_entry

EPS = eps(np.float64)


class TestNotFinite:
    @pytest.mark.parametrize("name", ["factorize", "MatrixFactorization"])
    def test_nan_is_a_missing_entry(self, name):
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

    def test_new_rows_of_a_transform(self):
        with pytest.raises(ValueError, match="inf"):
            factorize(SQUARE).transform(with_entry(np.inf))


class TestShapes:
    @pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
    def test_empty_sparse(self, shape):
        with pytest.raises(ValueError, match="at least one row and one column"):
            factorize(scipy.sparse.csr_array(shape))

    @pytest.mark.parametrize("x", [[[3.0, 4.0]], [[3.0], [4.0]]], ids=["one row", "one column"])
    def test_one_row_or_column(self, x):
        assert factorize(x).objective <= (64 * EPS) ** 2

    def test_new_rows_need_as_many_columns(self):
        with pytest.raises(ValueError, match="X must have 3 columns, as in the fit, got 2"):
            factorize(SQUARE).transform(np.ones((1, 2)))

    def test_coefficients_need_as_many_columns_as_components(self):
        with pytest.raises(ValueError, match="X must have 1 columns, one a component, got 2"):
            ENTRANCES["MatrixFactorization"](SQUARE).inverse_transform(np.ones((1, 2)))


class TestSparse:
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


class TestDegenerate:
    def test_rank_deficient(self):
        """Rank 1: one component is exact."""
        x = np.outer(np.arange(1.0, 6.0), [1.0, 2.0, 3.0])
        assert factorize(x).objective <= (64 * EPS * np.abs(x).max()) ** 2

    @pytest.mark.parametrize("solver", ["gd", "momentum", "nesterov", "scaled_gd", "als"])
    def test_more_components_than_rank(self, solver):
        """The Gram matrices of the factors become singular: still finite, and no worse than the start."""
        x = np.outer(np.arange(1.0, 6.0), [1.0, 2.0, 3.0])
        f = factorize(x, 3, solver=solver, max_iter=50, tol=0)
        assert np.isfinite(f.w).all()
        assert np.isfinite(f.h).all()
        assert f.objective <= f.history[0]

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

    @pytest.mark.parametrize("parameter", ["init", "reduction"])
    def test_not_a_choice(self, parameter):
        with pytest.raises(ValueError, match=f"{parameter} must be one of"):
            factorize(SQUARE, **{parameter: "median"})

    @pytest.mark.parametrize(
        ("value", "error"), [(-1, ValueError), (2**64, ValueError), (0.5, TypeError), ("seed", TypeError)]
    )
    def test_not_a_seed(self, value, error):
        with pytest.raises(error, match="random_state must be"):
            matfact.factorize(SQUARE, 1, random_state=value)

    @pytest.mark.parametrize(
        "make", [lambda: 7, lambda: np.int64(7), lambda: np.random.default_rng(7), lambda: np.random.RandomState(7)]
    )
    def test_every_seed_gives_the_same_start_again(self, make):
        f, g = (matfact.factorize(SQUARE, 2, solver="gd", random_state=make(), max_iter=1, tol=0) for _ in range(2))
        np.testing.assert_array_equal(f.w, g.w)


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
