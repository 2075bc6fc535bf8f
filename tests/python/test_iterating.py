"""Validation between sweeps, early stopping, starts from other models, and bars."""

from __future__ import annotations

import functools
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

import matfact
from matfact import _progress
from matfact._recommender.iterating import Judge

# Penalties so small that the fits overfit within a few sweeps.
MODELS = [
    matfact.ImplicitMF(8, solver="als", l2=1e-4, max_iter=12, random_state=0),
    matfact.ImplicitMF(8, solver="cg", l2=1e-4, max_iter=12, random_state=0),
    matfact.ImplicitMF(8, solver="block", block_size=3, l2=1e-4, max_iter=12, random_state=0),
    matfact.BiasedMF(8, l2=1e-3, max_iter=12, random_state=0),
    matfact.BiasedMF(8, solver="cg", l2=1e-3, max_iter=12, random_state=0),
    matfact.BPR(8, learning_rate=0.2, l2_user=0.0, l2_positive=0.0, l2_negative=0.0, max_iter=12, random_state=0),
    matfact.BiasedMF(8, solver="sgd", l2=1e-3, learning_rate=0.3, max_iter=12, random_state=0),
    matfact.BiasedMF(8, solver="adam", l2=1e-3, learning_rate=0.1, max_iter=12, random_state=0),
]
TAKE_START = MODELS[:5]


@pytest.fixture(params=MODELS, ids=["als", "cg", "block", "BiasedMF", "BiasedMF cg", "BPR", "sgd", "adam"])
def model(request: pytest.FixtureRequest):
    return clone(request.param)


@pytest.fixture
def split() -> matfact.Split:
    rng = np.random.default_rng(3)
    scores = rng.normal(size=(90, 2)) @ rng.normal(size=(2, 45)) + rng.normal(size=(90, 45))
    x = np.where(rng.random((90, 45)) < 0.3, np.clip(np.rint(scores + 3), 1, 5), 0)
    ids = [f"item {i}" for i in range(45)]
    return matfact.random_split(matfact.Interactions(sp.csr_array(x), user_ids=np.arange(90) * 3, item_ids=ids), 0.2)


