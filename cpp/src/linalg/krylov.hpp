/// Leading eigenpairs of a symmetric operator by thick-restart block Lanczos (Wu and Simon,
/// doi:10.1137/S0895479898334605; in blocks: Baglama, Calvetti, Reichel, doi:10.1137/S1064827501397949). Overlaps
/// of a block with the basis are estimated, and taken out before they matter.
#pragma once

#include "linalg/gram.hpp"
#include "matfact/matrix.hpp"
#include "matfact/status.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace matfact::linalg {

/// z = A q for the symmetric A (n, n), which the engine knows in no other way.
///
/// q and z are (n, b), row-major without gaps, aligned to 64 bytes; b varies from call to call, from 1 to n. z comes
/// uninitialized and must be overwritten; q must not be changed, nor kept. Calls come one after the other from the
/// thread that runs the engine, never from inside a parallel region. A must be the same linear map in every call, with
/// the same bits for the same q whatever the number of threads. An exception passes through the engine unchanged.
template <class T> using BlockOperator = std::function<void(MatrixView<const T> q, MatrixView<T> z)>;

/// Called after every pass with their number and the largest residual of a wanted pair at the last look, relative to
/// what is accepted; infinity before the first look. True asks to stop (Status::stopped) with the pairs at hand, once
/// there are as many as wanted.
using PassReport = std::function<bool(Index n_passes, double excess)>;

struct KrylovOptions {
    /// How many leading pairs are wanted, given the Ritz values in descending order, or 0 if these are too few to say;
    /// it is asked again and again while they grow to the eigenvalues from below. Below 0: give up.
    std::function<Index(const std::vector<double>& values)> count;
    /// The residual norm ||A v - value v|| that is accepted for a pair; `norm` is the largest magnitude of a Ritz
    /// value. What is below the rounding errors of T counts as that.
    std::function<double(double value, double norm)> accepted;
    Index block = 8;         ///< columns of a step
    Index max_passes = 1000; ///< calls of the operator, at most, without those that measure residuals
    bool give_up = false;    ///< once the pace shows that max_passes will not do
    Index probe_block = 8;   ///< fresh columns that join the block at the end: a probe for missed directions
    Index probe_passes = 6;  ///< with them, at least; 0 = no probe
    std::uint64_t seed = 0;
    int threads = 1;
    PassReport report; ///< may be empty
};

template <class T> struct KrylovResult {
    std::vector<double> values;    ///< (k,), descending
    Matrix<T> vectors;             ///< (n, k), orthonormal columns
    std::vector<double> residuals; ///< (k,), estimates of ||A v_i - value_i v_i|| from the recurrence
    double next_value = 0.0; ///< the eigenvalue that follows: a Ritz value and its residual; -inf if there is none, and
                             ///< inf if the passes ended before the probe had looked for it
    double norm = 0.0;       ///< the largest magnitude of a Ritz value: at most the spectral norm of A
    Index n_passes = 0;      ///< calls of the operator
    Index n_columns = 0;     ///< columns that it was applied to
    Status status = Status::converged;
    bool gave_up = false; ///< a direct solver is faster: `count` or `give_up` said so, and the pairs are not accurate
};

/// The eigenpairs of largest eigenvalue (not magnitude). The basis is kept in T; projections, small eigenproblems and
/// orthogonalization are float64. Memory: n * max(4 k, k + 128, k + 8 block, k + 4 widest block) numbers of T and some
/// blocks; blocks are wider in the last passes. Throws NumericalError where the operator returns NaN or infinity. For
/// T = float and double.
template <class T>
KrylovResult<T> krylov(Index n, const BlockOperator<T>& apply, const KrylovOptions& options,
                       const Checkpoint& checkpoint = {});

} // namespace matfact::linalg
