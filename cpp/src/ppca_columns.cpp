#include "ppca_columns.hpp"

#include "linalg/orthonormalize.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <cmath>

namespace matfact {

using namespace linalg;

void LoadingsPrior::adapt(const PpcaState& state)
{
    const Index n = state.w.n_rows(), k = state.w.n_cols();
    variance.clear();
    for (Index c = 0; c < k; ++c) {
        variance.push_back(as_map(state.w).col(c).squaredNorm() / static_cast<double>(n));
        if (state.covariance.data())
            variance.back() += as_map(state.covariance).row(packed_index(c, c)).mean();
    }
    excess = 0.0;
    for (double& v : variance) {
        const double lifted = std::max(v, floor);
        excess += v / lifted - 1.0;
        v = lifted;
    }
}

double LoadingsPrior::divergence(Index n) const
{
    double sum = excess;
    for (const double v : variance)
        sum += std::log(v);
    return 0.5 * (static_cast<double>(n) * sum - log_determinants);
}

ColumnEvidence solve_columns(const PpcaMoments& moments, double n_observed, const PpcaScale& scale,
                             const LoadingsPrior* prior, PpcaState& state, int threads)
{
    const Index n = state.w.n_rows(), k = state.w.n_cols(), p = packed_size(k), p1 = packed_size(k + 1);
    const double noise = state.noise;
    const Index n_chunks = block_count(n, lanes);
    std::vector<double> errors(static_cast<std::size_t>(n_chunks), 0.0), determinants(errors);
    Matrix<double> support(prior ? n_chunks : 0, k);
    std::fill_n(support.data(), support.size(), 0.0);
    std::vector<std::vector<Lanes>> scratch(static_cast<std::size_t>(std::max(1, threads)),
                                            std::vector<Lanes>(static_cast<std::size_t>(p1 + k + 1)));
    for_each_task_on_worker(n_chunks, threads, [&](Index chunk, Index worker) {
        Lanes* const system = scratch[static_cast<std::size_t>(worker)].data();
        Lanes* const solution = system + p1;
        const Index begin = chunk * lanes, used = std::min(lanes, n - begin);
        // Lanes without a column solve the equations of the last one that has one.
        const auto column = [&](Index lane) { return begin + std::min(lane, used - 1); };
        for (Index lane = 0; lane < lanes; ++lane) {
            for (Index i = 0; i < p1; ++i)
                system[i][lane] = moments.second(i, column(lane));
            for (Index c = 0; c <= k; ++c)
                solution[c][lane] = moments.first(c, column(lane));
        }
        if (prior)
            for (Index c = 0; c < k; ++c)
                system[packed_index(c, c)] += noise / prior->variance[static_cast<std::size_t>(c)];
        factor_packed(k + 1, system);
        solve_packed(k + 1, system, solution);
        double& error = errors[static_cast<std::size_t>(chunk)];
        for (Index lane = 0; lane < used; ++lane) {
            const Index j = column(lane);
            for (Index c = 0; c <= k; ++c)
                error -= solution[c][lane] * moments.first(c, j);
            for (Index c = 0; c < k; ++c)
                state.w(j, c) = solution[c][lane];
            state.mean[static_cast<std::size_t>(j)] += solution[k][lane];
        }
        if (!prior)
            return;
        // The leading block of the factor is that of the equations of w alone.
        const Lanes log_determinant = log_determinant_packed(k, system);
        invert_packed(k, system);
        for (Index lane = 0; lane < used; ++lane) {
            determinants[static_cast<std::size_t>(chunk)] +=
                static_cast<double>(k) * std::log(noise) - log_determinant[lane];
            for (Index i = 0; i < p; ++i)
                state.covariance(i, column(lane)) = noise * system[i][lane];
            error += static_cast<double>(k) * noise;
            for (Index c = 0; c < k; ++c) {
                const double before = prior->variance[static_cast<std::size_t>(c)];
                const double after = noise * system[packed_index(c, c)][lane];
                const double square = solution[c][lane] * solution[c][lane];
                error -= noise / before * (square + after);
                // A normal density at zero, posterior over prior (Savage and Dickey).
                support(chunk, c) += square / after - std::log(before / after);
            }
        }
    });
    state.noise = std::max((moments.squares + ordered_sum(errors)) / n_observed, scale.floor());
    ColumnEvidence evidence{ordered_sum(determinants), std::vector<double>(static_cast<std::size_t>(k), 0.0)};
    for (Index chunk = 0; chunk < support.n_rows(); ++chunk)
        for (Index c = 0; c < k; ++c)
            evidence.of_axis[static_cast<std::size_t>(c)] += support(chunk, c);
    return evidence;
}

} // namespace matfact
