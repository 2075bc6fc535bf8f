"""Metrics against values by hand and scikit-learn's; evaluation without leakage."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.metrics import ndcg_score

import matfact
from matfact import metrics


class Fixed:
    """A model whose lists are given."""

    def __init__(self, lists):
        self.lists = np.array(lists)

    def recommend(self, users, n, *, exclude_seen):
        assert exclude_seen
        items = self.lists[np.asarray(users)][:, :n]
        return matfact.Recommendations(items, -items.astype(np.float32), items >= 0)

    def predict(self, users, items):
        return np.asarray(users) + np.asarray(items)


@pytest.fixture
def test() -> matfact.Interactions:
    """Relevant: {0, 3} of user 0, nothing of user 1, {1} of user 2."""
    return matfact.Interactions(sp.csr_array([[4, 0, 0, 3, 0], [0, 0, 0, 0, 0], [0, 2, 0, 0, 0]]))


MODEL = Fixed([[2, 3, 0, 1], [0, 1, 2, 3], [4, 0, -1, -1]])


def test_lists_are_judged_as_by_hand(test):
    log = np.log2
    expected = {
        "precision@3": (2 / 3 + 0) / 2,
        "recall@1": 0.0,
        "recall@2": (1 / 2 + 0) / 2,
        "hit_rate@2": 1 / 2,
        "mrr@4": (1 / 2 + 0) / 2,
        "map@3": ((1 / 2 + 2 / 3) / 2 + 0) / 2,
        "ndcg@3": ((1 / log(3) + 1 / log(4)) / (1 + 1 / log(3))) / 2,
        "ndcg@10": ((1 / log(3) + 1 / log(4)) / (1 + 1 / log(3))) / 2,
    }
    found = metrics.evaluate(MODEL, test, list(expected))
    assert list(found) == list(expected)
    # Sums of a few terms of size 1.
    assert found == pytest.approx(expected, rel=8 * np.finfo(float).eps)


def test_ratings_are_judged_as_by_hand(test):
    errors = np.array([4 - 0, 3 - 3, 2 - 3])
    found = matfact.evaluate(MODEL, test, ["rmse", "mae"])
    assert found["rmse"] == pytest.approx(np.sqrt((errors**2).mean()), rel=8 * np.finfo(float).eps)
    assert found["mae"] == pytest.approx(np.abs(errors).mean(), rel=8 * np.finfo(float).eps)


def test_ndcg_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth = rng.random((30, 50)) < 0.1
    truth[:, 0] = True
    scores = rng.random((30, 50))
    model = Fixed(np.argsort(-scores, axis=1))
    ours = matfact.evaluate(model, matfact.Interactions(sp.csr_array(truth.astype(float))), ["ndcg@7"])["ndcg@7"]
    assert ours == pytest.approx(ndcg_score(truth, scores, k=7), rel=50 * np.finfo(float).eps)


def test_held_out_users_are_folded_in_with_their_history():
    """Two groups with items of their own: the history tells the group, and the lists hold the rest of it."""
    rng = np.random.default_rng(0)
    group_u, group_i = np.arange(120) % 2, np.arange(30) % 2
    x = matfact.Interactions(
        sp.csr_array((group_u[:, None] == group_i) & (rng.random((120, 30)) < 0.6), dtype=np.float32)
    )
    train, history, test = matfact.strong_generalization(x, 20)
    model = matfact.ImplicitMF(2, l2=0.01, random_state=0).fit(train)
    found = matfact.evaluate(model, test, ["hit_rate@10", "ndcg@10"], history=history)
    without = matfact.evaluate(model, test, ["ndcg@10"])  # the average user's list
    assert found["hit_rate@10"] == 1.0
    assert found["ndcg@10"] > 1.3 * without["ndcg@10"]


@pytest.mark.parametrize("name", ["auc", "ndcg", "ndcg@0", "ndcg@ten", "rmse@3", "ndcg@-1"])
def test_unknown_metrics_are_named(test, name):
    with pytest.raises(ValueError, match=f"metrics must be .* got '{name}'"):
        matfact.evaluate(MODEL, test, [name])


def test_other_mistakes_have_clear_messages(test):
    with pytest.raises(ValueError, match="test must hold at least one entry"):
        matfact.evaluate(MODEL, test.select([False] * 3), ["ndcg@3"])
    with pytest.raises(ValueError, match="equally long and not empty"):
        metrics.rmse([1.0], [1.0, 2.0])
    other = matfact.Interactions(sp.csr_array([[1.0]]))
    with pytest.raises(ValueError, match="history must have the users and items of test"):
        matfact.evaluate(MODEL, test, ["ndcg@3"], history=other)
