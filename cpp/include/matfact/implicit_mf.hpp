/// Weighted regularized matrix factorization for implicit feedback (clicks, plays, purchases).
#pragma once

#include "matfact/matrix.hpp"
#include "matfact/progress.hpp"
#include "matfact/status.hpp"

#include <cstdint>
#include <vector>

namespace matfact {

enum class ImplicitSolver {
    als,   ///< each row's equations exactly
    cg,    ///< some steps of preconditioned conjugate gradients on them, from the row of the sweep before
    block, ///< a round of exact solutions for blocks of components, from the row of the sweep before; short rows
           ///< exactly
};

/// Options of implicit_mf(). The objective is
///   sum over all (u, i) of c_ui (p_ui - w_u . h_i)^2  +  sum_u l2_u ||w_u||^2  +  sum_i l2_i ||h_i||^2,
/// where p_ui = 1 and c_ui = unobserved_weight + alpha x_ui for stored entries, p_ui = 0 and c_ui = unobserved_weight
/// for all others, and l2_u = l2 (n_u + unobserved_weight n_items)^l2_scaling for a user of n_u entries; items alike.
struct ImplicitOptions {
    Index n_components = 64; ///< columns of both factors
    ImplicitSolver solver = ImplicitSolver::als;
    double alpha = 1.0; ///< positive
    double unobserved_weight = 1.0;
    double l2 = 0.01;
    double l2_scaling = 1.0;
    Index cg_steps = 3;    ///< of each row in each sweep, solver cg only
    Index block_size = 64; ///< components that are solved for together, solver block only
    Index max_iter = 15;
    double tol = 0.0; ///< relative decrease of the objective at which the iteration has converged; 0 = never
    std::uint64_t seed = 0;
    int num_threads = 0;             ///< 0 = the process default
    MatrixView<const float> start{}; ///< (n_users, n_components): W to start from; empty = random
    void validate() const;           ///< throws std::invalid_argument naming the field
};

/// The columns of both factors are so rotated that H'H is diagonal; the users' factors are the solutions for the
/// items'.
struct ImplicitFactors {
    Matrix<float> w;              ///< (n_users, n_components)
    Matrix<float> h;              ///< (n_items, n_components)
    std::vector<double> spectrum; ///< diagonal of H'H, descending
    std::vector<double> history;  ///< objective after each sweep
    Index n_iter = 0;
    Status status = Status::max_iter;
};

/// x (n_users, n_items) with positive finite values, and its transpose xt. `progress` is also called, with an
/// objective of NaN, between pieces of a sweep; what it returns does not count then. Where it
/// throws after a complete sweep, `last` gets what that has made.
template <class I>
ImplicitFactors implicit_mf(CsrView<float, I> x, CsrView<float, I> xt, const ImplicitOptions& options,
                            const Progress& progress = {}, ImplicitFactors* last = nullptr);

/// Rows of W for the histories x (n_rows, n_items) of users, given h and spectrum of a fit with the same options.
/// `progress` is called between pieces of the work; what it returns does not count.
template <class I>
Matrix<float> implicit_rows(CsrView<float, I> x, MatrixView<const float> h, const std::vector<double>& spectrum,
                            const ImplicitOptions& options, const Progress& progress = {});

#define MATFACT_IMPLICIT(EXTERN, I)                                                                                    \
    EXTERN template ImplicitFactors implicit_mf(CsrView<float, I>, CsrView<float, I>, const ImplicitOptions&,          \
                                                const Progress&, ImplicitFactors*);                                    \
    EXTERN template Matrix<float> implicit_rows(CsrView<float, I>, MatrixView<const float>,                            \
                                                const std::vector<double>&, const ImplicitOptions&, const Progress&);
MATFACT_IMPLICIT(extern, std::int32_t)
MATFACT_IMPLICIT(extern, std::int64_t)

} // namespace matfact