@pytest.fixture
def bars_at_once(monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(_progress, "_SECONDS_BEFORE_A_BAR", 0.0)


def best(model, values):
    return int(np.argmin(values) if isinstance(model, matfact.BiasedMF) else np.argmax(values)) + 1


def test_the_best_sweep_is_kept_with_the_bits_it_had(model, split):
    model.fit(split.train, validation=split.test, patience=None)
    values = model.validation_history_
    assert len(values) == model.n_iter_ == len(model.objective_history_) == 12
    assert model.best_iter_ == best(model, values) < 12
    metric = model._default_metric
    assert matfact.evaluate(model, split.test, [metric])[metric] == values[model.best_iter_ - 1]
    assert model.objective_ == model.objective_history_[model.best_iter_ - 1]
    short = clone(model).set_params(max_iter=model.best_iter_).fit(split.train)
    for name in ("user_factors_", "item_factors_"):
        assert getattr(model, name).tobytes() == getattr(short, name).tobytes()
    new = split.test.matrix
    assert model.fold_in(new).tobytes() == short.fold_in(new).tobytes()


def test_the_fit_ends_when_patience_does(model, split):
    whole = clone(model).fit(split.train, validation=split.test, patience=None)
    model.fit(split.train, validation=split.test, patience=1)
    gain = -whole.validation_history_ if model._default_metric == "rmse" else whole.validation_history_
    first_worse = int(np.flatnonzero(gain[1:] <= np.maximum.accumulate(gain)[:-1])[0]) + 2
    assert (model.n_iter_, model.status_, model.best_iter_) == (first_worse, "stopped", first_worse - 1)
    assert model.validation_history_.tolist() == whole.validation_history_[:first_worse].tolist()


def test_without_validation_the_last_sweep_is_kept(model, split):
    model.fit(split.train)
    assert model.validation_history_ is None
    assert model.best_iter_ == model.n_iter_ == 12


def test_a_sparse_array_validates_with_the_ids_of_the_fit(model, split):
    by_ids = clone(model).fit(split.train, validation=split.test, metric="recall@5")
    model.fit(split.train, validation=split.test.matrix, metric="recall@5")
    assert model.validation_history_.tolist() == by_ids.validation_history_.tolist()


@pytest.mark.parametrize("num_threads", [1, 2, 3, 7])
def test_the_same_sweep_is_kept_at_any_number_of_threads(model, split, num_threads):
    one = clone(model).set_params(num_threads=1).fit(split.train, validation=split.test)
    many = model.set_params(num_threads=num_threads).fit(split.train, validation=split.test)
    assert many.validation_history_.tolist() == one.validation_history_.tolist()
    assert many.user_factors_.tobytes() == one.user_factors_.tobytes()


def test_a_callback_is_told_of_the_metric_and_may_stop(model, split):
    told = []

    def stop(iteration: matfact.Iteration) -> bool:
        told.append(iteration)
        return iteration.n_iter == 2

    model.fit(split.train, validation=split.test, callback=stop)
    assert (model.n_iter_, model.status_) == (2, "stopped")
    assert [t.validation for t in told] == model.validation_history_.tolist()
    assert [t.objective for t in told] == model.objective_history_.tolist()
    clone(model).set_params(max_iter=1).fit(split.train, callback=told.append)
    assert told[-1].validation is None


def same_fit(model, whole):
    """Bits, and what is told of them."""
    assert model._w.tobytes() == whole._w.tobytes()
    assert model._h.tobytes() == whole._h.tobytes()
    assert model.n_iter_ == whole.n_iter_ == len(model.objective_history_)
    assert model.objective_history_.tolist() == whole.objective_history_.tolist()
    facts = {name: value for name, value in model._facts.items() if name != "status"}
    assert facts == {name: value for name, value in whole._facts.items() if name != "status"}
    return True


def of_sweeps(model, n):
    """What a fit of n sweeps would be."""
    if getattr(model, "solver", None) == "gibbs":
        burn_in = min(n - 1, model.burn_in)
        return clone(model).set_params(burn_in=burn_in, n_samples=n - burn_in)
    return clone(model).set_params(max_iter=n)


GIBBS = matfact.BiasedMF(3, solver="gibbs", burn_in=3, n_samples=9, random_state=0)
INTERRUPTED = pytest.mark.parametrize("model", [*MODELS, GIBBS], ids=str, indirect=True)


@INTERRUPTED
@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_callback_that_raises_leaves_the_sweep_before_it(model, split, n):
    mine = LookupError("mine")

    def fail(iteration: matfact.Iteration) -> None:
        if iteration.n_iter == n:
            raise mine

    with pytest.raises(LookupError) as raised:
        model.fit(split.train, callback=fail)
    assert raised.value is mine
    assert "fail" in [entry.name for entry in raised.traceback]
    assert model.status_ == "stopped"
    assert same_fit(model, of_sweeps(model, n).fit(split.train))


def raising_inside(sweep, place):
    """Told as the core tells, raises as Ctrl-C does: in the middle of a sweep, when asked for the `place`-th time."""
    asked = 0

    def tell(n_iter: int, objective: float, *_: object) -> None:
        nonlocal asked
        tell.done = max(tell.done, n_iter)
        if tell.done == sweep - 1 and np.isnan(objective):
            asked += 1
            if asked == place:
                raise KeyboardInterrupt

    tell.done = 0
    return tell


@INTERRUPTED
def test_wherever_a_sweep_is_interrupted_the_one_before_it_is_left(model, split, monkeypatch):
    before, whole = clone(model).fit(split.test), {n: of_sweeps(model, n).fit(split.train) for n in (1, 4)}
    for n in (0, 1, 4):
        for place in range(1, 1000):
            tell = raising_inside(n + 1, place)
            monkeypatch.setattr("matfact._recommender.iterating.between_sweeps", lambda _, tell=tell: tell)
            interrupted = clone(model)
            interrupted._adopt(before.interactions_, before._w, before._h, before._facts)
            try:
                interrupted.fit(split.train)
            except KeyboardInterrupt:
                assert same_fit(interrupted, whole.get(n, before))
            else:  # nobody asked so often
                break
        assert place > 1


@INTERRUPTED
def test_what_is_left_answers_like_any_other_model(model, split, tmp_path, monkeypatch):
    tell = raising_inside(3, 1)
    monkeypatch.setattr("matfact._recommender.iterating.between_sweeps", lambda _: tell)
    with pytest.raises(KeyboardInterrupt):
        model.fit(split.train)
    model.save(tmp_path / "model")
    other = type(model).load(tmp_path / "model")
    assert (other.n_iter_, other.status_) == (2, "stopped")
    assert other.recommend(0, 5).scores.tobytes() == model.recommend(0, 5).scores.tobytes()
    assert other.fold_in(split.test.matrix).tobytes() == model.fold_in(split.test.matrix).tobytes()


SIGNALLED = """
import os, signal, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np, scipy.sparse as sp, matfact
from sklearn.base import clone

rng = np.random.default_rng(0)
x = sp.csr_array((np.ones(60_000, np.float32), (rng.integers(0, 4_000, 60_000), rng.integers(0, 2_000, 60_000))))
x = matfact.Interactions(x)
for model in (
    matfact.ImplicitMF(48, solver="als", max_iter=10**6, random_state=0),
    matfact.ImplicitMF(48, solver="cg", max_iter=10**6, random_state=0),
    matfact.BiasedMF(48, max_iter=10**6, random_state=0),
    matfact.BiasedMF(48, solver="cg", max_iter=10**6, random_state=0),
    matfact.BiasedMF(48, solver="sgd", max_iter=10**6, random_state=0),
    matfact.BPR(48, max_iter=10**6, random_state=0),
):
    begun = threading.Event()
    interrupt = lambda: (begun.wait(), time.sleep(0.1), os.kill(os.getpid(), signal.SIGINT))
    threading.Thread(target=interrupt).start()
    try:
        model.fit(x, callback=lambda iteration: begun.set())
    except KeyboardInterrupt:
        whole = clone(model).set_params(max_iter=model.n_iter_).fit(x)
        assert model._w.tobytes() == whole._w.tobytes() and model._h.tobytes() == whole._h.tobytes()
        assert model.objective_history_.tolist() == whole.objective_history_.tolist()
        print(model.status_)
"""


def test_control_c_leaves_the_last_complete_sweep():
    done = subprocess.run([sys.executable, "-c", SIGNALLED], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["stopped"] * 6


def test_beside_validation_the_best_sweep_so_far_is_left(model, split):
    whole = clone(model).fit(split.train, validation=split.test, patience=None)
    n = whole.best_iter_ + 1

    def fail(iteration: matfact.Iteration) -> None:
        if iteration.n_iter == n:
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        model.fit(split.train, validation=split.test, patience=None, callback=fail)
    assert (model.best_iter_, model.n_iter_, model.status_) == (whole.best_iter_, n, "stopped")
    assert model._w.tobytes() == whole._w.tobytes()
    assert model.validation_history_.tolist() == whole.validation_history_[:n].tolist()
    assert model.objective_history_.tolist() == whole.objective_history_[:n].tolist()


def test_control_c_while_a_sweep_is_judged_leaves_what_was_judged(model, split, monkeypatch):
    value, judged = Judge.value, []

    def interrupted(judge, candidate):
        if len(judged) == 2:
            raise KeyboardInterrupt
        judged.append(value(judge, candidate))
        return judged[-1]

    monkeypatch.setattr(Judge, "value", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(split.train, validation=split.test)
    assert (model.n_iter_, model.best_iter_) == (3, best(model, judged))
    assert model.validation_history_.tolist() == judged


@pytest.mark.usefixtures("bars_at_once")
def test_a_bar_shows_objective_and_metric(model, split, capsys):
    model.fit(split.train, validation=split.test, progress=True)
    shown = capsys.readouterr().err
    assert shown.lstrip("\r").startswith(type(model).__name__)
    assert f", {model._default_metric} {model.validation_history_[-1]:.4g}" in shown
    model.fit(split.train)
    assert capsys.readouterr().err == ""


def test_a_saved_model_remembers_what_was_kept(model, split, tmp_path):
    model.fit(split.train, validation=split.test, patience=None).save(tmp_path / "model")
    other = type(model).load(tmp_path / "model")
    assert (other.best_iter_, other.objective_) == (model.best_iter_, model.objective_)
    assert other.validation_history_.tolist() == model.validation_history_.tolist()


@pytest.mark.parametrize("model", TAKE_START, ids=["als", "cg", "block", "BiasedMF", "BiasedMF cg"], indirect=True)
def test_a_start_goes_on_where_a_model_ended(model, split):
    """The users' factors are all that a sweep starts from."""
    ended = clone(model).set_params(max_iter=6).fit(split.train)
    model.set_params(max_iter=1).fit(split.train, start=ended)
    cold = clone(model).fit(split.train)
    assert model.objective_ < cold.objective_
    # The rotation, where there is one, changes nothing but rounding: of some hundred float32 sums.
    assert model.objective_ <= ended.objective_ * (1 + 500 * np.finfo(np.float32).eps)


@pytest.mark.parametrize("model", TAKE_START, ids=["als", "cg", "block", "BiasedMF", "BiasedMF cg"], indirect=True)
def test_a_start_is_matched_by_ids(model, split):
    ended = clone(model).fit(split.train)
    order = np.random.default_rng(0).permutation(90)
    mixed = matfact.Interactions(
        split.train.matrix[order], user_ids=split.train.user_ids[order], item_ids=split.train.item_ids
    )
    start = model._start_of(ended, mixed, ended._w.shape[1])
    assert start.tobytes() == ended._rows_of_users(order).tobytes()
    renamed = matfact.Interactions(split.train.matrix, user_ids=np.arange(90) + 1000, item_ids=split.train.item_ids)
    with pytest.raises(ValueError, match="start knows none of the users"):
        model.fit(renamed, start=ended)


@pytest.mark.parametrize("n_known", [1, 30])
@pytest.mark.parametrize("model", TAKE_START, ids=["als", "cg", "block", "BiasedMF", "BiasedMF cg"], indirect=True)
def test_a_start_that_knows_few_users_ends_as_low_as_a_random_one(model, n_known, split):
    few = matfact.Interactions(
        split.train.matrix[:n_known], user_ids=split.train.user_ids[:n_known], item_ids=split.train.item_ids
    )
    # Penalties that leave one minimum or minima that are alike.
    model.set_params(l2=0.02, max_iter=60)
    ended = clone(model).fit(few)
    objectives = [clone(model).set_params(random_state=seed).fit(split.train).objective_ for seed in range(4)]
    spread = max(objectives) - min(objectives)
    assert model.fit(split.train, start=ended).objective_ <= max(objectives) + spread
    start = model._start_of(ended, split.train, ended._w.shape[1])
    assert np.linalg.matrix_rank(start[n_known:] - start[n_known:].mean(axis=0), tol=1e-3) == start.shape[1]
    assert start[:n_known].tobytes() == ended._w.tobytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "accuracy"}, "got 'accuracy'"),
        ({"patience": 0}, "patience must be at least 1, got 0"),
        ({"validation": sp.csr_array((45, 90))}, r"validation must have the users and items .* got shape \(45, 90\)"),
        ({"validation": sp.csr_array((90, 45))}, "validation must have an entry of a user and an item"),
    ],
)
def test_mistakes_are_named(model, split, options, message):
    with pytest.raises(ValueError, match=message):
        model.fit(split.train, **{"validation": split.test, **options})


