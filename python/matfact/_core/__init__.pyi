"""The compiled core: one function per method and dtype. Arrays go in as views and come out without a copy."""

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

_F32: TypeAlias = npt.NDArray[np.float32]
_F64: TypeAlias = npt.NDArray[np.float64]
_I32: TypeAlias = npt.NDArray[np.int32]
_I64: TypeAlias = npt.NDArray[np.int64]
_Moments: TypeAlias = object  # a capsule: typing has a name for it from Python 3.13 on
_Progress: TypeAlias = Callable[..., bool | None] | None

level: Literal["v2", "v3", "v4", "generic", "native"]
level_reason: str
available_levels: tuple[str, ...]

class NumericalError(ArithmeticError): ...

class Status(enum.Enum):
    converged = ...
    max_iter = ...
    stopped = ...
    diverged = ...

class EighSolver(enum.Enum):
    auto = ...
    full = ...
    subset = ...
    krylov = ...

class SvdSolver(enum.Enum):
    auto = ...
    full = ...
    gram = ...
    krylov = ...
    randomized = ...

class FactorizeSolver(enum.Enum):
    auto = ...
    gd = ...
    momentum = ...
    nesterov = ...
    adam = ...
    scaled_gd = ...
    als = ...
    exact = ...

class FactorizeInit(enum.Enum):
    random = ...
    svd = ...

class Reduction(enum.Enum):
    mean = ...
    sum = ...

class ImplicitSolver(enum.Enum):
    als = ...
    cg = ...
    block = ...

class BiasedSolver(enum.Enum):
    als = ...
    cg = ...
    sgd = ...
    adam = ...

class Normalize(enum.Enum):
    none = ...
    degree = ...

class PairLoss(enum.Enum):
    bpr = ...
    warp = ...

class Negatives(enum.Enum):
    uniform = ...
    popularity = ...
    adaptive = ...

class ListMetric(enum.Enum):
    precision = ...
    recall = ...
    hit_rate = ...
    mrr = ...
    map = ...
    ndcg = ...
    novelty = ...

class L2Scaling(enum.Enum):
    none = ...
    count = ...

def get_num_threads() -> int: ...
def set_num_threads(n: int) -> None: ...
def has_openmp() -> bool: ...
def lapack_provider() -> str | None: ...
def set_lapack(
    provider: str, routines: Mapping[str, int], *, ilp64: bool, get_num_threads: int = 0, set_num_threads: int = 0
) -> None: ...
def reset_lapack() -> None: ...
def philox4x64(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]: ...
def random_normal(seed: int, stream: int, size: int) -> _F64: ...
def gram_f32(x: _F32, *, center: bool, num_threads: int) -> _F64: ...
def gram_f64(x: _F64, *, center: bool, num_threads: int) -> _F64: ...
def eigh_f32(
    a: _F32,
    *,
    n_components: int,
    solver: EighSolver,
    compute_residuals: bool,
    tol: float,
    max_passes: int,
    seed: int,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F32, _F32, _F32, _F32, float, int, Status]: ...
def eigh_f64(
    a: _F64,
    *,
    n_components: int,
    solver: EighSolver,
    compute_residuals: bool,
    tol: float,
    max_passes: int,
    seed: int,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F64, _F64, _F64, _F64, float, int, Status]: ...
def eigh_certificate_f32(a: _F32, w: _F32, v: _F32, *, next_value: float, num_threads: int) -> tuple[_F32, _F32]: ...
def eigh_certificate_f64(a: _F64, w: _F64, v: _F64, *, next_value: float, num_threads: int) -> tuple[_F64, _F64]: ...
def svd_f32(
    x: _F32,
    *,
    n_components: int,
    variance_fraction: float,
    solver: SvdSolver,
    center: bool,
    compute_u: bool,
    compute_residuals: bool,
    weights: _F64 | None,
    tol: float,
    max_passes: int,
    seed: int,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F32, _F32, _F32, _F32, _F32, _F32, float, float, float, int, Status]: ...
def svd_f64(
    x: _F64,
    *,
    n_components: int,
    variance_fraction: float,
    solver: SvdSolver,
    center: bool,
    compute_u: bool,
    compute_residuals: bool,
    weights: _F64 | None,
    tol: float,
    max_passes: int,
    seed: int,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F64, _F64, _F64, _F64, _F64, _F64, float, float, float, int, Status]: ...
