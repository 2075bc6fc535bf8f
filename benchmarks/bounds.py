"""How far the error bounds of singular values are above their true errors, on planted spectra: never below."""

from __future__ import annotations

import numpy as np

import matfact

from .data import Array, orthonormal
from .harness import THREADS, Job, Row

D = 600
SPECTRA: dict[str, Array] = {
    "flat": 1.0 - 0.3 * np.arange(D) / D,
    "power": np.arange(1, D + 1.0) ** -0.5,
    "step": np.where(np.arange(D) < 12, 1.0, 0.01),
    "clustered": 1.0 - 0.004 * (np.arange(D) // 4) - 1e-8 * (np.arange(D) % 4),
    "gaps of 1e-8": np.where(np.arange(D) < 60, 1.0 - 1e-8 * np.arange(D), 0.5 - np.arange(D) / 2000),
    "repeated": np.where(np.arange(D) < 40, 1.0, 0.2),
    "four groups of 42, 1e-8 apart": np.where(np.arange(D) < 168, 1.0 - 1e-8 * (np.arange(D) // 42), 0.5),
}


def bounds(name: str, dtype: type[np.float32] | type[np.float64]) -> Job:
    """krylov with its default tol, k = 40, against LAPACK's values of the same matrix in float64."""

    def run(quick: bool, repeats: int) -> list[Row]:
        k, ratios = 40, []
        largest = residual = 0.0
        for seed in range(1 if quick else repeats):
            rng = np.random.default_rng(seed)
            x = ((orthonormal(rng, 900, D) * SPECTRA[name]) @ orthonormal(rng, D, D).T).astype(dtype)
            r = matfact.svd(x, k, solver="krylov", random_state=seed, num_threads=THREADS)
            exact = np.linalg.svd(x.astype(np.float64), compute_uv=False)
            rounding = 8 * np.sqrt(D) * np.finfo(np.float64).eps * exact[0]  # of LAPACK's values
            error = np.abs(r.s - exact[:k])
            largest = max(largest, float((error / (r.error_bounds + rounding)).max()))
            residual = max(residual, float(r.residuals.max()))
            # Of an error below that rounding no ratio is known.
            ratios.append(np.where(error > rounding, r.error_bounds / np.maximum(error, rounding), np.nan))
        row = Row(f"error bounds of {np.dtype(dtype).name}, {name}, k={k}", "numpy.linalg.svd")
        row.value, row.unit, row.at_most = largest, "error / bound, largest", 1.0
        row.accuracy = {"residual": residual}
        known = np.isfinite(ratios)
        row.note = f"{known.mean():.0%} of the errors above the rounding of the peer's values"
        if known.any():
            row.note += f"; bound / error there: median {np.nanmedian(ratios):.3g}, 90 % up to "
            row.note += f"{np.nanquantile(ratios, 0.9):.3g}"
        return [row]

    return Job(f"bounds_{np.dtype(dtype).name}_{name.replace(' ', '_').replace(',', '')}", run)


JOBS = [bounds(name, dtype) for dtype in (np.float64, np.float32) for name in SPECTRA]
