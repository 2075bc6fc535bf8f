"""What `import matfact` costs beyond NumPy."""

from __future__ import annotations

import statistics
import subprocess
import sys

from .harness import Job, Row

SCRIPT = "import time, numpy; t = time.perf_counter(); import matfact; print(time.perf_counter() - t)"


def run(quick: bool, repeats: int) -> list[Row]:
    del quick
    row = Row("import matfact, after NumPy", "–", unit="s", at_most=0.15)
    for _ in range(repeats + 1):
        done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
        row.ours_seconds.append(float(done.stdout))
    del row.ours_seconds[0]  # the first one may have compiled bytecode
    row.value = statistics.median(row.ours_seconds)
    return [row]


JOBS = [Job("import", run)]