def svd_certificate_f32(
    x: _F32, u: _F32, s: _F32, vt: _F32, mean: _F32 | None, *, next_value: float, num_threads: int
) -> tuple[_F32, _F32]: ...
def svd_axes_certificate_f32(
    x: _F32, s: _F32, vt: _F32, center: bool, *, next_value: float, num_threads: int
) -> tuple[_F32, _F32]: ...
def project_f32(q: _F32, vt: _F32, mean: _F32 | None, *, num_threads: int) -> _F32: ...
def svd_certificate_f64(
    x: _F64, u: _F64, s: _F64, vt: _F64, mean: _F64 | None, *, next_value: float, num_threads: int
) -> tuple[_F64, _F64]: ...
def svd_axes_certificate_f64(
    x: _F64, s: _F64, vt: _F64, center: bool, *, next_value: float, num_threads: int
) -> tuple[_F64, _F64]: ...
def project_f64(q: _F64, vt: _F64, mean: _F64 | None, *, num_threads: int) -> _F64: ...
def svd_operator_f32(
    times: Callable[[_F32], _F32],
    transposed_times: Callable[[_F32], _F32],
    n_rows: int,
    n_cols: int,
    *,
    n_components: int,
    solver: SvdSolver,
    center: bool,
    tol: float,
    max_passes: int,
    seed: int,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F32, _F32, _F32, _F32, _F32, _F32, float, float, float, int, Status]: ...
def eigh_operator_f32(
    times: Callable[[_F32], _F32],
    n: int,
    *,
    n_components: int,
    solver: EighSolver,
    tol: float,
    max_passes: int,
    seed: int,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F32, _F32, _F32, _F32, float, int, Status]: ...
def svd_operator_f64(
    times: Callable[[_F64], _F64],
    transposed_times: Callable[[_F64], _F64],
    n_rows: int,
    n_cols: int,
    *,
    n_components: int,
    solver: SvdSolver,
    center: bool,
    tol: float,
    max_passes: int,
    seed: int,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F64, _F64, _F64, _F64, _F64, _F64, float, float, float, int, Status]: ...
def eigh_operator_f64(
    times: Callable[[_F64], _F64],
    n: int,
    *,
    n_components: int,
    solver: EighSolver,
    tol: float,
    max_passes: int,
    seed: int,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F64, _F64, _F64, _F64, float, int, Status]: ...
def svd_batches_f32(
    batches: Callable[[], Iterable[_F32 | tuple[_F32, _I32 | _I64, _I32 | _I64, int, int]]],
    n_cols: int,
    *,
    n_components: int,
    variance_fraction: float,
    max_components: int,
    solver: SvdSolver,
    center: bool,
    compute_u: bool,
    tol: float,
    max_passes: int,
    block: int,
    seed: int,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F32, _F32, _F32, _F32, _F32, _F32, float, float, float, int, Status]: ...
def svd_batches_f64(
    batches: Callable[[], Iterable[_F64 | tuple[_F64, _I32 | _I64, _I32 | _I64, int, int]]],
    n_cols: int,
    *,
    n_components: int,
    variance_fraction: float,
    max_components: int,
    solver: SvdSolver,
    center: bool,
    compute_u: bool,
    tol: float,
    max_passes: int,
    block: int,
    seed: int,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F64, _F64, _F64, _F64, _F64, _F64, float, float, float, int, Status]: ...
