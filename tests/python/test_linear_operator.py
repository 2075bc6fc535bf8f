"""svd and eigh of matrices that are known by their products alone."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse
from scipy.sparse.linalg import LinearOperator, aslinearoperator

import matfact
from reference.measure import eps, orthonormality, signs_are_fixed, triplet_residuals
from reference.planted import with_eigenvalues, with_singular_values

VALUES = 0.8 ** np.arange(60)
SHAPES = [(200, 60), (60, 200)]


@pytest.fixture(params=SHAPES, ids=["tall", "wide"])
def x(request, rng, dtype):
    return with_singular_values(rng, *request.param, VALUES).astype(dtype)


def operator(x, times=None, transposed_times=None):
    """The products of `x`, or others in their place."""
    return LinearOperator(
        x.shape,
        matvec=lambda v: x @ v,
        matmat=times or (lambda q: x @ q),
        rmatvec=lambda v: x.T @ v,
        rmatmat=transposed_times or (lambda q: x.T @ q),
        dtype=x.dtype,
    )


@pytest.mark.parametrize("solver", ["auto", "krylov", "randomized"])
def test_an_operator_has_the_triplets_of_its_matrix(x, dtype, solver):
    r = matfact.svd(aslinearoperator(x), 5, solver=solver, max_passes=20 if solver == "randomized" else None)
    assert r.status == "converged"
    assert r.s.dtype == dtype
    exact = np.linalg.svd(x.astype(float), compute_uv=False)[:5]
    assert (np.abs(r.s - exact) <= r.error_bounds + 16 * eps(float)).all()
    assert r.residuals.max() <= {np.float32: 1e-4, np.float64: 1e-6}[dtype]
    tall = x if x.shape[0] > x.shape[1] else x.T
    u, v = (r.u, r.vt) if tall is x else (r.vt.T, r.u.T)
    # Products in the operator's dtype: rounding of a sum of 200.
    np.testing.assert_allclose(r.residuals, triplet_residuals(tall, u, r.s, v), atol=64 * eps(dtype))
    assert orthonormality(r.u) <= 64 * eps(dtype)
    assert orthonormality(r.vt.T) <= 64 * eps(dtype)
    assert signs_are_fixed(r.vt)
    assert (r.n_passes > 1) == (solver != "randomized") or r.n_passes == 20


def test_centering_needs_no_entry(x, dtype):
    """Means a hundred times the deviations; they come from a product of the transpose with ones."""
    shifted = x + dtype(3.0)
    r = matfact.svd(aslinearoperator(shifted), 4, center=True, tol=1e-3)
    centered = shifted.astype(float) - shifted.astype(float).mean(axis=0)
    exact = np.linalg.svd(centered, compute_uv=False)[:4]
    scale = np.linalg.norm(shifted.astype(float), 2)
    # Rounding of the products is relative to the matrix that is not centered.
    assert (np.abs(r.s - exact) <= r.error_bounds + 64 * eps(dtype) * scale).all()
    np.testing.assert_allclose(r.mean, shifted.mean(axis=0, dtype=float), rtol=64 * eps(dtype))


def test_the_total_variance_of_an_operator_is_unknown(x):
    r = matfact.svd(aslinearoperator(x), 3)
    assert np.isnan(r.total_variance)
    assert np.isnan(r.explained_variance_ratio).all()
    assert np.isfinite(r.explained_variance).all()
    for arguments in [{"n_components": 0.9}, {"error": 0.1}]:
        with pytest.raises(ValueError, match="does not tell its total variance: give n_components"):
            matfact.svd(aslinearoperator(x), **arguments)


def test_all_triplets_by_default(x):
    r = matfact.svd(aslinearoperator(x), tol=1e-3)
    np.testing.assert_allclose((r.u * r.s) @ r.vt, x, atol=2e-3 * np.sqrt(60))


def test_an_operator_with_matvec_alone_will_do(rng):
    """SciPy makes blocks of single products."""
    x = with_singular_values(rng, 80, 30, VALUES[:30])
    a = LinearOperator(x.shape, matvec=lambda v: x @ v.ravel(), rmatvec=lambda v: x.T @ v.ravel())
    np.testing.assert_allclose(matfact.svd(a, 3).s, VALUES[:3], rtol=1e-9)


def test_composed_operators_and_their_dtype(rng):
    """An integer or unknown dtype is float64, float16 is float32; a complex one is refused."""
    s = scipy.sparse.random_array((60, 40), density=0.3, rng=rng, format="csr")
    product = aslinearoperator(s).T @ aslinearoperator(s)
    np.testing.assert_allclose(matfact.svd(product, 2).s, np.linalg.svd((s.T @ s).toarray(), compute_uv=False)[:2])
    whole = np.arange(12).reshape(4, 3)
    assert matfact.svd(aslinearoperator(whole), 1).s.dtype == np.float64
    with pytest.raises(TypeError, match="X must be a real operator, got complex128"):
        matfact.svd(aslinearoperator(np.eye(3) * 1j), 1)


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_extreme_scales_of_an_operator_change_no_digit(rng, scale):
    x = with_singular_values(rng, 200, 60, VALUES)
    np.testing.assert_allclose(matfact.svd(aslinearoperator(x * scale), 4).s / scale, VALUES[:4], rtol=1e-9)
    a = with_eigenvalues(rng, VALUES)
    np.testing.assert_allclose(matfact.eigh(aslinearoperator(a * scale), 4).w / scale, VALUES[:4], rtol=1e-9)


def test_a_zero_operator_has_zero_values(dtype):
    r = matfact.svd(aslinearoperator(np.zeros((30, 20), dtype)), 3)
    assert (r.s == 0).all()
    assert orthonormality(r.u) <= 16 * eps(dtype)


def test_eigenpairs_of_an_operator(rng, dtype):
    """Of both signs; the leading ones are the largest, not the largest in magnitude."""
    w = np.concatenate([VALUES, -1.5 * VALUES[:20]])
    a = with_eigenvalues(rng, w).astype(dtype)
    for solver in ("auto", "krylov"):
        r = matfact.eigh(aslinearoperator(a), 6, solver=solver)
        assert r.status == "converged"
        assert r.v.dtype == dtype
        exact = np.linalg.eigvalsh(a.astype(float))[::-1][:6]
        assert (np.abs(r.w - exact) <= r.error_bounds + 64 * eps(float)).all()
        residuals = np.linalg.norm(a.astype(float) @ r.v - r.v * r.w.astype(float), axis=0) / 1.5
        np.testing.assert_allclose(r.residuals, residuals, atol=64 * eps(dtype))
        assert r.residuals.max() <= {np.float32: 1e-5, np.float64: 1e-11}[dtype]
        assert signs_are_fixed(r.v.T)


def test_eigh_of_an_operator_that_is_not_symmetric_is_refused(rng):
    with pytest.raises(ValueError, match="A is not symmetric"):
        matfact.eigh(aslinearoperator(rng.standard_normal((40, 40))), 2)
    with pytest.raises(ValueError, match=r"A must be square, got shape \(40, 30\)"):
        matfact.eigh(aslinearoperator(np.ones((40, 30))), 2)
    with pytest.raises(ValueError, match="solver='full' needs the entries of A"):
        matfact.eigh(aslinearoperator(np.eye(3)), 2, solver="full")


def test_solvers_that_need_entries_are_refused(x):
    for solver in ("full", "gram"):
        with pytest.raises(ValueError, match=f"solver='{solver}' needs the entries of X"):
            matfact.svd(aslinearoperator(x), 2, solver=solver)


class TestBadOperators:
    X = np.linspace(-1, 1, 600).reshape(30, 20)

    def test_a_wrong_shape_is_named(self):
        # SciPy's own class does not look at what matmat returns.
        bad = operator(self.X, times=lambda q: (self.X @ q)[:-1])
        with pytest.raises(ValueError, match=r"X.matmat, .* must return one of shape \(30, \d+\), got \(29, \d+\)"):
            matfact.svd(bad, 2)
        bad = operator(self.X, transposed_times=lambda q: self.X.T @ q[:, :1])
        with pytest.raises(ValueError, match=r"X.rmatmat, .* must return one of shape \(20, 8\), got \(20, 1\)"):
            matfact.svd(bad, 2)
        with pytest.raises(ValueError, match=r"A.matmat, .* must return one of shape \(20, 4\), got \(4, 20\)"):
            matfact.eigh(operator(np.eye(20), times=lambda q: q.T), 2)

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_answers_that_are_not_finite(self, value):
        with pytest.raises(ValueError, match=r"X.matmat, .* returned NaN or infinity"):
            matfact.svd(operator(self.X, times=lambda q: self.X @ q * value), 2)

    def test_answers_of_another_type(self):
        with pytest.raises(TypeError, match=r"X.matmat, .* must return real numbers, got complex128"):
            matfact.svd(operator(self.X, times=lambda q: self.X @ q * 1j), 2)
        with pytest.raises(TypeError, match="must return real numbers, got object"):
            matfact.svd(operator(self.X, times=lambda _: None), 2)
        # float32 answers of a float64 operator are converted.
        r = matfact.svd(operator(self.X, times=lambda q: (self.X @ q).astype(np.float32)), 2, tol=1e-3)
        np.testing.assert_allclose(r.s[0], np.linalg.norm(self.X, 2), rtol=1e-5)

    def test_an_exception_passes_through_with_a_note(self):
        class Broken(RuntimeError):
            pass

        calls = []

        def fail(q):
            calls.append(q)
            if len(calls) > 2:
                raise Broken("the disk is gone")
            return self.X @ q

        with pytest.raises(Broken, match="the disk is gone") as caught:
            matfact.svd(operator(self.X, times=fail), 2)
        assert caught.value.__notes__[0].startswith("raised by X.matmat, asked for the product with an array")
        assert len(calls) == 3

    def test_a_missing_transpose(self):
        with pytest.raises((NotImplementedError, TypeError)) as caught:  # by SciPy's version
            matfact.svd(LinearOperator((5, 4), matvec=lambda _: np.ones(5)), 2)
        assert "X.rmatmat" in caught.value.__notes__[0]

    def test_ctrl_c_in_a_product(self):
        def interrupt(_):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            matfact.svd(operator(self.X, times=interrupt), 2)

    def test_a_block_that_was_kept_stays_as_it_was(self):
        kept = []
        matfact.svd(operator(self.X, times=lambda q: kept.append((q, q.copy())) or self.X @ q), 2)
        assert all((a == b).all() for a, b in kept)

    def test_empty_operators(self):
        with pytest.raises(ValueError, match="at least one row and one column"):
            matfact.svd(LinearOperator((0, 4), matvec=lambda v: v, dtype=float), 1)


def test_passes_that_do_not_suffice_for_an_operator(rng):
    a = aslinearoperator(rng.standard_normal((300, 200)))
    with pytest.warns(matfact.ConvergenceWarning, match="in 2 passes"):
        assert matfact.svd(a, 10, max_passes=2).status == "max_iter"
    g = aslinearoperator(np.cov(rng.standard_normal((200, 300))))
    with pytest.warns(matfact.ConvergenceWarning, match="in 2 passes"):
        assert matfact.eigh(g, 10, max_passes=2).status == "max_iter"


def test_the_bits_of_an_operator_do_not_depend_on_the_threads():
    """The products are the user's: diagonal ones, which no library cuts into tasks."""
    program = """
import sys
import numpy as np
from scipy.sparse.linalg import LinearOperator
import matfact
d = np.linspace(0.1, 2, 700)[:, None] ** 3
a = LinearOperator((700, 700), matvec=lambda v: d[:, 0] * v.ravel(), matmat=lambda q: d * q,
                   rmatvec=lambda v: d[:, 0] * v.ravel(), rmatmat=lambda q: d * q)
for n in (1, 2, 3, 7):
    r, e = matfact.svd(a, 6, num_threads=n), matfact.eigh(a, 6, num_threads=n)
    print(hash((r.u.tobytes(), r.s.tobytes(), e.v.tobytes(), r.residuals.tobytes())))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert len(set(done.stdout.split())) == 1
