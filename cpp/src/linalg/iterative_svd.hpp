/// Leading singular triplets of a tall matrix that is only multiplied: block Lanczos, or randomized subspace iteration.
#pragma once

#include "linalg/gram_svd.hpp"
#include "linalg/krylov.hpp"

namespace matfact::linalg {

/// A matrix A (n_rows, n_cols), n_rows >= n_cols, as the iterations see it; a wide one is given transposed.
template <class T> struct TallOperator {
    Index n_rows = 0, n_cols = 0;
    BlockOperator<T> gram;            ///< z = A'(A q) in the arithmetic of T
    BlockOperator<double> exact_gram; ///< the same in float64, where T is float; empty if there is no such product
    /// A v for v (n_cols, k), and A'u for u (n_rows, k), in float64: they decide the accuracy of the result.
    Product times, transposed_times;
};

struct IterativeOptions {
    Index n_components = 0;       ///< triplets; 0 = as many as variance_fraction takes
    double variance_fraction = 0; ///< of total_variance that the triplets must hold
    Index max_components = 0;     ///< that variance_fraction may take; 0 = no limit, and it may give up
    double total_variance = 0;    ///< squared Frobenius norm of A
    double tol = 0;               ///< largest residual relative to s_1; 0 = as small as the arithmetic allows
    Index max_passes = 0;         ///< products with A'A, at most
    Index block = 0;    ///< columns of a product of krylov_svd; 0 = 8, or 16 in float32. A caller who sets it pays for
                        ///< products rather than for columns: the probe, too, then takes few products
    bool want_u = true; ///< krylov_svd: false saves u, whose place is n_rows * k; s is then good to eps s_1^2 / s_i,
                        ///< and only the residuals of the squares are known
    std::uint64_t seed = 0;
    int threads = 1;
    PassReport report; ///< may be empty; of randomized_svd with an excess of infinity
};

struct IterativeSvd {
    TallSvd factors;                      ///< orthonormal u and v with A v = s u
    std::vector<double> residuals;        ///< measured: ||A'u_i - s_i v_i|| / s_1; empty without u
    std::vector<double> square_residuals; ///< without u: ||A'A v_i - s_i^2 v_i||, from the recurrence
    double next_value = 0; ///< upper estimate of the singular value that follows, NaN where there is none
    Index n_passes = 0;    ///< products with A'A
    Index n_columns = 0;   ///< columns in these products
    Status status = Status::converged;
    bool gave_up = false; ///< variance_fraction takes so many triplets that a direct solver is faster
};

/// The k leading triplets of A in the span of the orthonormal columns of v, with their residuals.
template <class T> IterativeSvd project_onto(const TallOperator<T>& a, const Matrix<double>& v, Index k, int threads);

/// ||A'u_i - s_i v_i|| / s_1 from the product A'u.
std::vector<double> triplet_residuals(const Matrix<double>& atu, const TallSvd& f, int threads);

/// Block Lanczos on A'A until the residuals are below tol.
template <class T>
IterativeSvd krylov_svd(const TallOperator<T>& a, const IterativeOptions& options, const Checkpoint& checkpoint);

/// max_passes - 1 power iterations from a random block of n_components + 10 columns, and a projection (Halko,
/// Martinsson and Tropp, doi:10.1137/090771806).
template <class T>
IterativeSvd randomized_svd(const TallOperator<T>& a, const IterativeOptions& options, const Checkpoint& checkpoint);

} // namespace matfact::linalg
