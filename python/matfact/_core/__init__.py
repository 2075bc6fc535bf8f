"""Loads the compiled core that suits this CPU best; the environment variable MATFACT_CPU forces one (docs/cpu.md)."""

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from . import _cpu

# Best first. Only a developer's build has "native", only builds off x86-64 have "generic".
_LEVELS = ("native", "v4", "v3", "v2", "generic")


def _is_supported(level: str) -> bool:
    """Tell whether this machine runs `level`; v1 < v2 < v3 < v4, and "native" was built on the machine it runs on."""
    return level in ("native", "generic") or level <= _cpu.level()


def _choose() -> tuple[str, str]:
    """Return the level to load and the reason for it."""
    forced = os.environ.get("MATFACT_CPU")
    if not forced:
        if not available_levels:
            raise ImportError(f"matfact was built for {', '.join(_built)}; this CPU has {_cpu.level()} only")
        return available_levels[0], f"best of {', '.join(available_levels)} on this CPU ({_cpu.level()})"
    if forced not in _LEVELS:
        raise ImportError(f"MATFACT_CPU={forced} is unknown; known levels are {', '.join(_LEVELS)}")
    if forced not in _built:
        raise ImportError(f"MATFACT_CPU={forced} is not part of this build; it has {', '.join(_built)}")
    if forced not in available_levels:
        raise ImportError(f"MATFACT_CPU={forced} is not supported by this CPU, which has {_cpu.level()}")
    return forced, "forced by MATFACT_CPU"


_built = tuple(level for level in _LEVELS if find_spec(f"{__name__}._core_{level}"))
available_levels = tuple(level for level in _built if _is_supported(level))
level, level_reason = _choose()


def _load() -> Any:
    """Import the chosen module.

    libgomp reads its settings when it is loaded. By default its idle threads spin for milliseconds and take the cores
    that NumPy's or the borrowed LAPACK's threads need next; some 10 microseconds keep loops in a row fast and leave
    those alone.
    """
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    if any(name in os.environ for name in names):
        return import_module(f"{__name__}._core_{level}")
    os.environ["GOMP_SPINCOUNT"] = "10000"
    try:
        return import_module(f"{__name__}._core_{level}")
    finally:
        del os.environ["GOMP_SPINCOUNT"]


_module = _load()
for _name in dir(_module):
    if not _name.startswith("_"):
        _value = getattr(_module, _name)
        _value.__module__ = __name__  # pickles and messages must not depend on the level
        globals()[_name] = _value
