"""PCA with missing entries: textbook EM, Gaussian conditioning, and ordinary PCA where nothing is missing."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import matfact
from matfact import PCA, _core
from reference.measure import orthonormality, signs_are_fixed, subspace_sine
from reference.missing import conditional_mean, log_likelihood, ppca_em

MODELS = ["ppca", "vb"]
ATTRIBUTES = [
    "components_",
    "explained_variance_",
    "explained_variance_ratio_",
    "singular_values_",
    "mean_",
    "noise_variance_",
]


def planted(rng, shape=(150, 20), k=3, noise=0.3, missing=0.3):
    """A factor model with large column means and its complete matrix; k strong axes of different variance."""
    m, n = shape
    axes = np.linalg.qr(rng.standard_normal((n, k)))[0] * np.linspace(4, 2, k)
    full = rng.standard_normal((m, k)) @ axes.T + 10 * rng.standard_normal(n) + noise * rng.standard_normal(shape)
    x = full.copy()
    x[rng.random(shape) < missing] = np.nan
    return x, full


@pytest.fixture
def data(rng):
    return planted(rng)


def test_the_estimate_is_a_fixed_point_of_textbook_em(data):
    """tol bounds a gain in likelihood, which is quadratic in the distance: of 1e-13 the root is left, and a margin."""
    x, _ = data
    pca = PCA(3, missing="ppca", tol=1e-13).fit(x)
    to_ml = (len(x) - 1) / len(x)
    noise = pca.noise_variance_ * to_ml
    w = pca.components_.T * np.sqrt(pca.explained_variance_ * to_ml - noise)
    w1, mean1, noise1 = ppca_em(x, w, pca.mean_, noise, 1)
    scale = pca.explained_variance_[0]
    np.testing.assert_allclose(w1 @ w1.T, w @ w.T, atol=1e-5 * scale)
    np.testing.assert_allclose(mean1, pca.mean_, atol=1e-5 * np.sqrt(scale))
    np.testing.assert_allclose(noise1, noise, rtol=1e-5)


def test_textbook_em_does_not_find_a_better_one(data):
    x, _ = data
    pca = PCA(3, missing="ppca").fit(x)
    to_ml = (len(x) - 1) / len(x)
    start = np.random.default_rng(1).standard_normal((20, 3))
    w, mean, noise = ppca_em(x, start, np.nanmean(x, axis=0), 1.0, 60)
    theirs = log_likelihood(x, mean, w @ w.T + noise * np.eye(20)).sum()
    ours = log_likelihood(x, pca.mean_, pca.get_covariance() * to_ml).sum()
    assert ours >= theirs - 1e-9 * np.isfinite(x).sum()


@pytest.mark.parametrize("vb", [False, True], ids=MODELS)
@given(seed=st.integers(0, 10**6), missing=st.sampled_from([0.1, 0.5, 0.8]), k=st.integers(1, 5))
def test_the_objective_never_falls(vb, seed, missing, k):
    """Rounding of sums of some thousand terms aside, which are divided by the noise variance."""
    x, _ = planted(np.random.default_rng(seed), (60, 12), missing=missing)
    x = x[:, ~np.isnan(x).all(axis=0)]
    history = _core.ppca_f64(x, n_components=k, variational=vb, tol=1e-9, max_iter=60, num_threads=1, progress=None)[6]
    assert (np.diff(history) >= -1e-9 * np.abs(history[:-1]) - 1e-9).all()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_without_missing_entries_it_is_ordinary_pca(data, model, attribute):
    _, full = data
    np.testing.assert_array_equal(
        getattr(PCA(4, missing=model).fit(full), attribute), getattr(PCA(4).fit(full), attribute)
    )


def test_the_iteration_agrees_with_ordinary_pca_where_nothing_is_missing(rng):
    """A row without any entry sends complete rows through the sweeps, and has no say in them."""
    full = planted(rng, (1000, 20), missing=0)[1]
    swept, none = PCA(3, missing="ppca").fit(np.vstack([full, np.full((1, 20), np.nan)])), PCA(3).fit(full)
    assert swept.n_iter_ > 0
    np.testing.assert_allclose(swept.get_covariance(), none.get_covariance(), atol=1e-8 * none.explained_variance_[0])
    np.testing.assert_allclose(swept.noise_variance_, none.noise_variance_, rtol=1e-8)
    np.testing.assert_allclose(swept.mean_, none.mean_, rtol=1e-8)
    assert subspace_sine(swept.components_.T, none.components_.T) <= 1e-8


@pytest.mark.parametrize("model", MODELS)
def test_held_out_entries_are_predicted_to_the_noise(rng, model):
    x, full = planted(rng, (400, 40), missing=0.4)
    filled = PCA(3, missing=model).fit(x).impute(x)
    holes = np.isnan(x)
    assert np.sqrt(np.mean((filled - full)[holes] ** 2)) <= 1.25 * 0.3
    np.testing.assert_array_equal(filled[~holes], x[~holes])


@pytest.mark.filterwarnings("ignore::matfact.ConvergenceWarning")
def test_vb_does_not_over_fit_where_little_is_observed(rng):
    """Twelve components for three: it predicts as if it had been told the number; maximum likelihood goes astray."""
    x, full = planted(rng, (100, 30), missing=0.6)
    holes = np.isnan(x)

    def error(model, k):
        filled = PCA(k, missing=model, tol=1e-7).fit(x).impute(x)
        return np.sqrt(np.mean((filled - full)[holes] ** 2))

    assert error("vb", 12) <= 1.02 * error("ppca", 3)
    assert error("vb", 12) <= 0.7 * error("ppca", 12)


def test_vb_drops_axes_that_the_data_do_not_support(rng):
    x, _ = planted(rng, (300, 30), missing=0.3)
    pca = PCA(8, missing="vb").fit(x)
    signal = pca.explained_variance_ - pca.noise_variance_
    assert (signal[:3] > 1).all()
    assert (signal[3:] <= 1e-6 * signal[0]).all()


@pytest.mark.parametrize("model", MODELS)
def test_axes_are_principal(data, model, dtype):
    pca = PCA(3, missing=model).fit(data[0].astype(dtype))
    assert orthonormality(pca.components_.T) <= 64 * np.finfo(dtype).eps
    assert signs_are_fixed(pca.components_)
    assert (np.diff(pca.explained_variance_) <= 0).all()
    values = np.linalg.eigvalsh(pca.get_covariance().astype(float))[::-1]
    np.testing.assert_allclose(values[:3], pca.explained_variance_, rtol=256 * np.finfo(dtype).eps)
    np.testing.assert_allclose(values.sum() * pca.explained_variance_ratio_, pca.explained_variance_, rtol=1e-4)


def test_imputed_entries_are_conditional_means(data):
    """A system of 20 in place of one of 3: its condition, about 200, multiplies eps."""
    x, _ = data
    pca = PCA(3, missing="ppca").fit(x)
    expected = conditional_mean(x, pca.mean_, pca.get_covariance())
    np.testing.assert_allclose(pca.impute(x), expected, atol=1e4 * np.finfo(float).eps * np.abs(pca.mean_).max())


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("whiten", [False, True])
def test_scores_are_those_of_the_imputed_rows(data, model, whiten):
    x, _ = data
    pca = PCA(3, missing=model, whiten=whiten).fit(x)
    np.testing.assert_array_equal(pca.transform(x), pca.transform(pca.impute(x)))
    np.testing.assert_array_equal(PCA(3, missing=model, whiten=whiten).fit_transform(x), pca.transform(x))


def test_transform_then_inverse_comes_close_to_the_complete_rows(data):
    """No three axes give back the noise beside them: ordinary PCA of the complete rows is the yardstick.

    Scores from 14 of 20 entries add about 3 / 14 of the noise variance in three directions: 2 % in norm, and as much
    again for axes that are estimated.
    """
    x, full = data
    pca, ideal = PCA(3, missing="ppca").fit(x), PCA(3).fit(full)
    error = {p: np.linalg.norm(p.inverse_transform(p.transform(rows)) - full) for p, rows in ((pca, x), (ideal, full))}
    assert error[pca] <= 1.1 * error[ideal]


def test_scores_are_log_likelihoods_of_the_observed_entries(data):
    x, full = data
    pca = PCA(3, missing="ppca").fit(x)
    expected = log_likelihood(x, pca.mean_, pca.get_covariance())
    np.testing.assert_allclose(pca.score_samples(x), expected, rtol=1e-9)
    np.testing.assert_allclose(pca.score(x), expected.mean(), rtol=1e-9)
    np.testing.assert_allclose(
        pca.score_samples(full), log_likelihood(full, pca.mean_, pca.get_covariance()), rtol=1e-9
    )


def test_a_row_without_observed_entries_tells_nothing(data):
    x, _ = data
    empty = np.full((1, 20), np.nan)
    pca = PCA(3, missing="ppca").fit(np.vstack([x, empty]))
    np.testing.assert_allclose(pca.components_, PCA(3, missing="ppca").fit(x).components_, atol=1e-12)
    np.testing.assert_array_equal(pca.transform(empty), np.zeros((1, 3)))
    np.testing.assert_array_equal(pca.impute(empty)[0], pca.mean_)
    np.testing.assert_array_equal(pca.score_samples(empty), [0])


def test_a_column_without_observed_entries_is_named(data):
    x, _ = data
    x[:, 7] = np.nan
    with pytest.raises(ValueError, match="column 7 of X has no observed entry: remove it"):
        PCA(3, missing="ppca").fit(x)


def test_nan_stays_an_error_by_default(data):
    x, full = data
    with pytest.raises(ValueError, match="NaN"):
        PCA(3).fit(x)
    pca = PCA(3).fit(full)
    for method in (pca.transform, pca.impute, pca.score_samples):
        with pytest.raises(ValueError, match="NaN"):
            method(x)


@pytest.mark.parametrize("method", ["fit", "transform", "impute", "score_samples"])
def test_infinity_is_never_missing(data, method):
    x, _ = data
    pca = PCA(3, missing="ppca").fit(x)
    x[0, 0] = np.inf
    with pytest.raises(ValueError, match="inf"):
        getattr(pca, method)(x)


@pytest.mark.parametrize("k", [0, 20, 21, 0.5, "mle"])
def test_numbers_of_components_that_make_no_sense_with_missing_entries(data, k):
    with pytest.raises(ValueError, match=r"n_components"):
        PCA(k, missing="ppca", svd_solver="full").fit(data[0])


def test_unknown_model(data):
    with pytest.raises(ValueError, match="missing"):
        PCA(3, missing="zero").fit(data[0])


def test_rows_with_gaps_have_no_density_without_noise(data):
    x, full = data
    pca = PCA(missing="ppca").fit(full)
    with pytest.raises(ValueError, match="no noise"):
        pca.score_samples(x)
    assert np.isfinite(pca.transform(x)).all()


def test_noiseless_data_of_low_rank_are_recovered(rng):
    """The noise variance ends at its floor of 1e-10 of a column's variance, whose root 1e-5 is left as error."""
    x, full = planted(rng, (100, 20), noise=0.0)
    filled = PCA(3, missing="ppca").fit(x).impute(x)
    assert np.abs(filled - full).max() <= 1e-4 * np.abs(full - full.mean(axis=0)).max()


