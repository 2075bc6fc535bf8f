"""Ids of users and items as arrays in a file: a header has no room for the names of millions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]


def to_arrays(name: str, ids: npt.NDArray[Any]) -> Arrays:
    """Integers as they are; strings as UTF-8 and where each ends; nothing where ids are 0, 1, ...

    Integers beside strings, or beyond int64, are written in digits, and the kind of each id is kept: 1 for integers.
    TypeError for ids of other kinds.
    """
    if ids.dtype.kind == "i":
        is_position = np.array_equal(ids, np.arange(len(ids)))
        return {} if is_position else {name: ids}
    plain = ids.tolist()
    for i in plain:
        if isinstance(i, bool) or not isinstance(i, (int, str, np.integer)):
            raise TypeError(f"only ids that are integers or strings can be saved, got {i!r}")
    texts = [(i if isinstance(i, str) else str(int(i))).encode("utf-8", "surrogatepass") for i in plain]
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    arrays: Arrays = {name: np.frombuffer(b"".join(texts), np.uint8), f"{name}_ends": ends}
    are_integers = np.array([not isinstance(i, str) for i in plain], np.uint8)
    if are_integers.any():
        arrays[f"{name}_kinds"] = are_integers
    return arrays


def from_arrays(name: str, arrays: Arrays) -> npt.NDArray[Any] | None:
    """What `to_arrays` was given, None for 0, 1, ...; ValueError where the arrays do not fit together."""
    stored, ends = arrays.get(name), arrays.get(f"{name}_ends")
    if stored is None:
        return None
    if stored.ndim != 1 or stored.dtype != (np.int64 if ends is None else np.uint8):
        raise ValueError(f"{name} must be integers, or strings in UTF-8")
    if ends is None:
        return stored
    begins = np.concatenate((np.zeros(1, np.int64), ends.ravel()))
    if ends.ndim != 1 or ends.dtype != np.int64 or (np.diff(begins) < 0).any() or begins[-1] != len(stored):
        raise ValueError(f"{name} must end where {name}_ends says")
    kinds = arrays.get(f"{name}_kinds", np.zeros(len(ends), np.uint8))
    if kinds.shape != ends.shape or kinds.dtype != np.uint8:
        raise ValueError(f"{name}_kinds must say 0 or 1 of each id")
    text, ids = stored.tobytes(), np.empty(len(ends), object)
    for i, (begin, end, is_integer) in enumerate(zip(begins[:-1], ends, kinds, strict=True)):
        written = text[begin:end].decode("utf-8", "surrogatepass")
        ids[i] = int(written) if is_integer else written
    return ids
