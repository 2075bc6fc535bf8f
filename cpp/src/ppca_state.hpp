/// The parameters of probabilistic PCA between two sweeps.
#pragma once

#include "linalg/normal_equations.hpp"
#include "matfact/matrix.hpp"

#include <vector>

namespace matfact {

struct PpcaState {
    Matrix<double> w;         ///< (n_cols, k)
    std::vector<double> mean; ///< (n_cols,)
    double noise = 0.0;
    Matrix<double> covariance; ///< of the rows of w, packed: (k (k + 1) / 2, n_cols); empty for a point estimate
};

/// What does not change from sweep to sweep.
struct PpcaScale {
    double variance; ///< mean over the columns, of the observed entries
    /// Least noise variance: the likelihood of data without noise is unbounded.
    double floor() const { return least_noise * variance; }
    static constexpr double least_noise = 1e-10;
};

Matrix<double> copy_of(const Matrix<double>& a);

/// Replaces every covariance, a column of packed triangles, by r' covariance r.
void rotate_covariances(Matrix<double>& covariance, const linalg::SmallMatrix& r, int threads);

} // namespace matfact
