"""Who did what with which item: ids, codes and the sparse matrix of users x items that recommenders are fitted to."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from matfact._validation import as_csr, check_choice, is_sparse

Duplicates: TypeAlias = Literal["error", "last", "sum", "mean"]
Codes: TypeAlias = npt.NDArray[np.int64]


class Interactions:
    """A sparse matrix of users x items together with the ids of its rows and columns.

    Parameters
    ----------
    matrix : SciPy sparse array of shape (n_users, n_items)
        One row for each user, one column for each item. Stored zeros count as interactions.
    user_ids : array-like of shape (n_users,), optional
        The id of each row, unique; None takes 0, 1, ...
    item_ids : array-like of shape (n_items,), optional
        The id of each column, unique; None takes 0, 1, ...
    duplicates : {"error", "last", "sum", "mean"}, default="error"
        What becomes of entries that are stored more than once for one user and item. ``"last"`` keeps the one that is
        stored last.

    Attributes
    ----------
    matrix : csr_array of shape (n_users, n_items), float32
        Column indices ascend, no entry is stored twice. Not to be changed.
    transposed : csr_array of shape (n_items, n_users), float32
        Its transpose.
    times : array of shape (n_interactions,) or None
        The time of each entry in the order of ``matrix.data``, if there are times.
    user_ids, item_ids : array
        Ids of rows and columns: int64 where all are integers that fit, else objects.
    n_duplicates : int
        Entries that were merged into others.

    Raises
    ------
    ValueError
        If a value is NaN or infinite or too large for float32, an id is missing or not unique, the matrix is empty, or
        an entry is stored twice.
    TypeError
        If `matrix` is not sparse, or an id cannot be hashed.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> import matfact
    >>> matfact.Interactions(sp.csr_array([[5, 0, 3], [0, 0, 1]]))
    Interactions(2 users x 3 items, 3 entries, density 0.5, 0 cold users, 1 cold items)
    """

    __slots__ = (
        "_item_places",
        "_transposed",
        "_user_places",
        "item_ids",
        "matrix",
        "n_duplicates",
        "times",
        "user_ids",
    )

    matrix: Any
    times: npt.NDArray[Any] | None
    user_ids: npt.NDArray[Any]
    item_ids: npt.NDArray[Any]
    n_duplicates: int

    def __init__(
        self,
        matrix: Any,
        *,
        user_ids: npt.ArrayLike | None = None,
        item_ids: npt.ArrayLike | None = None,
        duplicates: Duplicates = "error",
    ) -> None:
        check_choice(duplicates, Duplicates, "duplicates")
        if not is_sparse(matrix):
            raise TypeError(
                "interactions must be a SciPy sparse array of users x items, one row a user, "
                f"got {type(matrix).__name__}: build one, or use Interactions.from_frame"
            )
        if matrix.ndim != 2:
            raise ValueError(f"interactions must have 2 dimensions, users x items, got shape {matrix.shape}")
        _check_shape(matrix.shape)
        if matrix.format in ("csr", "csc", "bsr"):
            as_csr(matrix)  # refuses indices that point outside
        users = _as_ids(user_ids, matrix.shape[0], "user_ids")
        items = _as_ids(item_ids, matrix.shape[1], "item_ids")
        if matrix.format == "csr" and matrix.has_canonical_format:
            rows, cols = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)), matrix.indices
            self._assign(_to_csr(rows, cols, _as_values(matrix.data), matrix.shape), None, users, items, 0)
            return
        entries = matrix.tocoo()
        rows, cols = (np.asarray(axis, dtype=np.int64) for axis in (entries.row, entries.col))
        self._fill(matrix.shape, rows, cols, entries.data, None, users, items, duplicates)

    @classmethod
    def from_frame(
        cls,
        df: Any,
        *,
        user: str = "user",
        item: str = "item",
        value: str | None = "rating",
        time: str | None = None,
        duplicates: Duplicates = "error",
    ) -> Interactions:
        """Build interactions from a table with one row for each of them.

        Parameters
        ----------
        df : pandas.DataFrame, polars.DataFrame, pyarrow.Table or path
            Any eager data frame that narwhals knows, or the path of a .csv or .parquet file, which is read by the first
            of polars, pyarrow and pandas that is installed.
        user, item : str
            Columns of ids: integers, strings or anything hashable, without missing entries.
        value : str, optional
            Column of finite numbers; None counts every row as 1.
        time : str, optional
            Column of numbers or timestamps, for splits by time.
        duplicates : {"error", "last", "sum", "mean"}, default="error"
            What becomes of several rows for one user and item. ``"last"`` keeps the latest by `time`, or the last row
            where there is no time.

        Returns
        -------
        Interactions
            Rows and columns in ascending order of the ids.

        Raises
        ------
        ValueError
            If a column is missing, an id or value is missing or not finite, the table has no rows, or a user and an
            item come together twice.
        TypeError
            If `df` is no data frame, or values are no numbers.
        ImportError
            If `df` is a path, and none of the three is installed.
        OSError
            If the file cannot be read.

        Examples
        --------
        >>> import pandas as pd
        >>> import matfact
        >>> df = pd.DataFrame({"user": ["ann", "ann", "bob"], "item": [7, 9, 7], "rating": [5, 3, 4]})
        >>> matfact.Interactions.from_frame(df).user_ids
        array(['ann', 'bob'], dtype=object)
        """
        import narwhals as nw

        check_choice(duplicates, Duplicates, "duplicates")
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
        values = np.ones(len(frame), np.float32) if value is None else frame[value].to_numpy()
        times = None if time is None else np.asarray(frame[time].to_numpy())
        return cls._of_columns(frame[user].to_numpy(), frame[item].to_numpy(), values, times, duplicates)

    @classmethod
    def _of_columns(
        cls, users: Any, items: Any, values: Any, times: npt.NDArray[Any] | None, duplicates: Duplicates
    ) -> Interactions:
        user_ids, rows = _codes(users)
        item_ids, cols = _codes(items)
        self = cls.__new__(cls)
        self._fill((len(user_ids), len(item_ids)), rows, cols, values, times, user_ids, item_ids, duplicates)
        return self

    def _fill(
        self,
        shape: tuple[int, int],
        rows: Codes,
        cols: Codes,
        values: Any,
        times: npt.NDArray[Any] | None,
        user_ids: npt.NDArray[Any],
        item_ids: npt.NDArray[Any],
        duplicates: Duplicates,
    ) -> None:
        check_choice(duplicates, Duplicates, "duplicates")
        if 0 in shape:
            raise ValueError(
                f"interactions must have at least one user and one item, got shape {shape} (users x items)"
            )
        data = _as_values(values)
        order = np.lexsort((cols, rows) if times is None else (times, cols, rows))
        rows, cols, data = rows[order], cols[order], data[order]
        times = None if times is None else times[order]
        fresh = np.ones(len(rows), bool)
        fresh[1:] = (rows[1:] != rows[:-1]) | (cols[1:] != cols[:-1])
        n_duplicates = int(len(rows) - fresh.sum())
        if n_duplicates:
            first = np.flatnonzero(fresh)
            last = np.append(first[1:], len(rows)) - 1
            if duplicates == "error":
                at = int(np.flatnonzero(~fresh)[0])
                raise ValueError(
                    f"user {user_ids.tolist()[rows[at]]!r} and item {item_ids.tolist()[cols[at]]!r} "
                    f"come together more than once ({n_duplicates} such rows): pass duplicates='last', 'sum' or 'mean'"
                )
            if duplicates == "last":
                data = data[last]
            else:
                sums = np.add.reduceat(data.astype(np.float64), first)
                data = _as_values(sums if duplicates == "sum" else sums / (last - first + 1))
            times = None if times is None else times[last]
            rows, cols = rows[first], cols[first]
        self._assign(_to_csr(rows, cols, data, shape), times, user_ids, item_ids, n_duplicates)

    def _assign(
        self,
        matrix: Any,
        times: npt.NDArray[Any] | None,
        user_ids: npt.NDArray[Any],
        item_ids: npt.NDArray[Any],
        n_duplicates: int,
    ) -> None:
        self.matrix, self.times, self.user_ids, self.item_ids = matrix, times, user_ids, item_ids
        self.n_duplicates = n_duplicates
        self._transposed: Any = None
        self._user_places, self._item_places = _Places(user_ids), _Places(item_ids)

    @property
    def transposed(self) -> Any:
        """The transpose in compressed rows."""
        if self._transposed is None:
            self._transposed = self.matrix.T.tocsr()
        return self._transposed

    @property
    def shape(self) -> tuple[int, int]:
        """Users and items."""
        return cast(tuple[int, int], self.matrix.shape)

    @property
    def n_users(self) -> int:
        """Rows."""
        return self.shape[0]

    @property
    def n_items(self) -> int:
        """Columns."""
        return self.shape[1]

    @property
    def n_interactions(self) -> int:
        """Stored entries."""
        return int(self.matrix.nnz)

    @property
    def density(self) -> float:
        """The share of pairs that are stored."""
        return self.n_interactions / (self.n_users * self.n_items)

    @property
    def user_counts(self) -> Codes:
        """Entries of each user."""
        return cast(Codes, np.diff(self.matrix.indptr).astype(np.int64))

    @property
    def item_counts(self) -> Codes:
        """Entries of each item."""
        return np.bincount(self.matrix.indices, minlength=self.n_items).astype(np.int64)

    @property
    def cold_users(self) -> npt.NDArray[Any]:
        """Ids of users without an entry."""
        return cast(npt.NDArray[Any], self.user_ids[self.user_counts == 0])

    @property
    def cold_items(self) -> npt.NDArray[Any]:
        """Ids of items without an entry."""
        return cast(npt.NDArray[Any], self.item_ids[self.item_counts == 0])

    def user_codes(self, users: Any) -> Codes:
        """Return the row of each id, -1 for ids that do not occur.

        Parameters
        ----------
        users : id or sequence of ids
            As in ``user_ids``.

        Returns
        -------
        array of shape (n_queries,), int64
            Rows of ``matrix``.
        """
        return self._user_places.of(users)

    def item_codes(self, items: Any) -> Codes:
        """Return the column of each id, -1 for ids that do not occur.

        Parameters
        ----------
        items : id or sequence of ids
            As in ``item_ids``.

        Returns
        -------
        array of shape (n_queries,), int64
            Columns of ``matrix``.
        """
        return self._item_places.of(items)

    def select(self, keep: npt.ArrayLike) -> Interactions:
        """Return the entries that a mask names, for the same users and items.

        Parameters
        ----------
        keep : array-like of bool, shape (n_interactions,)
            In the order of ``matrix.data``.

        Returns
        -------
        Interactions
            Of the same shape, ids included; users and items may become cold.

        Raises
        ------
        ValueError
            If the mask has another length.
        """
        mask = np.asarray(keep, dtype=bool)
        if mask.shape != (self.n_interactions,):
            raise ValueError(f"keep must have shape ({self.n_interactions},), got {mask.shape}")
        kept_before = np.concatenate(([0], np.cumsum(mask)))
        matrix = sp.csr_array(
            (
                self.matrix.data[mask],
                self.matrix.indices[mask],
                kept_before[self.matrix.indptr].astype(self.matrix.indptr.dtype),
            ),
            shape=self.shape,
        )
        part = type(self).__new__(type(self))
        part._assign(matrix, None if self.times is None else self.times[mask], self.user_ids, self.item_ids, 0)
        return part

    def __repr__(self) -> str:
        return (
            f"Interactions({self.n_users} users x {self.n_items} items, {self.n_interactions} entries, "
            f"density {self.density:.3g}, {len(self.cold_users)} cold users, {len(self.cold_items)} cold items)"
        )


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


def _check_shape(shape: tuple[int, int]) -> None:
    if 0 in shape:
        raise ValueError(f"interactions must have at least one user and one item, got shape {shape} (users x items)")


def _to_csr(rows: Codes, cols: Codes, data: npt.NDArray[np.float32], shape: tuple[int, int]) -> Any:
    """CSR from sorted entries, with 32-bit indices where they suffice."""
    index = _index_type(shape, len(data))
    indptr = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=shape[0])))).astype(index)
    matrix = sp.csr_array((data, cols.astype(index), indptr), shape=shape)
    matrix.has_canonical_format = True
    return matrix


def _index_type(shape: tuple[int, int], n_entries: int) -> type[np.signedinteger[Any]]:
    return np.int32 if max(*shape, n_entries) < 2**31 else np.int64


def _as_values(values: Any) -> npt.NDArray[np.float32]:
    a = np.asarray(values)
    if a.dtype.kind not in "fiub":
        raise TypeError(f"values must be numbers, got dtype {a.dtype}")
    if not np.isfinite(a).all():
        raise ValueError("values must be finite: drop the rows with NaN or infinity")
    with np.errstate(over="ignore"):
        single = a.astype(np.float32)
    if not np.isfinite(single).all():
        raise ValueError("values must fit into float32: scale them down")
    return single


def _as_ids(ids: npt.ArrayLike | None, n: int, name: str) -> npt.NDArray[Any]:
    if ids is None:
        return np.arange(n, dtype=np.int64)
    # A list through np.asarray would make a string of each integer beside a string.
    is_list = hasattr(ids, "__iter__") and not hasattr(ids, "__array__") and not isinstance(ids, (str, bytes))
    a = _plain(np.fromiter(cast(Iterable[Any], ids), object) if is_list else np.asarray(ids))
    if a.shape != (n,):
        raise ValueError(f"{name} must have shape ({n},), got {a.shape}")
    if len(set(a.tolist())) != n:
        raise ValueError(f"{name} must be unique")
    return a


def _plain(ids: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """As int64 where all are integers that fit, else as objects."""
    if ids.dtype.kind not in "iu":
        ids = ids.astype(object)
        if not all(type(i) is int or isinstance(i, np.integer) for i in ids.flat):
            return ids
    fits = ids.size == 0 or -(2**63) <= int(ids.min()) <= int(ids.max()) < 2**63
    return ids.astype(np.int64 if fits else object)


def _codes(ids: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Codes]:
    """The distinct ids, ascending where they have an order, and the place of each entry among them."""
    plain = _plain(ids)
    try:
        distinct, codes = np.unique(plain, return_inverse=True)
    except TypeError:  # ids of several types
        place: dict[Any, int] = {}
        codes = np.array([place.setdefault(i, len(place)) for i in plain.tolist()], np.int64)
        distinct = np.fromiter(place, object)
    return distinct, codes.astype(np.int64)


def as_list(ids: Any) -> list[Any]:
    """Several ids as Python has them: scalars of Arrow equal none of them."""
    if hasattr(ids, "to_pylist"):
        return cast(list[Any], ids.to_pylist())
    return ids.tolist() if isinstance(ids, np.ndarray) else list(ids)


def require_ids_of(known: Interactions, other: Interactions, rule: str) -> None:
    """ValueError, which begins with `rule`, where `other` has other users or items than `known`."""
    if other.shape != known.shape:
        raise ValueError(f"{rule}, got shape {other.shape} for {known.shape}")
    for kind, here, there in (
        ("user", known.user_ids, other.user_ids),
        ("item", known.item_ids, other.item_ids),
    ):
        if here is not there and not np.array_equal(here, there):
            pairs = zip(here.tolist(), there.tolist(), strict=True)
            at, (ours, theirs) = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
            raise ValueError(f"{rule}, got the {kind} {theirs!r} in place {at} for {ours!r}")


def with_items_of(known: Interactions, part: Interactions) -> Any:
    """The matrix of `part` with the columns of `known` (CSR); entries of items that are unknown there are left out."""
    codes, entries = known.item_codes(part.item_ids), part.matrix.tocoo()
    kept = codes[entries.col] >= 0
    place = (entries.row[kept].astype(np.int64), codes[entries.col[kept]])
    return sp.csr_array((entries.data[kept], place), shape=(part.n_users, known.n_items))


class _Places:
    """Where ids stand; made ready when it is first asked."""

    __slots__ = ("_ids", "_order", "_place")

    def __init__(self, ids: npt.NDArray[Any]) -> None:
        self._ids = ids
        self._place: dict[Any, int] | None = None
        self._order: npt.NDArray[np.intp] | None = None

    def of(self, ids: Any) -> Codes:
        """The place of each, -1 where there is none."""
        if isinstance(ids, np.ndarray) and ids.ndim == 1 and ids.dtype.kind == self._ids.dtype.kind == "i":
            return self._of_integers(ids)
        if isinstance(ids, (str, bytes)) or not hasattr(ids, "__iter__"):
            ids = [ids]
        ids = as_list(ids)
        if self._place is None:
            self._place = {i: place for place, i in enumerate(self._ids.tolist())}
        return np.array([self._place.get(i, -1) for i in ids], dtype=np.int64)

    def _of_integers(self, ids: npt.NDArray[Any]) -> Codes:
        if self._order is None:
            self._order = np.argsort(self._ids)
        found = self._order[np.minimum(np.searchsorted(self._ids, ids, sorter=self._order), len(self._ids) - 1)]
        return np.where(self._ids[found] == ids, found, -1)
