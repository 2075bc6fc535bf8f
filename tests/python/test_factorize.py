"""factorize: trajectories against the textbook, optima in closed form, missing entries, status, result."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.sparse

import matfact
from reference import als as reference_als
from reference import descent
from reference.measure import eps
from reference.objective import Problem
from reference.optimum import optimal_objective
from reference.planted import with_singular_values

TOY = np.array([[5.0, 3.0], [3.0, 2.0], [2.0, 1.0], [1.0, 1.0]])
DESCENT = ["gd", "momentum", "nesterov", "adam", "scaled_gd"]
ITERATIVE = [*DESCENT, "als"]
EVERY = [*ITERATIVE, "exact", "auto"]


def start(rng, m, n, k):
    return rng.standard_normal((m, k)), rng.standard_normal((k, n))


def with_gaps(rng, x, share=0.3):
    """x with NaN in a share of its entries; the first row and column stay whole so that nothing is undetermined."""
    gaps = rng.random(x.shape) < share
    gaps[0], gaps[:, 0] = False, False
    return np.where(gaps, np.nan, x)


class TestToy:
    """The matrix of the README at k = 2: it has rank 2, so the optimum is zero."""

    def test_adam_reaches_an_error_of_1e_12(self):
        f = matfact.factorize(TOY, 2, solver="adam", learning_rate=0.01, max_iter=5000, tol=0.0, random_state=0)
        assert f.objective <= 1e-12
        assert np.mean((f.w @ f.h - TOY) ** 2) <= 1e-12

    @pytest.mark.parametrize("seed", range(5))
    def test_any_seed_does(self, seed):
        f = matfact.factorize(TOY, 2, solver="adam", learning_rate=0.01, max_iter=5000, tol=0.0, random_state=seed)
        assert f.objective <= 1e-12

    @pytest.mark.parametrize(("solver", "bound"), [("exact", 64), ("auto", 64), ("als", 64), ("scaled_gd", 1e4)])
    def test_other_solvers_reach_rounding(self, solver, bound):
        """Residuals of a few eps * 5, squared; scaled_gd stops when its gradient is that small."""
        f = matfact.factorize(TOY, 2, solver=solver, random_state=0, max_iter=500, tol=1e-14)
        assert 0 <= f.objective <= (bound * eps(float) * 5) ** 2


REFERENCES = {
    "gd": lambda p, w, h, steps: descent.gd(p, w, h, 0.02, steps),
    "momentum": lambda p, w, h, steps: descent.momentum(p, w, h, 0.02, steps),
    "nesterov": lambda p, w, h, steps: descent.momentum(p, w, h, 0.02, steps, nesterov=True),
    "adam": lambda p, w, h, steps: descent.adam(p, w, h, 0.02, steps),
}


class TestTrajectories:
    """Same start, same step: the same path as the textbook, up to rounding amplified by the steps taken."""

    @pytest.mark.parametrize("missing", [False, True], ids=["full", "missing"])
    @pytest.mark.parametrize("l2", [0.0, 0.03])
    @pytest.mark.parametrize("reduction", ["mean", "sum"])
    @pytest.mark.parametrize("solver", REFERENCES)
    def test_matches_the_reference_after_every_step(self, rng, solver, reduction, l2, missing):
        x = rng.standard_normal((9, 7)) / (8 if reduction == "sum" else 1)
        x = with_gaps(rng, x) if missing else x
        w, h = start(rng, 9, 7, 3)
        w, h = w / 4, h / 4
        problem = Problem(x, l2_w=l2, l2_h=2 * l2, reduction=reduction)
        f = matfact.factorize(
            x,
            3,
            solver=solver,
            learning_rate=0.02,
            l2_w=l2,
            l2_h=2 * l2,
            reduction=reduction,
            init=(w, h),
            max_iter=20,
            tol=0.0,
        )
        path = list(REFERENCES[solver](problem, w, h, 20))
        history = [problem.objective(w, h), *(problem.objective(*p) for p in path)]
        np.testing.assert_allclose(f.history, history, rtol=1e4 * eps(float))
        np.testing.assert_allclose(f.w, path[-1][0], atol=1e4 * eps(float))
        np.testing.assert_allclose(f.h, path[-1][1], atol=1e4 * eps(float))

    def test_adam_walks_the_path_of_torch(self, rng):
        """PyTorch itself where it is installed; the reference above stands in for it elsewhere."""
        torch = pytest.importorskip("torch")
        x = rng.standard_normal((12, 8))
        w0, h0 = start(rng, 12, 8, 3)
        w, h = (torch.tensor(a, requires_grad=True) for a in (w0, h0))
        optimizer = torch.optim.Adam([w, h], lr=0.01)
        history = []
        for _ in range(100):
            loss = ((torch.tensor(x) - w @ h) ** 2).mean()
            history.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        f = matfact.factorize(x, 3, solver="adam", learning_rate=0.01, max_iter=100, tol=0.0, init=(w0, h0))
        np.testing.assert_allclose(f.history[:-1], history, rtol=1e5 * eps(float))
        np.testing.assert_allclose(f.w, w.detach().numpy(), rtol=1e6 * eps(float))

    @pytest.mark.parametrize("missing", [False, True], ids=["full", "missing"])
    @pytest.mark.parametrize("reduction", ["mean", "sum"])
    @pytest.mark.parametrize("l2", [(0.01, 0.02), (0.01, 0.0), (0.0, 0.0)], ids=str)
    def test_als_matches_row_by_row_least_squares(self, rng, l2, reduction, missing):
        x = rng.standard_normal((15, 11))
        x = with_gaps(rng, x) if missing else x
        w, h = start(rng, 15, 11, 3)
        problem = Problem(x, *l2, reduction=reduction)
        f = matfact.factorize(
            x, 3, solver="als", l2_w=l2[0], l2_h=l2[1], reduction=reduction, init=(w, h), max_iter=5, tol=0.0
        )
        expected = [problem.objective(*p) for p in reference_als.als(problem, w, h, 5)]
        np.testing.assert_allclose(f.history[1:], expected, rtol=1e5 * eps(float))

    @pytest.mark.parametrize("missing", [False, True], ids=["full", "missing"])
    def test_als_with_a_small_ridge_does_not_creep(self, rng, missing):
        """Rebalanced factors: what is left after the fit is not a slow exchange of size between W and H."""
        x = rng.standard_normal((60, 4)) @ rng.standard_normal((4, 40))
        f = matfact.factorize(with_gaps(rng, x, 0.5) if missing else x, 4, solver="als", l2=1e-6, random_state=0)
        assert f.status == "converged"
        assert f.n_iter <= 200

    @pytest.mark.parametrize("solver", ITERATIVE)
    def test_float32_follows_float64(self, rng, solver):
        """A short path from the same start; each of 20 steps adds a few eps, and the problem is well scaled."""
        x = with_singular_values(rng, 30, 20, np.linspace(3, 1, 20))
        w, h = start(rng, 30, 20, 4)
        kwargs = {"solver": solver, "max_iter": 20, "tol": 0.0}
        f64 = matfact.factorize(x, 4, init=(w, h), **kwargs)
        f32 = matfact.factorize(x.astype(np.float32), 4, init=(w.astype(np.float32), h.astype(np.float32)), **kwargs)
        assert f32.w.dtype == f32.h.dtype == np.float32
        np.testing.assert_allclose(f32.history, f64.history, rtol=1e3 * eps(np.float32))


class TestOptimum:
    @pytest.mark.parametrize("solver", ["exact", "auto"])
    @pytest.mark.parametrize("k", [1, 2, 5])
    def test_eckart_young(self, rng, k, solver, dtype):
        """Nothing of rank k is closer than the sum of the squared singular values left out."""
        s = np.array([5, 4, 3, 2, 1])
        x = with_singular_values(rng, 40, 30, s).astype(dtype)
        f = matfact.factorize(x, k, solver=solver, reduction="sum")
        assert f.objective == pytest.approx((s[k:] ** 2).sum(), rel=256 * eps(dtype), abs=(256 * eps(dtype)) ** 2 * 25)
        assert f.status == "converged"

    @pytest.mark.parametrize("reduction", ["mean", "sum"])
    @pytest.mark.parametrize("l2", [(0.001, 0.001), (0.0005, 0.002)])
    def test_with_ridge_the_singular_values_are_soft_thresholded(self, rng, l2, reduction):
        """sigma -> max(sigma - sqrt(l2_w l2_h) / weight, 0), split so that both penalties are equal."""
        x = with_singular_values(rng, 25, 20, np.linspace(4, 0.2, 20))
        scale = 500 if reduction == "sum" else 1
        problem = Problem(x, l2_w=l2[0] * scale, l2_h=l2[1] * scale, reduction=reduction)
        f = matfact.factorize(x, 12, solver="exact", l2_w=problem.l2_w, l2_h=problem.l2_h, reduction=reduction)
        optimum = optimal_objective(problem, 12)
        assert f.objective == pytest.approx(optimum, rel=256 * eps(float))
        assert problem.objective(f.w, f.h) == pytest.approx(optimum, rel=256 * eps(float))

    def test_the_factors_are_balanced(self, rng):
        """W'W = H H' = diag(s): with equal penalties any other split has a larger norm."""
        s = np.array([4.0, 3.0, 2.0, 1.0])
        f = matfact.factorize(with_singular_values(rng, 20, 15, s), 3, solver="exact")
        np.testing.assert_allclose(f.w.T @ f.w, np.diag(s[:3]), atol=64 * eps(float) * 4)
        np.testing.assert_allclose(f.h @ f.h.T, np.diag(s[:3]), atol=64 * eps(float) * 4)

    @pytest.mark.parametrize("l2", [0.0, 0.001])
    @pytest.mark.parametrize("solver", ["gd", "nesterov", "scaled_gd", "als"])
    def test_iterative_solvers_reach_it(self, rng, solver, l2):
        """A gap of 2 between kept and dropped values, so that all of them converge in some hundred steps."""
        x = with_singular_values(rng, 30, 20, np.array([5.0, 4.5, 4.0, 2.0, 1.0]))
        f = matfact.factorize(x, 3, solver=solver, l2=l2, max_iter=20000, tol=1e-8, random_state=1)
        assert f.status == "converged"
        # The objective is flat to second order: a relative gradient of 1e-8 leaves less than 1e-12 of it.
        assert f.objective == pytest.approx(optimal_objective(Problem(x, l2, l2), 3), rel=1e-12)

    @pytest.mark.parametrize("solver", EVERY)
    def test_optimum_gap_is_the_distance_to_it(self, rng, solver):
        x = with_singular_values(rng, 30, 20, np.array([5.0, 4.0, 3.0, 2.0, 1.0]))
        f = matfact.factorize(x, 2, solver=solver, max_iter=30, tol=0.0, random_state=0)
        expected = f.objective - optimal_objective(Problem(x), 2)
        assert f.optimum_gap == pytest.approx(expected, abs=64 * eps(float) * f.history[0])
        assert f.optimum_gap >= -64 * eps(float) * f.objective

    def test_optimum_gap_is_nan_where_entries_are_missing(self, rng):
        x = with_gaps(rng, rng.standard_normal((12, 9)))
        assert np.isnan(matfact.factorize(x, 2, solver="als", l2=0.01, max_iter=3, tol=0.0).optimum_gap)


class TestMissing:
    """NaN in a dense matrix and absence from a sparse one mean the same: the entry does not count."""

    @pytest.mark.parametrize("solver", [*ITERATIVE, "auto"])
    @pytest.mark.parametrize("index", [np.int32, np.int64])
    def test_sparse_and_dense_with_nan_agree(self, rng, solver, index, dtype):
        x = with_gaps(rng, rng.standard_normal((20, 14)), 0.5).astype(dtype)
        rows, cols = np.nonzero(~np.isnan(x))
        sparse = scipy.sparse.csr_array((x[rows, cols], (rows, cols)), shape=x.shape)
        sparse.indices, sparse.indptr = sparse.indices.astype(index), sparse.indptr.astype(index)
        w, h = (a.astype(dtype) / 2 for a in start(rng, 20, 14, 3))
        kwargs = {"solver": solver, "init": (w, h), "max_iter": 10, "tol": 0.0, "l2": 0.01}
        dense = matfact.factorize(x, 3, **kwargs)
        np.testing.assert_allclose(matfact.factorize(sparse, 3, **kwargs).history, dense.history, rtol=1e4 * eps(dtype))

    def test_explicit_zeros_of_a_sparse_matrix_are_observed(self):
        """[[1, 0], [., 1]]: with the zero observed, w_1 . h_2 must vanish."""
        x = scipy.sparse.csr_array((np.array([1.0, 0.0, 1.0]), np.array([0, 1, 1]), np.array([0, 2, 3])), shape=(2, 2))
        dense = np.array([[1.0, 0.0], [np.nan, 1.0]])
        init = (np.full((2, 1), 0.5), np.full((1, 2), 0.5))
        kwargs = {"solver": "gd", "learning_rate": 0.1, "init": init, "max_iter": 5, "tol": 0.0}
        np.testing.assert_allclose(
            matfact.factorize(x, 1, **kwargs).history,
            matfact.factorize(dense, 1, **kwargs).history,
            rtol=64 * eps(float),
        )

    @pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
    def test_every_sparse_format_is_accepted(self, rng, kind):
        x = scipy.sparse.random_array((20, 10), density=0.6, format=kind, rng=rng)
        f = matfact.factorize(x, 2, solver="als", l2=0.01, max_iter=5, tol=0.0, random_state=0)
        csr = matfact.factorize(x.tocsr(), 2, solver="als", l2=0.01, max_iter=5, tol=0.0, random_state=0)
        np.testing.assert_allclose(f.history, csr.history, rtol=64 * eps(float))

    def test_hidden_values_do_not_matter(self, rng):
        """Rank 2 with 30 % hidden: the hidden entries are recovered."""
        x = rng.standard_normal((60, 2)) @ rng.standard_normal((2, 40))
        f = matfact.factorize(with_gaps(rng, x), 2, solver="als", max_iter=2000, tol=1e-13, random_state=0)
        np.testing.assert_allclose(f.w @ f.h, x, atol=1e-6 * np.abs(x).max())

    @pytest.mark.parametrize("solver", ITERATIVE)
    def test_rows_and_columns_without_entries_stay_finite(self, rng, solver):
        x = rng.standard_normal((10, 8))
        x[3], x[:, 5] = np.nan, np.nan
        f = matfact.factorize(x, 2, solver=solver, max_iter=10, tol=0.0, random_state=0)
        assert np.isfinite(f.w).all()
        assert np.isfinite(f.h).all()

    def test_exact_refuses_missing_entries(self, rng):
        with pytest.raises(ValueError, match="observed"):
            matfact.factorize(with_gaps(rng, rng.standard_normal((8, 6))), 2, solver="exact")

    def test_nothing_observed_is_an_error(self):
        with pytest.raises(ValueError, match="observed"):
            matfact.factorize(np.full((4, 3), np.nan), 1, solver="als")


class TestAccuracyOfTheObjective:
    @pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-9])
    def test_losses_near_zero_do_not_cancel(self, rng, distance):
        """||X||^2 - 2 <X, WH> + ||WH||^2 has a floor of eps ||X||^2 = 1e-13; the residual has one of eps^2."""
        w, h = start(rng, 80, 60, 4)
        x = w @ h + distance * rng.standard_normal((80, 60))
        f = matfact.factorize(x, 4, solver="gd", learning_rate=1e-12, init=(w, h), max_iter=1, tol=0.0)
        # Each residual is a difference of numbers near 2 and so exact to about 4 eps, 4 eps / distance in relation.
        assert f.history[0] == pytest.approx(Problem(x).objective(w, h), rel=1e-12 + 16 * eps(float) / distance)

    @pytest.mark.parametrize("solver", EVERY)
    def test_an_exact_fit_never_reports_a_negative_loss(self, rng, solver, dtype):
        w, h = (a.astype(dtype) for a in start(rng, 30, 20, 3))
        f = matfact.factorize((w @ h).astype(dtype), 3, solver=solver, init=(w, h), max_iter=50, tol=0.0)
        assert min(f.history) >= 0
        assert f.objective >= 0

    @pytest.mark.parametrize("solver", EVERY)
    @pytest.mark.parametrize("reduction", ["mean", "sum"])
    def test_objective_is_that_of_the_factors_returned(self, rng, solver, reduction, dtype):
        x = rng.standard_normal((40, 30)).astype(dtype)
        f = matfact.factorize(x, 5, solver=solver, l2=1e-3, reduction=reduction, max_iter=7, tol=0.0, random_state=3)
        problem = Problem(x.astype(float), 1e-3, 1e-3, reduction)
        expected = problem.objective(f.w.astype(float), f.h.astype(float))
        assert f.objective == pytest.approx(expected, rel=64 * eps(dtype))


class TestStatus:
    def test_converged_when_the_gradient_is_below_tol(self, rng):
        x = with_singular_values(rng, 30, 20, np.array([3.0, 2.0]))
        f = matfact.factorize(x, 2, solver="als", tol=1e-6, max_iter=100, random_state=0)
        assert f.status == "converged"
        assert f.n_iter < 100

    def test_max_iter_with_a_tolerance_warns(self, rng):
        with pytest.warns(matfact.exceptions.ConvergenceWarning, match="max_iter"):
            f = matfact.factorize(rng.standard_normal((20, 10)), 3, solver="gd", max_iter=2, random_state=0)
        assert f.status == "max_iter"
        assert f.n_iter == 2

    def test_max_iter_without_a_tolerance_is_silent(self, rng):
        f = matfact.factorize(rng.standard_normal((20, 10)), 3, solver="gd", max_iter=2, tol=0.0)
        assert f.status == "max_iter"

    @pytest.mark.parametrize("solver", ["gd", "momentum", "nesterov"])
    def test_a_step_that_is_too_long_is_reported_and_gives_finite_factors(self, rng, solver):
        with pytest.warns(matfact.exceptions.ConvergenceWarning, match="learning_rate"):
            f = matfact.factorize(
                rng.standard_normal((30, 20)), 3, solver=solver, learning_rate=1e6, max_iter=500, random_state=0
            )
        assert f.status == "diverged"
        assert np.isfinite(f.w).all()
        assert np.isfinite(f.h).all()
        assert np.isfinite(f.objective)

    def test_history_has_one_value_before_and_one_after_each_iteration(self, rng):
        f = matfact.factorize(rng.standard_normal((20, 10)), 3, solver="als", max_iter=6, tol=0.0)
        assert len(f.history) == f.n_iter + 1 == 7
        assert f.history[-1] == f.objective


class TestInit:
    def test_a_seed_gives_the_same_factors_again(self, rng):
        x = rng.standard_normal((20, 10))
        kwargs = {"solver": "gd", "max_iter": 5, "tol": 0.0}
        a, b, c = (matfact.factorize(x, 3, random_state=seed, **kwargs) for seed in (1, 1, 2))
        np.testing.assert_array_equal(a.w, b.w)
        assert (a.w != c.w).any()

    @pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState])
    def test_numpy_generators_are_seeds(self, rng, make):
        x = rng.standard_normal((20, 10))
        a, b = (matfact.factorize(x, 3, solver="gd", max_iter=2, tol=0.0, random_state=make(5)) for _ in range(2))
        np.testing.assert_array_equal(a.w, b.w)

    def test_svd_starts_at_the_optimum_of_the_full_problem(self, rng):
        x = with_singular_values(rng, 30, 20, np.linspace(5, 1, 20))
        f = matfact.factorize(x, 4, solver="gd", init="svd", max_iter=1, tol=0.0)
        assert f.history[0] == pytest.approx(optimal_objective(Problem(x), 4), rel=256 * eps(float))

    def test_the_given_pair_is_not_modified(self, rng):
        w, h = start(rng, 20, 10, 3)
        w0, h0 = w.copy(), h.copy()
        matfact.factorize(rng.standard_normal((20, 10)), 3, solver="als", init=(w, h), max_iter=3, tol=0.0)
        np.testing.assert_array_equal(w, w0)
        np.testing.assert_array_equal(h, h0)

    @pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray], ids=["C", "F"])
    def test_the_layout_of_the_start_does_not_matter(self, rng, layout):
        x = rng.standard_normal((20, 10))
        w, h = start(rng, 20, 10, 3)
        kwargs = {"solver": "gd", "learning_rate": 0.1, "max_iter": 3, "tol": 0.0}
        expected = matfact.factorize(x, 3, init=(w, h), **kwargs).w
        np.testing.assert_array_equal(matfact.factorize(x, 3, init=(layout(w), layout(h)), **kwargs).w, expected)

    @pytest.mark.parametrize("solver", ITERATIVE)
    @pytest.mark.parametrize("layout", ["F", "strided"])
    def test_the_layout_of_x_does_not_matter(self, rng, layout, solver, dtype):
        x = rng.standard_normal((300, 70)).astype(dtype)
        laid_out = np.asfortranarray(x) if layout == "F" else np.repeat(np.repeat(x, 2, 0), 2, 1)[::2, ::2]
        kwargs = {"solver": solver, "max_iter": 3, "tol": 0.0, "random_state": 0}
        expected = matfact.factorize(x, 5, **kwargs).history
        np.testing.assert_allclose(matfact.factorize(laid_out, 5, **kwargs).history, expected, rtol=256 * eps(dtype))


class TestResult:
    def test_is_frozen(self):
        f = matfact.factorize(TOY, 1, solver="exact")
        with pytest.raises(dataclasses.FrozenInstanceError):
            f.w = f.w

    def test_shapes(self):
        f = matfact.factorize(TOY, 2, solver="exact")
        assert f.w.shape == (4, 2)
        assert f.h.shape == (2, 2)

    @pytest.mark.parametrize("missing", [False, True], ids=["full", "missing"])
    def test_transform_solves_the_rows_for_fixed_h(self, rng, missing):
        x = with_singular_values(rng, 40, 12, np.array([5.0, 3.0, 2.0]))
        f = matfact.factorize(x, 3, solver="als", l2=1e-4, max_iter=50, tol=0.0, random_state=0)
        rows = rng.standard_normal((6, 12))
        if missing:
            rows[rng.random(rows.shape) < 0.3] = np.nan
        w = f.transform(rows)
        # The minimum of that same objective in W alone: its gradient vanishes there.
        weight = Problem(x).weight
        e = np.where(np.isnan(rows), 0, w @ f.h - rows)
        gradient = 2 * weight * e @ f.h.T + 2 * 1e-4 * w
        np.testing.assert_allclose(gradient, 0, atol=1e3 * eps(float))

    def test_transform_of_the_training_rows_is_a_fixed_point(self, rng):
        x = with_singular_values(rng, 40, 12, np.array([5.0, 3.0, 2.0]))
        f = matfact.factorize(x, 3, solver="exact")
        np.testing.assert_allclose(f.transform(x), f.w, atol=1e3 * eps(float))

    def test_impute_keeps_what_is_observed_and_fills_the_rest(self, rng):
        x = rng.standard_normal((50, 2)) @ rng.standard_normal((2, 20))
        gaps = with_gaps(rng, x)
        f = matfact.factorize(gaps, 2, solver="als", max_iter=2000, tol=1e-13, random_state=0)
        filled = f.impute(gaps)
        seen = ~np.isnan(gaps)
        np.testing.assert_array_equal(filled[seen], x[seen])
        np.testing.assert_allclose(filled, x, atol=1e-6 * np.abs(x).max())
        assert np.isnan(gaps[~seen]).all()


class TestCallback:
    @pytest.mark.parametrize("solver", ITERATIVE)
    def test_gets_each_iteration_and_its_objective(self, rng, solver):
        seen = []
        f = matfact.factorize(
            rng.standard_normal((20, 10)), 3, solver=solver, max_iter=4, tol=0.0, callback=seen.append, random_state=0
        )
        assert [it.n_iter for it in seen] == [1, 2, 3, 4]
        assert [it.objective for it in seen] == list(f.history[1:])

    @pytest.mark.parametrize("solver", ITERATIVE)
    def test_true_stops(self, rng, solver):
        f = matfact.factorize(
            rng.standard_normal((20, 10)),
            3,
            solver=solver,
            max_iter=100,
            tol=0.0,
            random_state=0,
            callback=lambda it: it.n_iter == 3,
        )
        assert f.status == "stopped"
        assert f.n_iter == 3
        assert len(f.history) == 4

    def test_an_exception_passes_through_unchanged(self, rng):
        error = LookupError("mine")

        def fail(_):
            raise error

        with pytest.raises(LookupError) as caught:
            matfact.factorize(rng.standard_normal((20, 10)), 3, solver="gd", callback=fail)
        assert caught.value is error


@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 4), (5, 1), (5, 4)])
@pytest.mark.parametrize("solver", EVERY)
def test_one_row_or_one_column(rng, solver, m, n):
    f = matfact.factorize(rng.standard_normal((m, n)), 1, solver=solver, max_iter=20, tol=0.0, random_state=0)
    assert np.isfinite(f.w @ f.h).all()


@pytest.mark.parametrize("solver", EVERY)
def test_all_zero_input_is_fitted_by_something_finite(solver):
    f = matfact.factorize(np.zeros((6, 5)), 2, solver=solver, max_iter=20, tol=0.0, random_state=0)
    assert np.isfinite(f.w).all()
    assert np.isfinite(f.h).all()


@pytest.mark.parametrize("solver", ["scaled_gd", "als"])
def test_more_components_than_rank_do_no_harm(rng, solver):
    """H H' becomes singular on the way; the objective must still reach zero. (gd would, at a sublinear rate.)"""
    x = rng.standard_normal((30, 2)) @ rng.standard_normal((2, 20))
    f = matfact.factorize(x, 6, solver=solver, max_iter=3000, tol=0.0, random_state=0)
    assert f.objective <= 1e-12 * np.mean(x**2)


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_the_safe_step_suits_any_scale(rng, scale):
    """learning_rate=None: gradient descent goes down whether entries are of size 1e-3 or 1e3."""
    x = scale * rng.standard_normal((40, 30))
    f = matfact.factorize(x, 4, solver="gd", max_iter=200, tol=0.0, random_state=0)
    assert (np.diff(f.history) <= 0).all()
    assert f.status == "max_iter"
