"""Callbacks of the long calls, what a stop leaves behind, and the bars that show the same."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import aslinearoperator

import matfact
from matfact import _progress
from reference.measure import eps, orthonormality, triplet_residuals
from reference.planted import orthonormal, with_singular_values

SLOW = 1.0 - 0.3 * np.arange(240) / 240  # a flat spectrum takes many passes
K = 10


@pytest.fixture
def x(rng):
    return with_singular_values(rng, 700, SLOW.size, SLOW)


@pytest.fixture
def a(rng):
    v = orthonormal(rng, SLOW.size, SLOW.size)
    a = (v * SLOW) @ v.T
    return (a + a.T) / 2


@pytest.fixture
def bars_at_once(monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(_progress, "_SECONDS_BEFORE_A_BAR", 0.0)


def path_to(x, folder):
    np.save(folder / "x.npy", x)
    return folder / "x.npy"


FORMS = {
    "dense": lambda x, _: x,
    "sparse": lambda x, _: sp.csr_array(x),
    "operator": lambda x, _: aslinearoperator(x),
    "file": path_to,
}


class Recorder:
    """A callback that keeps what it is told and stops after some passes."""

    def __init__(self, most=10**9):
        self.told, self.most = [], most

    def __call__(self, done):
        self.told.append(done)
        return len(self.told) >= self.most


@pytest.mark.parametrize("form", FORMS)
def test_svd_tells_of_every_pass_and_of_the_excess_at_the_last_look(x, tmp_path, form):
    record = Recorder()
    r = matfact.svd(FORMS[form](x, tmp_path), K, solver="krylov", callback=record)
    passes = [p.n_passes for p in record.told]
    assert passes == list(range(passes[0], passes[-1] + 1))
    # Of a file, the survey comes before them and the projection after.
    assert passes[-1] <= r.n_passes <= passes[-1] + 2
    assert all(isinstance(p, matfact.Pass) for p in record.told)
    # The wide blocks of a file hold K directions at once: there the first pass has a look already.
    assert record.told[0].excess > 1e3 if form == "file" else record.told[0].excess == np.inf
    assert record.told[-1].excess <= 1.0  # a pass is told after the look at what it brought
    assert r.status == "converged"


@pytest.mark.parametrize("form", FORMS)
def test_listening_does_not_change_a_bit(x, tmp_path, form):
    given = FORMS[form](x, tmp_path)
    r, quiet = (matfact.svd(given, K, solver="krylov", callback=c) for c in (lambda _: None, None))
    for one, other in zip(r, quiet, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("most", [1, 4, 9])
@pytest.mark.parametrize("form", FORMS)
def test_a_stopped_svd_returns_what_it_has_with_true_residuals(x, tmp_path, form, most, dtype):
    x = x.astype(dtype)
    r = matfact.svd(FORMS[form](x, tmp_path), K, solver="krylov", callback=Recorder(most))
    assert r.status == "stopped"
    assert r.u.shape == (700, K)
    assert orthonormality(r.u) <= 64 * eps(dtype)
    assert orthonormality(r.vt.T) <= 64 * eps(dtype)
    measured = np.linalg.norm(x.astype(float).T @ r.u.astype(float) - r.vt.T.astype(float) * r.s, axis=0) / r.s[0]
    # Two products of rounding beside each other.
    np.testing.assert_allclose(r.residuals, measured, rtol=0, atol=16 * np.sqrt(940) * eps(dtype))
    exact = np.linalg.svd(x.astype(float), compute_uv=False)
    nearest = np.abs(exact - r.s[:, None]).min(axis=1)
    assert (nearest <= r.error_bounds).all()


def test_the_bounds_of_a_stopped_svd_use_no_gap_that_nobody_has_looked_for(rng):
    x = with_singular_values(rng, 300, 200, np.where(np.arange(200) < 20, 1.0, 0.01))
    r = matfact.svd(x, 8, solver="krylov", callback=Recorder(1), tol=1e-12)
    assert r.status == "stopped"
    # A gap would make the bound about the square of the residual; s_9 is as large as s_8.
    assert (r.error_bounds >= 0.5 * r.residuals * r.s[0]).all()


def test_a_stop_waits_for_as_many_triplets_as_are_asked_for(x):
    record = Recorder(1)
    r = matfact.svd(x, 60, solver="krylov", callback=record)
    assert r.status == "stopped"
    assert r.s.size == 60
    assert len(record.told) == 8  # of 8 columns each


def test_a_stop_during_the_probe_is_one_too(x):
    """Accurate triplets are at hand then, but whether they are the leading ones is open."""
    r = matfact.svd(x, K, solver="krylov", callback=lambda p: p.excess <= 1.0)
    assert r.status == "stopped"
    assert r.residuals.max() <= 1e-6


def test_a_share_of_the_variance_is_stopped_too_and_takes_no_direct_solver(x):
    r = matfact.svd(x, 0.5, solver="krylov", callback=Recorder(2))
    assert r.status == "stopped"
    assert r.n_passes == 2


def test_randomized_stops_after_the_pass_and_projects(x):
    record = Recorder(2)
    r = matfact.svd(x, K, solver="randomized", max_passes=7, callback=record)
    assert [(p.n_passes, p.excess) for p in record.told] == [(1, np.inf), (2, np.inf)]
    assert (r.status, r.n_passes) == ("stopped", 3)
    assert triplet_residuals(x, r.u, r.s, r.vt) == pytest.approx(r.residuals, abs=64 * eps(float))


@pytest.mark.parametrize("form", [np.asarray, aslinearoperator], ids=["dense", "operator"])
@pytest.mark.parametrize("most", [2, 5])
def test_a_stopped_eigh_returns_what_it_has_with_true_residuals(a, form, most):
    record = Recorder(most)
    r = matfact.eigh(form(a), K, solver="krylov", callback=record)
    assert (r.status, r.n_passes, len(record.told)) == ("stopped", most, most)
    measured = np.linalg.norm(a @ r.v - r.v * r.w, axis=0)
    assert (measured <= r.residuals * max(r.w.max(), np.abs(a).max()) + 64 * eps(float)).all()
    nearest = np.abs(np.linalg.eigvalsh(a) - r.w[:, None]).min(axis=1)
    assert (nearest <= r.error_bounds).all()


def test_a_stopped_automatic_eigh_does_not_start_a_direct_solver(rng):
    a = np.diag(np.sort(rng.random(1600))[::-1])
    r = matfact.eigh(a, 5, callback=Recorder(3))
    assert (r.status, r.n_passes) == ("stopped", 3)


@pytest.mark.parametrize("form", FORMS)
def test_what_a_callback_raises_passes_through(x, tmp_path, form):
    def fail(_):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        matfact.svd(FORMS[form](x, tmp_path), K, solver="krylov", callback=fail)


def test_eigh_lets_it_through_too(a):
    with pytest.raises(ZeroDivisionError):
        matfact.eigh(a, K, solver="krylov", callback=lambda p: p.n_passes / 0)


@pytest.mark.parametrize("num_threads", [1, 2, 3, 7])
def test_a_stop_leaves_the_same_bits_at_any_number_of_threads(x, num_threads):
    one, many = (matfact.svd(x, K, solver="krylov", callback=Recorder(4), num_threads=n) for n in (1, num_threads))
    for left, right in zip(one, many, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("function", [matfact.svd, matfact.eigh])
def test_arguments_of_another_kind_are_refused(a, function):
    with pytest.raises(TypeError, match="callback must be callable, got 3"):
        function(a, K, callback=3)
    with pytest.raises(TypeError, match="progress"):
        function(a, K, progress="yes")


CALLS = {
    "svd": lambda x: matfact.svd(x, K, solver="krylov", progress=True),
    "eigh": lambda x: matfact.eigh(x.T @ x, K, solver="krylov", progress=True),
    "factorize": lambda x: matfact.factorize(x, 3, max_iter=5, tol=0.0, solver="als", random_state=0, progress=True),
    "complete": lambda x: matfact.complete(x, l2=0.97, tol=0.1, progress=True),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.usefixtures("bars_at_once")
def test_progress_shows_a_bar_for_one_call(x, capsys, name):
    CALLS[name](x)
    assert capsys.readouterr().err.lstrip("\r").startswith(name)
    matfact.svd(x, K, solver="krylov")
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("bars_at_once")
def test_the_context_shows_bars_for_all_calls_inside_estimators_too(x, capsys):
    with matfact.progress():
        matfact.PCA(K, svd_solver="arpack").fit(x)
        assert "svd" in capsys.readouterr().err
        matfact.IncrementalPCA(K, batch_size=100).fit(x)
        assert "IncrementalPCA" in capsys.readouterr().err
        x[::3, ::2] = np.nan
        matfact.PCA(2, missing="ppca", tol=1e-3).fit(x)
        assert "missing" in capsys.readouterr().err
    matfact.PCA(K).fit(np.eye(20))
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("bars_at_once")
def test_out_of_core_a_second_bar_counts_the_rows_of_the_pass(x, tmp_path, capsys):
    matfact.svd(path_to(x, tmp_path), K, solver="krylov", memory_limit="4MB", progress=True)
    shown = capsys.readouterr().err
    assert "pass 2" in shown
    assert "/700" in shown


@pytest.mark.usefixtures("bars_at_once")
def test_sparse_batches_of_a_function_are_counted_too(x, capsys):
    batches = [sp.csr_array(x[i : i + 200]) for i in range(0, 700, 200)]
    matfact.svd(lambda: batches, K, solver="krylov", progress=True)
    shown = capsys.readouterr().err
    assert "pass 1: 0.00 rows" in shown  # how many there are, only a pass tells
    assert "/700" in shown


@pytest.mark.usefixtures("bars_at_once")
def test_a_bar_and_a_callback_go_together(x, capsys):
    r = matfact.svd(x, K, solver="krylov", progress=True, callback=Recorder(3))
    assert (r.status, r.n_passes) == ("stopped", 3)
    assert "3 passes" in capsys.readouterr().err


def test_what_is_quick_shows_no_bar(capsys):
    pytest.importorskip("tqdm")
    matfact.svd(np.eye(5), progress=True)
    assert capsys.readouterr().err == ""


def test_without_tqdm_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match=r"matfact\[progress\]"):
        matfact.svd(np.eye(5), progress=True)
    with pytest.raises(ImportError, match=r"matfact\[progress\]"), matfact.progress():
        pass
