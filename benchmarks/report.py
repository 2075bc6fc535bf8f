"""The Markdown table of a run."""

from __future__ import annotations

import statistics
from typing import Any


def seconds(values: list[float]) -> str:
    """Median (minimum)."""
    if not values:
        return "–"
    return f"{_time(statistics.median(values))} ({_time(min(values))})"


def _time(value: float) -> str:
    if value >= 1:
        return f"{value:.2f} s"
    return f"{1e3 * value:.3g} ms" if value >= 1e-3 else f"{1e6 * value:.3g} µs"


def target(row: dict[str, Any]) -> str:
    if row["at_least"] is not None:
        return f"≥ {row['at_least']:g}"
    return f"≤ {row['at_most']:g}" if row["at_most"] is not None else "–"


def accuracy(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.1e}" for name, value in values.items()) or "–"


def markdown(run: dict[str, Any]) -> str:
    facts = run["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in facts["packages"].items())
    lines = [
        f"# Benchmarks of {run['date']}"
        + (" (quick: sizes of a smoke test, targets do not apply)" if run["quick"] else ""),
        "",
        f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB, {facts['system']}; "
        f"Python {facts['python']}, {packages}. {facts['threads_each']} threads each, interleaved, "
        f"{run['repeats']} repeats; times are median (minimum).",
        "",
        "| job | peer | matfact | peer | value | target | met | accuracy of matfact | accuracy of the peer |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in run["rows"]:
        met = {True: "yes", False: "**no**", None: "–"}[row["met"]]
        value = f"{row['value']:.3g} {row['unit']}" if row["value"] == row["value"] else "–"
        name = row["job"] + (f"; {row['note']}" if row["note"] else "")
        cells = [
            name, row["peer"], seconds(row["ours_seconds"]), seconds(row["peer_seconds"]), value, target(row), met,
            accuracy(row["accuracy"]), accuracy(row["peer_accuracy"]),
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    if run["failed"]:
        lines += ["", "## Failed", ""]
        lines += [f"- `{name}`: {reason}" for name, reason in run["failed"].items()]
    return "\n".join(lines) + "\n"
