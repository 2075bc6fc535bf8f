// Table of contents of matfact._core. The module's name holds its CPU level: _core_v3 and so on.
#include "bindings.hpp"

PYBIND11_MODULE(MATFACT_MODULE, m)
{
    matfact::bind_runtime(m);
    matfact::bind_lapack(m);
    matfact::bind_random(m);
    matfact::bind_gram(m);
    matfact::bind_eigh(m);
    matfact::bind_svd(m);
    matfact::bind_moments(m);
    matfact::bind_sketch(m);
    matfact::bind_sparse_svd(m);
    matfact::bind_linear_operator(m);
    matfact::bind_row_source(m);
    matfact::bind_factorize(m);
    matfact::bind_implicit_mf(m);
    matfact::bind_biased_mf(m);
    matfact::bind_bpr(m);
    matfact::bind_pure_svd(m);
    matfact::bind_spectral_recommender(m);
    matfact::bind_popularity(m);
    matfact::bind_baseline(m);
    matfact::bind_rating_queries(m);
    matfact::bind_pair_scores(m);
    matfact::bind_top_n(m);
    matfact::bind_list_metrics(m);
    matfact::bind_ppca(m);
    matfact::bind_complete(m);
}