def shrink_rows(rows: _F64, *, n_exact: int, n_kept: int, num_threads: int, progress: _Progress) -> float: ...
def moments_empty() -> _Moments: ...
def moments_merge(into: _Moments, other: _Moments, *, num_threads: int) -> None: ...
def moments_rows(moments: _Moments) -> float: ...
def moments_mean(moments: _Moments) -> _F64: ...
def moments_scatter(moments: _Moments) -> _F64: ...
def moments_scatter_diagonal(moments: _Moments) -> _F64: ...
def moments_to_bytes(moments: _Moments) -> bytes: ...
def moments_from_bytes(data: bytes) -> _Moments: ...
def moments_pca(
    moments: _Moments, *, n_components: int, num_threads: int, progress: _Progress
) -> tuple[_F64, _F64, _F64, _F64, float, _F64]: ...
def moments_f32(x: _F32, *, weights: _F64 | None, num_threads: int, progress: _Progress) -> _Moments: ...
def moments_f64(x: _F64, *, weights: _F64 | None, num_threads: int, progress: _Progress) -> _Moments: ...
def moments_csr_f32_i32(
    values: _F32,
    indices: _I32,
    indptr: _I32,
    n_rows: int,
    n_cols: int,
    *,
    weights: _F64 | None,
    num_threads: int,
    progress: _Progress,
) -> _Moments: ...
def moments_csr_f32_i64(
    values: _F32,
    indices: _I64,
    indptr: _I64,
    n_rows: int,
    n_cols: int,
    *,
    weights: _F64 | None,
    num_threads: int,
    progress: _Progress,
) -> _Moments: ...
def moments_csr_f64_i32(
    values: _F64,
    indices: _I32,
    indptr: _I32,
    n_rows: int,
    n_cols: int,
    *,
    weights: _F64 | None,
    num_threads: int,
    progress: _Progress,
) -> _Moments: ...
def moments_csr_f64_i64(
    values: _F64,
    indices: _I64,
    indptr: _I64,
    n_rows: int,
    n_cols: int,
    *,
    weights: _F64 | None,
    num_threads: int,
    progress: _Progress,
) -> _Moments: ...
def svd_csr_f32_i32(
    values: _F32,
    indices: _I32,
    indptr: _I32,
    n_rows: int,
    n_cols: int,
    *,
    n_components: int,
    variance_fraction: float,
    solver: SvdSolver,
    center: bool,
    compute_u: bool,
    weights: _F64 | None,
    tol: float,
    max_passes: int,
    seed: int,
    keep_transpose: bool,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F32, _F32, _F32, _F32, _F32, _F32, float, float, float, int, Status]: ...
def project_csr_f32_i32(
    values: _F32,
    indices: _I32,
    indptr: _I32,
    n_rows: int,
    n_cols: int,
    vt: _F32,
    mean: _F32 | None,
    *,
    num_threads: int,
) -> _F32: ...
def svd_csr_f32_i64(
    values: _F32,
    indices: _I64,
    indptr: _I64,
    n_rows: int,
    n_cols: int,
    *,
    n_components: int,
    variance_fraction: float,
    solver: SvdSolver,
    center: bool,
    compute_u: bool,
    weights: _F64 | None,
    tol: float,
    max_passes: int,
    seed: int,
    keep_transpose: bool,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F32, _F32, _F32, _F32, _F32, _F32, float, float, float, int, Status]: ...
def project_csr_f32_i64(
    values: _F32,
    indices: _I64,
    indptr: _I64,
    n_rows: int,
    n_cols: int,
    vt: _F32,
    mean: _F32 | None,
    *,
    num_threads: int,
) -> _F32: ...
def svd_csr_f64_i32(
    values: _F64,
    indices: _I32,
    indptr: _I32,
    n_rows: int,
    n_cols: int,
    *,
    n_components: int,
    variance_fraction: float,
    solver: SvdSolver,
    center: bool,
    compute_u: bool,
    weights: _F64 | None,
    tol: float,
    max_passes: int,
    seed: int,
    keep_transpose: bool,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F64, _F64, _F64, _F64, _F64, _F64, float, float, float, int, Status]: ...
def project_csr_f64_i32(
    values: _F64,
    indices: _I32,
    indptr: _I32,
    n_rows: int,
    n_cols: int,
    vt: _F64,
    mean: _F64 | None,
    *,
    num_threads: int,
) -> _F64: ...
def svd_csr_f64_i64(
    values: _F64,
    indices: _I64,
    indptr: _I64,
    n_rows: int,
    n_cols: int,
    *,
    n_components: int,
    variance_fraction: float,
    solver: SvdSolver,
    center: bool,
    compute_u: bool,
    weights: _F64 | None,
    tol: float,
    max_passes: int,
    seed: int,
    keep_transpose: bool,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F64, _F64, _F64, _F64, _F64, _F64, float, float, float, int, Status]: ...
def project_csr_f64_i64(
    values: _F64,
    indices: _I64,
    indptr: _I64,
    n_rows: int,
    n_cols: int,
    vt: _F64,
    mean: _F64 | None,
    *,
    num_threads: int,
) -> _F64: ...
def svd_csc_f32_i32(
    values: _F32,
    indices: _I32,
    indptr: _I32,
    n_rows: int,
    n_cols: int,
    *,
    n_components: int,
    variance_fraction: float,
    solver: SvdSolver,
    center: bool,
    compute_u: bool,
    weights: _F64 | None,
    tol: float,
    max_passes: int,
    seed: int,
    keep_transpose: bool,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F32, _F32, _F32, _F32, _F32, _F32, float, float, float, int, Status]: ...
