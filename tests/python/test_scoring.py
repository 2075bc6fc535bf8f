"""Tables of entries go through scikit-learn's searches, with a predefined split or any other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, ParameterGrid, PredefinedSplit, cross_val_score

import matfact

GRID = {"l2": [1e-3, 0.05, 1.0], "n_components": [1, 3]}
MODEL = matfact.BiasedMF(max_iter=4, random_state=0)


@pytest.fixture(scope="module")
def ratings() -> pd.DataFrame:
    """Two planted factors under noise."""
    rng = np.random.default_rng(3)
    user, item = np.nonzero(rng.random((60, 40)) < 0.4)
    scores = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 40)) + rng.normal(size=(60, 40))
    return pd.DataFrame({"user": [f"u{i}" for i in user], "item": item, "rating": scores[user, item] + 3})


@pytest.fixture(scope="module")
def held_out(ratings) -> np.ndarray:
    return np.random.default_rng(0).random(len(ratings)) < 0.2


def test_a_grid_search_over_a_predefined_split_is_the_loop_by_hand(ratings, held_out):
    search = GridSearchCV(MODEL, GRID, cv=PredefinedSplit(np.where(held_out, 0, -1))).fit(ratings)
    train, test = (matfact.Interactions.from_frame(ratings[mask]) for mask in (~held_out, held_out))
    values = [
        matfact.evaluate(clone(MODEL).set_params(**choice).fit(train), test, ["rmse"])["rmse"]
        for choice in ParameterGrid(GRID)
    ]
    assert search.cv_results_["mean_test_score"].tolist() == [-value for value in values]
    assert search.best_params_ == list(ParameterGrid(GRID))[int(np.argmin(values))]
    # Fitted again, to all entries.
    whole = clone(MODEL).set_params(**search.best_params_).fit(matfact.Interactions.from_frame(ratings))
    assert search.best_estimator_.user_factors_.tobytes() == whole.user_factors_.tobytes()


def test_tune_searches_the_same_split(ratings, held_out):
    train, validation = (matfact.Interactions.from_frame(ratings[mask]) for mask in (~held_out, held_out))
    found = matfact.tune(MODEL, GRID, train, validation=validation)
    assert len(found.trials) == len(ParameterGrid(GRID))
    assert found.value == -found.model.score(validation)
    assert matfact.tune(MODEL, GRID, ratings[~held_out], validation=validation).value == found.value


@pytest.mark.parametrize("convert", [pd.DataFrame, pa.Table.from_pandas], ids=["pandas", "pyarrow"])
def test_entries_without_ratings_are_split_at_random(ratings, convert):
    """Lists are judged by ndcg@10; every entry counts 1."""
    table = convert(ratings[["user", "item"]])
    found = cross_val_score(matfact.ImplicitMF(2, max_iter=3, random_state=0), table, cv=KFold(3, shuffle=True))
    assert ((found > 0) & (found < 1)).all()


def test_a_search_may_ask_for_another_metric(ratings, held_out):
    split = PredefinedSplit(np.where(held_out, 0, -1))
    scoring = lambda model, part: model.score(part, metric="mae")  # noqa: E731 (as the guide writes it)
    search = GridSearchCV(matfact.Baseline(), {"l2_item": [5.0]}, cv=split, scoring=scoring).fit(ratings)
    model = matfact.Baseline(l2_item=5.0).fit(ratings[~held_out])
    test = matfact.Interactions.from_frame(ratings[held_out])
    assert search.best_score_ == -matfact.evaluate(model, test, ["mae"])["mae"]


def test_each_model_has_its_metric_and_takes_others(ratings):
    x = matfact.Interactions.from_frame(ratings)
    for model, metric in ((matfact.Baseline(), "rmse"), (matfact.PureSVD(2), "ndcg@10"), (MODEL, "rmse")):
        value = matfact.evaluate(clone(model).fit(x), x, [metric])[metric]
        assert (
            clone(model).fit(x).score(x)
            == clone(model).fit(ratings).score(ratings)
            == value * (-1) ** (metric == "rmse")
        )
    model = matfact.Baseline().fit(x)
    assert model.score(x, metric="mae") == -matfact.evaluate(model, x, ["mae"])["mae"]
    assert model.score(x, metric="auc") == matfact.evaluate(model, x, ["auc"])["auc"]


def test_mistakes_are_named(ratings):
    model = matfact.Baseline()
    with pytest.raises(NotFittedError):
        model.score(ratings)
    model.fit(ratings)
    with pytest.raises(TypeError, match="test must have ids, which a sparse array has not"):
        model.score(sp.csr_array([[1.0]]))
    with pytest.raises(ValueError, match="df has no column 'user'"):
        model.fit(ratings.rename(columns={"user": "who"}))
    with pytest.raises(ValueError, match="got 'accuracy'"):
        model.score(ratings, metric="accuracy")
