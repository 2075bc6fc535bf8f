"""Rows that come in batches, pass after pass: slices of an array, .npy, Parquet and Arrow files, a user's function."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from matfact._validation import Compressed, as_compressed, as_dtype, as_matrix, is_sparse, to_csr
from matfact.typing import FloatArray


@dataclass(frozen=True, slots=True)
class Source:
    """A matrix that is read in batches of rows."""

    n_rows: int | None
    """None where only a pass over the rows tells."""
    n_features: int
    dtype: np.dtype[Any]
    row_bytes: int
    """Memory that reading takes for each row of a batch; 0 where the rows are in memory anyway, or not ours to cut."""
    read: Callable[[int], Iterator[FloatArray | Compressed]]
    """Batches of at most so many rows, in their order and in `dtype`; a batch is gone when the next one is asked for.
    Those of a user's function have the size that it gives them."""


def is_source(x: object) -> bool:
    """Whether `x` is no matrix but says where to read one, or is meant to."""
    return isinstance(x, (str, os.PathLike, Iterator)) or (callable(x) and not hasattr(x, "shape"))


def as_source(x: Any) -> Source:
    """The rows of an array, a path or a function that returns batches."""
    if isinstance(x, (str, os.PathLike)):
        return _from_path(Path(x))
    if isinstance(x, Iterator):
        raise TypeError(
            "X is an iterator, which can be read only once: pass a function that returns a new one, "
            "such as the generator function itself"
        )
    if callable(x):
        return _from_function(x)
    if is_sparse(x) or not hasattr(x, "shape"):
        raise TypeError(
            f"memory_limit needs an array, a path or a function that returns batches, got {type(x).__name__}"
        )
    return _from_array(as_matrix(x))


def bytes_of(batch: FloatArray | Compressed) -> int:
    """Memory of a batch."""
    if isinstance(batch, Compressed):
        return batch.values.nbytes + batch.indices.nbytes + batch.indptr.nbytes
    return batch.nbytes


def counted(source: Source) -> tuple[Source, int]:
    """The source with its rows counted by a pass, and the memory of its largest batch."""
    n_rows = heaviest = 0
    for batch in source.read(1):
        n_rows += batch.shape[0]
        heaviest = max(heaviest, bytes_of(batch))
    return replace(source, n_rows=n_rows), heaviest


def _from_array(x: FloatArray) -> Source:
    def read(rows: int) -> Iterator[FloatArray]:
        for begin in range(0, len(x), rows):
            yield x[begin : begin + rows]

    return Source(x.shape[0], x.shape[1], x.dtype, 0, read)


def _from_path(path: Path) -> Source:
    readers = {".npy": _from_npy, ".parquet": _from_columns, ".arrow": _from_columns, ".feather": _from_columns}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f"X must be a file of type {', '.join(readers)}, got {str(path)!r}")
    return reader(path)


def _from_npy(path: Path) -> Source:
    """A file of either order. It is read, not mapped: what is mapped counts in the address space as a whole."""
    with path.open("rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, by_columns, stored = header(file)
        except Exception as error:  # whatever NumPy's parser of Python literals stumbles over
            raise ValueError(f"{path} is not a .npy file, or damaged: {error}") from None
        offset, size = file.tell(), path.stat().st_size
    if stored.hasobject:
        raise TypeError(f"{path} must hold numbers, got dtype {stored}")
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"{path} must hold 2 dimensions, with at least one row and one column, got shape {shape}")
    if size < offset + prod(shape) * stored.itemsize:
        raise ValueError(f"{path} is truncated: {size} of {offset + prod(shape) * stored.itemsize} bytes")
    n_rows, n_features = shape
    dtype = as_matrix(np.zeros((1, 1), stored)).dtype

    buffer = np.empty((0, 0), stored)

    def read(rows: int) -> Iterator[FloatArray]:
        nonlocal buffer
        rows = min(rows, n_rows)
        needed = (n_features, rows) if by_columns else (rows, n_features)
        if buffer.shape != needed:  # kept from pass to pass: a new one might not fit where the last one was
            buffer = np.empty(needed, stored)
        with path.open("rb", buffering=0) as file:
            file.seek(offset)
            for begin in range(0, n_rows, rows):
                count = min(rows, n_rows - begin)
                if by_columns:
                    for j in range(n_features):
                        file.seek(offset + (j * n_rows + begin) * stored.itemsize)
                        _fill(buffer[j, :count], file, path)
                    yield as_matrix(buffer[:, :count].T)
                else:
                    _fill(buffer[:count], file, path)
                    yield as_matrix(buffer[:count])

    return Source(n_rows, n_features, dtype, _bytes_of_row(n_features, dtype, stored), read)