def project_csc_f32_i32(
    values: _F32,
    indices: _I32,
    indptr: _I32,
    n_rows: int,
    n_cols: int,
    vt: _F32,
    mean: _F32 | None,
    *,
    num_threads: int,
) -> _F32: ...
def svd_csc_f32_i64(
    values: _F32,
    indices: _I64,
    indptr: _I64,
    n_rows: int,
    n_cols: int,
    *,
    n_components: int,
    variance_fraction: float,
    solver: SvdSolver,
    center: bool,
    compute_u: bool,
    weights: _F64 | None,
    tol: float,
    max_passes: int,
    seed: int,
    keep_transpose: bool,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F32, _F32, _F32, _F32, _F32, _F32, float, float, float, int, Status]: ...
def project_csc_f32_i64(
    values: _F32,
    indices: _I64,
    indptr: _I64,
    n_rows: int,
    n_cols: int,
    vt: _F32,
    mean: _F32 | None,
    *,
    num_threads: int,
) -> _F32: ...
def svd_csc_f64_i32(
    values: _F64,
    indices: _I32,
    indptr: _I32,
    n_rows: int,
    n_cols: int,
    *,
    n_components: int,
    variance_fraction: float,
    solver: SvdSolver,
    center: bool,
    compute_u: bool,
    weights: _F64 | None,
    tol: float,
    max_passes: int,
    seed: int,
    keep_transpose: bool,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F64, _F64, _F64, _F64, _F64, _F64, float, float, float, int, Status]: ...
def project_csc_f64_i32(
    values: _F64,
    indices: _I32,
    indptr: _I32,
    n_rows: int,
    n_cols: int,
    vt: _F64,
    mean: _F64 | None,
    *,
    num_threads: int,
) -> _F64: ...
def svd_csc_f64_i64(
    values: _F64,
    indices: _I64,
    indptr: _I64,
    n_rows: int,
    n_cols: int,
    *,
    n_components: int,
    variance_fraction: float,
    solver: SvdSolver,
    center: bool,
    compute_u: bool,
    weights: _F64 | None,
    tol: float,
    max_passes: int,
    seed: int,
    keep_transpose: bool,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F64, _F64, _F64, _F64, _F64, _F64, float, float, float, int, Status]: ...
def project_csc_f64_i64(
    values: _F64,
    indices: _I64,
    indptr: _I64,
    n_rows: int,
    n_cols: int,
    vt: _F64,
    mean: _F64 | None,
    *,
    num_threads: int,
) -> _F64: ...
def factorize_f32(
    x: _F32,
    *,
    n_components: int,
    solver: FactorizeSolver,
    learning_rate: float,
    l2_w: float,
    l2_h: float,
    max_iter: int,
    tol: float,
    init: FactorizeInit,
    reduction: Reduction,
    seed: int,
    w0: _F32 | None,
    h0: _F32 | None,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F32, _F32, float, _F64, int, Status]: ...
def optimal_objective_f32(
    x: _F32, *, n_components: int, l2_w: float, l2_h: float, reduction: Reduction, num_threads: int
) -> float: ...
def solve_rows_f32(x: _F32, h: _F32, *, l2: float, num_threads: int) -> _F32: ...
def factorize_csr_f32_i32(
    values: _F32,
    indices: _I32,
    indptr: _I32,
    n_rows: int,
    n_cols: int,
    *,
    n_components: int,
    solver: FactorizeSolver,
    learning_rate: float,
    l2_w: float,
    l2_h: float,
    max_iter: int,
    tol: float,
    init: FactorizeInit,
    reduction: Reduction,
    seed: int,
    w0: _F32 | None,
    h0: _F32 | None,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F32, _F32, float, _F64, int, Status]: ...
def solve_rows_csr_f32_i32(
    values: _F32, indices: _I32, indptr: _I32, n_rows: int, n_cols: int, h: _F32, *, l2: float, num_threads: int
) -> _F32: ...
def factorize_csr_f32_i64(
    values: _F32,
    indices: _I64,
    indptr: _I64,
    n_rows: int,
    n_cols: int,
    *,
    n_components: int,
    solver: FactorizeSolver,
    learning_rate: float,
    l2_w: float,
    l2_h: float,
    max_iter: int,
    tol: float,
    init: FactorizeInit,
    reduction: Reduction,
    seed: int,
    w0: _F32 | None,
    h0: _F32 | None,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F32, _F32, float, _F64, int, Status]: ...
