"""Models in files: safetensors with everything that is no array as JSON in the header."""

from __future__ import annotations

import json
import os
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from matfact import _safetensors
from matfact._recommender.factors import Factors
from matfact.interactions import Interactions

_FORMAT = 1  # of saved models


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
        }
        parameters = {name: _plain_parameter(value) for name, value in self._parameters.items()}
        content = {
            "parameters": parameters,
            "facts": self._facts,
            "user_ids": _plain_ids(known.user_ids),
            "item_ids": _plain_ids(known.item_ids),
        }
        metadata = {"format": f"matfact {_FORMAT}", "model": type(self).__name__, "content": json.dumps(content)}
        _safetensors.write(path, arrays, metadata)

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
            If the file holds no model of this class, or is damaged.
        OSError
            If it cannot be read.
        """
        try:
            arrays, metadata = _safetensors.read(path)
            if metadata.get("format") != f"matfact {_FORMAT}" or metadata.get("model") != cls.__name__:
                kind = f"{metadata.get('format')}, {metadata.get('model')}"
                raise ValueError(f"expected matfact {_FORMAT}, {cls.__name__}, got {kind}")
            content = json.loads(metadata["content"])
            shape = (len(arrays["w"]), len(arrays["h"]))
            matrix = sp.csr_array((arrays["values"], arrays["indices"], arrays["indptr"]), shape=shape)
            user_ids, item_ids = _from_plain_ids(content["user_ids"]), _from_plain_ids(content["item_ids"])
            model = cls(**content["parameters"])
            for name in ("w", "h"):
                if arrays[name].ndim != 2 or arrays[name].dtype != np.float32 or not np.isfinite(arrays[name]).all():
                    raise ValueError(f"the factor {name} must be a matrix of finite float32")
            known = Interactions(matrix, user_ids=user_ids, item_ids=item_ids)
            model._adopt(known, arrays["w"], arrays["h"], content["facts"])
            model._check_adopted()
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise ValueError(f"{os.fspath(path)} is no {cls.__name__} that can be read: {error}") from error
        return model


def _plain_parameter(value: Any) -> Any:
    """`value` as JSON knows it; a generator of random numbers becomes None, the seed of nothing."""
    plain = value.item() if isinstance(value, np.generic) else value
    return plain if isinstance(plain, (bool, int, float, str)) else None


def _plain_ids(ids: npt.NDArray[Any]) -> list[int] | list[str] | int:
    """Ids as JSON knows them; their number where they are 0, 1, ..."""
    plain = ids.tolist()
    if not (ids.dtype.kind == "i" or all(isinstance(i, str) for i in plain)):
        strange = next(i for i in plain if not isinstance(i, str))
        raise TypeError(f"only ids that are integers or strings can be saved, got {strange!r}")
    return len(plain) if plain == list(range(len(plain))) else plain


def _from_plain_ids(ids: Any) -> npt.NDArray[Any] | None:
    if type(ids) is int:
        return None
    if not isinstance(ids, list) or (not all(type(i) is int for i in ids) and not all(isinstance(i, str) for i in ids)):
        raise ValueError("ids must be integers or strings")
    return np.array(ids, dtype=np.int64 if ids and type(ids[0]) is int else object)
