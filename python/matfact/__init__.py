"""Matrix factorization: SVD, PCA, symmetric eigenpairs, and X ~ W H by gradient descent, on a C++ core.

Functions take NumPy arrays and return frozen results, and `Moments` sums up batches. `PCA`, `IncrementalPCA`,
`TruncatedSVD` and `MatrixFactorization` are scikit-learn estimators and are imported when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from matfact._runtime import CpuInfo, cpu_info, get_num_threads, set_num_threads, threads
from matfact.complete import Completion, complete
from matfact.eigh import EighResult, eigh
from matfact.exceptions import ConvergenceWarning, NumericalError
from matfact.factorize import Factorization, Iteration, factorize
from matfact.moments import Moments
from matfact.svd import SVDResult, svd

if TYPE_CHECKING:
    from matfact.incremental_pca import IncrementalPCA
    from matfact.matrix_factorization import MatrixFactorization
    from matfact.pca import PCA
    from matfact.truncated_svd import TruncatedSVD

    __version__: str

__all__ = [
    "PCA",
    "Completion",
    "ConvergenceWarning",
    "CpuInfo",
    "EighResult",
    "Factorization",
    "IncrementalPCA",
    "Iteration",
    "MatrixFactorization",
    "Moments",
    "NumericalError",
    "SVDResult",
    "TruncatedSVD",
    "complete",
    "cpu_info",
    "eigh",
    "factorize",
    "get_num_threads",
    "set_num_threads",
    "svd",
    "threads",
]

# Importing scikit-learn takes about a second, which users of the functions need not wait for.
_ESTIMATORS = {
    "IncrementalPCA": "matfact.incremental_pca",
    "MatrixFactorization": "matfact.matrix_factorization",
    "PCA": "matfact.pca",
    "TruncatedSVD": "matfact.truncated_svd",
}


def __getattr__(name: str) -> Any:
    if name in _ESTIMATORS:
        value = getattr(import_module(_ESTIMATORS[name]), name)
    elif name == "__version__":
        from importlib.metadata import version

        value = version("matfact")
    else:
        raise AttributeError(f"module 'matfact' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