def solve_rows_csr_f32_i64(
    values: _F32, indices: _I64, indptr: _I64, n_rows: int, n_cols: int, h: _F32, *, l2: float, num_threads: int
) -> _F32: ...
def factorize_f64(
    x: _F64,
    *,
    n_components: int,
    solver: FactorizeSolver,
    learning_rate: float,
    l2_w: float,
    l2_h: float,
    max_iter: int,
    tol: float,
    init: FactorizeInit,
    reduction: Reduction,
    seed: int,
    w0: _F64 | None,
    h0: _F64 | None,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F64, _F64, float, _F64, int, Status]: ...
def optimal_objective_f64(
    x: _F64, *, n_components: int, l2_w: float, l2_h: float, reduction: Reduction, num_threads: int
) -> float: ...
def solve_rows_f64(x: _F64, h: _F64, *, l2: float, num_threads: int) -> _F64: ...
def factorize_csr_f64_i32(
    values: _F64,
    indices: _I32,
    indptr: _I32,
    n_rows: int,
    n_cols: int,
    *,
    n_components: int,
    solver: FactorizeSolver,
    learning_rate: float,
    l2_w: float,
    l2_h: float,
    max_iter: int,
    tol: float,
    init: FactorizeInit,
    reduction: Reduction,
    seed: int,
    w0: _F64 | None,
    h0: _F64 | None,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F64, _F64, float, _F64, int, Status]: ...
def solve_rows_csr_f64_i32(
    values: _F64, indices: _I32, indptr: _I32, n_rows: int, n_cols: int, h: _F64, *, l2: float, num_threads: int
) -> _F64: ...
def factorize_csr_f64_i64(
    values: _F64,
    indices: _I64,
    indptr: _I64,
    n_rows: int,
    n_cols: int,
    *,
    n_components: int,
    solver: FactorizeSolver,
    learning_rate: float,
    l2_w: float,
    l2_h: float,
    max_iter: int,
    tol: float,
    init: FactorizeInit,
    reduction: Reduction,
    seed: int,
    w0: _F64 | None,
    h0: _F64 | None,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F64, _F64, float, _F64, int, Status]: ...
