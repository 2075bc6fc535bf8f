"""Matrix factorization: SVD, PCA, symmetric eigenpairs, and X ~ W H by gradient descent, on a C++ core.

Functions take NumPy arrays and return frozen results, and `Moments` sums up batches. `PCA`, `IncrementalPCA`,
`TruncatedSVD` and `MatrixFactorization` are scikit-learn estimators; `ImplicitMF`, `BiasedMF`, `BPR`, `PureSVD`,
`SpectralRecommender`, `Popularity` and `Baseline` recommend items to users from their `Interactions`. They are imported
when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from matfact._progress import Iteration, Pass, progress
from matfact._runtime import CpuInfo, cpu_info, get_num_threads, set_num_threads, threads
from matfact.complete import Completion, complete
from matfact.eigh import EighResult, eigh
from matfact.exceptions import ConvergenceWarning, NumericalError
from matfact.factorize import Factorization, factorize
from matfact.moments import Moments
from matfact.svd import SVDResult, svd

if TYPE_CHECKING:
    from matfact._top_n import Recommendations
    from matfact.baseline import Baseline
    from matfact.biased_mf import BiasedMF
    from matfact.bpr import BPR
    from matfact.implicit_mf import ImplicitMF
    from matfact.incremental_pca import IncrementalPCA
    from matfact.interactions import Interactions
    from matfact.matrix_factorization import MatrixFactorization
    from matfact.metrics import Evaluation, evaluate
    from matfact.pca import PCA
    from matfact.popularity import Popularity
    from matfact.pure_svd import PureSVD
    from matfact.spectral_recommender import SpectralRecommender
    from matfact.splits import (
        Split,
        StrongSplit,
        k_fold,
        leave_k_out,
        random_split,
        sample_negatives,
        strong_generalization,
        temporal_split,
    )
    from matfact.truncated_svd import TruncatedSVD
    from matfact.tuning import Trial, Tuning, tune

    __version__: str

__all__ = [
    "BPR",
    "PCA",
    "Baseline",
    "BiasedMF",
    "Completion",
    "ConvergenceWarning",
    "CpuInfo",
    "EighResult",
    "Evaluation",
    "Factorization",
    "ImplicitMF",
    "IncrementalPCA",
    "Interactions",
    "Iteration",
    "MatrixFactorization",
    "Moments",
    "NumericalError",
    "Pass",
    "Popularity",
    "PureSVD",
    "Recommendations",
    "SVDResult",
    "SpectralRecommender",
    "Split",
    "StrongSplit",
    "Trial",
    "TruncatedSVD",
    "Tuning",
    "complete",
    "cpu_info",
    "eigh",
    "evaluate",
    "factorize",
    "get_num_threads",
    "k_fold",
    "leave_k_out",
    "progress",
    "random_split",
    "sample_negatives",
    "set_num_threads",
    "strong_generalization",
    "svd",
    "temporal_split",
    "threads",
    "tune",
]

# Importing scikit-learn and SciPy's sparse matrices takes about a second, which users of the functions need not
# wait for.
_LAZY = {
    "BPR": "matfact.bpr",
    "Baseline": "matfact.baseline",
    "BiasedMF": "matfact.biased_mf",
    "Evaluation": "matfact.metrics",
    "ImplicitMF": "matfact.implicit_mf",
    "IncrementalPCA": "matfact.incremental_pca",
    "Interactions": "matfact.interactions",
    "MatrixFactorization": "matfact.matrix_factorization",
    "PCA": "matfact.pca",
    "Popularity": "matfact.popularity",
    "PureSVD": "matfact.pure_svd",
    "Recommendations": "matfact._top_n",
    "SpectralRecommender": "matfact.spectral_recommender",
    "Split": "matfact.splits",
    "StrongSplit": "matfact.splits",
    "TruncatedSVD": "matfact.truncated_svd",
    "Trial": "matfact.tuning",
    "Tuning": "matfact.tuning",
    "evaluate": "matfact.metrics",
    "k_fold": "matfact.splits",
    "leave_k_out": "matfact.splits",
    "random_split": "matfact.splits",
    "sample_negatives": "matfact.splits",
    "strong_generalization": "matfact.splits",
    "temporal_split": "matfact.splits",
    "tune": "matfact.tuning",
}
_MODULES = {"datasets", "metrics"}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"matfact.{name}")
    if name in _LAZY:
        value = getattr(import_module(_LAZY[name]), name)
    elif name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            value = version("matfact")
        except PackageNotFoundError:  # the source tree on PYTHONPATH
            value = "0.0+unknown"
    else:
        raise AttributeError(f"module 'matfact' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
