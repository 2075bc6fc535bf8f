"""BPR: rankings of planted data, the objective it documents, the same bits from any threads; bad input."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

import matfact

KINDS = {
    "uniform": {},
    "popularity": {"negatives": "popularity"},
    "adaptive": {"negatives": "adaptive"},
    "warp": {"loss": "warp"},
}


@pytest.fixture(params=KINDS.values(), ids=KINDS.keys())
def kind(request: pytest.FixtureRequest) -> dict[str, str]:
    return request.param


@pytest.fixture(scope="module")
def planted() -> tuple[matfact.Interactions, matfact.Interactions]:
    """Users choose items by taste and popularity; a fifth of the choices is held out."""
    rng = np.random.default_rng(0)
    taste = rng.normal(size=(500, 4)) @ rng.normal(size=(4, 300))
    wish = 1.5 * taste - 1.5 * np.log(np.arange(300) + 10) + rng.gumbel(size=taste.shape)
    chosen = wish >= -np.sort(-wish, axis=1)[:, [29]]
    return matfact.random_split(matfact.Interactions(sp.csr_array(chosen.astype(np.float32))), 0.2, random_state=0)


def auc(scores: np.ndarray, train: matfact.Interactions, test: matfact.Interactions) -> float:
    """Mean over the users of the share of (held out, never chosen) pairs in order."""
    total = []
    for u, (known, held) in enumerate(zip(train.matrix.toarray() > 0, test.matrix.toarray() > 0, strict=True)):
        if held.any():
            better = scores[u, held][:, None] - scores[u, ~(known | held)][None, :]
            total.append(((better > 0) + 0.5 * (better == 0)).mean())
    return float(np.mean(total))


def all_scores(model: matfact.BPR) -> np.ndarray:
    return model.user_factors_ @ model.item_factors_.T + model.item_bias_


def test_held_out_choices_rank_higher_than_popularity_puts_them(planted, kind):
    train, test = planted
    model = matfact.BPR(8, max_iter=60, random_state=0, **kind).fit(train)
    popular = matfact.Popularity().fit(train)
    by_count = np.broadcast_to(popular.item_scores_, (500, 300))
    assert auc(all_scores(model), train, test) > auc(by_count, train, test) + 0.05
    ours, theirs = (matfact.evaluate(m, test, ["ndcg@10"])["ndcg@10"] for m in (model, popular))
    assert ours > theirs * 1.2


def test_users_who_were_not_in_the_fit_are_ranked_as_well(planted, kind):
    """Half of the users are folded in from their histories."""
    train, test = planted
    old, new = (matfact.Interactions(train.matrix[rows]) for rows in (slice(250), slice(250, 500)))
    model = matfact.BPR(8, max_iter=60, random_state=0, **kind).fit(old)
    scores = model.fold_in(new)[:, :8] @ model.item_factors_.T + model.item_bias_
    held = matfact.Interactions(test.matrix[250:])
    popular = np.broadcast_to(matfact.Popularity().fit(old).item_scores_, (250, 300))
    assert auc(scores, new, held) > auc(popular, new, held) + 0.05


def test_the_gradient_of_the_documented_objective_vanishes_on_average(planted):
    """Once the loss has settled, the expected step is small against the parts that it is the sum of."""
    train, _ = planted
    l2 = 0.05  # large: otherwise there is always a lower loss further out
    model = matfact.BPR(
        4, l2_user=l2, l2_positive=l2, l2_negative=l2, learning_rate=0.02, max_iter=400, random_state=0
    ).fit(train)
    has = train.matrix.toarray() > 0
    pull, shrink = np.zeros((500, 4)), np.zeros((500, 4))
    w, h, scores = model.user_factors_.astype(float), model.item_factors_.astype(float), all_scores(model)
    for u in range(500):
        own, others = np.flatnonzero(has[u]), np.flatnonzero(~has[u] & (train.item_counts > 0))
        slopes = 1 / (1 + np.exp(scores[u, own][:, None] - scores[u, others][None, :])) / len(others)
        pull[u] = slopes.sum(axis=1) @ h[own] - slopes.sum(axis=0) @ h[others]
        shrink[u] = l2 * len(own) * w[u]
    # Steps of 0.02 keep jumping around the optimum; both parts agree on the direction and the length.
    assert np.linalg.norm(pull - shrink) < 0.2 * np.linalg.norm(pull)


def test_the_history_is_the_mean_loss_of_drawn_pairs(planted):
    """With steps too short to matter it is that of the start: scores near 0, loss log 2."""
    model = matfact.BPR(8, learning_rate=1e-7, max_iter=3, random_state=0).fit(planted[0])
    np.testing.assert_array_less(np.abs(model.objective_history_ - np.log(2)), 6 * model.objective_error_)
    assert model.objective_ == model.objective_history_[-1]
    assert (np.abs(model.auc_history_ - 0.5) < 0.05).all()
    assert len(model.auc_history_) == len(model.objective_error_) == model.n_iter_ == 3


def test_the_auc_of_an_epoch_is_that_of_its_entries(planted):
    train, _ = planted
    model = matfact.BPR(8, random_state=0).fit(train)
    nothing = matfact.Interactions(sp.csr_array(train.shape, dtype=np.float32))
    # The epoch's mean is of models that were a little younger.
    assert model.auc_history_[-1] == pytest.approx(auc(all_scores(model), nothing, train), abs=0.02)


def test_threads_and_repetition_change_no_bit(planted, kind):
    fits = [matfact.BPR(7, max_iter=3, random_state=1, num_threads=n, **kind).fit(planted[0]) for n in (1, 2, 3, 7, 1)]
    for other in fits[1:]:
        assert other._w.tobytes() == fits[0]._w.tobytes()
        assert other._h.tobytes() == fits[0]._h.tobytes()
        assert (other.objective_history_ == fits[0].objective_history_).all()
        assert other.fold_in(planted[1]).tobytes() == fits[0].fold_in(planted[1]).tobytes()
    different = matfact.BPR(7, max_iter=3, random_state=2, **kind).fit(planted[0])
    assert different._w.tobytes() != fits[0]._w.tobytes()


def test_without_a_schedule_rankings_are_as_good(planted):
    train, test = planted
    values = [
        auc(all_scores(matfact.BPR(8, deterministic=d, random_state=0, num_threads=2).fit(train)), train, test)
        for d in (True, False)
    ]
    assert values[0] == pytest.approx(values[1], abs=0.02)


def test_wide_indices_change_no_bit(planted):
    wide = matfact.Interactions(planted[0].matrix)
    wide.matrix.indices, wide.matrix.indptr = (
        a.astype(np.int64) for a in (wide.matrix.indices.copy(), wide.matrix.indptr.copy())
    )
    narrow_fit, wide_fit = (matfact.BPR(4, max_iter=2, random_state=0).fit(x) for x in (planted[0], wide))
    assert narrow_fit._w.tobytes() == wide_fit._w.tobytes()
    assert narrow_fit.fold_in(planted[1]).tobytes() == wide_fit.fold_in(planted[1]).tobytes()


def test_a_fold_in_depends_on_the_own_history_only(planted, kind):
    train, _ = planted
    model = matfact.BPR(6, max_iter=5, random_state=0, **kind).fit(train)
    together = model.fold_in(train.matrix[:40])
    for u in (0, 17, 39):
        assert model.fold_in(train.matrix[[u]]).tobytes() == together[[u]].tobytes()


def parts_of(x, codes):
    return matfact.Interactions(x.matrix[:, codes], user_ids=x.user_ids, item_ids=x.item_ids[codes])


NEW = np.arange(5, 300, 10)
OLD = np.setdiff1d(np.arange(300), NEW)


def test_items_that_come_later_are_ranked_as_if_they_had_been_in_the_fit(planted, kind):
    """Held-out choices of new items, against all that a user never chose."""
    train, test = planted
    model = matfact.BPR(8, max_iter=60, random_state=0, **kind)
    whole = all_scores(clone(model).fit(train))
    model.fit(parts_of(train, OLD))
    before = model._w.copy(), model._h.copy()
    model.partial_fit_items(parts_of(train, NEW))
    assert model._w.tobytes() == before[0].tobytes()
    assert model._h[: len(OLD)].tobytes() == before[1].tobytes()
    scores = np.empty_like(whole)
    scores[:, np.concatenate((OLD, NEW))] = all_scores(model)
    held = test.matrix.toarray()
    held[:, OLD] = 0
    held = matfact.Interactions(sp.csr_array(held))
    assert auc(scores, train, held) > auc(whole, train, held) - 0.01
    by_count = np.broadcast_to(matfact.Popularity().fit(train).item_scores_, (500, 300))
    assert auc(scores, train, held) > auc(by_count, train, held) + 0.05


@pytest.mark.parametrize("negatives", ["uniform", "popularity"])
def test_the_gradient_of_the_documented_objective_vanishes_at_new_items(planted, negatives):
    """As the positive of those who have it, and as the negative of all pairs of those who lack it."""
    train, _ = planted
    # Users of many and of few items, so that they meet it at different rates.
    share = np.repeat(np.linspace(0.1, 1, 500), train.user_counts)
    train = train.select(np.random.default_rng(1).random(len(share)) < share)
    l2 = 0.05
    penalties = {"l2_positive": l2, "l2_negative": l2}
    model = matfact.BPR(4, learning_rate=0.005, max_iter=1600, negatives=negatives, random_state=0, **penalties)
    model.fit(parts_of(train, OLD)).partial_fit_items(parts_of(train, NEW))
    has = train.matrix.toarray() > 0
    old, weights = has[:, OLD], train.item_counts if negatives == "popularity" else np.ones(300)
    w, h, scores = model.user_factors_.astype(float), model.item_factors_.astype(float), all_scores(model)
    pull, shrink = np.zeros((len(NEW), 4)), np.zeros((len(NEW), 4))
    for n, item in enumerate(NEW):
        for u in range(500):
            own, others = np.flatnonzero(old[u]), np.flatnonzero(~old[u])
            score = scores[u, len(OLD) + n]
            if has[u, item]:
                share = weights[OLD[others]] / weights[OLD[others]].sum()
                pull[n] += (share / (1 + np.exp(score - scores[u, others]))).sum() * w[u]
                shrink[n] += l2 * h[len(OLD) + n]
            else:
                share = weights[item] / (weights[item] + weights[OLD[others]].sum())
                pull[n] -= (share / (1 + np.exp(scores[u, own] - score))).sum() * w[u]
                shrink[n] += l2 * share * len(own) * h[len(OLD) + n]
    # What is left falls with the rate and with more epochs: 0.13 and 0.07 at 0.02 in 400 and 1600, 0.055 here.
    assert np.linalg.norm(pull - shrink) < 0.1 * np.linalg.norm(pull)


def test_threads_repetition_and_wide_indices_change_no_bit_of_new_items(planted, kind):
    train, _ = planted
    model = matfact.BPR(7, max_iter=3, random_state=1, **kind).fit(parts_of(train, OLD))
    wide = parts_of(train, NEW)
    wide.matrix.indices, wide.matrix.indptr = (a.astype(np.int64) for a in (wide.matrix.indices, wide.matrix.indptr))
    grown = [
        clone(model).set_params(num_threads=n).fit(parts_of(train, OLD)).partial_fit_items(news)._h
        for n, news in ((1, parts_of(train, NEW)), (2, wide), (3, wide), (7, parts_of(train, NEW)))
    ]
    assert len({h.tobytes() for h in grown}) == 1


def test_a_new_item_depends_on_its_own_users_only(planted, kind):
    train, _ = planted
    together, alone = (
        matfact.BPR(6, max_iter=5, random_state=0, **kind).fit(parts_of(train, OLD)).partial_fit_items(part)
        for part in (parts_of(train, NEW), parts_of(train, NEW[[7]]))
    )
    assert alone._h[-1].tobytes() == together._h[len(OLD) + 7].tobytes()


def test_items_come_without_a_bias_or_an_entry(planted):
    train, _ = planted
    model = matfact.BPR(4, item_bias=False, max_iter=2, random_state=0).fit(parts_of(train, OLD))
    empty = train.matrix.toarray()[:, NEW[:2]]
    empty[:, 1] = 0
    model.partial_fit_items(matfact.Interactions(sp.csr_array(empty), item_ids=["some", "nobody"]))
    assert model.item_factors_[-2].any()
    assert not model.item_factors_[-1].any()
    assert not model.item_bias_.any()
    assert model.recommend([0], 3, include=["some", "nobody"], exclude_seen=False).mask.sum() == 2


def test_values_of_entries_do_not_matter(planted):
    loud = planted[0].matrix.copy()
    loud.data = np.arange(1, len(loud.data) + 1, dtype=np.float32)
    fits = [matfact.BPR(4, max_iter=2, random_state=0).fit(x) for x in (planted[0], loud)]
    assert fits[0]._w.tobytes() == fits[1]._w.tobytes()


def test_without_a_bias_there_is_none(planted):
    model = matfact.BPR(4, item_bias=False, max_iter=2, random_state=0).fit(planted[0])
    assert not model.item_bias_.any()
    assert model.fold_in(planted[0]).shape == (500, 4)
    assert model.recommend([0], 3).mask.all()


def test_items_that_nobody_has_rank_with_the_least_liked(planted):
    x = planted[0].matrix.tolil()
    x[:, 7] = 0
    model = matfact.BPR(4, max_iter=5, random_state=0).fit(sp.csr_array(x.tocsr()))
    assert model.item_bias_.min() == model.item_bias_[7] == 0.0
    assert not model.item_factors_[7].any()
    assert model.predict([3], ["no such item"])[0] == 0.0


def test_callbacks_see_every_epoch_and_may_stop(planted):
    told = []
    model = matfact.BPR(4, max_iter=3, random_state=0).fit(planted[0], callback=told.append)
    assert [t.n_iter for t in told] == [1, 2, 3]
    assert [t.objective for t in told] == model.objective_history_.tolist()
    assert model.status_ == "max_iter"
    stopped = clone(model).fit(planted[0], callback=lambda it: it.n_iter == 2)
    assert (stopped.status_, stopped.n_iter_) == ("stopped", 2)
    two = clone(model).set_params(max_iter=2).fit(planted[0])
    assert stopped._h.tobytes() == two._h.tobytes()
    assert stopped.fold_in(planted[1]).tobytes() == two.fold_in(planted[1]).tobytes()


def test_one_user_or_one_item_is_enough(kind):
    for x in (np.ones((1, 5)), np.ones((5, 1)), np.ones((1, 1)), np.eye(3)):
        model = matfact.BPR(3, max_iter=3, random_state=0, **kind).fit(sp.csr_array(x))
        assert np.isfinite(all_scores(model)).all()
        assert np.isfinite(model.objective_)
        news = matfact.Interactions(sp.csr_array(np.ones((model.interactions_.n_users, 1))), item_ids=["new"])
        assert np.isfinite(all_scores(model.partial_fit_items(news))).all()


def test_steps_that_are_too_long_are_reported(planted):
    with pytest.raises(matfact.NumericalError, match="lower learning_rate"):
        matfact.BPR(4, learning_rate=1e20, l2_user=0, l2_positive=0, l2_negative=0, random_state=0).fit(planted[0])


def test_a_file_whose_epochs_are_not_those_of_its_history_is_refused(planted, tmp_path):
    """A fold-in makes as many passes: a changed number must not keep it busy for years."""
    matfact.BPR(4, max_iter=3, random_state=0).fit(planted[0]).save(tmp_path / "model")
    content = (tmp_path / "model").read_bytes()
    changed = content.replace(b'n_iter\\": 3', b'n_iter\\": 9')
    assert changed != content
    (tmp_path / "model").write_bytes(changed)
    with pytest.raises(ValueError, match="histories must have 9 entries"):
        matfact.BPR.load(tmp_path / "model")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, "n_components must be at least 1, got 0"),
        ({"max_iter": 0}, "max_iter must be at least 1, got 0"),
        ({"loss": "hinge"}, "loss must be one of 'bpr', 'warp'"),
        ({"negatives": "hard"}, "negatives must be one of 'uniform', 'popularity', 'adaptive'"),
        (
            {"loss": "warp", "negatives": "popularity"},
            "loss='warp' draws uniform negatives, got negatives='popularity'",
        ),
        ({"learning_rate": 0.0}, "learning_rate must be finite and positive, got 0.0"),
        ({"l2_user": -1.0}, "l2_user must be finite and not negative"),
        ({"l2_positive": np.nan}, "l2_positive must be finite and not negative"),
        ({"l2_negative": 20.0}, r"l2_negative must be below 1 / learning_rate = 20, got 20.0"),
    ],
)
def test_parameters_out_of_range_are_named(planted, parameters, message):
    with pytest.raises(ValueError, match=message):
        matfact.BPR(**{"random_state": 0, **parameters}).fit(planted[0])


def test_flags_and_matrices_of_other_types_are_refused(planted):
    with pytest.raises(TypeError, match="deterministic must be True or False"):
        matfact.BPR(deterministic=1).fit(planted[0])
    with pytest.raises(TypeError, match="item_bias must be True or False"):
        matfact.BPR(item_bias="yes").fit(planted[0])
    with pytest.raises(TypeError, match="SciPy sparse array of users x items"):
        matfact.BPR(2).fit(np.ones((3, 4)))
    with pytest.raises(ValueError, match="at least one entry"):
        matfact.BPR(2).fit(sp.csr_array((3, 4)))
    x = planted[0].matrix.copy()
    x.data[0] = 0.0
    with pytest.raises(ValueError, match="implicit feedback must be positive"):
        matfact.BPR(2).fit(x)