def solve_rows_csr_f64_i64(
    values: _F64, indices: _I64, indptr: _I64, n_rows: int, n_cols: int, h: _F64, *, l2: float, num_threads: int
) -> _F64: ...
def bpr_i32(
    values: _F32,
    indices: _I32,
    indptr: _I32,
    n_items: int,
    *,
    n_components: int,
    loss: PairLoss,
    negatives: Negatives,
    learning_rate: float,
    l2_user: float,
    l2_positive: float,
    l2_negative: float,
    item_bias: bool,
    max_iter: int,
    deterministic: bool,
    seed: int,
    num_threads: int,
    progress: _Progress,
    wants_factors: bool,
) -> tuple[_F32, _F32, _F64, _F64, _F64, int, Status, BaseException | None]: ...
def bpr_rows_i32(
    values: _F32,
    indices: _I32,
    indptr: _I32,
    h: _F32,
    item_counts: _I64,
    *,
    n_components: int,
    loss: PairLoss,
    negatives: Negatives,
    learning_rate: float,
    l2_user: float,
    item_bias: bool,
    max_iter: int,
    seed: int,
    num_threads: int,
) -> _F32: ...
def bpr_items_i32(
    values: _F32,
    indices: _I32,
    indptr: _I32,
    c_values: _F32,
    c_indices: _I32,
    c_indptr: _I32,
    codes: _I64,
    w: _F32,
    h: _F32,
    *,
    n_components: int,
    loss: PairLoss,
    negatives: Negatives,
    learning_rate: float,
    l2_positive: float,
    l2_negative: float,
    item_bias: bool,
    max_iter: int,
    seed: int,
    num_threads: int,
) -> _F32: ...
def implicit_mf_i32(
    values: _F32,
    indices: _I32,
    indptr: _I32,
    t_values: _F32,
    t_indices: _I32,
    t_indptr: _I32,
    *,
    n_components: int,
    solver: ImplicitSolver,
    alpha: float,
    unobserved_weight: float,
    l2: float,
    l2_scaling: float,
    cg_steps: int,
    block_size: int,
    max_iter: int,
    tol: float,
    seed: int,
    num_threads: int,
    progress: _Progress,
    wants_factors: bool,
    start: _F32 | None,
) -> tuple[_F32, _F32, _F64, _F64, int, Status, BaseException | None]: ...
def implicit_rows_i32(
    values: _F32,
    indices: _I32,
    indptr: _I32,
    h: _F32,
    spectrum: list[float],
    *,
    alpha: float,
    unobserved_weight: float,
    l2: float,
    l2_scaling: float,
    num_threads: int,
) -> _F32: ...
def biased_gibbs_i32(
    values: _F32,
    indices: _I32,
    indptr: _I32,
    t_values: _F32,
    t_indices: _I32,
    t_indptr: _I32,
    *,
    n_components: int,
    biases: bool,
    burn_in: int,
    n_samples: int,
    seed: int,
    num_threads: int,
    progress: _Progress,
) -> tuple[float, _F32, _F32, _F32, _F32, _F64, _F64, int, Status, BaseException | None]: ...
def gibbs_rows_i32(
    values: _F32,
    indices: _I32,
    indptr: _I32,
    h: _F32,
    prior: _F32,
    mean: float,
    *,
    biases: bool,
    num_threads: int,
) -> _F32: ...
def biased_mf_i32(
    values: _F32,
    indices: _I32,
    indptr: _I32,
    t_values: _F32,
    t_indices: _I32,
    t_indptr: _I32,
    *,
    solver: BiasedSolver,
    cg_steps: int,
    learning_rate: float,
    n_components: int,
    l2: float,
    l2_scaling: L2Scaling,
    biases: bool,
    max_iter: int,
    tol: float,
    seed: int,
    num_threads: int,
    progress: _Progress,
    wants_factors: bool,
    start: _F32 | None,
) -> tuple[float, _F32, _F32, _F64, int, Status, BaseException | None]: ...
def biased_rows_i32(
    values: _F32,
    indices: _I32,
    indptr: _I32,
    h: _F32,
    mean: float,
    *,
    n_components: int,
    l2: float,
    l2_scaling: L2Scaling,
    biases: bool,
    num_threads: int,
) -> _F32: ...
def popularity_i32(values: _F32, indices: _I32, indptr: _I32, *, n_items: int, num_threads: int) -> _F32: ...
def baseline_i32(
    values: _F32,
    indices: _I32,
    indptr: _I32,
    t_values: _F32,
    t_indices: _I32,
    t_indptr: _I32,
    *,
    l2_user: float,
    l2_item: float,
    max_iter: int,
    num_threads: int,
) -> tuple[float, _F32, _F32]: ...
def baseline_rows_i32(
    values: _F32, indices: _I32, indptr: _I32, h: _F32, mean: float, *, l2: float, num_threads: int
) -> _F32: ...
def pure_svd_i32(
    values: _F32,
    indices: _I32,
    indptr: _I32,
    *,
    n_items: int,
    n_components: int,
    normalize: Normalize,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F32, _F32, _F32, _F32, _F64, Status]: ...
