"""The core counts what lists are worth as a textbook would, with the same bits at any number of threads."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.metrics import roc_auc_score

from matfact import _core
from reference.list_metrics import list_metric

N_USERS, N_ITEMS = 300, 60
METRICS = [(metric, k) for metric in _core.ListMetric for k in (1, 4, 12, 1000)]


@pytest.fixture(scope="module", params=["i32", "i64"])
def case(request):
    """Lists of 0 to 12 items; 0 to many relevant ones, of which some are none of the items."""
    rng = np.random.default_rng(0)
    lists = np.argsort(rng.random((N_USERS, N_ITEMS)), axis=1)[:, :12]
    lists[np.arange(12) >= rng.integers(0, 13, N_USERS)[:, None]] = -1
    relevant = sp.csr_array(rng.random((N_USERS, N_ITEMS)) < rng.random((N_USERS, 1)) ** 3)
    n_relevant = np.diff(relevant.indptr) + rng.integers(0, 3, N_USERS)
    index = np.int32 if request.param == "i32" else np.int64
    arrays = relevant.indices.astype(index), relevant.indptr.astype(index)
    return request.param, lists, arrays, n_relevant.astype(np.int64), rng.uniform(0.01, 1, N_ITEMS)


def values(case, num_threads):
    kind, lists, arrays, n_relevant, shares = case
    count = getattr(_core, f"list_metrics_{kind}")
    options = {"n_relevant": n_relevant, "item_shares": shares, "metrics": METRICS, "num_threads": num_threads}
    return count(lists, *arrays, **options)


def test_values_of_each_user_are_those_of_the_textbook(case):
    _, lists, (indices, indptr), n_relevant, shares = case
    expected = [
        [list_metric(metric.name, k, lists[u], own, n_relevant[u], shares) for metric, k in METRICS]
        for u in range(N_USERS)
        for own in [set(indices[indptr[u] : indptr[u + 1]].tolist())]
    ]
    # Sums of at most 12 terms, or of 60 in the largest gain.
    np.testing.assert_allclose(values(case, 1), expected, rtol=60 * np.finfo(float).eps)


@pytest.mark.parametrize("num_threads", [2, 3, 7])
def test_threads_change_no_bit(case, num_threads):
    assert values(case, num_threads).tobytes() == values(case, 1).tobytes()


def test_lists_of_any_strides_are_read(case):
    kind, lists, *rest = case
    assert values((kind, np.asfortranarray(lists), *rest), 2).tobytes() == values(case, 1).tobytes()


def test_first_places_are_the_best_ranks_of_all_lists(case):
    _, lists, *_ = case
    expected = [min(np.nonzero(lists == i)[1], default=np.iinfo(np.int64).max) for i in range(N_ITEMS)]
    assert _core.first_places(lists, N_ITEMS).tolist() == expected


@pytest.mark.parametrize("num_threads", [1, 2, 3, 7])
def test_auc_of_each_user_is_scikit_learns(case, num_threads):
    kind, _, (indices, indptr), *_ = case
    scores = np.random.default_rng(1).normal(size=(N_USERS, N_ITEMS)).astype(np.float32).round(1)  # some are equal
    scores[:, ::9] = np.nan  # not ranked
    found = getattr(_core, f"auc_{kind}")(scores, indices, indptr, num_threads=num_threads)
    for u in range(N_USERS):
        truth = np.zeros(N_ITEMS, bool)
        truth[indices[indptr[u] : indptr[u + 1]]] = True
        ranked = ~np.isnan(scores[u])
        if truth[ranked].any() and not truth[ranked].all():
            # A quotient of whole numbers on our side, a sum of at most 60 trapezoids on theirs.
            assert found[u] == pytest.approx(roc_auc_score(truth[ranked], scores[u, ranked]), rel=60 * 2.3e-16)
        else:
            assert np.isnan(found[u])


def test_what_does_not_fit_together_is_refused(case):
    kind, lists, arrays, n_relevant, shares = case
    outside = np.where(lists == 0, N_ITEMS, lists)
    for wrong, message in (
        ((kind, outside, arrays, n_relevant, shares), "lists must hold items below n_items"),
        ((kind, lists, arrays, n_relevant[:-1], shares), "n_relevant must have one entry for each list"),
        ((kind, lists, arrays, n_relevant * 0, shares), "n_relevant must count the items of relevant at least"),
        ((kind, lists, arrays, n_relevant, shares * 0), "item_shares must be positive"),
        ((kind, lists[:-1], arrays, n_relevant[:-1], shares), "indptr must have n_rows"),
    ):
        with pytest.raises(ValueError, match=message):
            values(wrong, 1)
