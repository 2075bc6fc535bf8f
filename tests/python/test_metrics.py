"""Metrics against values by hand and scikit-learn's; evaluation without leakage."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.metrics import ndcg_score, roc_auc_score

import matfact
from matfact import metrics


class Fixed:
    """A model whose lists are given."""

    interactions_ = matfact.Interactions(sp.csr_array((100, 100)))

    def __init__(self, lists):
        self.lists = np.array(lists)

    def recommend(self, users, n, *, exclude_seen, include):
        assert exclude_seen
        assert include is None
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


def test_lists_beyond_all_items_take_no_memory_for_what_they_lack(test):
    """Places for 10^15 items are more than can be addressed."""
    stems, k = ("recall", "hit_rate", "mrr", "map", "ndcg", "novelty", "coverage"), 10**15
    found = metrics.evaluate(MODEL, test, [*(f"{stem}@{k}" for stem in stems), f"precision@{k}"])
    assert found.pop(f"precision@{k}") == (2 / k + 0) / 2
    assert list(found.values()) == list(metrics.evaluate(MODEL, test, [f"{stem}@100" for stem in stems]).values())


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
    without = matfact.evaluate(model, test, ["ndcg@10"])  # everybody gets the popular items
    assert found["hit_rate@10"] == 1.0
    assert found["ndcg@10"] > 1.3 * without["ndcg@10"]


@pytest.mark.parametrize("name", ["auc@3", "ndcg", "ndcg@0", "ndcg@ten", "rmse@3", "ndcg@-1", f"ndcg@{2**63}"])
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


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(5)
    x = matfact.Interactions(
        sp.csr_array(np.where(rng.random((70, 30)) < 0.25, rng.integers(1, 5, (70, 30)), 0).astype(np.float32)),
        user_ids=[f"u{i}" for i in range(70)],
    )
    train, test = matfact.random_split(x, 0.2)
    return x, train, test, matfact.ImplicitMF(4, solver="als", random_state=0).fit(train)


def scores_of(model, n_items=30):
    users = model.interactions_.user_ids
    pairs = model.predict(np.repeat(users, n_items), np.tile(np.arange(n_items), len(users)))
    return pairs.reshape(len(users), n_items)


@pytest.mark.parametrize("exclude_seen", [True, False])
def test_auc_is_the_mean_of_scikit_learns_over_users(fitted, exclude_seen):
    _, train, test, model = fitted
    scores, expected = scores_of(model), []
    for u in range(70):
        truth = np.zeros(30, bool)
        truth[test.matrix[[u]].indices] = True
        kept = truth | (train.matrix[[u]].toarray()[0] == 0) if exclude_seen else np.ones(30, bool)
        if truth.any() and not truth[kept].all():
            expected.append(roc_auc_score(truth[kept], scores[u, kept]))
    found = matfact.evaluate(model, test, ["auc"], exclude_seen=exclude_seen)["auc"]
    # A mean of tens of shares; no two scores are so close that rounding changes their order.
    assert found == pytest.approx(np.mean(expected), rel=100 * np.finfo(float).eps)


def test_equal_scores_count_half_in_auc():
    train = matfact.Interactions(sp.csr_array([[1.0, 1, 0, 0, 0], [0, 0, 1, 1, 0], [1, 0, 0, 0, 0]]))
    test = matfact.Interactions(sp.csr_array([[0.0, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 1, 0, 0, 0]]))
    model = matfact.Popularity().fit(train)  # shares 2/3, 1/3, 1/3, 1/3, 0
    # User 1: item 0 beats 1 and 4. User 2: item 1 ties with 2 and 3 and beats 4.
    assert matfact.evaluate(model, test, ["auc"])["auc"] == (1.0 + (0.5 + 0.5 + 1.0) / 3) / 2


def test_auc_folds_in_held_out_users(fitted):
    x, *_ = fitted
    train, history, test = matfact.strong_generalization(x, 15)
    model = matfact.ImplicitMF(4, solver="als", random_state=0).fit(train)
    users = np.flatnonzero(test.user_counts)
    scores = model.fold_in(history.matrix[users]).astype(np.float64) @ model.item_factors_.T
    expected = []
    for row, u in zip(scores, users, strict=True):
        truth = test.matrix[[u]].toarray()[0] != 0
        kept = history.matrix[[u]].toarray()[0] == 0
        expected.append(roc_auc_score(truth[kept], row[kept]))
    found = matfact.evaluate(model, test, ["auc"], history=history)["auc"]
    assert found == pytest.approx(np.mean(expected), rel=100 * np.finfo(float).eps)


def test_coverage_and_novelty_are_judged_as_by_hand(fitted):
    _, train, test, model = fitted
    users = test.user_ids[test.user_counts > 0]
    lists = [[item for item, _ in model.recommend(users, 3).of(i)] for i in range(len(users))]
    counts = np.maximum((train.matrix.toarray() != 0).sum(axis=0), 1)
    novelty = np.mean([np.mean([-np.log2(counts[i] / 70) for i in row]) for row in lists])
    found = matfact.evaluate(model, test, ["coverage@3", "novelty@3"])
    assert found["coverage@3"] == len({i for row in lists for i in row}) / 30
    assert found["novelty@3"] == pytest.approx(novelty, rel=300 * np.finfo(float).eps)


def test_metrics_without_a_length_take_those_of_k(fitted):
    *_, test, model = fitted
    found = matfact.evaluate(model, test, ["ndcg", "auc", "recall@3"], k=[5, 10])
    assert list(found) == ["ndcg@5", "ndcg@10", "auc", "recall@3"]
    assert found == matfact.evaluate(model, test, list(found), num_threads=1)


def test_the_result_is_a_dict_and_a_table():
    found = matfact.Evaluation({"ndcg@5": 0.25, "auc": 0.875, "recall@10": 1 / 3, "ndcg@10": 12.5})
    assert str(found).splitlines() == [
        "metric     value        @5        @10",
        "ndcg              0.250000  12.500000",
        "auc     0.875000",
        "recall                       0.333333",
    ]
    assert str(matfact.Evaluation({"rmse": 0.5, "mae": 0.25})) == "metric     value\nrmse    0.500000\nmae     0.250000"
    rows = [("ndcg", 5, 0.25), ("auc", None, 0.875), ("recall", 10, 1 / 3), ("ndcg", 10, 12.5)]
    assert [tuple(row.values()) for row in found.rows()] == rows
    frame = pd.DataFrame(found.rows()).pivot(index="metric", columns="k", values="value")
    assert frame.loc["ndcg", 10] == found["ndcg@10"]
    assert dict(found) == found == pickle.loads(pickle.dumps(found))


def test_candidates_are_ranked_alone(fitted):
    """One positive among drawn negatives, by hand."""
    x, train, _, _ = fitted
    train, test = matfact.leave_k_out(x)
    model = matfact.ImplicitMF(4, solver="als", random_state=0).fit(train)
    drawn = matfact.sample_negatives(x, test, 9)
    assert (drawn.user_counts[test.user_counts > 0] == 9).all()
    assert drawn.matrix.multiply(x.matrix != 0).nnz == 0
    scores, hits, gains, shares = scores_of(model), [], [], []
    for u in np.flatnonzero(test.user_counts):
        mine, others = scores[u, test.matrix[[u]].indices], scores[u, drawn.matrix[[u]].indices]
        rank = int((others > mine).sum())
        hits.append(rank < 3)
        gains.append(1 / np.log2(rank + 2) if rank < 3 else 0.0)
        shares.append((others < mine).mean())
    found = matfact.evaluate(model, test, ["hit_rate@3", "ndcg@3", "auc"], candidates=drawn)
    assert list(found.values()) == pytest.approx([np.mean(hits), np.mean(gains), np.mean(shares)], rel=1e-12)


def test_candidates_of_held_out_users_go_with_their_history(fitted):
    x, *_ = fitted
    train, history, test = matfact.strong_generalization(x, 4)
    model = matfact.ImplicitMF(4, solver="als", random_state=0).fit(train)
    drawn = matfact.sample_negatives(x, test, 3)
    ranked = (test.matrix != 0) + (drawn.matrix != 0)
    k = int(np.diff(ranked.indptr).max())
    asked = [f"recall@{k}", f"coverage@{k}"]
    found = matfact.evaluate(model, test, asked, history=history, candidates=drawn)
    # The lists are as long as there are candidates: they hold all relevant items, and no others.
    assert list(found.values()) == [1.0, len(np.unique(ranked.tocoo().col)) / 30]
    assert k < 30
    everything = matfact.evaluate(model, test, asked, history=history)
    assert everything[asked[0]] < 1.0
    assert everything != found


def test_draws_of_negatives_depend_on_the_seed_only(fitted):
    x, _, test, _ = fitted
    first, again, other = (matfact.sample_negatives(x, test, 4, random_state=seed).matrix for seed in (1, 1, 2))
    assert first.indices.tolist() == again.indices.tolist() != other.indices.tolist()
    every = matfact.sample_negatives(x, test, 1000)
    judged = test.user_counts > 0
    assert (every.user_counts[judged] == 30 - x.user_counts[judged]).all()
    with pytest.raises(ValueError, match="n must be at least 1"):
        matfact.sample_negatives(x, test, 0)
    with pytest.raises(ValueError, match="test must be a part"):
        matfact.sample_negatives(x, matfact.Interactions(sp.csr_array([[1.0]])))


def test_parts_of_other_users_or_items_are_refused(fitted):
    x, _, test, model = fitted
    turned = {
        "user 'u1' in place 0 for 'u0'": {"user_ids": np.roll(x.user_ids, -1), "item_ids": x.item_ids},
        "item 'new' in place 29 for 29": {"user_ids": x.user_ids, "item_ids": [*range(29), "new"]},
    }
    for what, ids in turned.items():
        other = matfact.Interactions(x.matrix, **ids)
        for name in ("history", "candidates"):
            with pytest.raises(ValueError, match=f"{name} must have the users and items of test, got the {what}"):
                matfact.evaluate(model, test, ["recall@3"], **{name: other})
        with pytest.raises(ValueError, match=f"test must be a part of the interactions, got the {what}"):
            matfact.sample_negatives(x, other)


def test_auc_without_a_pair_says_what_it_needs():
    model = matfact.Popularity().fit(sp.csr_array([[1.0, 1.0]]))
    test = matfact.Interactions(sp.csr_array([[1.0, 0.0]]))
    with pytest.raises(ValueError, match="auc needs a user with a relevant item"):
        matfact.evaluate(model, test, ["auc"])


def test_a_test_part_of_other_items_is_refused():
    model = matfact.Popularity().fit(sp.csr_array([[1.0, 1.0]]))
    with pytest.raises(ValueError, match="no entry with an item of the fit: is it users x items"):
        matfact.evaluate(model, matfact.Interactions(sp.csr_array([[1.0]]), item_ids=["new"]), ["ndcg@3"])
