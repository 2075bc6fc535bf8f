"""The commands ``matfact fit``, ``recommend`` and ``evaluate``: a table of ratings in, a model and lists out."""

from __future__ import annotations

import argparse
import inspect
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import matfact
from matfact.interactions import Duplicates, Interactions
from matfact.metrics import check_metric

if TYPE_CHECKING:
    from matfact._recommender import Recommender

# Names only: scikit-learn is imported when a class is asked for.
_MODELS = {
    "biased-mf": "BiasedMF",
    "implicit-mf": "ImplicitMF",
    "bpr": "BPR",
    "baseline": "Baseline",
    "pure-svd": "PureSVD",
    "spectral": "SpectralRecommender",
    "popularity": "Popularity",
}


def add(commands: Any) -> None:
    """Add the three to the commands of the parser."""
    fit = _command(commands, "fit", "fit a recommender to a table of users, items and values", _run_fit)
    fit.add_argument("input", type=Path, help=".csv or .parquet")
    fit.add_argument("--model", choices=_MODELS, required=True, help="what to fit")
    fit.add_argument("-k", "--components", type=int, metavar="K", help="number of components (default: the model's)")
    fit.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="where to write the model")
    fit.add_argument("--solver", help="method (default: the model's)")
    fit.add_argument("--l2", type=float, help="penalty (default: the model's)")
    fit.add_argument("--max-iter", type=int, metavar="N", help="sweeps (default: the model's)")
    fit.add_argument("--test-size", type=float, metavar="SHARE", help="hold this share of the entries out and judge by")
    stop = "hold this share of the rest out, stop when it is no longer predicted better, and keep the best sweep"
    fit.add_argument("--validation", type=float, metavar="SHARE", help=stop)
    fit.add_argument("--metric", action="append", help="of the shares held out (default: rmse or ndcg@10); may repeat")
    fit.add_argument("--seed", type=int, default=0, help="of the start and of what is held out (default: 0)")
    _add_table(fit)

    recommend = _command(commands, "recommend", "list the best items of users", _run_recommend)
    recommend.add_argument("input", type=Path, metavar="model", help="a file that fit wrote")
    recommend.add_argument("--user", nargs="+", required=True, help="ids")
    recommend.add_argument("-n", type=int, default=10, help="items for each user (default: 10)")
    recommend.add_argument("--include-seen", action="store_true", help="list items of the user's history too")

    evaluate = _command(commands, "evaluate", "judge a model by entries it has not seen", _run_evaluate)
    evaluate.add_argument("input", type=Path, metavar="model", help="a file that fit wrote")
    evaluate.add_argument("test", type=Path, help=".csv or .parquet")
    evaluate.add_argument("--metric", action="append", help="such as rmse or ndcg@10 (default: ndcg@10); may repeat")
    _add_table(evaluate)


def _command(commands: Any, name: str, summary: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=f"{name}: {summary}.")
    parser.add_argument("--threads", type=int, metavar="N", help="threads to use (default: all)")
    parser.set_defaults(run=run)
    return parser


def _add_table(parser: argparse.ArgumentParser) -> None:
    columns = "names of the columns of users, items and, unless every row counts 1, values (default: user,item,rating)"
    parser.add_argument("--columns", default="user,item,rating", metavar="USER,ITEM[,VALUE]", help=columns)
    duplicates = "what becomes of several rows for one user and item (default: error)"
    parser.add_argument("--duplicates", choices=get_args(Duplicates), default="error", help=duplicates)


def _read_table(path: Path, options: argparse.Namespace) -> Interactions:
    names = options.columns.split(",")
    if len(names) not in (2, 3):
        raise ValueError(f"--columns must name two or three columns, got {options.columns!r}")
    value = names[2] if len(names) == 3 else None
    return Interactions.from_frame(path, user=names[0], item=names[1], value=value, duplicates=options.duplicates)


def _run_fit(options: argparse.Namespace) -> None:
    table = _read_table(options.input, options)
    print(f"{options.input}: {table}")
    model = _new_model(options)
    part, test = table, None
    if options.test_size is not None:
        part, test = matfact.random_split(table, options.test_size, random_state=options.seed)
    metrics = options.metric or [model._default_metric]
    for name in metrics:
        check_metric(name)
    iterates = "patience" in inspect.signature(model.fit).parameters
    more: dict[str, Any] = {"progress": sys.stderr.isatty() and find_spec("tqdm") is not None}
    if options.validation is not None:
        if not iterates:
            raise ValueError(f"{options.model} does not iterate: there is nothing that --validation could stop")
        part, more["validation"] = matfact.random_split(part, options.validation, random_state=options.seed + 1)
        more["metric"] = metrics[0]
    started = time.perf_counter()
    fit: Any = model.fit
    fit(part, **more)
    if iterates:
        print(f"objective         {model.objective_:.6g}")
        print(f"sweeps            {model.n_iter_} ({model.status_})")
    if options.validation is not None:
        value = model.validation_history_[model.best_iter_ - 1]
        print(f"kept              sweep {model.best_iter_}, {metrics[0]} {value:.6g}")
    print(f"fitted            {part.n_interactions:,} entries in {time.perf_counter() - started:.3f} s")
    model.save(options.output)  # before it is judged, which may fail
    print(f"wrote {options.output}")
    if test is not None:
        for name, value in matfact.evaluate(model, test, metrics).items():
            print(f"{name + ', held out':<17} {value:.6g}")


def _new_model(options: argparse.Namespace) -> Any:
    kind = getattr(matfact, _MODELS[options.model])
    known = kind().get_params()
    chosen = {
        "n_components": options.components,
        "solver": options.solver,
        "l2": options.l2,
        "max_iter": options.max_iter,
    }
    for name, value in chosen.items():
        if value is not None and name not in known:
            raise ValueError(f"{options.model} has no parameter {name}")
    parameters = {name: value for name, value in chosen.items() if value is not None}
    if "random_state" in known:
        parameters["random_state"] = options.seed
    return kind(num_threads=options.threads, **parameters)


def _load(path: Path, threads: int | None) -> Recommender:
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    from matfact._recommender.saving import class_name

    name = class_name(path)
    if name not in _MODELS.values():
        raise ValueError(f"{path} holds no recommender")
    model: Recommender = getattr(matfact, name).load(path)
    model.set_params(num_threads=threads)
    return model


def _run_recommend(options: argparse.Namespace) -> None:
    model = _load(options.input, options.threads)
    known = model.interactions_
    users = [_as_id(text, known.user_ids) for text in options.user]
    for user in users:
        if known.user_codes(user)[0] < 0:
            print(f"matfact: warning: user {user!r} is unknown and gets the list that everybody would", file=sys.stderr)
    found = model.recommend(users, options.n, exclude_seen=not options.include_seen)
    for i, user in enumerate(users):
        for item, score in found.of(i):
            print(f"{user}\t{item}\t{score:.6g}")


def _as_id(text: str, ids: Any) -> Any:
    """What was typed, as the ids of the fit are."""
    if ids.dtype.kind != "i":
        return text
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"ids of users are integers, got {text!r}") from None


def _run_evaluate(options: argparse.Namespace) -> None:
    model = _load(options.input, options.threads)
    print(matfact.evaluate(model, _read_table(options.test, options), options.metric or ["ndcg@10"]))
