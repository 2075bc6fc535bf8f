"""Models in files of safetensors; what is no array is JSON in the header."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from sklearn.utils.validation import check_is_fitted

import matfact
from matfact._recommender.factors import Factors
from matfact._recommender.histories import as_interactions
from matfact._recommender.id_arrays import Arrays, from_arrays, to_arrays
from matfact.interactions import Interactions

_FORMAT = 1  # of saved models
_KEY = "matfact"  # the only one, since safetensors stores several in an order that varies
_TYPES = {"F32", "I32", "I64", "U8"}


class Saving(Factors):
    """`save` and `load`."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to a file in the safetensors format.

        Parameters
        ----------
        path : str or path
            The file; it is replaced. It holds parameters, factors, the interactions of the fit without their times, and
            ids, which must be integers or strings.

        Raises
        ------
        TypeError
            If an id is neither an integer nor a string.
        OSError
            If the file cannot be written.
        NotFittedError
            If `fit` was not called.
        """
        check_is_fitted(self, "interactions_")
        known = self.interactions_
        arrays = {
            "w": self._w,
            "h": self._h,
            "values": known.matrix.data,
            "indices": known.matrix.indices,
            "indptr": known.matrix.indptr,
            **to_arrays("user_ids", known.user_ids),
            **to_arrays("item_ids", known.item_ids),
        }
        header = {
            "format": _FORMAT,
            "version": matfact.__version__,
            "model": type(self).__name__,
            "parameters": {name: _plain_parameter(value) for name, value in self._parameters.items()},
            "facts": self._facts,
        }
        unfinished = f"{os.fspath(path)}.part"  # a file that was there before stays whole until the new one is
        contiguous = {name: np.ascontiguousarray(a) for name, a in arrays.items()}
        try:
            save_file(contiguous, unfinished, {_KEY: json.dumps(header, allow_nan=False)})
        except SafetensorError as error:
            raise OSError(f"{unfinished} cannot be written: {error}") from error
        Path(unfinished).replace(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a model that `save` wrote. Nothing in the file is run.

        Parameters
        ----------
        path : str or path
            The file.

        Returns
        -------
        model of this class
            Its predictions have the same bits as those of the model that was saved.

        Raises
        ------
        ValueError
            If the file holds no model of this class, is damaged, or of a newer format than this version reads; files of
            all older versions are read.
        OSError
            If it cannot be read.
        """
        try:
            header, arrays = _read(path)
            if header["format"] != _FORMAT or header["model"] != cls.__name__:
                is_newer = isinstance(header["format"], int) and header["format"] > _FORMAT
                raise ValueError(
                    f"expected {cls.__name__}, format {_FORMAT}, "
                    f"got {header['model']}, format {header['format']}, by matfact {header.get('version')}"
                    + (": pip install -U matfact reads it" if is_newer else "")
                )
            for name in ("w", "h"):
                if arrays[name].ndim != 2 or arrays[name].dtype != np.float32 or not np.isfinite(arrays[name]).all():
                    raise ValueError(f"the factor {name} must be a matrix of finite float32")
            shape = (len(arrays["w"]), len(arrays["h"]))
            matrix = sp.csr_array((arrays["values"], arrays["indices"], arrays["indptr"]), shape=shape)
            known = Interactions(
                matrix, user_ids=from_arrays("user_ids", arrays), item_ids=from_arrays("item_ids", arrays)
            )
            model = cls(**header["parameters"])
            model._adopt(as_interactions(known), arrays["w"], arrays["h"], header["facts"])
            model._check_adopted()
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise ValueError(f"{os.fspath(path)} is no {cls.__name__} that can be read: {error}") from error
        return model


def class_name(path: str | os.PathLike[str]) -> str:
    """The class of the model in a file; ValueError where there is none."""
    try:
        with _opened(path) as file:
            return str(_header(file)["model"])
    except (LookupError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)} holds no recommender: {error}") from error


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], Arrays]:
    with _opened(path) as file:
        header = _header(file)
        strange = [name for name in file.keys() if file.get_slice(name).get_dtype() not in _TYPES]  # noqa: SIM118
        if strange:
            raise ValueError(f"the array {strange[0]!r} has a type that no model has")
        return header, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def _header(file: Any) -> dict[str, Any]:
    header = json.loads((file.metadata() or {})[_KEY], parse_float=_finite, parse_constant=_finite)
    if not isinstance(header, dict):
        raise ValueError(f"{_KEY!r} must be a JSON object")
    return header


def _finite(text: str) -> float:
    """The number; `save` writes none that is not finite, and a model of one would predict NaN."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{_KEY!r} must hold finite numbers, got {text}")
    return number


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    try:
        with safe_open(os.fspath(path), framework="numpy") as file:
            yield file
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def _plain_parameter(value: Any) -> Any:
    """`value` as JSON knows it; a generator of random numbers becomes None, the seed of nothing."""
    plain = value.item() if isinstance(value, np.generic) else value
    return plain if isinstance(plain, (bool, int, float, str)) else None
