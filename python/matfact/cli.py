"""The ``matfact`` command: factorize a file, recommend from one, show what the machine offers, run the demo."""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

import matfact
from matfact import _cli_recommenders
from matfact import typing as mt
from matfact._validation import is_sparse
from matfact.exceptions import ConvergenceWarning

_MISSING = {"", "na", "nan", "null", "?"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0, 2 for a mistake of the user, 130 after Ctrl-C."""
    options = _parser().parse_args(argv)
    warnings.showwarning = _show_warning
    warnings.simplefilter("always", ConvergenceWarning)
    try:
        options.run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ArithmeticError, ImportError, MemoryError, OSError, TypeError, ValueError) as error:
        print(f"matfact: error: {error or type(error).__name__}", file=sys.stderr)
        return 2
    return 0


def load(path: Path) -> Any:
    """The matrix in a .npy, .npz (SciPy sparse, or one array) or delimited text file."""
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    suffix = path.suffix.lower()
    if suffix == ".npy":
        # Mapped, not read: the core takes read-only memory as it is.
        return np.load(path, mmap_mode="r", allow_pickle=False)
    if suffix == ".npz":
        return _load_npz(path)
    if suffix in (".csv", ".tsv", ".txt"):
        return _load_text(path)
    raise ValueError(f"{path} must end in .npy, .npz, .csv, .tsv or .txt, got '{path.suffix}'")


def _load_npz(path: Path) -> Any:
    with np.load(path, allow_pickle=False) as archive:
        names = archive.files
        if "format" not in names:
            if len(names) != 1:
                raise ValueError(
                    f"{path} must hold one array or a SciPy sparse matrix, got {', '.join(names) or 'none'}"
                )
            return archive[names[0]]
    import scipy.sparse

    return scipy.sparse.load_npz(path)


def _load_text(path: Path) -> npt.NDArray[np.float64]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        sample = file.readline()
        delimiter = next((d for d in ("\t", ";", ",") if d in sample), " ")
        file.seek(0)
        lines = [row for row in csv.reader(file, delimiter=delimiter, skipinitialspace=True) if row]
    if not lines:
        raise ValueError(f"{path} is empty")
    if not any(map(_is_value, lines[0])):
        del lines[0]  # names of the columns
    width = len(lines[0]) if lines else 0
    matrix = np.empty((len(lines), width))
    for i, row in enumerate(lines):
        if len(row) != width:
            raise ValueError(f"{path}: every row must have {width} values, row {i + 1} has {len(row)}")
        for j, cell in enumerate(row):
            if not _is_value(cell):
                raise ValueError(f"{path}: row {i + 1}, column {j + 1} must be a number or empty, got {cell!r}")
            matrix[i, j] = np.nan if cell.strip().lower() in _MISSING else float(cell)
    return matrix


def _is_value(cell: str) -> bool:
    if cell.strip().lower() in _MISSING:
        return True
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _components(text: str) -> int | float:
    """A number of components, or the share of the variance that they are to hold."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0.0 < share < 1.0:
        raise argparse.ArgumentTypeError(f"must be an integer or a share between 0 and 1, got {text!r}")
    return share


def _run_svd(options: argparse.Namespace) -> None:
    x = load(options.input)
    started = time.perf_counter()
    r = matfact.svd(x, options.components, solver=options.solver, center=options.center, num_threads=options.threads)
    _report(options.input, x, started)
    _spectrum("singular value", r.s, r.explained_variance_ratio)
    arrays: dict[str, Any] = {"u": r.u, "s": r.s, "vt": r.vt, "residuals": r.residuals}
    if r.mean is not None:
        arrays["mean"] = r.mean
    _save(options.output, total_variance=r.total_variance, **arrays)


def _run_pca(options: argparse.Namespace) -> None:
    x = load(options.input)
    started = time.perf_counter()
    pca = matfact.PCA(options.components, svd_solver=options.solver, whiten=options.whiten, num_threads=options.threads)
    scores = pca.fit_transform(x)
    _report(options.input, x, started)
    _spectrum("variance", pca.explained_variance_, pca.explained_variance_ratio_)
    _save(
        options.output,
        components=pca.components_,
        scores=scores,
        mean=pca.mean_,
        explained_variance=pca.explained_variance_,
        explained_variance_ratio=pca.explained_variance_ratio_,
        singular_values=pca.singular_values_,
    )


def _run_eigh(options: argparse.Namespace) -> None:
    a = load(options.input)
    started = time.perf_counter()
    r = matfact.eigh(a, options.components, solver=options.solver, num_threads=options.threads)
    _report(options.input, a, started)
    _spectrum("eigenvalue", r.w, None)
    _save(options.output, w=r.w, v=r.v, residuals=r.residuals)


def _run_factorize(options: argparse.Namespace) -> None:
    x = load(options.input)
    started = time.perf_counter()
    f = matfact.factorize(
        x,
        options.components,
        solver=options.solver,
        learning_rate=options.learning_rate,
        l2=options.l2,
        max_iter=options.max_iter,
        tol=options.tol,
        init=options.init,
        reduction=options.reduction,
        random_state=options.seed,
        num_threads=options.threads,
    )
    _report(options.input, x, started)
    size = f.w.shape[0] * f.h.shape[1]
    print(f"observed entries  {f.n_observed:,} of {size:,} ({100 * f.n_observed / size:.1f} %)")
    print(f"objective         {f.objective:.6g}")
    print(f"RMSE, observed    {f.rmse:.6g}")
    print(f"iterations        {f.n_iter} ({f.status})")
    _save(options.output, w=f.w, h=f.h, history=f.history, objective=f.objective)


def _run_info(_: argparse.Namespace) -> None:
    print(f"matfact {matfact.__version__}")
    print(matfact.cpu_info())


def _run_demo(options: argparse.Namespace) -> None:
    if options.data == "ratings":
        from matfact import demo_ratings

        demo_ratings.run()
        return
    from matfact.demo import run

    run(options.output)


def _report(path: Path, x: Any, started: float) -> None:
    seconds = time.perf_counter() - started
    kind = "sparse" if is_sparse(x) else "dense"
    print(f"{path}: {x.shape[0]:,} x {x.shape[1]:,}, {kind} {x.dtype}, factorized in {seconds:.3f} s")


def _spectrum(title: str, values: mt.FloatArray, shares: mt.FloatArray | None) -> None:
    """At most ten lines; the file has the rest."""
    print(f"{'':>4}  {title:>14}" + ("" if shares is None else "   share  cumulative"))
    total = None if shares is None else np.cumsum(shares, dtype=np.float64)
    for i, value in enumerate(values[:10]):
        more = "" if shares is None or total is None else f"  {100 * shares[i]:5.1f} %     {100 * total[i]:5.1f} %"
        print(f"{i + 1:>4}  {value:>14.6g}{more}")
    if len(values) > 10:
        more = "" if total is None else f" (all {len(values)}: {100 * total[-1]:.1f} %)"
        print(f" ... and {len(values) - 10} more{more}")


def _run_method(run: Callable[[argparse.Namespace], None], options: argparse.Namespace) -> None:
    """Run a method whose factors can be kept: that they cannot be written is said before they are computed."""
    output: Path | None = options.output
    if output is not None and output.suffix != ".npz":
        raise ValueError(f"the output file must end in .npz, got {output}")
    run(options)


def _save(path: Path | None, **arrays: Any) -> None:
    if path is None:
        print("nothing written: name a file with -o to keep the factors")
        return
    np.savez(path, **arrays)
    print(f"wrote {path}: {', '.join(arrays)}")


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    del category
    print(f"matfact: warning: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="matfact", description="Matrix factorization of files.")
    parser.add_argument("--version", action="version", version=matfact.__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    svd = _method(
        commands, "svd", "singular value decomposition", _run_svd, get_args(mt.SvdSolver), components=_components
    )
    svd.add_argument("--center", action="store_true", help="subtract the column means")

    solvers = ("auto", "full", "covariance_eigh")
    pca = _method(commands, "pca", "principal component analysis", _run_pca, solvers, components=_components)
    pca.add_argument("--whiten", action="store_true", help="scale the scores to unit variance")

    _method(commands, "eigh", "eigenpairs of a symmetric matrix", _run_eigh, get_args(mt.EighSolver))

    solvers = get_args(mt.FactorizeSolver)
    mf = _method(commands, "factorize", "X ~ W H; missing entries are left out", _run_factorize, solvers, required=True)
    mf.add_argument("--learning-rate", type=float, metavar="RATE", help="step (default: the solver's own)")
    mf.add_argument("--l2", type=float, default=0.0, help="penalty on both factors (default: 0)")
    mf.add_argument("--max-iter", type=int, default=1000, metavar="N", help="most sweeps (default: 1000)")
    mf.add_argument("--tol", type=float, help="relative gradient norm at convergence")
    mf.add_argument("--init", choices=get_args(mt.FactorizeInit), default="random", help="start (default: random)")
    mf.add_argument("--reduction", choices=get_args(mt.Reduction), default="mean", help="of the loss (default: mean)")
    mf.add_argument("--seed", type=int, help="of the random start (default: a fresh one)")

    _cli_recommenders.add(commands)

    info = commands.add_parser("info", help="CPU level, LAPACK and threads in use")
    info.set_defaults(run=_run_info)

    demo = commands.add_parser("demo", help="factorize handwritten digits or movie ratings, compare, draw a picture")
    demo.add_argument("data", nargs="?", choices=("digits", "ratings"), default="digits", help="default: digits")
    demo.add_argument("-o", "--output", type=Path, default=Path("matfact-demo.png"), metavar="PNG")
    demo.set_defaults(run=_run_demo)
    return parser


def _method(
    commands: Any,
    name: str,
    summary: str,
    run: Any,
    solvers: Sequence[str],
    *,
    required: bool = False,
    components: Callable[[str], int | float] = int,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=f"{name}: {summary}.")
    parser.add_argument("input", type=Path, help=".npy, .npz (one array, or SciPy sparse), .csv, .tsv or .txt")
    share = ", or the share of the variance that they hold" if components is _components else ""
    number = "components" + share + ("" if required else " (default: all)")
    parser.add_argument(
        "-k", "--components", type=components, required=required, metavar="K", help=f"number of {number}"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="NPZ", help="where to write the factors")
    parser.add_argument("--solver", choices=solvers, default="auto", help="method (default: auto)")
    parser.add_argument("--threads", type=int, metavar="N", help="threads to use (default: all)")
    parser.set_defaults(run=partial(_run_method, run))
    return parser
