/// Recommendations from a truncated singular value decomposition, with absent entries as zeros.
#pragma once

#include "matfact/matrix.hpp"
#include "matfact/progress.hpp"
#include "matfact/status.hpp"

#include <cstdint>
#include <vector>

namespace matfact {

enum class Normalize {
    none,
    degree, ///< divide entries by the square roots of the sums of their rows and columns
};

/// Options of pure_svd(). With V for the leading right singular vectors of X, a user with the row x scores items by
/// x V V'; by degree, V is of D_U^-1/2 X D_I^-1/2, with the sums of rows and columns on the diagonals, and the scores
/// are x D_I^-1/2 V V' D_I^1/2.
struct PureSvdOptions {
    Index n_components = 50; ///< between 1 and the smaller side of x
    Normalize normalize = Normalize::none;
    int num_threads = 0;                               ///< 0 = the process default
    void validate(Index n_users, Index n_items) const; ///< throws std::invalid_argument naming the field
};

struct PureSvdFactors {
    Matrix<float> w;              ///< (n_users, n_components): X V or X D_I^-1/2 V
    Matrix<float> h;              ///< (n_items, n_components): V or D_I^1/2 V
    std::vector<float> s;         ///< (n_components,) singular values of what is decomposed, descending
    std::vector<float> residuals; ///< (n_components,) of the triplets, as in SvdResult
    std::vector<double> scale;    ///< (n_items,) the diagonal of D_I^1/2, 1 without an entry; empty without normalize
    Status status = Status::converged; ///< as of svd()
};

/// x (n_users, n_items) with finite values, by degree positive ones. `progress` is told what svd() tells.
template <class I>
PureSvdFactors pure_svd(CsrView<float, I> x, const PureSvdOptions& options = {}, const Progress& progress = {});

/// Rows of w for the histories x (n_rows, n_items) of users, finite, given h and scale of a fit: nobody is solved for.
template <class I>
Matrix<float> pure_svd_rows(CsrView<float, I> x, MatrixView<const float> h, const std::vector<double>& scale,
                            int num_threads = 0);

#define MATFACT_PURE_SVD(EXTERN, I)                                                                                    \
    EXTERN template PureSvdFactors pure_svd(CsrView<float, I>, const PureSvdOptions&, const Progress&);                \
    EXTERN template Matrix<float> pure_svd_rows(CsrView<float, I>, MatrixView<const float>,                            \
                                                const std::vector<double>&, int);
MATFACT_PURE_SVD(extern, std::int32_t)
MATFACT_PURE_SVD(extern, std::int64_t)

} // namespace matfact
