"""Threads, and what this process computes with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from matfact import _core, _lapack
from matfact._validation import check_num_threads

_requested = 0  # what set_num_threads was last given; 0 = the environment decides


def set_num_threads(n: int | None) -> None:
    """Set how many threads a call uses when its own ``num_threads`` is None.

    Parameters
    ----------
    n : int or None
        Between 1 and 4,096. None goes back to the environment: ``OMP_NUM_THREADS``, else the CPUs that affinity
        and the container's quota leave to this process. The setting holds for the whole process.

    Raises
    ------
    ValueError
        If `n` is below 1 or above 4,096.
    TypeError
        If `n` is not an integer.

    Examples
    --------
    >>> import matfact
    >>> matfact.set_num_threads(1)
    >>> matfact.get_num_threads()
    1
    >>> matfact.set_num_threads(None)
    """
    global _requested
    requested = check_num_threads(n)
    _core.set_num_threads(requested)
    _requested = requested


def get_num_threads() -> int:
    """Return how many threads a call uses when its own ``num_threads`` is None.

    Returns
    -------
    int
        At least 1.
    """
    return _core.get_num_threads()


@contextmanager
def threads(n: int | None) -> Iterator[None]:
    """Use `n` threads inside a ``with`` block, then go back to the setting before.

    Parameters
    ----------
    n : int or None
        As in `set_num_threads`. The setting holds for the whole process, other Python threads included.

    Raises
    ------
    ValueError
        If `n` is below 1 or above 4,096.
    TypeError
        If `n` is not an integer.

    Examples
    --------
    >>> import matfact
    >>> with matfact.threads(1):
    ...     matfact.get_num_threads()
    1
    """
    before = _requested
    set_num_threads(n)
    try:
        yield
    finally:
        set_num_threads(before or None)


@dataclass(frozen=True, slots=True)
class CpuInfo:
    """What this process computes with; printing it gives one fact a line.

    Attributes
    ----------
    available_levels : tuple of str
        Levels that this installation carries and this machine can run, such as ``("v2", "v3", "v4")``.
    level : str
        The level in use.
    level_reason : str
        Why that one.
    lapack : str or None
        Who serves dense singular value decompositions; None means Eigen's own solver.
    lapack_reason : str
        Where it comes from, or why there is none.
    openmp : bool
        Whether this build runs on several threads.
    num_threads : int
        Threads a call uses by default.
    """

    available_levels: tuple[str, ...]
    level: str
    level_reason: str
    lapack: str | None
    lapack_reason: str
    openmp: bool
    num_threads: int

    def __str__(self) -> str:
        openmp = "yes" if self.openmp else "no: this build is serial"
        return "\n".join(
            (
                f"CPU levels available  {', '.join(self.available_levels)}",
                f"CPU level in use      {self.level} ({self.level_reason})",
                f"LAPACK                {self.lapack or 'Eigen'} ({self.lapack_reason})",
                f"OpenMP                {openmp}",
                f"threads               {self.num_threads}",
            )
        )


def cpu_info() -> CpuInfo:
    """Return what this process computes with.

    The first call imports SciPy's LAPACK, as the first large decomposition would.

    Returns
    -------
    CpuInfo
        CPU levels and the one in use with its reason, the LAPACK provider, OpenMP, and threads.

    Examples
    --------
    >>> import matfact
    >>> info = matfact.cpu_info()
    >>> info.level in info.available_levels
    True
    >>> print(info)  # doctest: +SKIP
    CPU levels available  v2, v3, v4
    CPU level in use      v4 (the best one that this CPU supports)
    LAPACK                SciPy, 32-bit integers (borrowed from scipy.linalg.cython_lapack)
    OpenMP                yes
    threads               2
    """
    lapack_reason = _lapack.ensure_lapack()
    return CpuInfo(
        available_levels=_core.available_levels,
        level=_core.level,
        level_reason=_core.level_reason,
        lapack=_core.lapack_provider(),
        lapack_reason=lapack_reason,
        openmp=_core.has_openmp(),
        num_threads=_core.get_num_threads(),
    )
