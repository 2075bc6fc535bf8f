"""Moments: exact whatever the batches, their order, layout, dtype and sparsity; bytes trusted only when whole."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

import matfact
from matfact import Moments, _core
from reference.measure import eps
from reference.moments import moments as reference

FORMATS = ["csr", "csc", "coo", "lil", "dok", "dia", "bsr"]


def state(m):
    return m.n_samples, m.mean.tobytes(), m.covariance(ddof=0).tobytes()


def close(m, x, weights=None, rtol=1e-12):
    """`m` against the oracle, relative to the largest entries: sums of n terms in another order differ by n eps."""
    x = np.asarray(x, float)
    n, mean, scatter = reference(x, np.ones(len(x)) if weights is None else weights)
    assert m.n_samples == pytest.approx(n, rel=rtol)
    np.testing.assert_allclose(m.mean, mean, rtol=rtol, atol=rtol * np.abs(mean).max())
    np.testing.assert_allclose(m.covariance(ddof=0) * n, scatter, rtol=0, atol=rtol * scatter.max())


@pytest.fixture
def x(rng):
    return rng.standard_normal((200, 12)) @ rng.standard_normal((12, 12)) + 10 * rng.standard_normal(12)


@pytest.fixture
def sparse(rng):
    """Few entries, one column that is full and far from zero, one that is empty, rows without entries."""
    x = scipy.sparse.random_array((300, 90), density=0.03, format="lil", rng=rng)
    x[:, 5] = (1e4 + rng.standard_normal(300)).reshape(-1, 1)
    x[:, 8] = 0.0
    x = x.tocsr()
    x.data[3] = 0.0  # an explicit zero
    return x


def test_batches_sum_up_to_the_whole(x):
    m = Moments()
    for batch in np.split(x, [1, 2, 50, 170]):
        assert m.update(batch) is m
    close(m, x)


@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray, lambda x: x[::2, ::3], lambda x: x[::-1]])
def test_any_layout_and_dtype_is_read(x, layout, dtype):
    batch = layout(x.astype(dtype))
    batch.flags.writeable = False
    close(Moments().update(batch), batch)


def test_integers_and_lists_are_taken():
    close(Moments().update([[1, 2], [3, 4], [5, 7]]), [[1, 2], [3, 4], [5, 7]])


def test_float32_is_summed_in_float64(rng):
    """With a mean of 1e4 a float32 sum would keep no digit of a variance of 1e-4."""
    batch = (1e4 + 1e-2 * rng.standard_normal((500, 5))).astype(np.float32)
    close(Moments().update(batch), batch, rtol=1e-10)


@pytest.mark.parametrize("container", [scipy.sparse.csr_array, scipy.sparse.csr_matrix])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_sparse_rows_count_as_dense_ones(sparse, container, index, dtype):
    x = container((sparse.data.astype(dtype), sparse.indices.astype(index), sparse.indptr.astype(index)), sparse.shape)
    close(Moments().update(x), x.toarray())


@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
@pytest.mark.parametrize("fmt", FORMATS)
def test_every_sparse_format_is_taken(sparse, fmt):
    close(Moments().update(sparse.asformat(fmt)), sparse.toarray())


def test_a_full_column_far_from_zero_keeps_its_variance(sparse):
    """Subtracting n * mean**2 would lose 8 of 16 digits here."""
    exact = sparse.toarray()[:, 5].var(ddof=1)
    assert Moments().update(sparse).covariance()[5, 5] == pytest.approx(exact, rel=64 * eps(float))


@pytest.mark.parametrize("density", [0.01, 0.5])
def test_both_ways_through_a_sparse_batch_agree_with_the_dense_one(rng, density):
    x = scipy.sparse.random_array((500, 120), density=density, format="csr", rng=rng)
    close(Moments().update(x), x.toarray())


def test_duplicate_and_unsorted_sparse_entries_are_summed():
    parts = np.array([1.0, 2.0, 3.0]), np.array([2, 0, 2]), np.array([0, 3, 3])
    x = scipy.sparse.csr_array(parts, (2, 3))
    close(Moments().update(x), [[2.0, 0.0, 4.0], [0.0, 0.0, 0.0]])
    assert x.nnz == 3  # the caller's matrix is not tidied up


def test_sparse_indices_are_not_believed():
    x = scipy.sparse.csr_array((np.ones(2), np.array([0, 1]), np.array([0, 1, 2])), (2, 3))
    x.indices[1] = 10**6
    with pytest.raises(ValueError, match=r"indices must be between 0 and 2"):
        Moments().update(x)


def test_a_large_sparse_batch_is_never_densified():
    """Dense it would take 8 GB."""
    x = scipy.sparse.random_array((1_000_000, 1000), density=1e-5, format="csr", rng=np.random.default_rng(0))
    m = Moments().update(x)
    assert m.n_samples == 1_000_000
    assert m.total_variance == pytest.approx((x.data**2).sum(), rel=1e-5)  # the means are next to nothing


@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array], ids=["dense", "sparse"])
def test_integer_weights_repeat_rows(x, rng, kind):
    weights = rng.integers(0, 4, len(x))
    close(Moments().update(kind(x), sample_weight=weights), np.repeat(x, weights, axis=0), rtol=1e-10)


@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array], ids=["dense", "sparse"])
def test_any_weights_are_those_of_the_textbook(x, rng, kind, dtype):
    weights = rng.random(len(x)).astype(dtype)
    close(Moments().update(kind(x), sample_weight=weights), x, weights.astype(float))


@pytest.mark.parametrize("kind", [np.array, scipy.sparse.csr_array], ids=["dense", "sparse"])
def test_a_row_of_weight_zero_is_absent_and_may_hold_nan(x, kind):
    weights = np.ones(len(x))
    weights[3] = 0.0
    with_nan = x.copy()
    with_nan[3, 2] = np.nan
    close(Moments().update(kind(with_nan), sample_weight=weights), np.delete(x, 3, axis=0))


def test_weights_that_are_all_zero_add_nothing(x):
    m = Moments().update(x)
    before = state(m)
    m.update(x, sample_weight=np.zeros(len(x)))
    assert state(m) == before


def trees(leaf):
    return st.recursive(leaf, lambda child: st.tuples(child, child), max_leaves=12)


@given(
    st.integers(0, 2**32 - 1),
    trees(st.tuples(st.integers(1, 40), st.sampled_from(["dense", "f32", "csr", "weighted"]))),
    st.integers(1, 8),
)
def test_any_tree_of_merges_over_any_split_equals_the_whole(seed, tree, width):
    """Parts of 1 to 40 rows, dense, sparse and weighted, merged as the tree says, some of them through bytes."""
    rng = np.random.default_rng(seed)
    seen = []

    def grow(node):
        if isinstance(node[1], str):
            rows = (rng.standard_normal((node[0], width)) + 5).astype(np.float32).astype(float)
            weights = rng.integers(0, 3, node[0]) if node[1] == "weighted" else np.ones(node[0], int)
            seen.append(np.repeat(rows, weights, axis=0))
            batch = {"f32": rows.astype(np.float32), "csr": scipy.sparse.csr_array(rows)}.get(node[1], rows)
            return Moments().update(batch, sample_weight=weights if node[1] == "weighted" else None)
        left, right = grow(node[0]), grow(node[1])
        return left + Moments.from_bytes(right.to_bytes())

    m = grow(tree)
    whole = np.concatenate(seen)
    if len(whole):
        close(m, whole)
    if len(whole) >= 2:
        k = min(whole.shape)
        merged, direct = matfact.PCA.from_moments(m, k), matfact.PCA(k, svd_solver="full").fit(whole)
        scale = max(direct.explained_variance_[0], eps(float))
        np.testing.assert_allclose(merged.explained_variance_, direct.explained_variance_, rtol=0, atol=1e-12 * scale)


def test_adding_changes_neither_side(x):
    a, b = Moments().update(x[:50]), Moments().update(x[50:])
    before = state(a), state(b)
    close(a + b, x)
    assert (state(a), state(b)) == before


def test_a_sum_may_begin_with_nothing(x):
    parts = [Moments().update(part) for part in np.split(x, 4)]
    close(sum(parts, Moments()), x)
    with pytest.raises(TypeError):
        parts[0] + 1


def test_covariance_has_the_divisor_asked_for(x):
    m = Moments().update(x)
    np.testing.assert_allclose(m.covariance(), np.cov(x.T), rtol=1e-12)
    np.testing.assert_allclose(m.covariance(ddof=0), np.cov(x.T, ddof=0), rtol=1e-12)
    assert m.total_variance == pytest.approx(matfact.svd(x, center=True).total_variance, rel=1e-12)
    np.testing.assert_allclose(m.squared_deviations, ((x - x.mean(0)) ** 2).sum(0), rtol=1e-12)


def test_what_comes_out_is_a_copy(x):
    m = Moments().update(x)
    before = state(m)
    m.mean[:] = 0
    m.covariance()[:] = 0
    m.squared_deviations[:] = 0
    assert state(m) == before


def test_nothing_seen_yet():
    m = Moments()
    assert (m.n_samples, m.n_features, m.total_variance) == (0, 0, 0)
    assert repr(m) == "Moments(n_samples=0, n_features=0)"
    with pytest.raises(ValueError, match="needs n_samples above ddof=1"):
        m.covariance()
    with pytest.raises(ValueError, match="at least 2 samples, got 0"):
        matfact.PCA.from_moments(m)


BAD = [
    (np.ones((3, 11)), {}, ValueError, "must have 12 columns, as the batches before it, got 11"),
    (scipy.sparse.csr_array(np.ones((3, 13))), {}, ValueError, "must have 12 columns"),
    (np.ones((0, 12)), {}, ValueError, "at least one row"),
    (scipy.sparse.csr_array((0, 12)), {}, ValueError, "at least one row"),
    (np.full((3, 12), np.nan), {}, ValueError, "NaN or infinity"),
    (np.full((3, 12), -np.inf), {}, ValueError, "NaN or infinity"),
    (scipy.sparse.csr_array(np.full((3, 12), np.inf)), {}, ValueError, "NaN or infinity"),
    (np.full((3, 12), np.nan), {"sample_weight": np.ones(3)}, ValueError, "NaN or infinity"),
    (np.outer([1e200, -1e200], np.ones(12)), {}, matfact.NumericalError, "scale X down"),
    (np.outer([1e154, 1e154], np.ones(12)), {}, matfact.NumericalError, "scale X down"),
    (scipy.sparse.csr_array(np.outer([1e200, -1e200], np.ones(12))), {}, matfact.NumericalError, "scale X down"),
    (np.ones(12), {}, ValueError, "2 dimensions"),
    (np.ones((3, 12), complex), {}, TypeError, "real numbers"),
    (np.ones((3, 12)), {"sample_weight": np.ones(2)}, ValueError, r"shape \(3,\), got \(2,\)"),
    (np.ones((3, 12)), {"sample_weight": [1, -1, 1]}, ValueError, "not negative, got -1.0* for row 1"),
    (np.ones((3, 12)), {"sample_weight": [1, np.nan, 1]}, ValueError, "sample_weight must be finite"),
    (scipy.sparse.csr_array(np.ones((2, 12))), {"sample_weight": [1, np.inf]}, ValueError, "must be finite"),
    (np.ones((3, 12)), {"sample_weight": ["a", "b", "c"]}, TypeError, "real numbers"),
    (np.ones((3, 12)), {"num_threads": 0}, ValueError, "num_threads"),
]


@pytest.mark.parametrize(("batch", "options", "error", "message"), BAD)
def test_a_refused_batch_changes_nothing(x, batch, options, error, message):
    m = Moments().update(x)
    before = state(m)
    with pytest.raises(error, match=message):
        m.update(batch, **options)
    assert state(m) == before


def test_moments_of_other_widths_do_not_add_up(x):
    with pytest.raises(ValueError, match="12 features cannot take rows with 3"):
        Moments().update(x) + Moments().update(x[:, :3])


@pytest.mark.parametrize("via", [pickle.dumps, copy.deepcopy, Moments.to_bytes], ids=["pickle", "copy", "bytes"])
def test_moments_travel_without_losing_a_bit(x, via):
    m = Moments().update(x)
    there = via(m)
    if isinstance(there, bytes):
        there = pickle.loads(there) if via is pickle.dumps else Moments.from_bytes(there)
    assert state(there) == state(m)
    assert state(there.update(x)) == state(m.update(x))


STREAM = """
import os, pathlib, signal, sys
import numpy as np
from matfact import Moments

