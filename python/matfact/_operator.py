"""A user's linear operator, whose every answer is checked before the core sees it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from matfact.typing import FloatArray

_Product = Callable[[FloatArray], FloatArray]


class Operator(NamedTuple):
    """Products with a matrix (n_rows, n_cols) and its transpose, on blocks (n, b) of float32 or float64."""

    times: _Product
    transposed_times: _Product
    shape: tuple[int, int]
    dtype: np.dtype[Any]

    @property
    def core_suffix(self) -> str:
        """How the core names its functions for this type, such as ``operator_f64``."""
        return f"operator_f{8 * self.dtype.itemsize}"


def is_operator(x: object) -> bool:
    """Whether `x` is a `scipy.sparse.linalg.LinearOperator`; SciPy is not imported to find out."""
    module = sys.modules.get("scipy.sparse.linalg")
    return module is not None and isinstance(x, module.LinearOperator)


def as_operator(x: Any, name: str = "X") -> Operator:
    """The products of `x`. What it raises passes through with a note that says where."""
    n_rows, n_cols = (int(n) for n in x.shape)
    if n_rows == 0 or n_cols == 0:
        raise ValueError(f"{name} must have at least one row and one column, got shape {x.shape}")
    dtype = np.dtype(np.float64 if x.dtype is None else x.dtype)
    if dtype.kind == "c":
        raise TypeError(f"{name} must be a real operator, got {dtype}")
    dtype = np.dtype(np.float32 if dtype.kind == "f" and dtype.itemsize <= 4 else np.float64)
    return Operator(
        _checked(x.matmat, f"{name}.matmat", n_rows, dtype),
        _checked(x.rmatmat, f"{name}.rmatmat", n_cols, dtype, lambda: _lacks_rmatvec(x)),
        (n_rows, n_cols),
        dtype,
    )


def _lacks_rmatvec(x: Any) -> bool:
    """Whether SciPy says so: of a block it fails in words of its own."""
    try:
        x.rmatvec(np.zeros(x.shape[0]))
    except NotImplementedError:
        return True
    except Exception:
        return False
    return False


def _checked(
    product: Callable[[FloatArray], Any],
    name: str,
    n_rows: int,
    dtype: np.dtype[Any],
    is_missing: Callable[[], bool] = lambda: False,
) -> _Product:
    def checked(block: FloatArray) -> FloatArray:
        asked = f"{name}, asked for the product with an array of shape {block.shape}"
        try:
            answer: npt.NDArray[Any] = np.asarray(product(block))
        except Exception as error:
            told = error
            if isinstance(error, (TypeError, NotImplementedError)) and is_missing():
                told = TypeError(
                    f"{name} has nothing to call: give the operator an rmatvec, the product with its transpose"
                )
            told.add_note(f"raised by {asked}")
            if told is error:
                raise
            raise told from None
        expected = n_rows, block.shape[1]
        if answer.dtype.kind not in "fiub":
            raise TypeError(f"{asked}, must return real numbers, got {answer.dtype}")
        if answer.shape != expected:
            raise ValueError(f"{asked}, must return one of shape {expected}, got {answer.shape}")
        if not np.isfinite(answer).all():
            raise ValueError(f"{asked}, returned NaN or infinity")
        return np.ascontiguousarray(answer, dtype=dtype)

    return checked
