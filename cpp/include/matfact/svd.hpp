/// Singular value decomposition of a dense or sparse matrix, or of one that is known by its products.
#pragma once

#include "matfact/certificate.hpp"
#include "matfact/linear_operator.hpp"
#include "matfact/matrix.hpp"
#include "matfact/progress.hpp"
#include "matfact/row_source.hpp"
#include "matfact/status.hpp"

#include <cstdint>
#include <limits>
#include <vector>

namespace matfact {

enum class SvdSolver {
    automatic,  ///< the fastest for the shape (rule in docs/methods/svd.md)
    full,       ///< bidiagonalization and divide and conquer (LAPACK gesdd)
    gram,       ///< eigendecomposition of the smaller of x'x and x x', small singular values repaired
    krylov,     ///< block Lanczos on x'x or x x', never formed, until the residuals are below tol
    randomized, ///< a fixed number of power iterations from a random block
};

/// Options of svd().
struct SvdOptions {
    Index n_components = 0; ///< leading triplets to return; 0 = all of min(n_rows, n_cols), or variance_fraction's
    /// Instead of n_components: as many as hold this share of the squared Frobenius norm, above 0, at most 1.
    double variance_fraction = 0.0;
    Index max_components = 0; ///< RowSource: variance_fraction takes no more than so many; 0 = no limit
    SvdSolver solver = SvdSolver::automatic;
    bool center = false;   ///< subtract column means without forming the centered matrix
    bool compute_u = true; ///< false leaves u and residuals empty
    /// (n_rows,) how often each row counts, 0 for not at all; null = once. Decomposed is diag(sqrt(weights)) x,
    /// centered about the weighted mean, so integers stand for repeated rows. Takes a copy of the rows. Not for a
    /// LinearOperator or RowSource.
    const double* weights = nullptr;
    /// Largest residual relative to s_1; 0 = as accurate as the arithmetic allows; NaN = that, but for krylov 1e-6 for
    /// float64 and 1e-4 for float32.
    double tol = std::numeric_limits<double>::quiet_NaN();
    Index max_passes = 0;   ///< krylov, randomized: products with x'x at most; 0 = 1000 and 5
    Index block = 0;        ///< krylov: vectors of a product; 0 = 8 or 16, for a RowSource 16 to 64. More save products
    std::uint64_t seed = 0; ///< krylov, randomized: of the start
    bool compute_residuals = true; ///< false leaves them empty, unless tol asks for them: they cost one product with x
    /// Sparse x: false saves the memory of a transpose, as large as x, and makes the products with x' slower.
    bool keep_transpose = true;
    int num_threads = 0;                             ///< 0 = the process default
    void validate(Index n_rows, Index n_cols) const; ///< throws std::invalid_argument naming the field; no weights
};

/// x ~ u diag(s) vt. The residual of triplet i is ||x' u_i - s_i v_i|| / s_1, or for a wide x ||x v_i - s_i u_i|| /
/// s_1: the other side holds by construction. With weights x stands for the weighted rows here; rows of weight 0, which
/// are left out (n_components counts the others), have zeros in u.
template <class T> struct SvdResult {
    Matrix<T> u;                 ///< (n_rows, n_components)
    std::vector<T> s;            ///< (n_components,), descending
    Matrix<T> vt;                ///< (n_components, n_cols); the largest entry of each row is positive
    std::vector<T> mean;         ///< (n_cols,) subtracted column means; empty without centering
    std::vector<T> residuals;    ///< (n_components,)
    std::vector<T> error_bounds; ///< (n_components,) of |s_i - exact|, there with the residuals
    double total_variance = 0.0; ///< squared Frobenius norm of x (centered if asked); NaN for a LinearOperator
    double stable_rank = 0.0;    ///< total_variance / s_1^2, also where these are out of range; 0 for zeros
    double next_value = std::numeric_limits<double>::quiet_NaN(); ///< krylov: upper estimate of the next singular
                                                                  ///< value, infinity where progress stopped it
    Index n_passes = 0;                ///< krylov, randomized: products with x'x; of a RowSource how often it was read
    Status status = Status::converged; ///< max_iter where a residual stays above tol; stopped by progress
};

/// Leading singular triplets. Throws std::invalid_argument if x is empty or not finite, NumericalError on overflow.
template <class T>
SvdResult<T> svd(MatrixView<const T> x, const SvdOptions& options = {}, const Progress& progress = {});

extern template SvdResult<float> svd(MatrixView<const float>, const SvdOptions&, const Progress&);
extern template SvdResult<double> svd(MatrixView<const double>, const SvdOptions&, const Progress&);

/// The same for a sparse matrix, read in place and never centered in memory; I = std::int32_t or std::int64_t. Entries
/// may be unsorted, and those stored several times count as their sum; indptr begins with 0. `automatic` is gram where
/// the shorter side has up to 512 entries or many triplets are wanted, else krylov; `full` is not accepted. Residuals
/// are always measured with u; without it, error_bounds say what x'x could not tell. Throws std::invalid_argument where
/// an index points outside.
template <class T, class I>
SvdResult<T> svd(CsrView<T, I> x, const SvdOptions& options = {}, const Progress& progress = {});
template <class T, class I>
SvdResult<T> svd(CscView<T, I> x, const SvdOptions& options = {}, const Progress& progress = {});

/// The same for a matrix that is known by its products, centered by them too. `automatic` is krylov; `full`, `gram` and
/// variance_fraction are not accepted. Residuals are always measured, in the arithmetic of the operator. Throws
/// std::invalid_argument where a product is not finite.
template <class T>
SvdResult<T> svd(const LinearOperator<T>& x, const SvdOptions& options = {}, const Progress& progress = {});

extern template SvdResult<float> svd(const LinearOperator<float>&, const SvdOptions&, const Progress&);
extern template SvdResult<double> svd(const LinearOperator<double>&, const SvdOptions&, const Progress&);

/// The same for rows that come in batches; never more than one of them is in memory, and x is never centered there. All
/// arithmetic is float64. `gram` reads x once, and twice more for u and the residuals; `krylov` several times, with
/// about n_cols * (n_components + max(128, 3 n_components, 8 block)) numbers besides u. `automatic` is gram up to 2048
/// columns. Without u there are no residuals, and s comes from the eigenvalues of x'x, good to eps s_1^2 / s_i:
/// error_bounds say so.
/// Residuals are ||x' u_i - s_i v_i|| / s_1 for a wide x too. Throws std::invalid_argument where a pass gives other
/// rows than the first.
template <class T>
SvdResult<T> svd(const RowSource<T>& x, const SvdOptions& options = {}, const Progress& progress = {});

extern template SvdResult<float> svd(const RowSource<float>&, const SvdOptions&, const Progress&);
extern template SvdResult<double> svd(const RowSource<double>&, const SvdOptions&, const Progress&);

/// Residuals and error bounds of triplets found earlier, as in SvdResult: u (n_rows, k), s (k,) descending, vt (k,
/// n_cols); `mean` may be null.
template <class T>
Certificate<T> svd_certificate(MatrixView<const T> x, MatrixView<const T> u, const std::vector<T>& s,
                               MatrixView<const T> vt, const T* mean, double next_value, int num_threads = 0);

extern template Certificate<float> svd_certificate(MatrixView<const float>, MatrixView<const float>,
                                                   const std::vector<float>&, MatrixView<const float>, const float*,
                                                   double, int);
extern template Certificate<double> svd_certificate(MatrixView<const double>, MatrixView<const double>,
                                                    const std::vector<double>&, MatrixView<const double>, const double*,
                                                    double, int);

/// The same without u, which is found again from the product with vt (k, n_cols): residuals and error bounds of the
/// triplets that x, or x with its column means subtracted, has in the span of vt, and how far s is from theirs.
template <class T>
Certificate<T> svd_certificate(MatrixView<const T> x, const std::vector<T>& s, MatrixView<const T> vt, bool center,
                               double next_value, int num_threads = 0);

extern template Certificate<float> svd_certificate(MatrixView<const float>, const std::vector<float>&,
                                                   MatrixView<const float>, bool, double, int);
extern template Certificate<double> svd_certificate(MatrixView<const double>, const std::vector<double>&,
                                                    MatrixView<const double>, bool, double, int);

/// (q - mean) vt' : rows of q in latent space, (n_rows, n_components). `mean` may be null.
template <class T> Matrix<T> project(MatrixView<const T> q, MatrixView<const T> vt, const T* mean, int num_threads = 0);

extern template Matrix<float> project(MatrixView<const float>, MatrixView<const float>, const float*, int);
extern template Matrix<double> project(MatrixView<const double>, MatrixView<const double>, const double*, int);

/// The same for sparse rows.
template <class T, class I>
Matrix<T> project(CsrView<T, I> q, MatrixView<const T> vt, const T* mean, int num_threads = 0);
template <class T, class I>
Matrix<T> project(CscView<T, I> q, MatrixView<const T> vt, const T* mean, int num_threads = 0);

#define MATFACT_SPARSE_SVD(T, I)                                                                                       \
    extern template SvdResult<T> svd(CsrView<T, I>, const SvdOptions&, const Progress&);                               \
    extern template SvdResult<T> svd(CscView<T, I>, const SvdOptions&, const Progress&);                               \
    extern template Matrix<T> project(CsrView<T, I>, MatrixView<const T>, const T*, int);                              \
    extern template Matrix<T> project(CscView<T, I>, MatrixView<const T>, const T*, int);
MATFACT_SPARSE_SVD(float, std::int32_t)
MATFACT_SPARSE_SVD(float, std::int64_t)
MATFACT_SPARSE_SVD(double, std::int32_t)
MATFACT_SPARSE_SVD(double, std::int64_t)
#undef MATFACT_SPARSE_SVD

} // namespace matfact