saved, killed_after = pathlib.Path(sys.argv[1]), int(sys.argv[2])
done, moments = 0, Moments()
if saved.exists():  # the number of the last batch, and the moments up to it
    state = saved.read_bytes()
    done, moments = int.from_bytes(state[:8], "little"), Moments.from_bytes(state[8:])
for i in range(done, 12):
    batch = np.random.default_rng(i).standard_normal((50, 6)) * np.arange(1, 7)
    moments.update(batch)
    new = saved.with_suffix(".new")
    new.write_bytes((i + 1).to_bytes(8, "little") + moments.to_bytes())
    os.replace(new, saved)  # whole, or not at all
    if i + 1 == killed_after:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_stream_goes_on_from_its_saved_moments(tmp_path):
    """To the bits of the stream that nobody killed: the bytes hold all that the sums are."""

    def stream(saved, killed_after):
        return subprocess.run([sys.executable, "-c", STREAM, str(saved), str(killed_after)], check=False).returncode

    killed, whole = tmp_path / "killed", tmp_path / "whole"
    assert stream(killed, 5) == stream(killed, 9) == -signal.SIGKILL
    assert stream(killed, 0) == stream(whole, 0) == 0
    assert killed.read_bytes() == whole.read_bytes()
    pca = matfact.PCA.from_moments(Moments.from_bytes(killed.read_bytes()[8:]), 2)
    assert pca.n_samples_ == 600