def pure_svd_rows_i32(
    values: _F32, indices: _I32, indptr: _I32, h: _F32, scale: _F64 | None, *, num_threads: int
) -> _F32: ...
def spectral_by_item_i32(
    t_values: _F32, t_indices: _I32, t_indptr: _I32, *, n_users: int, num_threads: int
) -> _F32: ...
def top_n_i32(
    queries: _F32,
    items: _F32,
    seen_indices: _I32,
    seen_indptr: _I32,
    *,
    candidates: list[int] | None,
    n: int,
    graph: tuple[_F32, _I32, _I32, _F32, _I32, _I32, int, float] | None,
    num_threads: int,
) -> tuple[_I64, _F32]: ...
def all_scores_i32(
    queries: _F32,
    items: _F32,
    *,
    graph: tuple[_F32, _I32, _I32, _F32, _I32, _I32, int, float] | None,
    num_threads: int,
) -> _F32: ...
def list_metrics_i32(
    lists: _I64,
    indices: _I32,
    indptr: _I32,
    *,
    n_relevant: _I64,
    item_shares: _F64,
    metrics: Sequence[tuple[ListMetric, int]],
    num_threads: int,
) -> _F64: ...
def auc_i32(scores: _F32, indices: _I32, indptr: _I32, *, num_threads: int) -> _F64: ...
def bpr_i64(
    values: _F32,
    indices: _I64,
    indptr: _I64,
    n_items: int,
    *,
    n_components: int,
    loss: PairLoss,
    negatives: Negatives,
    learning_rate: float,
    l2_user: float,
    l2_positive: float,
    l2_negative: float,
    item_bias: bool,
    max_iter: int,
    deterministic: bool,
    seed: int,
    num_threads: int,
    progress: _Progress,
    wants_factors: bool,
) -> tuple[_F32, _F32, _F64, _F64, _F64, int, Status, BaseException | None]: ...
def bpr_rows_i64(
    values: _F32,
    indices: _I64,
    indptr: _I64,
    h: _F32,
    item_counts: _I64,
    *,
    n_components: int,
    loss: PairLoss,
    negatives: Negatives,
    learning_rate: float,
    l2_user: float,
    item_bias: bool,
    max_iter: int,
    seed: int,
    num_threads: int,
) -> _F32: ...
def bpr_items_i64(
    values: _F32,
    indices: _I64,
    indptr: _I64,
    c_values: _F32,
    c_indices: _I64,
    c_indptr: _I64,
    codes: _I64,
    w: _F32,
    h: _F32,
    *,
    n_components: int,
    loss: PairLoss,
    negatives: Negatives,
    learning_rate: float,
    l2_positive: float,
    l2_negative: float,
    item_bias: bool,
    max_iter: int,
    seed: int,
    num_threads: int,
) -> _F32: ...
def implicit_mf_i64(
    values: _F32,
    indices: _I64,
    indptr: _I64,
    t_values: _F32,
    t_indices: _I64,
    t_indptr: _I64,
    *,
    n_components: int,
    solver: ImplicitSolver,
    alpha: float,
    unobserved_weight: float,
    l2: float,
    l2_scaling: float,
    cg_steps: int,
    block_size: int,
    max_iter: int,
    tol: float,
    seed: int,
    num_threads: int,
    progress: _Progress,
    wants_factors: bool,
    start: _F32 | None,
) -> tuple[_F32, _F32, _F64, _F64, int, Status, BaseException | None]: ...
def implicit_rows_i64(
    values: _F32,
    indices: _I64,
    indptr: _I64,
    h: _F32,
    spectrum: list[float],
    *,
    alpha: float,
    unobserved_weight: float,
    l2: float,
    l2_scaling: float,
    num_threads: int,
) -> _F32: ...
def biased_gibbs_i64(
    values: _F32,
    indices: _I64,
    indptr: _I64,
    t_values: _F32,
    t_indices: _I64,
    t_indptr: _I64,
    *,
    n_components: int,
    biases: bool,
    burn_in: int,
    n_samples: int,
    seed: int,
    num_threads: int,
    progress: _Progress,
) -> tuple[float, _F32, _F32, _F32, _F32, _F64, _F64, int, Status, BaseException | None]: ...
def gibbs_rows_i64(
    values: _F32,
    indices: _I64,
    indptr: _I64,
    h: _F32,
    prior: _F32,
    mean: float,
    *,
    biases: bool,
    num_threads: int,
) -> _F32: ...
def biased_mf_i64(
    values: _F32,
    indices: _I64,
    indptr: _I64,
    t_values: _F32,
    t_indices: _I64,
    t_indptr: _I64,
    *,
    solver: BiasedSolver,
    cg_steps: int,
    learning_rate: float,
    n_components: int,
    l2: float,
    l2_scaling: L2Scaling,
    biases: bool,
    max_iter: int,
    tol: float,
    seed: int,
    num_threads: int,
    progress: _Progress,
    wants_factors: bool,
    start: _F32 | None,
) -> tuple[float, _F32, _F32, _F64, int, Status, BaseException | None]: ...
def biased_rows_i64(
    values: _F32,
    indices: _I64,
    indptr: _I64,
    h: _F32,
    mean: float,
    *,
    n_components: int,
    l2: float,
    l2_scaling: L2Scaling,
    biases: bool,
    num_threads: int,
) -> _F32: ...
def popularity_i64(values: _F32, indices: _I64, indptr: _I64, *, n_items: int, num_threads: int) -> _F32: ...
def baseline_i64(
    values: _F32,
    indices: _I64,
    indptr: _I64,
    t_values: _F32,
    t_indices: _I64,
    t_indptr: _I64,
    *,
    l2_user: float,
    l2_item: float,
    max_iter: int,
    num_threads: int,
) -> tuple[float, _F32, _F32]: ...
def baseline_rows_i64(
    values: _F32, indices: _I64, indptr: _I64, h: _F32, mean: float, *, l2: float, num_threads: int
) -> _F32: ...
def pure_svd_i64(
    values: _F32,
    indices: _I64,
    indptr: _I64,
    *,
    n_items: int,
    n_components: int,
    normalize: Normalize,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F32, _F32, _F32, _F32, _F64, Status]: ...
