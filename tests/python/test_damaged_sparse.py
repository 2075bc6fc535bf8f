"""Sparse matrices whose arrays do not describe one are refused with one sentence, wherever one is taken: the loops of
SciPy and of the core would read and write outside of memory."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import matfact

N_ROWS, N_COLS = 40, 16


def matrix(form, dtype=np.float64):
    """A matrix of positive entries in this format, the caller's own to damage."""
    x = sp.random_array((N_ROWS, N_COLS), density=0.3, rng=np.random.default_rng(0), dtype=dtype)
    return sp.bsr_array(x.toarray(), blocksize=(2, 4)) if form == "bsr" else x.asformat(form, copy=True)


def _indices(at, value):
    def damage(x):
        x.indices[at] = value

    return damage


def _indptr(at, value):
    def damage(x):
        x.indptr[at] = value

    return damage


def _coordinate(axis, value):
    def damage(x):
        x.coords[axis][2] = value

    return damage


def _attribute(name, change):
    def damage(x):
        setattr(x, name, change(getattr(x, name)))

    return damage


def _last_index(x):
    x.rows[3][-1] = 10**6


def _one_value_less(x):
    x.data[3].pop()


DAMAGES = {
    "csr, index too large": ("csr", _indices(4, N_COLS)),
    "csr, negative index": ("csr", _indices(4, -1)),
    "csr, first offset": ("csr", _indptr(0, 1)),
    "csr, falling offsets": ("csr", _indptr(5, 10**6)),
    "csr, last offset": ("csr", _indptr(-1, 10**6)),
    "csr, too few offsets": ("csr", _attribute("indptr", lambda a: a[:-1])),
    "csr, too few indices": ("csr", _attribute("indices", lambda a: a[:-3])),
    "csr, too few values": ("csr", _attribute("data", lambda a: a[:-3])),
    "csc, index too large": ("csc", _indices(4, N_ROWS)),
    "csc, negative index": ("csc", _indices(4, -(10**6))),
    "csc, falling offsets": ("csc", _indptr(5, 10**6)),
    "csc, last offset": ("csc", _indptr(-1, 10**6)),
    "csc, too few values": ("csc", _attribute("data", lambda a: a[:-3])),
    "coo, row too large": ("coo", _coordinate(0, N_ROWS)),
    "coo, negative row": ("coo", _coordinate(0, -1)),
    "coo, column too large": ("coo", _coordinate(1, 10**6)),
    "coo, negative column": ("coo", _coordinate(1, -(10**6))),
    "coo, too few values": ("coo", _attribute("data", lambda a: a[:-3])),
    "coo, too few coordinates": ("coo", _attribute("coords", lambda a: (a[0], a[1][:-3]))),
    "bsr, index too large": ("bsr", _indices(1, N_COLS // 4)),
    "bsr, negative index": ("bsr", _indices(1, -1)),
    "bsr, last offset": ("bsr", _indptr(-1, 10**6)),
    "bsr, blocks of another size": ("bsr", _attribute("data", lambda a: np.zeros((len(a), 3, 5)))),
    "dia, more offsets than diagonals": ("dia", _attribute("offsets", lambda a: np.append(a, 3))),
    "lil, index too large": ("lil", _last_index),
    "lil, fewer values than indices": ("lil", _one_value_less),
}
WHOLE = matrix("csr")
DENSE = WHOLE.toarray()


# What takes a sparse matrix, by itself and with what was fitted before.
TAKERS = {
    "svd": lambda x: matfact.svd(x, 2, random_state=0),
    "svd of batches": lambda x: matfact.svd(lambda: iter([x]), 2),
    "SVDResult.fold_in": lambda x: matfact.svd(DENSE, 2).fold_in(x),
    "SVDResult.project": lambda x: matfact.svd(DENSE, 2).project(x),
    "factorize": lambda x: matfact.factorize(x, 2, random_state=0, max_iter=2, tol=0),
    "complete": lambda x: matfact.complete(x, l2=1.0, max_components=2, tol=1.0),
    "Completion.impute": lambda x: matfact.complete(WHOLE, l2=1.0, max_components=2, tol=1.0).impute(x),
    "Moments.update": lambda x: matfact.Moments().update(x),
    "Interactions": matfact.Interactions,
    "BiasedMF.fit": lambda x: matfact.BiasedMF(2, max_iter=1).fit(x),
    "Popularity.fold_in": lambda x: matfact.Popularity().fit(WHOLE).fold_in(x),
    **{
        f"{type(model).__name__}.{method}": lambda x, model=model, method=method: getattr(model, method)(x)
        for model, methods in (
            (matfact.PCA(2), ("fit", "fit_transform")),
            (matfact.PCA(2).fit(DENSE), ("transform", "score", "score_samples", "impute", "inverse_transform")),
            (matfact.TruncatedSVD(2), ("fit", "fit_transform")),
            (matfact.TruncatedSVD(2).fit(DENSE), ("transform", "inverse_transform")),
            (matfact.IncrementalPCA(2), ("fit", "partial_fit", "fit_transform")),
            (matfact.IncrementalPCA(2).fit(DENSE), ("transform", "inverse_transform")),
            (matfact.MatrixFactorization(2, max_iter=2, tol=0), ("fit", "fit_transform")),
            (
                matfact.MatrixFactorization(2, max_iter=2, tol=0).fit(DENSE),
                ("transform", "impute", "inverse_transform"),
            ),
        )
        for method in methods
    },
}
DENSE_ONLY = {"PCA.score", "PCA.score_samples", "PCA.impute"}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("taker", TAKERS)
def test_every_taker_refuses_every_damage(taker, damage):
    form, do = DAMAGES[damage]
    x = matrix(form)
    do(x)
    # What takes no sparse matrix at all may say that instead.
    dense_only = taker in DENSE_ONLY or "inverse" in taker
    with pytest.raises((ValueError, TypeError) if dense_only else ValueError):
        TAKERS[taker](x)


@pytest.mark.parametrize("taker", [name for name in TAKERS if name not in DENSE_ONLY and "inverse" not in name])
@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "dia", "lil", "dok"])
@pytest.mark.filterwarnings("ignore")
def test_every_taker_takes_every_sound_format(taker, form):
    TAKERS[taker](matrix(form))