@given(st.data())
def test_damaged_bytes_are_refused(data):
    """Cut, grown, and any bytes changed: a checksum of 64 bits lets none of these through."""
    good = Moments().update(np.random.default_rng(3).standard_normal((9, 4))).to_bytes()
    how = data.draw(st.sampled_from(["cut", "grow", "change", "other"]))
    if how == "cut":
        bad = good[: data.draw(st.integers(0, len(good) - 1))]
    elif how == "grow":
        bad = good + data.draw(st.binary(min_size=1, max_size=40))
    elif how == "other":
        bad = data.draw(st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(lambda tail: good[:24] + tail)))
    else:
        bad = bytearray(good)
        for at in data.draw(st.lists(st.integers(0, len(good) - 1), min_size=1, max_size=8, unique=True)):
            bad[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match=r"bytes|format version"):
        Moments.from_bytes(bad)


def seal(body):
    """The body of a message with its checksum, FNV-1a."""
    code = 0xCBF29CE484222325
    for byte in body:
        code = (code ^ byte) * 0x100000001B3 % 2**64
    return body + code.to_bytes(8, "little")


@pytest.mark.parametrize(
    ("at", "word", "message"),
    [
        (8, (2).to_bytes(8, "little"), "format version 2 cannot be read: this matfact knows version 1"),
        (16, (2**62).to_bytes(8, "little"), "cut short or too long"),
        (16, (2**33).to_bytes(8, "little"), "cut short or too long"),
        (24, np.float64(-1).tobytes(), "negative variance or number of rows"),
        (24, np.float64(np.inf).tobytes(), "not finite"),
        (32, np.float64(np.nan).tobytes(), "not finite"),
        (48, np.float64(-1e-3).tobytes(), "negative variance"),
    ],
)
def test_bytes_with_a_good_checksum_are_checked_as_well(at, word, message):
    body = Moments().update([[1.0, 2.0], [3.0, 5.0]]).to_bytes()[:-8]
    assert seal(body) == Moments.from_bytes(seal(body)).to_bytes()
    with pytest.raises(ValueError, match=message):
        Moments.from_bytes(seal(body[:at] + word + body[at + 8 :]))


