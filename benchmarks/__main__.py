"""Runs every job in a process of its own and writes <date>.json and <date>.md.

    python -m benchmarks                    everything (about 20 minutes on 2 cores)
    python -m benchmarks --quick            a smoke test of the programs, in seconds
    python -m benchmarks --only svd --only gram_float64

MATFACT_DATA names a folder with Fashion-MNIST's IDX files, newsgroups20_counts.npz and Reuters21578.mat; without one
of them a synthetic matrix of that shape serves.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from .harness import Job, thread_environment
from .report import markdown

METHODS = (
    "gram",
    "eigh",
    "svd",
    "bounds",
    "sparse",
    "pca",
    "truncated",
    "trust",
    "incremental_pca",
    "ppca",
    "factorize",
    "recommenders",
    "ratings",
    "ncf",
    "startup",
)


def jobs(method: str) -> list[Job]:
    return list(importlib.import_module(f"benchmarks.{method}").JOBS)


def run_in_child(method: str, name: str, arguments: list[str]) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "benchmarks", *arguments, "--child", method, name]
    done = subprocess.run(command, env=thread_environment(), stdout=subprocess.PIPE, text=True, check=True)
    return list(json.loads(done.stdout.splitlines()[-1]))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to test the programs themselves")
    parser.add_argument("--repeats", type=int, default=7, help="timed runs of each rival (default 7)")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="jobs whose name contains NAME")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results", help="folder to write to")
    parser.add_argument("--child", nargs=2, metavar=("METHOD", "JOB"), help=argparse.SUPPRESS)
    options = parser.parse_args()

    if options.child:
        method, name = options.child
        job = next(job for job in jobs(method) if job.name == name)
        print(json.dumps([row.as_dict() for row in job.run(options.quick, options.repeats)]))
        return 0

    from .machine import facts

    arguments = [*(["--quick"] if options.quick else []), "--repeats", str(options.repeats)]
    rows: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    date = dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%d")
    run = {
        "date": date,
        "quick": options.quick,
        "repeats": options.repeats,
        "machine": facts(),
        "rows": rows,
        "failed": failed,
    }
    stem = options.results / (date + ("-quick" if options.quick else ""))
    options.results.mkdir(parents=True, exist_ok=True)
    for method in METHODS:
        for job in jobs(method):
            if options.only and not any(part in job.name for part in options.only):
                continue
            print(f"{job.name} ...", file=sys.stderr, flush=True)
            try:
                rows += run_in_child(method, job.name, arguments)
            except subprocess.CalledProcessError as error:
                failed[job.name] = f"exit status {error.returncode}"
            # After every job: a run that is broken off keeps what it has.
            stem.with_suffix(".json").write_text(json.dumps(run, indent=1) + "\n")
            stem.with_suffix(".md").write_text(markdown(run))
    print(markdown(run))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
