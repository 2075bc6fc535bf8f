"""``matfact demo``: handwritten digits, compressed by every method and restored from the pixels that are left."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from matfact.exceptions import ConvergenceWarning
from matfact.factorize import factorize
from matfact.svd import svd

Array = npt.NDArray[np.float64]

SIZES = (2, 8, 16, 32)
SHOWN_SIZE = 16  # numbers an image in the picture's second row
HIDDEN_SHARE = 0.3
RESTORE_SIZE, RESTORE_L2 = 16, 40.0  # chosen on other masks than the one below
_SHOWN_DIGITS = 14


class Method(NamedTuple):
    """A name, a fit of x, and the approximation of the centered x that the fit's result stands for."""

    name: str
    fit: Callable[[Array, int], Any]
    rebuild: Callable[[Any, Array, int], Array]


class Restoration(NamedTuple):
    """Root mean squared errors on the hidden pixels, and what to draw."""

    rmse_mean: float
    rmse_zero_filled: float
    rmse_masked: float
    seconds: float
    damaged: Array
    restored: Array


def run(output: Path) -> None:
    """Print the comparison and the restoration, and draw the picture if matplotlib is installed."""
    from sklearn.datasets import load_digits

    x: Array = load_digits().data
    print(f"scikit-learn's handwritten digits: {x.shape[0]:,} images of 8 x 8 = {x.shape[1]} pixels, values 0 to 16.")
    compressed = compare(x)
    restoration = restore(x)
    print(
        f"{100 * HIDDEN_SHARE:.0f} % of the pixels hidden. Root mean squared error on those (values are 0 to 16):\n"
        f"  column means                        {restoration.rmse_mean:.2f}\n"
        f"  zero-filled SVD, k = {RESTORE_SIZE}             {restoration.rmse_zero_filled:.2f}\n"
        f"  matfact.factorize, masked, k = {RESTORE_SIZE}   {restoration.rmse_masked:.2f}"
        f"   ({1e3 * restoration.seconds:.0f} ms)\n"
    )
    try:
        draw(output, x, compressed, restoration)
    except ImportError:
        print("No picture: matplotlib is not installed (pip install 'matfact[plot]').")
    else:
        print(f"Picture: {output.resolve()}")


def compare(x: Array) -> Array:
    """Print every method at every size; return the digits as ``SHOWN_SIZE`` principal components keep them."""
    mean = x.mean(axis=0)
    centered = x - mean
    total = float(np.sum(centered**2))
    spectrum = np.linalg.svd(centered, compute_uv=False)
    shown = x

    print("Every method keeps k numbers an image. No matrix of rank k comes closer than the Eckart-Young optimum.\n")
    print(f"{'k':>3}  {'method':<28}{'time':>11}{'vs NumPy':>10}{'explained':>12}{'above optimum':>16}")
    for k in SIZES:
        optimum = float(np.sum(spectrum[k:] ** 2))
        numpy_seconds = math.nan
        for method in _methods():
            seconds, fit = _time(partial(method.fit, x, k))
            approximation = method.rebuild(fit, x, k)
            if method.name.startswith("NumPy"):
                numpy_seconds = seconds
            if method.name == "matfact.PCA" and k == SHOWN_SIZE:
                shown = approximation + mean
            loss = float(np.sum((centered - approximation) ** 2))
            print(
                f"{k:>3}  {method.name:<28}{1e3 * seconds:>8.1f} ms{numpy_seconds / seconds:>9.1f}x"
                f"{100 * (1 - loss / total):>10.2f} %{_share(loss / optimum - 1):>16}"
            )
        print()
    return shown


