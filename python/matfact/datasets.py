"""Ratings for examples and benchmarks, downloaded when they are asked for. Nothing of them is part of the package."""

from __future__ import annotations

import io
import os
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from matfact._validation import check_choice
from matfact.interactions import Interactions

MovieLensName: TypeAlias = Literal["100k", "1m", "10m", "20m", "latest-small"]


@dataclass(frozen=True, slots=True, eq=False)
class MovieLens:
    """Ratings of movies, 0.5 or 1 to 5 stars.

    Attributes
    ----------
    ratings : Interactions
        With the ids of users and movies that the files have, and times in seconds since 1970.
    titles : dict of int to str
        Of each movie, the year in brackets.
    folds : tuple of (Interactions, Interactions)
        The official training and test parts u1 to u5 of ``"100k"``; empty for the others.
    terms : str
        The README of the archive, with the terms of use.
    """

    ratings: Interactions
    titles: dict[int, str]
    folds: tuple[tuple[Interactions, Interactions], ...]
    terms: str


class _Archive(NamedTuple):
    sha256: str
    folder: str
    ratings: str
    movies: str
    separator: str
    encoding: str
    """Of the titles."""
    readme: str


_URL = "https://files.grouplens.org/datasets/movielens/"
_ARCHIVES = {
    "100k": _Archive(
        "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
        *("ml-100k", "u.data", "u.item", "\t", "latin-1", "README"),
    ),
    "1m": _Archive(
        "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
        *("ml-1m", "ratings.dat", "movies.dat", "::", "latin-1", "README"),
    ),
    "10m": _Archive(
        "813c411ccb6122564edfe752e7f80c4dcc5aa25fa94c93622f6877a7ba252862",
        *("ml-10M100K", "ratings.dat", "movies.dat", "::", "utf-8", "README.html"),
    ),
    "20m": _Archive(
        "96f243c338a8665f6bcc89c53edf6ee39162a846940de6b7c8c48aeada765ff3",
        *("ml-20m", "ratings.csv", "movies.csv", ",", "utf-8", "README.txt"),
    ),
    "latest-small": _Archive(
        "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
        *("ml-latest-small", "ratings.csv", "movies.csv", ",", "utf-8", "README.txt"),
    ),
}

_TERMS = """\
MovieLens data sets are provided by GroupLens, University of Minnesota, for research: no endorsement may be implied,
publications cite Harper and Konstan (2015), doi:10.1145/2827872, and without permission the data may neither be
redistributed ("latest-small": only under the same terms) nor used for commercial purposes. The README in the archive
has the full terms: https://grouplens.org/datasets/movielens/
"""


def fetch_movielens(
    name: MovieLensName = "latest-small", *, cache_dir: str | os.PathLike[str] | None = None
) -> MovieLens:
    """Download a MovieLens data set, or read the copy that is there.

    The terms of use are printed to standard error before a download: research, citation, no redistribution, no
    commercial use without permission.

    Parameters
    ----------
    name : {"100k", "1m", "10m", "20m", "latest-small"}, default="latest-small"
        Some 100,000 ratings to 20 million; 5, 6, 66, 199 and 1 MB.
    cache_dir : path, optional
        Where the archive is kept; None takes the user's cache.

    Returns
    -------
    MovieLens
        ``ratings``, ``titles``, ``folds`` and ``terms``.

    Raises
    ------
    ValueError
        If there is no such data set, or an archive is not the one that is expected, by its SHA-256.
    ImportError
        If pooch is not installed: it comes with the extra ``matfact[data]``.
    OSError
        If it cannot be downloaded.

    References
    ----------
    .. [1] Harper, F. M., and Konstan, J. A. (2015). The MovieLens datasets: history and context. ACM TiiS 5(4), 19.
       doi:10.1145/2827872
    """
    check_choice(name, MovieLensName, "name")
    try:
        import pooch
    except ImportError:
        raise ImportError("data sets are downloaded by pooch: pip install 'matfact[data]'") from None
    folder = Path(pooch.os_cache("matfact") if cache_dir is None else cache_dir)
    file = f"ml-{name}.zip"
    if not (folder / file).exists():
        print(_TERMS, file=sys.stderr)
    path = pooch.retrieve(_URL + file, f"sha256:{_ARCHIVES[name].sha256}", fname=file, path=folder)
    return load_movielens(path, name)


def load_movielens(path: str | os.PathLike[str], name: MovieLensName) -> MovieLens:
    """Read the archive of a MovieLens data set.

    Parameters
    ----------
    path : path
        A .zip file as GroupLens distributes it.
    name : {"100k", "1m", "10m", "20m", "latest-small"}
        Which one it is.

    Returns
    -------
    MovieLens
        As of `fetch_movielens`.

    Raises
    ------
    ValueError
        If the file is not such an archive.
    OSError
        If it cannot be read.
    """
    layout = _ARCHIVES[check_choice(name, MovieLensName, "name")]
    try:
        with zipfile.ZipFile(path) as archive:

            def read(member: str) -> bytes:
                return archive.read(f"{layout.folder}/{member}")

            ratings = _interactions(_table(read(layout.ratings), layout.separator))
            titles = _titles(read(layout.movies).decode(layout.encoding), layout.separator)
            folds = tuple(_fold(ratings, i, read) for i in range(1, 6)) if name == "100k" else ()
            terms = read(layout.readme).decode("utf-8", "replace")
    except (zipfile.BadZipFile, LookupError, UnicodeDecodeError) as error:
        raise ValueError(f"{os.fspath(path)} is no archive of MovieLens {name}: {error}") from error
    return MovieLens(ratings, titles, folds, terms)


_ROW = "rows must have a user, a movie, a rating and a time"


def _table(content: bytes, separator: str) -> npt.NDArray[np.float64]:
    """Rows of user, movie, rating and time."""
    has_titles = separator == ","
    if len(separator) > 1:
        content, separator = content.replace(separator.encode(), b"\t"), "\t"
    lines = io.BytesIO(content)
    if has_titles:
        lines.readline()
    try:
        is_empty = lines.tell() == len(content)
        table = None if is_empty else np.loadtxt(lines, delimiter=separator, comments=None, ndmin=2)
    except ValueError as error:
        raise LookupError(f"{_ROW}: {error}") from error
    if table is None or table.shape[1] != 4:
        raise LookupError(_ROW)
    return table


def _interactions(table: npt.NDArray[np.float64]) -> Interactions:
    ids = table[:, [0, 1, 3]].astype(np.int64)
    return Interactions._of_columns(ids[:, 0], ids[:, 1], table[:, 2], ids[:, 2], "error")


def _titles(text: str, separator: str) -> dict[int, str]:
    if separator == ",":
        import csv

        return {int(row[0]): row[1] for row in list(csv.reader(text.splitlines()))[1:]}
    rows = (line.split("|" if separator == "\t" else separator) for line in text.splitlines())
    return {int(row[0]): row[1] for row in rows}


def _fold(ratings: Interactions, i: int, read: Callable[[str], bytes]) -> tuple[Interactions, Interactions]:
    """The entries of u{i}.base and u{i}.test."""
    table = _table(read(f"u{i}.test"), "\t")[:, :2].astype(np.int64)
    n_items = ratings.n_items
    held_out = ratings.user_codes(table[:, 0]) * n_items + ratings.item_codes(table[:, 1])
    rows = np.repeat(np.arange(ratings.n_users), ratings.user_counts)
    test = np.isin(rows * n_items + ratings.matrix.indices, held_out)
    return ratings.select(~test), ratings.select(test)
