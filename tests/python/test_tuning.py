"""Successive halving finds what a full search finds, with fewer sweeps."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.stats
from sklearn.base import clone

import matfact


@pytest.fixture(scope="module")
def ratings() -> matfact.Interactions:
    """Two planted factors under much noise: strong penalties and few components are right."""
    rng = np.random.default_rng(3)
    scores = rng.normal(size=(120, 2)) @ rng.normal(size=(2, 60)) + rng.normal(size=(120, 60))
    return matfact.Interactions(sp.csr_array(np.where(rng.random((120, 60)) < 0.3, scores + 3, 0)))


SPACE = {"l2": [1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1.0], "n_components": [2, 8]}


def test_the_winner_is_near_the_best_of_a_full_search(ratings):
    part, validation = matfact.random_split(ratings, 0.2)
    found = matfact.tune(matfact.BiasedMF(random_state=0), SPACE, part, n_trials=14, validation=validation)
    every = []
    for k in SPACE["n_components"]:
        for l2 in SPACE["l2"]:
            m = matfact.BiasedMF(k, l2=l2, random_state=0).fit(part, validation=validation, patience=None)
            every.append(m.validation_history_.min())
    assert found.value <= min(every) * 1.01 < np.median(every)
    assert matfact.evaluate(found.model, validation, ["rmse"])["rmse"] == found.value
    assert len(found.trials) == 14
    assert sum(trial.n_iter for trial in found.trials) < 14 * 15 / 2
    assert found.parameters == found.trials[0].parameters
    assert clone(found.model).max_iter == 15


def test_a_distribution_is_sampled_and_the_same_at_any_number_of_threads(ratings):
    space = {"l2": scipy.stats.loguniform(1e-3, 1.0)}
    finds = [
        matfact.tune(matfact.BiasedMF(4, random_state=0, num_threads=n), space, ratings, n_trials=5) for n in (1, 3)
    ]
    first, second = ([(trial.parameters, trial.value) for trial in found.trials] for found in finds)
    assert first == second
    assert len({trial.parameters["l2"] for trial in finds[0].trials}) == 5


def test_metrics_of_lists_are_raised(ratings):
    clicks = matfact.Interactions(abs(ratings.matrix))
    space = {"l2": [1e-3, 0.1], "solver": ["als", "cg"]}
    found = matfact.tune(matfact.ImplicitMF(4, random_state=0), space, clicks, "recall@10", n_trials=4)
    assert found.value == max(trial.value for trial in found.trials) > 0
    values = [trial.value for trial in found.trials[1:]]
    assert values == sorted(values, reverse=True)


def test_models_that_do_not_iterate_are_fitted_once_each(ratings):
    found = matfact.tune(matfact.PureSVD(), {"n_components": [1, 2, 5, 20]}, ratings, n_trials=99)
    assert sorted(trial.parameters["n_components"] for trial in found.trials) == [1, 2, 5, 20]
    assert found.value == max(trial.value for trial in found.trials)
    assert all(trial.n_iter == 0 for trial in found.trials)
    found = matfact.tune(matfact.Baseline(), {"l2_user": [0.1, 5.0]}, ratings, "rmse", n_trials=2)
    assert found.value == min(trial.value for trial in found.trials)


def test_the_last_choice_that_is_left_goes_on_to_all_sweeps(ratings):
    """Two choices become one after the first round, of two sweeps."""
    part, validation = matfact.random_split(ratings, 0.2)
    model = matfact.BiasedMF(4, max_iter=12, random_state=0)
    found = matfact.tune(model, {"l2": [0.3, 1e-4]}, part, validation=validation, n_trials=2, patience=None)
    assert [trial.n_iter for trial in found.trials] == [2 + 12, 2]
    clicks = matfact.Interactions(abs(part.matrix))
    found = matfact.tune(matfact.BPR(4, max_iter=7, random_state=0), {"l2_user": [0.01]}, clicks, patience=None)
    assert found.trials[0].n_iter == 2 + 7
    assert found.model.max_iter == 7


def test_gibbs_is_fitted_once_for_each_choice_and_beside_other_solvers(ratings):
    part, validation = matfact.random_split(ratings, 0.2)
    model = matfact.BiasedMF(2, solver="gibbs", burn_in=5, n_samples=10, random_state=0)
    found = matfact.tune(model, {"n_components": [1, 2]}, part, validation=validation)
    alone = {k: clone(model).set_params(n_components=k).fit(part) for k in (1, 2)}
    values = {k: matfact.evaluate(m, validation, ["rmse"])["rmse"] for k, m in alone.items()}
    assert {trial.parameters["n_components"]: trial.value for trial in found.trials} == values
    both = matfact.tune(model, {"solver": ["als", "gibbs"]}, part, validation=validation, patience=None)
    n_iter = {trial.parameters["solver"]: trial.n_iter for trial in both.trials}
    assert n_iter["gibbs"] == 0 < n_iter["als"]


def test_the_model_that_was_given_stays_as_it_is(ratings):
    model = matfact.BiasedMF(4, random_state=0)
    matfact.tune(model, {"l2": [0.1]}, ratings, n_trials=1)
    assert model.l2 == 0.05
    assert not hasattr(model, "interactions_")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"space": {}}, "space must name parameters of BiasedMF, got none"),
        ({"space": {"depth": [1]}}, "space must name parameters of BiasedMF, got depth"),
        ({"space": {"max_iter": [5, 50]}}, "space must leave max_iter out"),
        ({"n_trials": 0}, "n_trials must be at least 1"),
        ({"reduction": 1}, "reduction must be at least 2"),
        ({"min_iter": 0}, "min_iter must be at least 1"),
        ({"metric": "accuracy"}, "got 'accuracy'"),
    ],
)
def test_mistakes_are_named(ratings, options, message):
    arguments = {"space": {"l2": [0.1]}, "interactions": ratings, **options}
    with pytest.raises(ValueError, match=message):
        matfact.tune(matfact.BiasedMF(2), **arguments)