def test_values_of_another_dtype_are_checked_too():
    x = matrix("csr", np.float32)
    x.indices[4] = N_COLS
    with pytest.raises(ValueError, match=r"X.indices must be between 0 and 15, got 0 to 16"):
        matfact.PCA(2).fit(DENSE).transform(x)


def test_the_message_says_which_array_is_wrong():
    x = matrix("coo")
    x.coords[0][2] = -1
    with pytest.raises(ValueError, match=r"X.coords\[0\] must be between 0 and 39, got -1 to 39"):
        matfact.PCA(2).fit(x)


def test_a_batch_without_validation_by_scikit_learn_is_checked_too():
    x = matrix("csc")
    x.indices[4] = N_ROWS
    with pytest.raises(ValueError, match=r"X.indices must be between 0 and 39, got 0 to 40"):
        matfact.IncrementalPCA(2).partial_fit(x, check_input=False)


def test_a_single_history_is_checked_too():
    x = sp.coo_array(np.arange(float(N_COLS)))
    x.coords[0][2] = N_COLS
    with pytest.raises(ValueError, match=r"rows.coords\[0\] must be between 0 and 15, got 1 to 16"):
        matfact.Popularity().fit(WHOLE).fold_in(x)


class TestDuplicates:
    """SciPy remembers whether entries come twice, and does not notice when that changes."""

    @staticmethod
    def flagged():
        entries = np.array([1.0, 2.0, 4.0, 3.0, 5.0]), np.array([0, 0, 1, 2, 1]), np.array([0, 3, 4, 5])
        x = sp.csr_array(entries, shape=(3, 3))
        x.has_canonical_format = True
        return x

    def test_factorize_sums_them_whatever_the_flag_says(self):
        x = self.flagged()
        summed = sp.csr_array(x.toarray())
        f, g = (matfact.factorize(a, 1, random_state=0, max_iter=3, tol=0) for a in (x, summed))
        assert f.n_observed == summed.nnz
        np.testing.assert_array_equal(f.w, g.w)
        assert x.nnz == 5  # the caller's matrix stays as it is

    def test_moments_and_interactions_do_not_trust_it_either(self):
        x = self.flagged()
        expected = matfact.Moments().update(x.toarray())
        np.testing.assert_array_equal(matfact.Moments().update(x).mean, expected.mean)
        with pytest.raises(ValueError, match="come together more than once"):
            matfact.Interactions(x)

    def test_coordinates_with_a_wrong_flag_are_summed(self):
        x = sp.coo_array((np.ones(3), (np.array([0, 0, 1]), np.array([1, 1, 0]))), shape=(2, 2))
        x.has_canonical_format = True
        assert matfact.factorize(x, 1, random_state=0, max_iter=1, tol=0).n_observed == 2


@pytest.mark.parametrize(
    "name", [name for name in TAKERS if "." in name and not name.startswith(("SVD", "Compl", "Biased", "Popul"))]
)
def test_masked_arrays_are_refused_as_the_functions_refuse_them(name):
    x = np.ma.masked_array(DENSE, mask=DENSE == 0)
    x = x[:, :2] if "inverse" in name else x
    with pytest.raises(TypeError, match="is a masked array: pass"):
        TAKERS[name](x)


def test_masked_arrays_are_no_interactions():
    with pytest.raises(TypeError, match="must be a SciPy sparse array"):
        matfact.BiasedMF(2).fit(np.ma.masked_array(DENSE, mask=DENSE == 0))