@pytest.mark.parametrize("model", TAKE_START, ids=["als", "cg", "block", "BiasedMF", "BiasedMF cg"], indirect=True)
def test_a_start_is_a_fitted_model_of_the_same_kind(model, split):
    for start in (matfact.PureSVD(3), clone(model), matfact.PureSVD(8).fit(split.train)):
        with pytest.raises(ValueError, match="start must be a fitted"):
            model.fit(split.train, start=start)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_stochastic_solvers_start_at_random(solver, split):
    model = matfact.BiasedMF(3, solver=solver, random_state=0)
    with pytest.raises(ValueError, match="it starts at random"):
        model.fit(split.train, start=clone(model).fit(split.train))


def test_validation_of_strangers_is_refused(model, split):
    strangers = matfact.Interactions(sp.csr_array([[1.0]]), user_ids=["nobody"], item_ids=["nothing"])
    with pytest.raises(ValueError, match="an entry of a user and an item of the interactions"):
        model.fit(split.train, validation=strangers)
    with pytest.raises(TypeError, match="callback must be callable, got 3"):
        model.fit(split.train, callback=3)
    with pytest.raises(TypeError, match="progress"):
        model.fit(split.train, progress="yes")


def test_draws_take_neither_validation_nor_a_start(split):
    model = matfact.BiasedMF(3, solver="gibbs", burn_in=2, n_samples=2, random_state=0)
    with pytest.raises(ValueError, match="validation has no best sweep to keep with solver='gibbs'"):
        model.fit(split.train, validation=split.test)
    with pytest.raises(ValueError, match=r"start is not for BiasedMF\(.*solver='gibbs'\): it starts at random"):
        model.fit(split.train, start=matfact.BiasedMF(3).fit(split.train))


def test_a_core_start_of_another_shape_is_refused(split):
    """The facade makes none; the core looks nevertheless."""
    core = functools.partial(matfact.ImplicitMF(3, random_state=0).fit, split.train)
    model = matfact.ImplicitMF(3, random_state=0)
    model._start_of = lambda *_: np.zeros((2, 3), np.float32)
    with pytest.raises(ValueError, match="start must have the shape of the users' factors"):
        model.fit(split.train)
    model._start_of = lambda *_: np.full((90, 3), np.nan, np.float32)
    with pytest.raises(ValueError, match="start must be finite"):
        model.fit(split.train)
    assert core().n_iter_ == 15
