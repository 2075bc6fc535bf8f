"""Where and with what the numbers were measured."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

from .harness import THREADS

PACKAGES = ("matfact", "numpy", "scipy", "scikit-learn", "torch", "threadpoolctl")


def facts() -> dict[str, Any]:
    import threadpoolctl

    import matfact

    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gib": _memory(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "threads_each": THREADS,
        "packages": {name: _version(name) for name in PACKAGES},
        "pools": [
            {key: pool.get(key) for key in ("internal_api", "version", "architecture", "threading_layer")}
            for pool in threadpoolctl.threadpool_info()
        ],
        "matfact": {str(key): str(value) for key, value in _as_items(matfact.cpu_info())},
    }


def _as_items(info: Any) -> Any:
    if isinstance(info, dict):
        return info.items()
    names = getattr(info, "__slots__", None) or vars(info)
    return ((name, getattr(info, name)) for name in names)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _cpu() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def _memory() -> float:
    if not hasattr(os, "sysconf"):
        return float("nan")
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
