"""scikit-learn's own checks of what an estimator has to be, in full, on the estimators."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import matfact

# The checks hand over matrices with as few as three columns, so the default of ten components cannot be used.
ESTIMATORS = [
    matfact.PCA(),
    matfact.PCA(missing="ppca"),
    matfact.PCA(missing="vb"),
    matfact.IncrementalPCA(),
    matfact.TruncatedSVD(),
    matfact.MatrixFactorization(2, random_state=0),
]


# A handful of sparse entries and five iterations: that these do not converge is not what is checked.
@pytest.mark.filterwarnings("ignore::matfact.ConvergenceWarning")
@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", ["PCA", "IncrementalPCA", "TruncatedSVD"])
def test_drop_ins_are_instances_of_the_class_they_replace(name):
    import sklearn.decomposition

    assert issubclass(getattr(matfact, name), getattr(sklearn.decomposition, name))


@pytest.mark.parametrize(
    ("name", "more"),
    [("PCA", {"missing": "error", "memory_limit": None}), ("IncrementalPCA", {}), ("TruncatedSVD", {})],
)
def test_drop_ins_take_scikit_learns_parameters_and_few_more(name, more):
    import sklearn.decomposition

    theirs = getattr(sklearn.decomposition, name)().get_params()
    assert getattr(matfact, name)().get_params() == {**theirs, **more, "num_threads": None}
