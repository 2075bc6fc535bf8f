#include "row_weights.hpp"

#include "parallel.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace matfact {

namespace {

std::vector<Index> present_rows(const RowWeights& weights)
{
    std::vector<Index> rows;
    rows.reserve(static_cast<std::size_t>(weights.n_present));
    for (std::size_t i = 0; i < weights.values.size(); ++i)
        if (weights.values[i] > 0.0)
            rows.push_back(static_cast<Index>(i));
    return rows;
}

/// sum of share_i (x_i - about) over the present rows, for shares that sum to 1, which keeps large entries in range.
template <class T>
std::vector<double> mean_deviation(MatrixView<const T> x, const std::vector<Index>& present, const RowWeights& weights,
                                   const std::vector<double>& about, int threads)
{
    constexpr Index most_lanes = 16;
    const auto n = static_cast<Index>(present.size());
    const Index lane_rows = block_count(n, most_lanes), n_lanes = block_count(n, lane_rows);
    Matrix<double> sums(n_lanes, x.n_cols);
    std::fill_n(sums.data(), sums.size(), 0.0);
    for_blocks(n, lane_rows, threads, [&](Index begin, Index end, Index lane) {
        for (Index p = begin; p < end; ++p) {
            const Index i = present[static_cast<std::size_t>(p)];
            const double share = weights.values[static_cast<std::size_t>(i)] / weights.total;
            for (Index j = 0; j < x.n_cols; ++j)
                sums(lane, j) += share * (static_cast<double>(x(i, j)) - about[static_cast<std::size_t>(j)]);
        }
    });
    std::vector<double> result(static_cast<std::size_t>(x.n_cols), 0.0);
    for (Index lane = 0; lane < n_lanes; ++lane)
        for (Index j = 0; j < x.n_cols; ++j)
            result[static_cast<std::size_t>(j)] += sums(lane, j);
    return result;
}

} // namespace

RowWeights row_weights(const double* weights, Index n_rows)
{
    RowWeights w;
    w.values.assign(static_cast<std::size_t>(n_rows), 1.0);
    if (weights)
        w.values.assign(weights, weights + n_rows);
    for (Index i = 0; i < n_rows; ++i) {
        const double weight = w.values[static_cast<std::size_t>(i)];
        if (!(weight >= 0.0) || !std::isfinite(weight))
            throw std::invalid_argument("sample_weight must be finite and not negative, got " + std::to_string(weight) +
                                        " for row " + std::to_string(i));
        w.roots.push_back(std::sqrt(weight));
        w.total += weight;
        w.n_present += weight > 0.0 ? 1 : 0;
    }
    if (!std::isfinite(w.total))
        throw std::invalid_argument("sample_weight has an infinite sum; scale it down");
    return w;
}

RowWeights positive_weights(const double* weights, Index n_rows)
{
    RowWeights w = row_weights(weights, n_rows);
    if (n_rows > 0 && w.n_present == 0)
        throw std::invalid_argument("sample_weight must have a positive entry, got zeros only");
    return w;
}

template <class T>
WeightedRows<T> weighted_rows(MatrixView<const T> x, const RowWeights& weights, bool center, int threads)
{
    const std::vector<Index> present = present_rows(weights);
    WeightedRows<T> result{Matrix<T>(weights.n_present, x.n_cols), {}};
    std::vector<double> shift(static_cast<std::size_t>(x.n_cols), 0.0);
    if (center) {
        // The second round takes away the rounding of the first, which is relative to the entries.
        for (int round = 0; round < 2; ++round) {
            const std::vector<double> step = mean_deviation(x, present, weights, shift, threads);
            for (std::size_t j = 0; j < shift.size(); ++j)
                shift[j] += step[j];
        }
        result.mean = shift;
    }
    for_blocks(weights.n_present, 64, threads, [&](Index begin, Index end, Index) {
        for (Index p = begin; p < end; ++p) {
            const Index i = present[static_cast<std::size_t>(p)];
            const double root = weights.roots[static_cast<std::size_t>(i)];
            for (Index j = 0; j < x.n_cols; ++j)
                result.rows(p, j) =
                    static_cast<T>(root * (static_cast<double>(x(i, j)) - shift[static_cast<std::size_t>(j)]));
        }
    });
    return result;
}

template <class T, class I>
WeightedCsr<T, I> weighted_csr(CsrView<T, I> stored, bool by_columns, const RowWeights& weights)
{
    std::vector<Index> place(weights.values.size(), -1); // of the present rows
    WeightedCsr<T, I> result;
    for (std::size_t i = 0; i < place.size(); ++i)
        if (weights.values[i] > 0.0) {
            place[i] = static_cast<Index>(result.roots.size());
            result.roots.push_back(weights.roots[i]);
        }
    const auto stored_entries = static_cast<std::size_t>(stored.indptr[stored.n_rows] - stored.indptr[0]);
    result.values.reserve(stored_entries);
    result.indices.reserve(stored_entries);
    result.indptr.reserve(static_cast<std::size_t>(by_columns ? stored.n_rows : weights.n_present) + 1);
    result.indptr.push_back(0);
    for (Index line = 0; line < stored.n_rows; ++line) {
        if (!by_columns && place[static_cast<std::size_t>(line)] < 0)
            continue;
        for (I p = stored.indptr[line]; p < stored.indptr[line + 1]; ++p) {
            const auto row = static_cast<std::size_t>(by_columns ? stored.indices[p] : line);
            if (place[row] < 0)
                continue;
            result.values.push_back(static_cast<T>(weights.roots[row] * static_cast<double>(stored.values[p])));
            result.indices.push_back(by_columns ? static_cast<I>(place[row]) : stored.indices[p]);
        }
        result.indptr.push_back(static_cast<I>(result.values.size()));
    }
    return result;
}

Matrix<double> spread_rows(const Matrix<double>& present, const RowWeights& weights)
{
    Matrix<double> result(static_cast<Index>(weights.values.size()), present.n_cols());
    Index next = 0;
    for (Index i = 0; i < result.n_rows(); ++i)
        if (weights.values[static_cast<std::size_t>(i)] > 0.0)
            std::copy_n(&present(next++, 0), present.n_cols(), &result(i, 0));
        else
            std::fill_n(&result(i, 0), present.n_cols(), 0.0);
    return result;
}

template WeightedRows<float> weighted_rows(MatrixView<const float>, const RowWeights&, bool, int);
template WeightedRows<double> weighted_rows(MatrixView<const double>, const RowWeights&, bool, int);

template WeightedCsr<float, std::int32_t> weighted_csr(CsrView<float, std::int32_t>, bool, const RowWeights&);
template WeightedCsr<float, std::int64_t> weighted_csr(CsrView<float, std::int64_t>, bool, const RowWeights&);
template WeightedCsr<double, std::int32_t> weighted_csr(CsrView<double, std::int32_t>, bool, const RowWeights&);
template WeightedCsr<double, std::int64_t> weighted_csr(CsrView<double, std::int64_t>, bool, const RowWeights&);

} // namespace matfact
