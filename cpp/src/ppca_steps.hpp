/// The steps of a fit of probabilistic PCA, in their order.
#pragma once

#include "matfact/ppca.hpp"
#include "ppca_columns.hpp"

namespace matfact {

/// Spectral start: the leading eigenvectors of the covariance that pairs of observed entries estimate. Entries are
/// divided by the observed share of their columns, which estimates all but the diagonal without bias; the diagonal
/// is corrected.
template <class T>
PpcaState ppca_start(PpcaPass<T>& pass, const ColumnFacts& facts, Index k, const PpcaScale& scale, int threads);

/// One sweep of parameter-expanded EM (Liu, Rubin, Wu, doi:10.1093/biomet/85.4.755): the latent rows may have any mean
/// and covariance; absorbing them into the mean and the loadings costs nothing and mends the slow directions of EM.
void ppca_sweep(const PpcaMoments& moments, Index n_rows, double n_observed, const PpcaScale& scale, PpcaState& state,
                int threads);

/// One variational sweep. The latent space is turned and scaled so that z has unit covariance and the axes of E[W'W]
/// are those of the prior: the best choice for the bound (Luttinen and Ilin, doi:10.1016/j.neucom.2009.11.018). True if
/// it has dropped an axis.
bool ppca_variational_sweep(const PpcaMoments& moments, Index n_rows, double n_observed, const PpcaScale& scale,
                            PpcaState& state, LoadingsPrior& prior, int threads);

/// The principal axes of W W', in order, and the model turned to them.
void ppca_axes(PpcaState state, PpcaResult& result, int threads);

/// Maximum likelihood of a complete x (Tipping and Bishop, doi:10.1111/1467-9868.00196): no steps at all.
template <class T>
void ppca_closed_form(MatrixView<const T> x, const PpcaOptions& options, const Progress& progress, PpcaResult& result);

} // namespace matfact
