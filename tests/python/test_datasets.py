"""MovieLens archives: made ones of the same layout are read, others refused; downloads are checked."""

from __future__ import annotations

import hashlib
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest

import matfact
from matfact import datasets

ROWS = [(7, 3, 4, 100), (7, 1, 5, 50), (2, 3, 1, 70), (9, 8, 2, 60), (2, 8, 3, 80)]
HALVES = [(7, 3, 3.5, 100), (7, 1, 5.0, 50), (2, 3, 0.5, 70)]


def text(rows, separator, header=""):
    return header + "".join(separator.join(map(str, row)) + "\n" for row in rows)


CSV = {
    "ratings.csv": text(HALVES, ",", "userId,movieId,rating,timestamp\n"),
    "movies.csv": 'movieId,title,genres\n1,"American President, The (1995)",Drama\n3,Amélie (2001),Comedy\n8,Heat,A\n',
    "README.txt": "terms: research",
}
MEMBERS = {
    "100k": {
        "u.data": text(ROWS, "\t"),
        "u.item": "1|Toy Story (1995)|01-Jan|x\n3|Café (1990)|x|y\n8|Heat|x|y\n".encode("latin-1"),
        "README": "terms: research",
    }
    | {f"u{i}.test": text([ROWS[i - 1]], "\t") for i in range(1, 6)},
    "1m": {
        "ratings.dat": text(ROWS, "::"),
        "movies.dat": "1::Toy Story (1995)::Animation\n3::Café (1990)::Drama\n8::Heat::A\n".encode("latin-1"),
        "README": "terms: research",
    },
    "10m": {
        "ratings.dat": text(HALVES, "::"),
        "movies.dat": "1::Toy Story (1995)::Animation\n3::Café (1990)::Drama\n",
        "README.html": "terms: research",
    },
    "20m": CSV,
    "latest-small": CSV,
}


def write(path, name, **changed):
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in (MEMBERS[name] | changed).items():
            if content is not None:
                archive.writestr(f"{datasets._ARCHIVES[name].folder}/{member}", content)
    return path


@pytest.mark.parametrize("name", MEMBERS)
def test_archives_of_every_layout_are_read(tmp_path, name):
    found = datasets.load_movielens(write(tmp_path / "a.zip", name), name)
    rows = ROWS if name in ("100k", "1m") else HALVES
    entries = found.ratings.matrix.tocoo()
    users, items = found.ratings.user_ids[entries.row], found.ratings.item_ids[entries.col]
    assert sorted(zip(users, items, entries.data, found.ratings.times, strict=True)) == sorted(rows)
    assert found.titles[3] in ("Café (1990)", "Amélie (2001)")
    assert found.titles[1] in ("Toy Story (1995)", "American President, The (1995)")
    assert found.terms == "terms: research"
    assert len(found.folds) == (5 if name == "100k" else 0)


def test_the_official_folds_hold_out_what_their_files_say(tmp_path):
    found = datasets.load_movielens(write(tmp_path / "a.zip", "100k"), "100k")
    for row, (train, test) in zip(ROWS, found.folds, strict=True):
        assert (train.n_interactions, test.n_interactions) == (4, 1)
        entry = test.matrix.tocoo()
        assert test.user_ids[entry.row].tolist() == [row[0]]
        assert test.item_ids[entry.col].tolist() == [row[1]]
    assert sum(test.matrix.nnz for _, test in found.folds) == found.ratings.n_interactions


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"u.data": "1\t2\t3\n"}, "a user, a movie, a rating"),
        ({"u.data": ""}, "a user"),
        ({"u.data": "1\t2\t3\t4\n1\t2\t3\n"}, "a user"),
        ({"u.data": "1\t2\tgood\t4\n"}, "could not convert string 'good'"),
        ({"u2.test": None}, "u2.test"),
    ],
)
def test_other_archives_are_refused(tmp_path, changed, message):
    write(tmp_path / "a.zip", "100k", **changed)
    with pytest.raises(ValueError, match=f"is no archive of MovieLens 100k: .*{message}"):
        datasets.load_movielens(tmp_path / "a.zip", "100k")
    with pytest.raises(ValueError, match="is no archive of MovieLens 1m"):
        datasets.load_movielens(tmp_path / "a.zip", "1m")
    (tmp_path / "b.zip").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="is no archive of MovieLens 1m"):
        datasets.load_movielens(tmp_path / "b.zip", "1m")


@pytest.mark.parametrize("name", ["1m", "20m"])
def test_reading_takes_memory_for_numbers_not_for_words(tmp_path, name):
    """20 million rows would be 80 million objects."""
    layout, rows = datasets._ARCHIVES[name], [(i % 99 + 1, i // 99 + 1, 3.5, 978300000 + i) for i in range(20_000)]
    changed = {layout.ratings: text(rows, layout.separator, "a,b,c,d\n" if name == "20m" else "")}
    write(tmp_path / "a.zip", name, **changed)
    tracemalloc.start()
    found = datasets.load_movielens(tmp_path / "a.zip", name).ratings
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.n_interactions, found.times.max()) == (20_000, 978319999)
    # A word alone takes 34 bytes or more; the rest are numbers of 8 bytes: the table, ids, codes, orders.
    assert peak < 20_000 * 4 * 34


def test_a_copy_that_is_there_is_checked_and_read_without_a_download(tmp_path, monkeypatch, capsys):
    pytest.importorskip("pooch")
    path = write(tmp_path / "ml-1m.zip", "1m")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(datasets._ARCHIVES, "1m", datasets._ARCHIVES["1m"]._replace(sha256=digest))
    assert datasets.fetch_movielens("1m", cache_dir=tmp_path).ratings.n_interactions == 5
    assert capsys.readouterr().err == ""


def test_a_download_shows_the_terms_and_is_checked(tmp_path, monkeypatch, capsys):
    pooch = pytest.importorskip("pooch")
    asked = []

    def retrieve(url, known_hash, fname, path):
        asked.append((url, known_hash, fname, path))
        return write(tmp_path / "ml-20m.zip", "20m")

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    found = matfact.datasets.fetch_movielens("20m", cache_dir=tmp_path)
    assert found.ratings.n_users == 2
    shown = capsys.readouterr().err
    assert "may neither be" in shown
    assert "10.1145/2827872" in shown
    [(url, known_hash, _, path)] = asked
    assert url == "https://files.grouplens.org/datasets/movielens/ml-20m.zip"
    assert known_hash.startswith("sha256:96f243c3")
    assert path == tmp_path


def test_mistakes_are_named(monkeypatch):
    with pytest.raises(ValueError, match="name must be one of '100k', '1m'"):
        datasets.fetch_movielens("5m")
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=r"matfact\[data\]"):
        datasets.fetch_movielens("100k")


def test_the_checksums_are_sha256():
    assert all(len(a.sha256) == 64 and int(a.sha256, 16) for a in datasets._ARCHIVES.values())
    assert np.unique([a.sha256 for a in datasets._ARCHIVES.values()]).size == 5
