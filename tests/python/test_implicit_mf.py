"""ImplicitMF: the objective it documents, at its minimum, from any threads; bad input."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

import matfact
from matfact import implicit_mf
from reference import recommender

EPS = np.finfo(np.float32).eps


@pytest.fixture
def plays() -> sp.csr_array:
    """Counts; the last user and the last item have none."""
    rng = np.random.default_rng(5)
    x = np.where(rng.random((90, 50)) < 0.15, rng.integers(1, 5, (90, 50)), 0)
    x[-1], x[:, -1] = 0, 0
    x[0, :40] = 1  # a long row
    return sp.csr_array(x.astype(np.float32))


# Blocks of three leave an uneven one of most numbers of components below; no other solver looks at them.
OPTIONS = {"alpha": 2.0, "unobserved_weight": 0.5, "l2": 0.1, "l2_scaling": 0.5}


@pytest.mark.parametrize("solver", ["als", "cg", "block"])
@pytest.mark.parametrize("k", [1, 6, 16, 24])
def test_the_objective_is_the_one_in_the_docstring_and_never_rises(plays, solver, k):
    m = matfact.ImplicitMF(k, solver=solver, block_size=3, max_iter=8, random_state=0, **OPTIONS).fit(plays)
    truth, _, _ = recommender.implicit(plays.toarray(), m.user_factors_, m.item_factors_, **OPTIONS)
    # It is summed from float32 solutions: some roundings of the objective at zero.
    scale = 50 * EPS * (2 * plays.toarray() + 0.5).sum()
    assert abs(m.objective_ - truth) <= scale
    assert (np.diff(m.objective_history_) <= scale).all()
    assert len(m.objective_history_) == m.n_iter_ == 8


@pytest.mark.parametrize("solver", ["als", "cg", "block"])
def test_the_gradient_vanishes_at_the_solution(plays, solver):
    """Of the users at once, for they are solved last; of the items at convergence."""
    m = matfact.ImplicitMF(4, solver=solver, block_size=3, max_iter=400, random_state=0, **OPTIONS).fit(plays)
    x = plays.toarray()
    _, by_user, by_item = recommender.implicit(x, m.user_factors_, m.item_factors_, **OPTIONS)
    _, at_zero, _ = recommender.implicit(x, 0 * m.user_factors_, m.item_factors_, **OPTIONS)
    assert np.linalg.norm(by_user) <= 100 * EPS * np.linalg.norm(at_zero)
    # Sweeps end where rounding of float32 moves the factors as much as they do.
    assert np.linalg.norm(by_item) <= 1000 * EPS * np.linalg.norm(at_zero)


@pytest.mark.parametrize("solver", ["cg", "block"])
def test_steps_toward_solutions_end_where_exact_ones_do(plays, solver):
    exact, steps = (
        matfact.ImplicitMF(6, solver=name, block_size=4, max_iter=200, random_state=0, **OPTIONS).fit(plays)
        for name in ("als", solver)
    )
    # Both stop at a stationary point; from the same start it is the same one.
    assert steps.objective_ == pytest.approx(exact.objective_, rel=1e-3)


@pytest.mark.parametrize("solver", ["als", "cg", "block"])
def test_users_are_folded_in_exactly(plays, solver):
    """Whatever the sweeps do: a user who folds in has no sweep before to be improved."""
    m = matfact.ImplicitMF(6, solver=solver, block_size=4, max_iter=3, random_state=0, **OPTIONS).fit(plays)
    folded = m.fold_in(plays)
    _, by_user, _ = recommender.implicit(plays.toarray(), folded, m.item_factors_, **OPTIONS)
    _, at_zero, _ = recommender.implicit(plays.toarray(), 0 * folded, m.item_factors_, **OPTIONS)
    assert np.linalg.norm(by_user) <= 100 * EPS * np.linalg.norm(at_zero)


def test_one_block_of_all_components_is_the_exact_solution(plays):
    exact, block = (
        matfact.ImplicitMF(6, solver=solver, block_size=6, max_iter=5, random_state=0, **OPTIONS).fit(plays)
        for solver in ("als", "block")
    )
    # Five sweeps of equations that are set up around another point.
    assert block.objective_ == pytest.approx(exact.objective_, rel=float(1e4 * EPS))


@pytest.mark.parametrize("solver", ["als", "cg", "block"])
def test_threads_and_repetition_change_no_bit(plays, solver):
    fits = [
        matfact.ImplicitMF(7, solver=solver, block_size=3, max_iter=3, random_state=1, num_threads=n).fit(plays)
        for n in (1, 2, 3, 7, 1)
    ]
    for other in fits[1:]:
        assert other.user_factors_.tobytes() == fits[0].user_factors_.tobytes()
        assert other.item_factors_.tobytes() == fits[0].item_factors_.tobytes()
    different = matfact.ImplicitMF(7, solver=solver, block_size=3, max_iter=3, random_state=2).fit(plays)
    assert different.user_factors_.tobytes() != fits[0].user_factors_.tobytes()


def test_wide_indices_change_no_bit(plays):
    x = matfact.Interactions(plays)
    wide = matfact.Interactions(plays)
    for m in (wide.matrix, wide.transposed):
        m.indices, m.indptr = m.indices.astype(np.int64), m.indptr.astype(np.int64)
    narrow_fit, wide_fit = (matfact.ImplicitMF(4, max_iter=2, random_state=0).fit(i) for i in (x, wide))
    assert narrow_fit.user_factors_.tobytes() == wide_fit.user_factors_.tobytes()
    assert (narrow_fit.recommend([0, 1]).items == wide_fit.recommend([0, 1]).items).all()


def test_planted_groups_are_found():
    """Users of a group play items of that group: their lists hold the ones that they have not played yet."""
    rng = np.random.default_rng(0)
    group_u, group_i = np.arange(200) % 4, np.arange(80) % 4
    x = sp.csr_array((group_u[:, None] == group_i) & (rng.random((200, 80)) < 0.4), dtype=np.float32)
    m = matfact.ImplicitMF(4, l2=0.01, random_state=0).fit(x)
    lists = m.recommend(np.arange(200), 5)
    assert (group_i[lists.items] == group_u[:, None]).mean() == 1.0
    neighbours = m.similar_items(np.arange(80), 5)
    assert (group_i[neighbours.items] == group_i[:, None]).mean() == 1.0


def test_items_come_in_a_basis_in_which_their_gram_matrix_is_diagonal(plays):
    m = matfact.ImplicitMF(6, solver="als", random_state=0).fit(plays)
    gram = m.item_factors_.astype(np.float64).T @ m.item_factors_
    assert np.abs(gram - np.diag(np.diag(gram))).max() <= 50 * EPS * gram.max()
    assert (np.diff(np.diag(gram)) <= 0).all()


def test_tol_and_callback_stop_the_iteration(plays):
    told = []
    m = matfact.ImplicitMF(4, max_iter=100, tol=1e-3, random_state=0).fit(plays, callback=told.append)
    assert m.status_ == "converged"
    assert [t.n_iter for t in told] == list(range(1, m.n_iter_ + 1))
    assert [t.objective for t in told] == m.objective_history_.tolist()
    stopped = matfact.ImplicitMF(4, random_state=0).fit(plays, callback=lambda it: it.n_iter == 2)
    assert (stopped.status_, stopped.n_iter_) == ("stopped", 2)


def test_more_components_than_rows_and_no_penalty_stay_finite(plays):
    m = matfact.ImplicitMF(120, l2=0.0, max_iter=5, random_state=0).fit(plays)
    assert np.isfinite(m.user_factors_).all()
    assert np.isfinite(m.predict(np.arange(90), np.arange(90) % 50)).all()


@pytest.mark.parametrize("k", [12, 20, 30, 200])
@pytest.mark.parametrize("solver", ["als", "cg", "block"])
def test_where_nothing_holds_short_rows_they_are_reported_and_shortest(plays, k, solver):
    """Rows about as long as k, whose matrix is singular in as many unknowns as there are features, among them."""
    users, items = ((np.diff(a.indptr) < k).sum() for a in (plays.tocsr(), plays.tocsc()))
    model = matfact.ImplicitMF(k, solver=solver, block_size=8, l2=0.0, unobserved_weight=0.0, random_state=0)
    with pytest.warns(
        UserWarning,
        match=f"l2=0, and {users} users and {items} items have fewer entries than their {k} unknowns: "
        "pass l2 or unobserved_weight above 0",
    ):
        model.fit(plays)
    assert np.isfinite(model._w).all()
    assert np.isfinite(model._h).all()
    assert model.objective_ < 1e-3 * model.alpha * plays.data.sum()  # of factors of zero
    w, h = model.fold_in(plays).astype(np.float64), model._h.astype(np.float64)
    for u in np.flatnonzero((np.diff(plays.indptr) < k) & (np.diff(plays.indptr) > 0)):
        entries = slice(plays.indptr[u], plays.indptr[u + 1])
        features, weights = h[plays.indices[entries]], plays.data[entries].astype(np.float64)
        shortest = np.linalg.lstsq(features, np.ones(len(features)), rcond=None)[0]
        least = np.linalg.svd(features * np.sqrt(weights)[:, None], compute_uv=False)[-1]
        # The ridge is a millionth of the trace of the row's matrix, as the average row of h has it.
        ridge = 1e-6 * weights.sum() * (h**2).sum() / len(h)
        error = np.linalg.norm(w[u] - shortest) / np.linalg.norm(shortest)
        assert error <= (ridge + 50 * EPS * (h**2).sum(axis=1).max() * weights.sum()) / least**2


def test_what_holds_short_rows_is_not_reported(plays):
    for options in ({"unobserved_weight": 1.0}, {"unobserved_weight": 0.0, "l2": 0.1}):
        matfact.ImplicitMF(30, max_iter=2, random_state=0, **{"l2": 0.0} | options).fit(plays)


@pytest.mark.parametrize(
    ("length", "k", "cg_steps", "chosen"),
    [
        (5, 64, 3, "als"),  # few entries
        (40, 6, 3, "als"),  # few components
        (20, 32, 3, "cg"),
        (20, 32, 9, "als"),  # each step costs
        (5, 64, 1, "cg"),
    ],
)
def test_auto_compares_what_an_entry_costs(length, k, cg_steps, chosen):
    n = 60
    x = sum(
        sp.diags_array(np.ones(n), offsets=shift, shape=(n, n)) for shift in (*range(length), *range(-n, length - n))
    )
    assert set(x.sum(axis=0)) == set(x.sum(axis=1)) == {length}
    model = matfact.ImplicitMF(k, cg_steps=cg_steps, max_iter=2, random_state=0)
    auto, same = clone(model).fit(x), clone(model).set_params(solver=chosen).fit(x)
    assert auto._w.tobytes() == same._w.tobytes()


def test_the_cost_of_an_entry_is_that_of_its_row(plays):
    k, costs = 9, []
    for matrix in (plays.tocsr(), plays.T.tocsr()):
        for row in range(matrix.shape[0]):
            n = matrix[[row]].nnz
            costs += [min(n, k)] * n
    assert implicit_mf._unknowns(matfact.Interactions(plays), k) == pytest.approx(np.mean(costs), rel=1e-15)


def test_one_user_or_one_item_is_enough():
    for x in (np.ones((1, 5)), np.ones((5, 1)), np.ones((1, 1))):
        m = matfact.ImplicitMF(3, random_state=0).fit(sp.csr_array(x))
        assert np.isfinite(m.objective_)
        assert not m.recommend(0, 3).mask.any()  # everything was seen


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, "n_components must be at least 1, got 0"),
        ({"alpha": 0.0}, "alpha must be finite and positive, got 0.0"),
        ({"unobserved_weight": -1.0}, "unobserved_weight must be finite and not negative"),
        ({"l2": np.nan}, "l2 must be finite and not negative"),
        ({"l2_scaling": np.inf}, "l2_scaling must be finite"),
        ({"solver": "lu"}, "solver must be one of 'auto', 'als', 'cg', 'block'"),
        ({"max_iter": 0}, "max_iter must be at least 1"),
        ({"cg_steps": 0}, "cg_steps must be at least 1"),
        ({"solver": "block", "block_size": 0}, "block_size must be at least 1, got 0"),
        ({"tol": -1.0}, "tol must be finite and not negative"),
    ],
)
def test_parameters_out_of_range_are_named(plays, parameters, message):
    with pytest.raises(ValueError, match=message):
        matfact.ImplicitMF(**{"random_state": 0, **parameters}).fit(plays)


def test_values_that_are_no_sign_of_interest_are_refused(plays):
    for value in (0.0, -1.0):
        x = plays.copy()
        x.data[0] = value
        with pytest.raises(ValueError, match="implicit feedback must be positive"):
            matfact.ImplicitMF(2).fit(x)
    with pytest.raises(ValueError, match="at least one entry"):
        matfact.ImplicitMF(2).fit(sp.csr_array((3, 4)))
    with pytest.raises(TypeError, match="SciPy sparse array of users x items"):
        matfact.ImplicitMF(2).fit(plays.toarray())
