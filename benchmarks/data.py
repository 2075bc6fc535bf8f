"""Input of the jobs: planted spectra, so that accuracy can be judged, and real data where it is at hand."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import scipy.sparse

Array = np.ndarray[Any, np.dtype[Any]]


def orthonormal(rng: np.random.Generator, n_rows: int, n_cols: int) -> Array:
    return np.linalg.qr(rng.standard_normal((n_rows, n_cols)))[0]


def planted(n_rows: int, n_cols: int, condition: float, seed: int = 0) -> tuple[Array, Array]:
    """A matrix with log-spaced singular values from 1 to 1 / condition, and those."""
    rng = np.random.default_rng(seed)
    s = np.logspace(0, -np.log10(condition), min(n_rows, n_cols))
    x = (orthonormal(rng, n_rows, len(s)) * s) @ orthonormal(rng, n_cols, len(s)).T
    return np.ascontiguousarray(x), s


def find(name: str) -> Path | None:
    """The file, plain or compressed, anywhere below the folder that MATFACT_DATA names."""
    folder = os.environ.get("MATFACT_DATA")
    if not folder:
        return None
    return next((path for path in sorted(Path(folder).rglob(name + "*")) if path.is_file()), None)


def images(dtype: type[np.floating[Any]], quick: bool) -> tuple[Array, str]:
    """Fashion-MNIST's 60,000 x 784 training images, else a synthetic matrix of that shape; and what it is.

    Filled block by block, so that memory never holds more than the matrix: the memory job relies on it.
    """
    n_rows, n_cols = (2000 if quick else 60_000), 784
    x = np.empty((n_rows, n_cols), dtype)
    step = 1000
    path = find("train-images-idx3-ubyte")
    if path is None:
        rng = np.random.default_rng(0)
        # Decays as images do: a few strong directions, a long tail.
        basis = orthonormal(rng, n_cols, n_cols) * (1.0 / np.arange(1, n_cols + 1))
        for begin in range(0, n_rows, step):
            x[begin : begin + step] = 128 + 1000 * rng.standard_normal((min(step, n_rows - begin), n_cols)) @ basis.T
        return x, "synthetic, decaying spectrum"
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        file.read(16)  # magic number and dimensions of the IDX format
        for begin in range(0, n_rows, step):
            block = np.frombuffer(file.read(step * n_cols), np.uint8)
            x[begin : begin + step] = block.reshape(-1, n_cols)
    return x, "Fashion-MNIST"


def newsgroups(quick: bool) -> tuple[scipy.sparse.csr_array, str]:
    """TF-IDF of 20 Newsgroups (18,845 x 3,072), else synthetic text of that shape; and what it is."""
    path = find("newsgroups20_counts.npz")
    if path is None or quick:
        return tf_idf(synthetic_counts(18_845, 3_072, 53, quick)), "synthetic text"
    return tf_idf(scipy.sparse.load_npz(path)), "20 Newsgroups"


def reuters(quick: bool) -> tuple[scipy.sparse.csr_array, str]:
    """TF-IDF of Reuters-21578 (8,293 x 18,933), else synthetic text of that shape; and what it is."""
    path = find("Reuters21578.mat")
    if path is None or quick:
        return tf_idf(synthetic_counts(8_293, 18_933, 47, quick)), "synthetic text"
    counts = scipy.io.loadmat(path)["fea"]
    return tf_idf(counts), "Reuters"


def synthetic_counts(n_rows: int, n_cols: int, words_per_row: int, quick: bool, seed: int = 0) -> Any:
    """Words by Zipf's law; two thirds of each row come from one of 60 topics, which permute the words."""
    if quick:
        n_rows, n_cols = n_rows // 10, n_cols // 10
    rng = np.random.default_rng(seed)
    frequency = 1.0 / np.arange(1, n_cols + 1) ** 0.9
    topics = np.array([np.arange(n_cols), *(rng.permutation(n_cols) for _ in range(60))])
    lengths = rng.poisson(1.3 * words_per_row, n_rows)
    rows = np.repeat(np.arange(n_rows), lengths)
    topic = rng.integers(1, len(topics), n_rows)[rows] * (rng.random(len(rows)) < 2 / 3)
    words = topics[topic, rng.choice(n_cols, len(rows), p=frequency / frequency.sum())]
    return scipy.sparse.coo_array((np.ones(len(rows)), (rows, words)), shape=(n_rows, n_cols))


def tf_idf(counts: Any) -> scipy.sparse.csr_array:
    """Counts times the logarithm of the inverse share of rows, rows of unit length."""
    x = scipy.sparse.csr_array(counts, dtype=np.float64)
    x.sum_duplicates()
    present = np.bincount(x.indices, minlength=x.shape[1])
    x.data *= np.log((1 + x.shape[0]) / (1 + present))[x.indices] + 1
    norms = np.sqrt(np.bincount(np.repeat(np.arange(x.shape[0]), np.diff(x.indptr)), x.data**2, x.shape[0]))
    x.data /= np.repeat(np.where(norms > 0, norms, 1.0), np.diff(x.indptr))
    return x