def pure_svd_rows_i64(
    values: _F32, indices: _I64, indptr: _I64, h: _F32, scale: _F64 | None, *, num_threads: int
) -> _F32: ...
def spectral_by_item_i64(
    t_values: _F32, t_indices: _I64, t_indptr: _I64, *, n_users: int, num_threads: int
) -> _F32: ...
def rating_queries(w: _F32, mean: float, *, biases: bool, n_draws: int) -> tuple[_F32, _F64]: ...
def pair_scores(queries: _F32, items: _F32, rows: _I64, cols: _I64, *, num_threads: int) -> _F64: ...
def first_places(lists: _I64, n_items: int) -> _I64: ...
def top_n_i64(
    queries: _F32,
    items: _F32,
    seen_indices: _I64,
    seen_indptr: _I64,
    *,
    candidates: list[int] | None,
    n: int,
    graph: tuple[_F32, _I64, _I64, _F32, _I64, _I64, int, float] | None,
    num_threads: int,
) -> tuple[_I64, _F32]: ...
def all_scores_i64(
    queries: _F32,
    items: _F32,
    *,
    graph: tuple[_F32, _I64, _I64, _F32, _I64, _I64, int, float] | None,
    num_threads: int,
) -> _F32: ...
def list_metrics_i64(
    lists: _I64,
    indices: _I64,
    indptr: _I64,
    *,
    n_relevant: _I64,
    item_shares: _F64,
    metrics: Sequence[tuple[ListMetric, int]],
    num_threads: int,
) -> _F64: ...
def auc_i64(scores: _F32, indices: _I64, indptr: _I64, *, num_threads: int) -> _F64: ...
def ppca_f32(
    x: _F32,
    *,
    n_components: int,
    variational: bool,
    tol: float,
    max_iter: int,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F64, _F64, _F64, float, _F64, float, _F64, int, int, Status]: ...
def ppca_rows_f32(
    x: _F32,
    loadings: _F64,
    mean: _F64,
    noise_variance: float,
    loadings_covariance: _F64 | None,
    *,
    num_threads: int,
) -> tuple[_F64, _F64]: ...
def complete_f32(
    x: _F32, *, l2: float, max_components: int, tol: float, max_iter: int, num_threads: int, progress: _Progress
) -> tuple[_F32, _F32, _F32, float, float, float, _F64, int, int, Status]: ...
def complete_csr_f32_i32(
    values: _F32,
    indices: _I32,
    indptr: _I32,
    n_rows: int,
    n_cols: int,
    *,
    l2: float,
    max_components: int,
    tol: float,
    max_iter: int,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F32, _F32, _F32, float, float, float, _F64, int, int, Status]: ...
def complete_csr_f32_i64(
    values: _F32,
    indices: _I64,
    indptr: _I64,
    n_rows: int,
    n_cols: int,
    *,
    l2: float,
    max_components: int,
    tol: float,
    max_iter: int,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F32, _F32, _F32, float, float, float, _F64, int, int, Status]: ...
def ppca_f64(
    x: _F64,
    *,
    n_components: int,
    variational: bool,
    tol: float,
    max_iter: int,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F64, _F64, _F64, float, _F64, float, _F64, int, int, Status]: ...
def ppca_rows_f64(
    x: _F64,
    loadings: _F64,
    mean: _F64,
    noise_variance: float,
    loadings_covariance: _F64 | None,
    *,
    num_threads: int,
) -> tuple[_F64, _F64]: ...
def complete_f64(
    x: _F64, *, l2: float, max_components: int, tol: float, max_iter: int, num_threads: int, progress: _Progress
) -> tuple[_F64, _F64, _F64, float, float, float, _F64, int, int, Status]: ...
def complete_csr_f64_i32(
    values: _F64,
    indices: _I32,
    indptr: _I32,
    n_rows: int,
    n_cols: int,
    *,
    l2: float,
    max_components: int,
    tol: float,
    max_iter: int,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F64, _F64, _F64, float, float, float, _F64, int, int, Status]: ...
def complete_csr_f64_i64(
    values: _F64,
    indices: _I64,
    indptr: _I64,
    n_rows: int,
    n_cols: int,
    *,
    l2: float,
    max_components: int,
    tol: float,
    max_iter: int,
    num_threads: int,
    progress: _Progress,
) -> tuple[_F64, _F64, _F64, float, float, float, _F64, int, int, Status]: ...