def test_constant_columns_and_a_constant_matrix(data):
    x, _ = data
    x[~np.isnan(x[:, 0]), 0] = 5
    pca = PCA(3, missing="ppca").fit(x)
    np.testing.assert_allclose(pca.impute(x)[:, 0], 5, atol=0.2)
    x[~np.isnan(x)] = 1
    assert np.isfinite(PCA(2, missing="ppca").fit(x).transform(x)).all()


@pytest.mark.parametrize("scale", [1e-100, 1e-3, 1e5, 1e100])
def test_units_do_not_matter(data, scale):
    x, _ = data
    a, b = PCA(3, missing="ppca").fit(x), PCA(3, missing="ppca").fit(scale * x)
    np.testing.assert_allclose(a.components_, b.components_, atol=1e-6)
    np.testing.assert_allclose(a.explained_variance_, b.explained_variance_ / scale**2, rtol=1e-6)


def test_squares_beyond_float64(data):
    with pytest.raises(matfact.NumericalError, match="scale X"):
        PCA(3, missing="ppca").fit(1e200 * data[0])


@pytest.mark.parametrize("model", MODELS)
def test_order_of_rows_does_not_matter(data, rng, model):
    """Sums in another order differ by rounding; the same number of sweeps follows."""
    x, _ = data
    a, b = PCA(3, missing=model).fit(x), PCA(3, missing=model).fit(x[rng.permutation(len(x))])
    np.testing.assert_allclose(a.components_, b.components_, atol=1e-8)


