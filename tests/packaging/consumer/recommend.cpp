// Twelve users and eight items, half of them met: every model is fitted, predicts pairs and finds lists.
#include "recommend.hpp"

#include <matfact/matfact.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace {

using Csr = matfact::CsrView<float, std::int32_t>;
using View = matfact::MatrixView<const float>;

struct Ratings {
    std::vector<float> values;
    std::vector<std::int32_t> indices, indptr{0};
    matfact::Index n_rows = 0, n_cols = 0;

    Ratings(int rows, int cols, bool transposed) : n_rows(rows), n_cols(cols)
    {
        for (int i = 0; i < rows; ++i) {
            for (int j = 0; j < cols; ++j) {
                const int user = transposed ? j : i, item = transposed ? i : j;
                if ((user * user + 3 * item) % 5 < 3) {
                    indices.push_back(j);
                    values.push_back(static_cast<float>(1 + (user + 2 * item) % 5));
                }
            }
            indptr.push_back(static_cast<std::int32_t>(indices.size()));
        }
    }
    Csr view() const { return {values.data(), indices.data(), indptr.data(), n_rows, n_cols}; }
};

/// |score in the list - score of the pair|, over the best item of each user.
double disagreement(View queries, View items, Csr seen)
{
    const auto lists = matfact::top_n(queries, items, seen, nullptr, 1);
    double worst = 0.0;
    int compared = 0;
    for (matfact::Index u = 0; u < queries.n_rows; ++u)
        if (lists.items(u, 0) >= 0) {
            ++compared;
            const double score = matfact::pair_scores(queries, items, {u}, {lists.items(u, 0)})[0];
            worst = std::max(worst, std::abs(score - static_cast<double>(lists.scores(u, 0))));
        }
    return compared > 0 ? worst : 1.0;
}

} // namespace

double disagreement_of_lists()
{
    const Ratings by_user(12, 8, false), by_item(8, 12, true);
    const Csr x = by_user.view(), xt = by_item.view();
    double worst = 0.0;
    const auto check = [&](View queries, View items) { worst = std::max(worst, disagreement(queries, items, x)); };
    const auto check_ratings = [&](const auto& f, matfact::Index n_draws) {
        check(matfact::rating_queries(f.w.view(), f.mean, true, n_draws).queries.view(), f.h.view());
    };

    matfact::BiasedOptions biased;
    biased.n_components = 2;
    check_ratings(matfact::biased_mf(x, xt, biased), 1);
    matfact::GibbsOptions gibbs;
    gibbs.n_components = 2;
    gibbs.burn_in = 1;
    gibbs.n_samples = 3;
    check_ratings(matfact::biased_gibbs(x, xt, gibbs), 3);
    check_ratings(matfact::baseline(x, xt, {}), 1);

    matfact::ImplicitOptions implicit;
    implicit.n_components = 2;
    const auto weighted = matfact::implicit_mf(x, xt, implicit);
    check(weighted.w.view(), weighted.h.view());
    matfact::BprOptions pairs;
    pairs.n_components = 2;
    const auto ranked = matfact::bpr(x, pairs);
    check(ranked.w.view(), ranked.h.view());

    const auto projected = matfact::pure_svd(x, {2});
    check(projected.w.view(), projected.h.view());
    const auto shares = matfact::popularity(x);
    const std::vector<float> everybody(12, 1.0f);
    check({everybody.data(), 12, 1, 1, 1}, shares.view());

    const matfact::SpectralOptions filter{2};
    const auto spectral = matfact::spectral_recommender(x, xt, filter);
    const auto graph = matfact::spectral_graph(x, xt, spectral.by_item, filter.linear_weight);
    const View w = spectral.filter.w.view(), h = spectral.filter.h.view();
    const auto lists = matfact::top_n(w, h, x, nullptr, 1, 0, {}, &graph);
    const auto scores = matfact::all_scores(w, h, 0, {}, &graph);
    for (matfact::Index u = 0; u < 12; ++u)
        if (lists.items(u, 0) >= 0)
            worst = std::max(worst, static_cast<double>(std::abs(lists.scores(u, 0) - scores(u, lists.items(u, 0)))));
    return worst;
}
