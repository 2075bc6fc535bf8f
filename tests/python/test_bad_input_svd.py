"""What bad input gets from svd and eigh: the right answer, or one clear sentence in the right type of exception."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

import matfact
from reference.measure import eps
from support.entrances import SQUARE, with_entry

EPS = eps(np.float64)


class TestNotFinite:
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

    def test_new_rows_of_a_projection(self):
        r = matfact.svd(SQUARE, 2)
        with pytest.raises(ValueError, match="Q holds infinity"):
            r.fold_in(with_entry(np.inf))


class TestShapes:
    def test_one_dimension_names_the_way_out(self):
        with pytest.raises(ValueError, match=r"reshape\(1, -1\) for one row"):
            matfact.svd([1.0, 2.0])

    @pytest.mark.parametrize("x", [[[3.0, 4.0]], [[3.0], [4.0]]], ids=["one row", "one column"])
    def test_one_row_or_column(self, x):
        """The norm of (3, 4)."""
        np.testing.assert_allclose(matfact.svd(x).s, [5.0], rtol=8 * EPS)

    def test_eigh_needs_a_square(self):
        with pytest.raises(ValueError, match=r"A must be square, got shape \(3, 2\)"):
            matfact.eigh(np.ones((3, 2)))

    def test_eigh_needs_symmetry(self):
        with pytest.raises(ValueError, match="symmetric"):
            matfact.eigh(np.array([[1.0, 2.0], [0.0, 1.0]]))

    def test_new_rows_need_as_many_columns(self):
        with pytest.raises(ValueError, match="Q must have 3 columns, as X had, got 2"):
            matfact.svd(SQUARE).fold_in(np.ones((1, 2)))

    def test_eigh_needs_a_dense_matrix(self):
        with pytest.raises(TypeError, match=r"is a sparse matrix, but a dense array is needed: pass A.toarray\(\)"):
            matfact.eigh(scipy.sparse.csr_array(SQUARE))


def test_a_broadcast_matrix_is_read_with_strides_of_zero():
    x = np.broadcast_to(np.array([3.0, 4.0]), (4, 2))
    np.testing.assert_allclose(matfact.svd(x).s, [10.0, 0.0], atol=64 * EPS * 10)


class TestDegenerate:
    @pytest.mark.parametrize("solver", ["full", "gram", "auto"])
    def test_constant_columns_are_centered_away(self, solver):
        r = matfact.svd(np.full((50, 3), 0.1), center=True, solver=solver)
        assert (r.s <= 64 * EPS).all()
        assert np.isfinite(r.u).all()

    def test_all_zero_has_no_shares_to_explain(self):
        np.testing.assert_array_equal(matfact.svd(np.zeros((4, 3))).explained_variance_ratio, 0)

    def test_rank_deficient(self):
        """Rank 1: the second singular value is rounding."""
        x = np.outer(np.arange(1.0, 6.0), [1.0, 2.0, 3.0])
        assert matfact.svd(x).s[1] <= 64 * EPS * np.linalg.norm(x)

    @pytest.mark.parametrize("scale", [1e300, 1e-300])
    def test_huge_and_tiny_values_of_svd(self, scale):
        np.testing.assert_allclose(matfact.svd(SQUARE * scale).s / scale, matfact.svd(SQUARE).s, rtol=64 * EPS)

    @pytest.mark.parametrize("scale", [1e300, 1e-300])
    def test_huge_and_tiny_values_of_eigh(self, scale):
        np.testing.assert_allclose(matfact.eigh(SQUARE * scale).w / scale, matfact.eigh(SQUARE).w, rtol=64 * EPS)

    def test_float32_overflow_of_sums(self):
        """Each square is 1e40, above float32's 3e38."""
        x = np.full((4, 3), 1e20, np.float32)
        np.testing.assert_allclose(matfact.svd(x, 1).s, [np.sqrt(12) * 1e20], rtol=64 * np.finfo(np.float32).eps)


class TestArguments:
    def test_truncation_cannot_add_components(self):
        with pytest.raises(ValueError, match="n_components must be between 1 and 2, got 3"):
            matfact.svd(SQUARE, 2).truncate(3)

    @pytest.mark.parametrize("value", [1, None, "yes"])
    def test_not_a_flag(self, value):
        with pytest.raises(TypeError, match="center must be True or False, got"):
            matfact.svd(SQUARE, center=value)

    @pytest.mark.parametrize(
        ("value", "error"), [(-1, ValueError), (2**64, ValueError), (0.5, TypeError), ("seed", TypeError)]
    )
    def test_not_a_seed(self, value, error):
        with pytest.raises(error, match="random_state must be"):
            matfact.svd(SQUARE, random_state=value)
