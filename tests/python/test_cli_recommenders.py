"""matfact fit, recommend and evaluate: the same answers as from Python, one sentence for each mistake."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import matfact
from matfact.cli import main


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    pairs = rng.choice(40 * 25, 400, replace=False)
    return pd.DataFrame({"user": pairs // 25 + 100, "item": pairs % 25, "rating": rng.integers(1, 6, 400)})


@pytest.fixture
def ratings(table, tmp_path):
    table.to_csv(tmp_path / "ratings.csv", index=False)
    return tmp_path / "ratings.csv"


@pytest.fixture
def model(ratings, tmp_path, capsys):
    path = tmp_path / "model.mf"
    assert main(["fit", str(ratings), "--model", "biased-mf", "-k", "4", "--test-size", "0.1", "-o", str(path)]) == 0
    assert "rmse, held out" in capsys.readouterr().out
    return path


@pytest.fixture(autouse=True)
def warnings_as_before(monkeypatch):
    """main() shows warnings in its own words; here they stay errors."""
    import warnings

    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)


def test_the_model_is_the_one_that_python_fits(model, table):
    part, _ = matfact.random_split(matfact.Interactions.from_frame(table), 0.1, random_state=0)
    expected = matfact.BiasedMF(4, random_state=0).fit(part)
    assert matfact.BiasedMF.load(model).user_factors_.tobytes() == expected.user_factors_.tobytes()


def test_recommend_lists_the_items_of_each_user(model, capsys):
    assert main(["recommend", str(model), "--user", "101", "102", "-n", "3"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["101"] * 3 + ["102"] * 3
    expected = matfact.BiasedMF.load(model).recommend([101, 102], 3)
    assert [int(line[1]) for line in lines] == expected.items.ravel().tolist()


def test_unknown_users_are_told_whose_list_they_get(model, capsys):
    assert main(["recommend", str(model), "--user", "7", "-n", "1"]) == 0
    assert "user 7 is unknown" in capsys.readouterr().err


def test_evaluate_prints_the_table(model, ratings, table, capsys):
    names = ["rmse", "ndcg@5", "ndcg@10"]
    assert main(["evaluate", str(model), str(ratings), *(part for name in names for part in ("--metric", name))]) == 0
    test = matfact.Interactions.from_frame(table)
    assert capsys.readouterr().out == f"{matfact.evaluate(matfact.BiasedMF.load(model), test, names)}\n"


@pytest.mark.parametrize("name", ["implicit-mf", "bpr", "pure-svd", "popularity"])
def test_every_model_fits_a_parquet_file_without_values(table, tmp_path, capsys, name):
    table.astype({"user": str}).to_parquet(tmp_path / "clicks.parquet")
    arguments = ["--model", name, "--columns", "user,item", "-o", str(tmp_path / "m.mf")]
    arguments += [] if name == "popularity" else ["-k", "8"]
    assert main(["fit", str(tmp_path / "clicks.parquet"), *arguments, "--test-size", "0.2"]) == 0
    assert "ndcg@10, held out" in capsys.readouterr().out
    assert main(["recommend", str(tmp_path / "m.mf"), "--user", "104", "-n", "2"]) == 0
    assert capsys.readouterr().out.startswith("104\t")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "{ratings}", "--model", "popularity", "-k", "3", "-o", "{out}"], "popularity has no parameter n_comp"),
        (["fit", "nowhere.csv", "--model", "biased-mf", "-o", "{out}"], "nowhere.csv does not exist"),
        (["fit", "{ratings}", "--model", "biased-mf", "--columns", "user,film", "-o", "{out}"], "no column 'film'"),
        (["fit", "{ratings}", "--model", "biased-mf", "--columns", "user", "-o", "{out}"], "two or three columns"),
        # Not n_components: the metric is looked at before the fit.
        (["fit", "{ratings}", "--model", "pure-svd", "-k", "99", "--metric", "ndcg", "-o", "{out}"], "metrics must be"),
        (["recommend", "{model}", "--user", "ann"], "ids of users are integers, got 'ann'"),
        (["recommend", "{ratings}", "--user", "1"], ""),
        (["evaluate", "{model}", "{ratings}", "--metric", "ndcg"], "metrics must be"),
        (["evaluate", "{model}", "{model}"], "must end in .csv or .parquet, got '.mf'"),
    ],
)
def test_a_mistake_gets_one_sentence_and_code_2(ratings, model, tmp_path, capsys, arguments, message):
    names = {"ratings": ratings, "model": model, "out": tmp_path / "out.mf"}
    assert main([a.format(**names) for a in arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("matfact: error: ")
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out.mf").exists()


def test_validation_keeps_the_sweep_that_python_keeps(ratings, table, tmp_path, capsys):
    path = tmp_path / "m.mf"
    arguments = ["fit", str(ratings), "--model", "biased-mf", "-k", "4", "--test-size", "0.1", "--validation", "0.2"]
    assert main([*arguments, "-o", str(path)]) == 0
    out = capsys.readouterr().out
    part, _ = matfact.random_split(matfact.Interactions.from_frame(table), 0.1, random_state=0)
    part, validation = matfact.random_split(part, 0.2, random_state=1)
    expected = matfact.BiasedMF(4, random_state=0).fit(part, validation=validation)
    assert matfact.BiasedMF.load(path).user_factors_.tobytes() == expected.user_factors_.tobytes()
    assert f"kept              sweep {expected.best_iter_}, rmse " in out


def test_what_does_not_iterate_takes_no_validation(ratings, tmp_path, capsys):
    arguments = ["fit", str(ratings), "--model", "baseline", "--validation", "0.2", "-o", str(tmp_path / "m.mf")]
    assert main(arguments) == 2
    assert "baseline does not iterate: there is nothing that --validation could stop" in capsys.readouterr().err


def test_a_terminal_gets_a_bar_with_objective_and_metric(ratings, tmp_path, capsys, monkeypatch):
    pytest.importorskip("tqdm")
    import sys

    from matfact import _progress

    monkeypatch.setattr(_progress, "_SECONDS_BEFORE_A_BAR", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    arguments = ["fit", str(ratings), "--model", "biased-mf", "-k", "4", "--validation", "0.2"]
    assert main([*arguments, "-o", str(tmp_path / "m.mf")]) == 0
    shown = capsys.readouterr().err
    assert "BiasedMF" in shown
    assert ", rmse " in shown


def test_a_model_is_written_before_it_is_judged(ratings, tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise ValueError("no metric today")

    monkeypatch.setattr(matfact, "evaluate", fail)
    path = tmp_path / "m.mf"
    assert main(["fit", str(ratings), "--model", "baseline", "--test-size", "0.1", "-o", str(path)]) == 2
    assert matfact.Baseline.load(path).interactions_.n_interactions == 360


def test_the_demo_of_ratings_beats_its_baselines(capsys):
    """On planted ratings: the real ones are downloaded."""
    from matfact import datasets, demo_ratings

    rng = np.random.default_rng(0)
    scores = 3.5 + rng.normal(size=(150, 2)) @ rng.normal(size=(2, 80)) + 0.3 * rng.normal(size=(150, 80))
    x = np.where(rng.random((150, 80)) < 0.4, np.clip(np.rint(2 * scores) / 2, 0.5, 5), 0)
    data = datasets.MovieLens(
        matfact.Interactions(sp.csr_array(x)), {i: f"Film {i} (2001)" for i in range(80)}, (), "terms"
    )
    demo_ratings.show(data)
    out = capsys.readouterr().out
    values = {line.split("  ")[1].strip(): float(line.split()[-5]) for line in out.splitlines() if "fitted in" in line}
    assert values["BiasedMF, als"] < values["mean and biases"]
    assert values["BiasedMF, gibbs"] < values["mean and biases"]
    assert values["ImplicitMF"] > values["popularity"]
    assert "Film " in out


def test_the_demo_command_knows_both_data_sets(monkeypatch):
    from matfact import demo_ratings

    ran = []
    monkeypatch.setattr(demo_ratings, "run", lambda: ran.append("ratings"))
    assert main(["demo", "ratings"]) == 0
    assert ran == ["ratings"]
