"""What a callback is told, how the core calls it, and the bars that show the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeAlias


class Iteration(NamedTuple):
    """What a callback is told after each sweep."""

    n_iter: int
    """Sweeps done so far."""
    objective: float
    """The value that is minimized, after the last sweep."""
    validation: float | None = None
    """The metric of the validation part, where a recommender is fitted with one."""


class Pass(NamedTuple):
    """What a callback of `svd` and `eigh` is told after each pass over the matrix."""

    n_passes: int
    """Passes done so far, as the result counts them."""
    excess: float
    """The largest residual when the solver last looked, in multiples of the one that it accepts: 1 or less is accurate
    enough. Infinity before the first look, and always for ``"randomized"``, which does not look."""


Callback: TypeAlias = Callable[[Iteration], bool | None]
PassCallback: TypeAlias = Callable[[Pass], bool | None]
CoreProgress: TypeAlias = Callable[..., bool | None]
"""Called with the number of sweeps or passes and a value, by some followed by what the sweep has made."""

_SECONDS_BEFORE_A_BAR = 1.0  # what is over by then needs none
_are_shown: ContextVar[bool] = ContextVar("_are_shown", default=False)


def between_sweeps(callback: Callback | None) -> CoreProgress | None:
    """`callback` as the core calls it; in the middle of a sweep, where there is no objective, it stays quiet."""
    if callback is None:
        return None
    return lambda n_iter, objective, *_: None if math.isnan(objective) else callback(Iteration(n_iter, objective))


def between_passes(callback: PassCallback | None) -> CoreProgress | None:
    """The same for `svd` and `eigh`."""
    if callback is None:
        return None
    if not callable(callback):
        raise TypeError(f"callback must be callable, got {callback!r}")
    return lambda n_passes, excess: None if math.isnan(excess) else callback(Pass(n_passes, excess))


@contextmanager
def progress() -> Iterator[None]:
    """Show progress bars, on standard error or in the notebook, for what takes more than a second.

    It holds for every function and estimator that is called inside, in this thread; ``progress=True`` does the same for
    one call. The bars are those of `tqdm <https://tqdm.github.io>`_.

    Raises
    ------
    ImportError
        If tqdm is not installed: it comes with the extra ``matfact[progress]``.

    Examples
    --------
    >>> import numpy as np
    >>> import matfact
    >>> with matfact.progress():
    ...     pca = matfact.PCA(2).fit(np.eye(4))  # too fast for a bar
    """
    _tqdm()
    token = _are_shown.set(True)
    try:
        yield
    finally:
        _are_shown.reset(token)


def bars(wanted: bool) -> AbstractContextManager[None]:
    """`progress` if it is wanted; else what holds around the call stays."""
    return progress() if wanted else nullcontext()


@contextmanager
def reported(
    method: str,
    callback: CoreProgress | None = None,
    *,
    unit: str = "sweeps",
    value: str = "objective",
    note: Callable[[], str] = str,
) -> Iterator[CoreProgress | None]:
    """`callback` for one call of the core, with a bar beside it where bars are shown; `note` ends its line."""
    if not _are_shown.get():
        yield callback
        return
    with _bar(method, unit) as bar:

        def report(n_iter: int, number: float, *made: Any) -> bool | None:
            answer = None if callback is None else callback(n_iter, number, *made)
            if not math.isnan(number):
                if math.isfinite(number):
                    bar.set_postfix_str(f"{value} {number:.3g}{note()}", refresh=False)
                bar.n = n_iter
            bar.update(0)  # draws at most ten times a second, the time that has passed too
            return answer

        yield report


@contextmanager
def rows_reported(what: str, n_rows: int | None) -> Iterator[Callable[[int], Any]]:
    """A function that is told the number of rows in each batch, for a bar where bars are shown."""
    if not _are_shown.get():
        yield lambda _: None
        return
    with _bar(what, "rows", total=n_rows, unit_scale=True, leave=False) as bar:
        yield bar.update


def _bar(what: str, unit: str, **options: Any) -> Any:
    return _tqdm()(desc=what, unit=f" {unit}", miniters=0, delay=_SECONDS_BEFORE_A_BAR, **options)


def _tqdm() -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise ImportError("progress bars need tqdm: pip install 'matfact[progress]'") from None
    return tqdm
