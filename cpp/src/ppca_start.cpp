#include "linalg/orthonormalize.hpp"
#include "linalg/symmetric_eigen.hpp"
#include "matfact/random.hpp"
#include "ppca_steps.hpp"

#include <algorithm>
#include <cmath>

namespace matfact {

using namespace linalg;

template <class T>
PpcaState ppca_start(PpcaPass<T>& pass, const ColumnFacts& facts, Index k, const PpcaScale& scale, int threads)
{
    constexpr int rounds = 6;
    const auto n = static_cast<Index>(facts.mean.size());
    const auto rows = static_cast<double>(pass.n_rows());
    Matrix<double> v(n, k);
    for (Index i = 0; i < v.size(); ++i)
        v.data()[i] = random_normal(0, 0, static_cast<std::uint64_t>(i));
    orthonormalize(v, threads);
    const auto covariance_times = [&](const Matrix<double>& q) {
        Matrix<double> scaled = copy_of(q);
        for (Index j = 0; j < n; ++j)
            as_map(scaled).row(j) *= rows / facts.count[static_cast<std::size_t>(j)];
        Matrix<double> product = pass.gram_product(facts.mean, scaled);
        for (Index j = 0; j < n; ++j) {
            const auto column = static_cast<std::size_t>(j);
            const double inflation = rows / facts.count[column];
            const double excess = facts.squares[column] * inflation * (inflation - 1.0);
            as_map(product).row(j) =
                (inflation * as_map(product).row(j) - excess * as_map(q).row(j)) / (rows * scale.variance);
        }
        return product;
    };
    for (int round = 0; round < rounds; ++round) {
        v = covariance_times(v);
        orthonormalize(v, threads);
    }
    Matrix<double> image = covariance_times(v), small(k, k);
    as_map(small).noalias() = as_map(v).transpose() * as_map(image);
    as_map(small) = (0.5 * (as_map(small) + as_map(small).transpose())).eval();
    std::vector<double> values; // ascending
    symmetric_eigen<double>(small.view(), values, 1);
    double left = scale.variance * static_cast<double>(n);
    for (double& value : values) {
        value *= scale.variance; // squared products of other units could overflow
        left -= value;
    }

    PpcaState state;
    state.mean = facts.mean;
    state.noise = std::max(left / static_cast<double>(n - k), 1e-3 * scale.variance);
    state.w = Matrix<double>(n, k);
    as_map(state.w).noalias() = as_map(v) * as_map(small).transpose();
    for (Index c = 0; c < k; ++c)
        as_map(state.w).col(c) *=
            std::sqrt(std::max(values[static_cast<std::size_t>(c)] - state.noise, 1e-3 * state.noise));
    return state;
}

template PpcaState ppca_start(PpcaPass<float>&, const ColumnFacts&, Index, const PpcaScale&, int);
template PpcaState ppca_start(PpcaPass<double>&, const ColumnFacts&, Index, const PpcaScale&, int);

} // namespace matfact
