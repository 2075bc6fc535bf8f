/// One function per method, each defined in the file of that name.
#pragma once

#include <pybind11/pybind11.h>

namespace matfact {

void bind_runtime(pybind11::module_& m);
void bind_lapack(pybind11::module_& m);
void bind_random(pybind11::module_& m);
void bind_gram(pybind11::module_& m);
void bind_eigh(pybind11::module_& m);
void bind_svd(pybind11::module_& m);
void bind_moments(pybind11::module_& m);
void bind_sketch(pybind11::module_& m);
void bind_sparse_svd(pybind11::module_& m);
void bind_linear_operator(pybind11::module_& m);
void bind_row_source(pybind11::module_& m);
void bind_factorize(pybind11::module_& m);
void bind_implicit_mf(pybind11::module_& m);
void bind_biased_mf(pybind11::module_& m);
void bind_bpr(pybind11::module_& m);
void bind_pure_svd(pybind11::module_& m);
void bind_spectral_recommender(pybind11::module_& m);
void bind_popularity(pybind11::module_& m);
void bind_baseline(pybind11::module_& m);
void bind_rating_queries(pybind11::module_& m);
void bind_pair_scores(pybind11::module_& m);
void bind_top_n(pybind11::module_& m);
void bind_list_metrics(pybind11::module_& m);
void bind_ppca(pybind11::module_& m);
void bind_complete(pybind11::module_& m);

} // namespace matfact
