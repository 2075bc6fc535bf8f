"""Interactions in tables: data frames of any library that narwhals knows, and the files that hold them."""

from __future__ import annotations

import os
import re
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class Columns(NamedTuple):
    """A table of interactions, one row each, without missing entries."""

    users: npt.NDArray[Any]
    items: npt.NDArray[Any]
    values: npt.NDArray[Any]
    times: npt.NDArray[Any] | None


def columns_of(df: Any, *, user: str, item: str, value: str | None, time: str | None) -> Columns:
    """The named columns of a data frame, or of the file at a path; without `value` every row counts as 1."""
    import narwhals as nw

    try:
        frame = _read(Path(df)) if isinstance(df, (str, os.PathLike)) else nw.from_native(df, eager_only=True)
    except TypeError:
        raise TypeError(f"df must be a data frame of pandas, polars or pyarrow, got {type(df).__name__}") from None
    for name in (user, item, value, time):
        if name is not None and name not in frame.columns:
            raise ValueError(f"df has no column {name!r}: its columns are {', '.join(map(repr, frame.columns))}")
    for name in (user, item, value, time):
        if name is not None and frame[name].is_null().any():
            raise ValueError(f"column {name!r} has missing entries: drop those rows")
    if len(frame) == 0:
        raise ValueError("df must have at least one row")
    return Columns(
        frame[user].to_numpy(),
        frame[item].to_numpy(),
        np.ones(len(frame), np.float32) if value is None else frame[value].to_numpy(),
        None if time is None else _as_times(frame[time].to_numpy(), time),
    )


def _as_times(values: Any, name: str) -> npt.NDArray[Any]:
    """Numbers or timestamps. Text in an order of its own would hold out the wrong entries, and nobody would see it."""
    times = np.asarray(values)
    if times.dtype.kind in "OSTU":
        try:
            times = _parsed(times.tolist())
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"column {name!r} must hold numbers, timestamps or text such as '2024-05-31 12:00' (ISO 8601): {error}"
            ) from error
    if (times != times).any():
        raise ValueError(f"column {name!r} has missing entries: drop those rows")
    return times


def _parsed(items: list[Any]) -> npt.NDArray[Any]:
    """Numbers, also as text, or else dates."""
    try:
        numbers = np.array(items, dtype=np.float64)
    except (TypeError, ValueError):
        pass
    else:
        if numbers.ndim == 1:
            return numbers
    # NumPy takes any digits at the beginning for a year.
    other = [item for item in items if isinstance(item, (str, bytes)) and not _ISO_DATE.match(_text(item))]
    if other:
        raise ValueError(f"got {other[0]!r}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of time zones, which become UTC
        times = np.array(items, dtype="datetime64[us]")
    if times.ndim != 1:
        raise ValueError(f"got {items[0]!r}")
    return times


def _text(item: str | bytes) -> str:
    return item.decode(errors="replace") if isinstance(item, bytes) else item


def _read(path: Path) -> Any:
    """The table in a .csv or .parquet file."""
    import narwhals as nw

    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise ValueError(f"{path} must end in .csv or .parquet, got {path.suffix!r}")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    backend = next((name for name in ("polars", "pyarrow", "pandas") if find_spec(name)), None)
    if backend is None:
        raise ImportError(f"{path} is read by polars, pyarrow or pandas: install one of them")
    try:
        read = nw.read_csv if suffix == ".csv" else nw.read_parquet
        return read(str(path), backend=cast(Any, backend))
    except OSError:
        raise
    except Exception as error:  # every backend has its own
        raise ValueError(f"{path} is no table that {backend} can read: {error}") from error
