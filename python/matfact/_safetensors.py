"""Arrays and strings in one file, in the format of safetensors: read without running anything that the file says.

Eight bytes hold the length of a JSON header (little endian), the header names each array with its type, shape and
place, and the arrays follow without gaps.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

import numpy as np
import numpy.typing as npt

_TYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I32": np.dtype("<i4"),
    "I64": np.dtype("<i8"),
}
_LARGEST_HEADER = 1 << 30


class Contents(NamedTuple):
    """What a file holds."""

    arrays: dict[str, npt.NDArray[Any]]
    metadata: dict[str, str]


def write(path: str | os.PathLike[str], arrays: dict[str, npt.NDArray[Any]], metadata: dict[str, str]) -> None:
    """Write the file; one that was there before stays whole until the new one is complete."""
    names = {dtype: name for name, dtype in _TYPES.items()}
    header: dict[str, Any] = {"__metadata__": metadata}
    contiguous = {name: np.ascontiguousarray(a, a.dtype.newbyteorder("<")) for name, a in arrays.items()}
    end = 0
    for name, a in contiguous.items():
        header[name] = {"dtype": names[a.dtype], "shape": list(a.shape), "data_offsets": [end, end + a.nbytes]}
        end += a.nbytes
    text = json.dumps(header, allow_nan=False).encode()
    text += b" " * (-len(text) % 8)  # arrays begin at a multiple of 8
    unfinished = Path(f"{os.fspath(path)}.part")
    with unfinished.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for a in contiguous.values():
            file.write(a.tobytes())
    unfinished.replace(path)


def read(path: str | os.PathLike[str]) -> Contents:
    """Read a file; ValueError where it is not of the format, whatever it holds."""
    content = Path(path).read_bytes()
    n = int.from_bytes(content[:8], "little")
    if len(content) < 8 or n > min(len(content) - 8, _LARGEST_HEADER):
        raise ValueError("the header is longer than the file")
    try:
        header = json.loads(content[8 : 8 + n])
    except (ValueError, RecursionError):
        raise ValueError("the header is not JSON") from None
    metadata = header.pop("__metadata__", {}) if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("the header holds no map of strings")
    data = memoryview(content)[8 + n :]
    arrays, used = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: _offsets(item[1])):
        dtype, shape, (begin, end) = _TYPES.get(str(entry.get("dtype"))), entry.get("shape"), _offsets(entry)
        if dtype is None or not _are_sizes(shape) or begin != used:
            raise ValueError(f"the array {name!r} has an unknown type, shape or place")
        if end - begin != math.prod(shape) * dtype.itemsize or end > len(data):
            raise ValueError(f"the array {name!r} does not fill its place")
        arrays[name] = np.frombuffer(data[begin:end], dtype).reshape(shape).astype(dtype.newbyteorder("="))
        used = end
    if used != len(data):
        raise ValueError("bytes follow the last array")
    return Contents(arrays, metadata)


def _offsets(entry: Any) -> tuple[int, int]:
    offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise ValueError("an array has no place")
    return offsets[0], offsets[1]


def _are_sizes(values: Any) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 2**48 for v in values)
