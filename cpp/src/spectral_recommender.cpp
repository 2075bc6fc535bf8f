#include "matfact/spectral_recommender.hpp"

#include "degrees.hpp"
#include "sweeps.hpp"

#include <cmath>
#include <limits>

namespace matfact {

namespace {

PureSvdOptions filter_options(const SpectralOptions& options)
{
    return {options.n_components, Normalize::degree, options.num_threads};
}

} // namespace

void SpectralOptions::validate(Index n_users, Index n_items) const
{
    filter_options(*this).validate(n_users, n_items);
    require(linear_weight >= 0.0 && linear_weight <= static_cast<double>(std::numeric_limits<float>::max()),
            "linear_weight must not be negative, nor exceed the range of float32");
}

template <class I>
SpectralFactors spectral_recommender(CsrView<float, I> x, CsrView<float, I> xt, const SpectralOptions& options,
                                     const Progress& progress)
{
    options.validate(x.n_rows, x.n_cols);
    check_transpose(x, xt);
    return {pure_svd(x, filter_options(options), progress), spectral_by_item(xt, options.num_threads)};
}

template <class I> std::vector<float> spectral_by_item(CsrView<float, I> xt, int num_threads)
{
    const int threads = resolve_threads(num_threads);
    linalg::check_structure(xt, threads);
    check_feedback(xt);
    return values_over_degrees(xt, degree_roots(xt), threads);
}

template <class I>
GraphTerm<I> spectral_graph(CsrView<float, I> history, CsrView<float, I> xt, const std::vector<float>& by_item,
                            double linear_weight)
{
    require(static_cast<Index>(by_item.size()) == linalg::stored_entries(xt), "by_item must be that of xt");
    xt.values = by_item.data();
    return {history, xt, static_cast<float>(linear_weight)};
}

MATFACT_SPECTRAL(, std::int32_t)
MATFACT_SPECTRAL(, std::int64_t)

} // namespace matfact
