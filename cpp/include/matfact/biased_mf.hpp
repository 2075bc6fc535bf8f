/// Ratings by global mean, biases of users and items, and factors.
#pragma once

#include "matfact/matrix.hpp"
#include "matfact/progress.hpp"
#include "matfact/status.hpp"

#include <cstdint>
#include <vector>

namespace matfact {

enum class L2Scaling {
    none,  ///< the same penalty for every row
    count, ///< times the number of the row's entries
};

enum class BiasedSolver {
    als,  ///< each row's equations exactly, the items' and the users' in turn
    cg,   ///< some steps of preconditioned conjugate gradients on them, from the row of the sweep before
    sgd,  ///< steps along the gradients of a few ratings of a user, with rates of the rows
    adam, ///< steps of Adam along the gradients of blocks of ratings
};

/// Options of biased_mf(). The objective is
///   sum over stored (u, i) of (x_ui - mean - b_u - b_i - w_u . h_i)^2
///     +  sum_u l2_u (||w_u||^2 + b_u^2)  +  sum_i l2_i (||h_i||^2 + b_i^2),
/// where mean is that of the stored values and l2_u is l2, or l2 n_u for a user of n_u entries.
struct BiasedOptions {
    Index n_components = 64; ///< columns of both factors
    double l2 = 0.05;
    L2Scaling l2_scaling = L2Scaling::count;
    bool biases = true; ///< false: b_u = b_i = 0
    BiasedSolver solver = BiasedSolver::als;
    Index cg_steps = 1;         ///< of each row in each sweep, solver cg only
    double learning_rate = 0.0; ///< of sgd and adam, in standard deviations of the ratings; 0 = 0.05 and 0.02
    Index max_iter = 15;
    double tol = 0.0; ///< relative decrease of the objective at which the iteration has converged; 0 = never
    std::uint64_t seed = 0;
    int num_threads = 0;             ///< 0 = the process default
    MatrixView<const float> start{}; ///< of als and cg, (n_users, n_components [+ 1]): w at first; empty = random
    void validate() const;           ///< throws std::invalid_argument naming the field
};

/// With biases, the last column of each factor is the bias.
struct BiasedFactors {
    double mean = 0.0;
    Matrix<float> w;             ///< (n_users, n_components [+ 1]); with als the solutions for h, with cg nearly
    Matrix<float> h;             ///< (n_items, n_components [+ 1])
    std::vector<double> history; ///< objective after each sweep
    Index n_iter = 0;
    Status status = Status::max_iter;
};

/// x (n_users, n_items) with finite values, no pair twice, and its transpose xt. Throws NumericalError where steps are
/// too long or factors overflow. `progress` is also called, with an objective of NaN, between pieces of a sweep; what
/// it returns does not count then. Where it throws after a complete sweep, `last` gets what that has made; where steps
/// are too long it need not.
template <class I>
BiasedFactors biased_mf(CsrView<float, I> x, CsrView<float, I> xt, const BiasedOptions& options,
                        const Progress& progress = {}, BiasedFactors* last = nullptr);

/// Rows of w for the ratings x (n_rows, n_items) of users, given mean and h of a fit with the same options.
/// `progress` is called between pieces of the work; what it returns does not count.
template <class I>
Matrix<float> biased_rows(CsrView<float, I> x, MatrixView<const float> h, double mean, const BiasedOptions& options,
                          const Progress& progress = {});

#define MATFACT_BIASED(EXTERN, I)                                                                                      \
    EXTERN template BiasedFactors biased_mf(CsrView<float, I>, CsrView<float, I>, const BiasedOptions&,                \
                                            const Progress&, BiasedFactors*);                                          \
    EXTERN template Matrix<float> biased_rows(CsrView<float, I>, MatrixView<const float>, double,                      \
                                              const BiasedOptions&, const Progress&);
MATFACT_BIASED(extern, std::int32_t)
MATFACT_BIASED(extern, std::int64_t)

} // namespace matfact