def test_rows_that_miss_the_same_are_rows_like_any_other(rng):
    """Three patterns shared by 600 rows take another way through the code than rows that all differ."""
    full = planted(rng, (600, 12), missing=0)[1]
    x = full.copy()
    x[:200, :3] = np.nan
    x[200:350, 5:] = np.nan
    pca = PCA(2, missing="ppca", tol=1e-13).fit(x)
    to_ml = 599 / 600
    noise = pca.noise_variance_ * to_ml
    w = pca.components_.T * np.sqrt(pca.explained_variance_ * to_ml - noise)
    w1, mean1, noise1 = ppca_em(x, w, pca.mean_, noise, 1)
    np.testing.assert_allclose(w1 @ w1.T, w @ w.T, atol=1e-5 * pca.explained_variance_[0])
    np.testing.assert_allclose([*mean1, noise1], [*pca.mean_, noise], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layout", ["F", "strided", "read-only", "integer-like"])
def test_layouts_give_the_same_bits(data, layout):
    x, _ = data
    other = {
        "F": np.asfortranarray(x),
        "strided": np.repeat(np.repeat(x, 2, axis=0), 3, axis=1)[::2, ::3],
        "read-only": x.copy(),
        "integer-like": x.astype(object),
    }[layout]
    if layout == "read-only":
        other.flags.writeable = False
    a, b = PCA(3, missing="ppca").fit(x), PCA(3, missing="ppca").fit(other)
    np.testing.assert_array_equal(a.components_, b.components_)


@pytest.mark.parametrize("model", MODELS)
def test_the_same_bits_at_any_thread_count(rng, model, dtype):
    x = planted(rng, (700, 45), k=4)[0].astype(dtype)
    x[:100] = np.where(np.isnan(x[:1]), np.nan, x[:100])  # a shared pattern
    x[:100][np.isnan(x[:100])] = np.nan
    results = set()
    for n in (1, 2, 3, 7):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", matfact.ConvergenceWarning)
            pca = PCA(4, missing=model, num_threads=n).fit(x)
        results.add(b"".join(getattr(pca, a).tobytes() for a in ATTRIBUTES) + pca.transform(x).tobytes())
    assert len(results) == 1


def test_float32_is_accurate_to_float32(data):
    x, _ = data
    a, b = PCA(3, missing="ppca").fit(x), PCA(3, missing="ppca").fit(x.astype(np.float32))
    assert all(getattr(b, name).dtype == np.float32 for name in ATTRIBUTES)
    # X itself is rounded, which moves the variances by eps times the ratio of the means to the axes.
    np.testing.assert_allclose(a.explained_variance_, b.explained_variance_, rtol=256 * np.finfo(np.float32).eps)


def test_pandas_in_and_out(data):
    pandas = pytest.importorskip("pandas")
    x = pandas.DataFrame(data[0], columns=[f"c{j}" for j in range(20)])
    out = PCA(2, missing="ppca").set_output(transform="pandas").fit(x).transform(x)
    assert list(out.columns) == ["pca0", "pca1"]


def test_it_survives_pickling(data):
    x, _ = data
    pca = PCA(3, missing="vb").fit(x)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(pca)).transform(x), pca.transform(x))


def test_sparse_input_is_complete(data):
    """Zeros of a sparse matrix are zeros, and it is scikit-learn that analyses it."""
    x = scipy.sparse.csr_array(data[1])
    pca = PCA(3, missing="vb", svd_solver="arpack", random_state=0).fit(x)
    assert np.isfinite(pca.transform(data[0])).all()


def test_sweeps_that_run_out_are_reported(data, monkeypatch):
    monkeypatch.setattr("matfact._pca.incomplete._MAX_ITER", 2)
    with pytest.warns(matfact.ConvergenceWarning, match="all 2 sweeps"):
        PCA(3, missing="ppca").fit(data[0])


def test_a_callback_stops_the_core_and_its_exceptions_pass(data):
    options = {"n_components": 3, "variational": False, "tol": 0.0, "max_iter": 1000, "num_threads": 1}
    result = _core.ppca_f64(data[0], **options, progress=lambda n, _: n == 3)
    assert (result[8], result[9].name) == (3, "stopped")

    def fail(*_):
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        _core.ppca_f64(data[0], **options, progress=fail)