def test_from_bytes_takes_bytes_only(x):
    good = Moments().update(x).to_bytes()
    assert state(Moments.from_bytes(memoryview(good))) == state(Moments.from_bytes(bytearray(good)))
    with pytest.raises(TypeError):
        Moments.from_bytes("moments")


def test_a_capsule_of_something_else_is_not_taken_for_moments():
    with pytest.raises(TypeError, match="holds no moments"):
        _core.moments_rows(dt.datetime_CAPI)


def test_threads_may_update_one_instance_at_once(rng):
    x = rng.standard_normal((4000, 60))
    m = Moments()
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda part: m.update(part, num_threads=2), np.split(x, 80)))
    finally:
        sys.setswitchinterval(switch)
    close(m, x)


ATTRIBUTES = [
    "components_",
    "explained_variance_",
    "explained_variance_ratio_",
    "singular_values_",
    "mean_",
    "noise_variance_",
]


@pytest.mark.parametrize("n_components", [None, 1, 10, 0, 0.3, 0.9, "mle"])
@pytest.mark.parametrize("whiten", [False, True])
def test_pca_from_moments_is_pca_of_the_rows(n_components, whiten):
    digits = load_digits().data[:, 3:]
    digits = digits[:, digits.std(axis=0) > 1]
    m = Moments()
    for batch in np.array_split(digits, 7):
        m.update(batch)
    ours = matfact.PCA.from_moments(m, n_components, whiten=whiten)
    direct = matfact.PCA(n_components, whiten=whiten, svd_solver="covariance_eigh").fit(digits)
    assert ours.n_components_ == direct.n_components_
    assert set(vars(direct)) == set(vars(ours))
    assert (ours.n_samples_, ours.n_features_in_) == (direct.n_samples_, direct.n_features_in_)
    for attribute in ATTRIBUTES:
        expected = getattr(direct, attribute)
        # Vectors are off by rounding over the gap between their eigenvalues, here at least 1e-3 of the largest.
        atol = 1e-12 * max(1.0, np.abs(expected).max(initial=0))
        np.testing.assert_allclose(getattr(ours, attribute), expected, rtol=0, atol=atol)
    scores = ours.transform(digits)
    np.testing.assert_allclose(scores, direct.transform(digits), rtol=0, atol=1e-11 * np.abs(digits).max())


