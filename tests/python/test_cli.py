"""The matfact command: files in, factors out, one sentence for each mistake."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse

import matfact
from matfact.cli import load, main


@pytest.fixture
def x(rng):
    return rng.standard_normal((30, 8))


@pytest.fixture
def npy(x, tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, x)
    return path


@pytest.fixture(autouse=True)
def warnings_as_before(monkeypatch):
    """main() shows warnings in its own words; here they stay errors."""
    import warnings

    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)


def test_svd_writes_the_factors_of_the_function(npy, x, tmp_path, capsys):
    out = tmp_path / "factors.npz"
    assert main(["svd", str(npy), "-k", "3", "-o", str(out), "--center"]) == 0
    expected = matfact.svd(x, 3, center=True)
    with np.load(out) as found:
        np.testing.assert_array_equal(found["u"], expected.u)
        np.testing.assert_array_equal(found["mean"], expected.mean)
    assert "30 x 8, dense float64" in capsys.readouterr().out


def test_eigh_writes_pairs(x, tmp_path):
    np.save(tmp_path / "a.npy", x.T @ x)
    assert main(["eigh", str(tmp_path / "a.npy"), "-k", "2", "-o", str(tmp_path / "pairs.npz")]) == 0
    with np.load(tmp_path / "pairs.npz") as found:
        assert found["v"].shape == (8, 2)


def test_pca_writes_axes_and_scores(npy, tmp_path):
    assert main(["pca", str(npy), "-k", "2", "-o", str(tmp_path / "axes.npz"), "--threads", "1"]) == 0
    with np.load(tmp_path / "axes.npz") as found:
        assert found["scores"].shape == (30, 2)


def test_factorize_reads_a_sparse_matrix(tmp_path, capsys):
    sparse = scipy.sparse.random_array((40, 20), density=0.6, format="csr", rng=np.random.default_rng(0))
    scipy.sparse.save_npz(tmp_path / "ratings.npz", sparse)
    arguments = ["-k", "1", "--l2", "0.01", "--seed", "0", "-o", str(tmp_path / "wh.npz")]
    assert main(["factorize", str(tmp_path / "ratings.npz"), *arguments]) == 0
    assert "observed entries  480 of 800 (60.0 %)" in capsys.readouterr().out
    with np.load(tmp_path / "wh.npz") as found:
        assert found["h"].shape == (1, 20)


def test_without_o_nothing_is_written(npy, capsys):
    assert main(["svd", str(npy)]) == 0
    assert "nothing written" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.csv", "a,b,c\n1,2,\n4,NA,6\n"),
        ("x.csv", "1,2,\n4,nan,6\n"),
        ("x.csv", "1;2;\n4;;6\n"),
        ("x.tsv", "1\t2\t\n4\t\t6\n"),
        ("x.txt", "1 2 nan\n4 nan 6\n"),
    ],
    ids=["names", "comma", "semicolon", "tab", "space"],
)
def test_text_files_may_have_names_and_gaps(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    np.testing.assert_array_equal(load(tmp_path / name), [[1, 2, np.nan], [4, np.nan, 6]])


MISTAKES = {
    "missing file": ("nowhere.npy", None, "nowhere.npy does not exist"),
    "unknown ending": ("x.xls", "", "must end in .npy, .npz, .csv, .tsv or .txt, got '.xls'"),
    "a word": ("x.csv", "1,2\n3,four\n", "row 2, column 2 must be a number or empty, got 'four'"),
    "ragged": ("x.csv", "1,2\n3\n", "every row must have 2 values, row 2 has 1"),
    "empty": ("x.csv", "", "is empty"),
    "names only": ("x.csv", "a,b\n", "must have at least one row and one column"),
    "NaN": ("x.csv", "1,2\n3,\n", "NaN"),
    "not an array": ("x.npy", "hello", ""),
}


@pytest.mark.parametrize(("name", "text", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_gets_one_sentence_and_code_2(tmp_path, capsys, name, text, message):
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert main(["svd", str(tmp_path / name)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("matfact: error: ")
    assert message in error
    assert error.count("\n") == 1


def test_too_many_components_are_named(npy, capsys):
    assert main(["svd", str(npy), "-k", "9"]) == 2
    assert capsys.readouterr().err == "matfact: error: n_components must be between 1 and 8, got 9\n"


@pytest.mark.parametrize("command", ["svd", "pca", "eigh", "factorize"])
def test_the_output_must_be_an_npz_which_is_said_before_anything_is_read(command, tmp_path, capsys):
    assert main([command, str(tmp_path / "nowhere.npy"), "-k", "2", "-o", str(tmp_path / "out.csv")]) == 2
    assert "must end in .npz" in capsys.readouterr().err


def test_components_may_be_a_share_of_the_variance(x, npy, tmp_path):
    assert main(["svd", str(npy), "-k", "0.5", "-o", str(tmp_path / "svd.npz")]) == 0
    with np.load(tmp_path / "svd.npz") as found:
        assert len(found["s"]) == len(matfact.svd(x, 0.5).s)
    assert main(["pca", str(npy), "-k", "0.5", "-o", str(tmp_path / "pca.npz")]) == 0
    with np.load(tmp_path / "pca.npz") as found:
        assert len(found["components"]) == matfact.PCA(0.5).fit(x).n_components_


@pytest.mark.parametrize("text", ["1.5", "many", "nan", "0.0"])
def test_other_components_are_refused_in_one_sentence(text, npy, capsys):
    with pytest.raises(SystemExit):
        main(["svd", str(npy), "-k", text])
    assert f"must be an integer or a share between 0 and 1, got '{text}'" in capsys.readouterr().err


def test_not_converging_is_a_warning_on_stderr(npy, capsys):
    assert main(["factorize", str(npy), "-k", "2", "--solver", "gd", "--max-iter", "2"]) == 0
    assert capsys.readouterr().err.startswith("matfact: warning: factorize used all 2 iterations")


def test_info_names_version_and_level(capsys):
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"matfact {matfact.__version__}\n")
    assert "CPU level in use" in out


@pytest.mark.parametrize("arguments", [[], ["svd"], ["nmf"], ["factorize", "x.npy"], ["svd", "x.npy", "-k", "two"]])
def test_wrong_usage_exits_with_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert "usage: matfact" in capsys.readouterr().err


def test_python_m_matfact_is_the_same_command():
    done = subprocess.run([sys.executable, "-m", "matfact", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == matfact.__version__