def _fill(part: npt.NDArray[Any], file: Any, path: Path) -> None:
    target, done = memoryview(part).cast("B"), 0
    while done < len(target):
        count = file.readinto(target[done:])
        if not count:
            raise ValueError(f"{path} has become shorter while it was read")
        done += count


def _bytes_of_row(n_features: int, dtype: np.dtype[Any], *buffers: np.dtype[Any]) -> int:
    """Of what is read, and of the converted copy where there is one."""
    kinds = {dtype, *buffers}
    return n_features * sum(kind.itemsize for kind in kinds)


def _from_columns(path: Path) -> Source:
    """A Parquet or Arrow file, whose columns are the features."""
    try:
        from pyarrow import ArrowInvalid, dataset
    except ImportError:
        raise ImportError(f"reading {path.name} needs pyarrow: pip install matfact[arrow]") from None
    with path.open("rb"):
        pass  # Python's own message where there is no such file
    try:
        table = dataset.dataset(path, format="parquet" if path.suffix.lower() == ".parquet" else "ipc")
        n_rows = table.count_rows()
    except ArrowInvalid as error:
        raise ValueError(f"{path} is not a readable {path.suffix[1:]} file: {error}") from None
    columns = [(field.name, np.dtype(field.type.to_pandas_dtype())) for field in table.schema]
    for name, kind in columns:
        if kind.kind not in "fiub":
            raise TypeError(f"{path} must hold numbers, got column {name!r} of type {table.schema.field(name).type}")
    if not columns or n_rows == 0:
        raise ValueError(f"{path} must have at least one row and one column, got shape {(n_rows, len(columns))}")
    dtype = np.result_type(*(np.float32 if kind in (np.float16, np.float32) else np.float64 for _, kind in columns))

    def read(rows: int) -> Iterator[FloatArray]:
        try:
            # One thread and no reading ahead, for the sake of memory.
            for batch in table.to_batches(batch_size=rows, batch_readahead=0, fragment_readahead=0, use_threads=False):
                values = np.empty((batch.num_rows, len(columns)), dtype, order="F")
                for j, column in enumerate(batch.columns):
                    values[:, j] = column.to_numpy(zero_copy_only=False)  # a null becomes NaN
                if len(values):
                    yield values
        except (ArrowInvalid, OSError) as error:
            raise ValueError(f"{path} is damaged: {error}") from None

    return Source(n_rows, len(columns), dtype, 2 * len(columns) * dtype.itemsize, read)


def _from_function(function: Callable[[], Any]) -> Source:
    """Batches of a user's function, which is called for each pass; the first batch decides on width and dtype."""
    rows = _FunctionRows(function)
    first = next(rows.batches(), None)
    if first is None:
        raise ValueError("X() gave no rows: it must return an iterable of two-dimensional arrays or sparse matrices")
    n_features, dtype = first.shape[1], first.dtype
    return Source(None, n_features, dtype, 0, lambda _: rows.batches(n_features, dtype))


class _FunctionRows:
    """Calls a user's function and checks what it returns."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._last: object = None

    def batches(
        self, n_features: int | None = None, dtype: np.dtype[Any] | None = None
    ) -> Iterator[FloatArray | Compressed]:
        rows = self._function()
        try:
            iter(rows)
        except TypeError:
            raise TypeError(
                f"X() returned {type(rows).__name__}, which is not iterable: it must return an iterable of "
                "two-dimensional arrays or sparse matrices"
            ) from None
        if isinstance(rows, Iterator):
            if rows is self._last:
                raise ValueError(
                    "X() returned the same iterator again, which is used up: it must return a new one each time"
                )
            self._last = rows
        for i, item in enumerate(rows):
            if hasattr(item, "shape") and len(item.shape) == 2 and item.shape[0] == 0:
                continue
            name = f"batch {i} of X"
            batch = as_compressed(to_csr(item, name), name) if is_sparse(item) else as_matrix(item, name)
            if n_features is not None and batch.shape[1] != n_features:
                raise ValueError(f"{name} must have {n_features} columns, as the first has, got {batch.shape[1]}")
            if dtype is None:
                yield batch
            elif isinstance(batch, Compressed):
                yield batch._replace(values=as_dtype(batch.values, dtype, name))
            else:
                yield as_dtype(batch, dtype, name)
