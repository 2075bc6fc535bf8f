"""Who did what with which item: ids, codes and the sparse matrix of users x items that recommenders are fitted to."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from matfact._entries import Duplicates, Entries, as_values, distinct_entries, summed_csr, to_csr
from matfact._frames import columns_of
from matfact._ids import Codes, Places, as_ids, as_list, codes_of
from matfact._sparse_structure import check_structure, is_ascending, without_spare
from matfact._validation import check_choice, is_sparse

__all__ = ["Codes", "Duplicates", "Interactions", "as_list", "require_ids_of"]


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
        check_structure(matrix, "interactions")
        users = as_ids(user_ids, matrix.shape[0], "user_ids")
        items = as_ids(item_ids, matrix.shape[1], "item_ids")
        nnz = int(matrix.indptr[-1]) if matrix.format == "csr" else 0
        if matrix.format == "csr" and is_ascending(matrix.indptr, matrix.indices[:nnz]):
            rows, cols = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)), matrix.indices[:nnz]
            self._assign(to_csr(rows, cols, as_values(matrix.data[:nnz]), matrix.shape), None, users, items, 0)
            return
        entries = without_spare(matrix).tocoo()
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
            Column of numbers, timestamps or dates as text (ISO 8601), for splits by time.
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
        check_choice(duplicates, Duplicates, "duplicates")
        columns = columns_of(df, user=user, item=item, value=value, time=time)
        return cls._of_columns(*columns, duplicates)

    @classmethod
    def _of_columns(
        cls, users: Any, items: Any, values: Any, times: npt.NDArray[Any] | None, duplicates: Duplicates
    ) -> Interactions:
        user_ids, rows = codes_of(users)
        item_ids, cols = codes_of(items)
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
        _check_shape(shape)
        entries = Entries(rows, cols, as_values(values), times)
        if times is None:
            matrix = summed_csr(entries, shape)
            if matrix.nnz == len(entries.data):  # nothing came twice, which needs a search among entries in order
                self._assign(matrix, None, user_ids, item_ids, 0)
                return
        entries, n_duplicates = distinct_entries(entries, duplicates, user_ids, item_ids)
        matrix = to_csr(entries.rows, entries.cols, entries.data, shape)
        self._assign(matrix, entries.times, user_ids, item_ids, n_duplicates)

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
        self._user_places, self._item_places = Places(user_ids), Places(item_ids)

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


def _check_shape(shape: tuple[int, int]) -> None:
    if 0 in shape:
        raise ValueError(f"interactions must have at least one user and one item, got shape {shape} (users x items)")


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
