/// Principal component analysis of a matrix with missing entries, as a latent variable model.
#pragma once

#include "matfact/matrix.hpp"
#include "matfact/progress.hpp"
#include "matfact/status.hpp"

#include <vector>

namespace matfact {

/// Options of ppca().
struct PpcaOptions {
    Index n_components = 1; ///< latent dimensions, at most min(n_rows, n_cols) - 1
    bool variational =
        false;             ///< a posterior over the loadings and a prior variance for each axis, against over-fitting
    double tol = 1e-9;     ///< gain of the log-likelihood per observed entry and sweep at which it has converged
    Index max_iter = 1000; ///< sweeps over x
    int num_threads = 0;   ///< 0 = the process default
    void validate(Index n_rows, Index n_cols) const; ///< throws std::invalid_argument naming the field
};

/// x_i = mean + W z_i + noise with z_i ~ N(0, I) and noise ~ N(0, noise_variance I).
struct PpcaModel {
    Matrix<double> loadings;   ///< W (n_cols, n_components)
    std::vector<double> mean;  ///< (n_cols,)
    double noise_variance = 0; ///< divisor: the number of observed entries
    /// Posterior covariance of each row of W, lower triangle by rows: (n_cols, k (k + 1) / 2). Empty if W is a point
    /// estimate.
    Matrix<double> loadings_covariance;
};

/// The covariance of the model is components' diag(explained_variance - noise) components + noise I.
struct PpcaResult {
    PpcaModel model;           ///< W = components' sqrt(explained_variance - noise_variance)
    Matrix<double> components; ///< (n_components, n_cols) orthonormal; the largest entry of each is positive
    std::vector<double> explained_variance; ///< (n_components,) descending
    double log_likelihood = 0.0;            ///< of the observed entries; with `variational` its lower bound
    std::vector<double> history;            ///< log-likelihood after each sweep
    Index n_observed = 0;                   ///< entries
    Index n_observed_rows = 0;              ///< rows with at least one
    Index n_iter = 0;                       ///< sweeps; 0 where x is complete and the closed form served
    Status status = Status::converged;
};

/// Fits the model to the observed entries of x; NaN = missing. Throws std::invalid_argument if x holds infinity or a
/// column without observed entries, NumericalError if the variances of the model are out of the range of float64.
/// Where the entries of every column are equal, loadings, variances and noise are 0 and the likelihood is infinite.
template <class T> PpcaResult ppca(MatrixView<const T> x, const PpcaOptions& options, const Progress& progress = {});

/// What a model knows of rows of x.
struct PpcaRows {
    Matrix<double> latent;              ///< E[z_i | observed entries] (n_rows, n_components)
    std::vector<double> log_likelihood; ///< of the observed entries of each row; 0 where there are none
};

template <class T> PpcaRows ppca_rows(MatrixView<const T> x, const PpcaModel& model, int num_threads = 0);

extern template PpcaResult ppca(MatrixView<const float>, const PpcaOptions&, const Progress&);
extern template PpcaResult ppca(MatrixView<const double>, const PpcaOptions&, const Progress&);
extern template PpcaRows ppca_rows(MatrixView<const float>, const PpcaModel&, int);
extern template PpcaRows ppca_rows(MatrixView<const double>, const PpcaModel&, int);

} // namespace matfact