def test_weights_that_do_not_add_up_to_a_whole_number(x):
    pca = matfact.PCA.from_moments(Moments().update(x, sample_weight=np.full(len(x), 0.7)), 3)
    assert pca.n_samples_ == pytest.approx(140)
    np.testing.assert_allclose(np.abs(pca.components_), np.abs(matfact.PCA(3).fit(x).components_), atol=1e-11)


@pytest.mark.parametrize(
    ("n_components", "message"), [(13, "between 0 and"), (-1, "n_components"), ("mle", "n_samples >= n_features")]
)
def test_pca_from_moments_checks_n_components_as_fit_does(x, n_components, message):
    with pytest.raises(ValueError, match=message):
        matfact.PCA.from_moments(Moments().update(x[:5] if n_components == "mle" else x), n_components)


def test_pca_from_something_else(x):
    with pytest.raises(TypeError, match=r"must be matfact\.Moments, got ndarray"):
        matfact.PCA.from_moments(x)


@pytest.mark.parametrize("scale", [2.0**-990, 2.0**-532, 2.0**-500])
def test_bounds_know_of_squares_that_are_lost(rng, scale):
    x = rng.standard_normal((40, 5))
    moments = matfact.Moments()
    moments.update(scale * x)
    pca = matfact.PCA.from_moments(moments, 2)
    exact = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)[:2]
    assert (np.abs(pca.singular_values_ / scale - exact) <= pca.error_bounds_ / scale).all()