def restore(x: Array) -> Restoration:
    """Hide pixels at random and restore them in three ways."""
    hidden = np.random.default_rng(0).random(x.shape) < HIDDEN_SHARE
    damaged = np.where(hidden, np.nan, x)
    mean = np.nanmean(damaged, axis=0)
    residual = damaged - mean  # the factors model what the mean digit leaves

    u, s, vt = np.linalg.svd(np.where(hidden, 0.0, residual), full_matrices=False)
    zero_filled = (u[:, :RESTORE_SIZE] * s[:RESTORE_SIZE]) @ vt[:RESTORE_SIZE] + mean

    seconds, f = _time(lambda: _fill(residual))
    # Grey values end at 0 and 16: cutting there only helps, and it is as fair to every method.
    masked = np.where(hidden, f.w @ f.h + mean, x)

    def rmse(restored: Array) -> float:
        return math.sqrt(float(np.mean((np.clip(restored, 0, 16) - x)[hidden] ** 2)))

    return Restoration(
        rmse(np.broadcast_to(mean, x.shape)), rmse(zero_filled), rmse(masked), seconds, damaged, np.clip(masked, 0, 16)
    )


def _fill(residual: Array) -> Any:
    return factorize(residual, RESTORE_SIZE, l2=RESTORE_L2, reduction="sum", tol=1e-3, random_state=0)


def draw(output: Path, x: Array, compressed: Array, restoration: Restoration) -> None:
    """Write rows of digits: as they are, compressed, with pixels hidden, restored."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = {
        "original\n64 pixels": x,
        f"compressed\nto {SHOWN_SIZE} numbers": compressed,
        f"{100 * HIDDEN_SHARE:.0f} % of pixels\nhidden": restoration.damaged,
        f"restored\nRMSE {restoration.rmse_masked:.1f} of 16": restoration.restored,
    }
    ink = mpl.colormaps["Greys"].with_extremes(bad="#e4572e")
    figure = Figure(figsize=(1.5 + 0.8 * _SHOWN_DIGITS, 0.5 + 0.85 * len(rows)), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(rows), _SHOWN_DIGITS, squeeze=False)
    for line, (title, digits) in zip(axes, rows.items(), strict=True):
        for axis, digit in zip(line, digits, strict=False):
            axis.imshow(digit.reshape(8, 8), cmap=ink, vmin=0, vmax=16)
            axis.set(xticks=[], yticks=[])
            for spine in axis.spines.values():
                spine.set(color="#cccccc", linewidth=0.6)
        line[0].set_ylabel(title, rotation=0, ha="right", va="center", labelpad=10, fontsize=10)
    figure.suptitle("matfact: handwritten digits, compressed and restored", fontsize=13)
    figure.subplots_adjust(
        left=1.45 / figure.get_figwidth(), right=0.99, top=0.9, bottom=0.02, wspace=0.08, hspace=0.08
    )
    figure.savefig(output)


def _methods() -> tuple[Method, ...]:
    from matfact.pca import PCA

    return (
        Method(
            "NumPy SVD",
            lambda x, _: np.linalg.svd(x - x.mean(axis=0), full_matrices=False),
            lambda fit, _, k: (fit[0][:, :k] * fit[1][:k]) @ fit[2][:k],
        ),
        Method("matfact.PCA", lambda x, k: PCA(k).fit(x), lambda pca, x, _: pca.transform(x) @ pca.components_),
        Method("matfact.svd", lambda x, k: svd(x, k, center=True), lambda r, _, __: r.scores @ r.vt),
        Method("matfact.factorize, descent", _descend, lambda f, _, __: f.w @ f.h),
    )


def _descend(x: Array, k: int) -> Any:
    """Scaled gradient descent: its pace does not depend on how fast the singular values fall."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the table shows how far it came
        return factorize(x - x.mean(axis=0), k, solver="scaled_gd", max_iter=100, tol=1e-6, random_state=0)


def _time(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the faster of two runs and the result; a first run may have to load a library, a long one stands."""
    best, result = _time_once(work)
    if best > 0.2:
        return best, result
    return min(best, _time_once(work)[0]), result


def _time_once(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def _share(excess: float) -> str:
    """A relative excess in percent; rounding may leave a direct method a few units below the optimum."""
    return "< 1e-10 %" if abs(excess) < 1e-12 else f"{100 * excess:.1e} %"
