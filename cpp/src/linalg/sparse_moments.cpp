#include "linalg/sparse_moments.hpp"

#include "parallel.hpp"

#include <algorithm>
#include <utility>

namespace matfact::linalg {

namespace {

constexpr Index most_lanes = 16;

template <class T, class I> bool is_sorted(CsrView<T, I> x, Index row)
{
    for (auto p = static_cast<Index>(x.indptr[row]) + 1; p < static_cast<Index>(x.indptr[row + 1]); ++p)
        if (x.indices[p - 1] >= x.indices[p])
            return false;
    return true;
}

/// Goes over the distinct entries of rows: those that share a column are added up.
template <class T, class I> class DistinctEntries {
public:
    DistinctEntries(CsrView<T, I> x, int threads) : x_(x)
    {
        Index longest = 0;
        for (Index i = 0; i < x.n_rows; ++i)
            longest = std::max(longest, static_cast<Index>(x.indptr[i + 1]) - static_cast<Index>(x.indptr[i]));
        scratch_.resize(static_cast<std::size_t>(std::max(1, threads)));
        for (auto& entries : scratch_)
            entries.reserve(static_cast<std::size_t>(longest));
    }

    /// body(column, value), value in float64.
    template <class Body> void for_row(Index row, Index worker, const Body& body)
    {
        const auto begin = static_cast<Index>(x_.indptr[row]), end = static_cast<Index>(x_.indptr[row + 1]);
        if (is_sorted(x_, row)) {
            for (Index p = begin; p < end; ++p)
                body(static_cast<Index>(x_.indices[p]), static_cast<double>(x_.values[p]));
            return;
        }
        auto& entries = scratch_[static_cast<std::size_t>(worker)];
        entries.clear();
        for (Index p = begin; p < end; ++p)
            entries.emplace_back(x_.indices[p], static_cast<double>(x_.values[p]));
        std::sort(entries.begin(), entries.end());
        for (std::size_t e = 0; e < entries.size();) {
            const I column = entries[e].first;
            double value = 0.0;
            for (; e < entries.size() && entries[e].first == column; ++e)
                value += entries[e].second;
            body(static_cast<Index>(column), value);
        }
    }

private:
    CsrView<T, I> x_;
    std::vector<std::vector<std::pair<I, double>>> scratch_;
};

/// body(lane, row, worker) for all rows, those of a lane in order.
template <class Body> void for_rows_in_lanes(const std::vector<Index>& lanes, int threads, const Body& body)
{
    for_each_task_on_worker(static_cast<Index>(lanes.size()) - 1, threads, [&](Index lane, Index worker) {
        const auto bound = lanes.begin() + lane;
        for (Index row = bound[0]; row < bound[1]; ++row)
            body(lane, row, worker);
    });
}

/// Means of scale * X become means of X.
void unscale(std::vector<double>& mean, double scale)
{
    for (double& m : mean)
        m /= scale;
}

/// The column sums of a, which has one row for each lane.
template <class N> std::vector<double> added_rows(const Matrix<N>& a)
{
    std::vector<double> sum(static_cast<std::size_t>(a.n_cols()), 0.0);
    for (Index lane = 0; lane < a.n_rows(); ++lane)
        for (Index j = 0; j < a.n_cols(); ++j)
            sum[static_cast<std::size_t>(j)] += static_cast<double>(a(lane, j));
    return sum;
}

double root_of(const std::vector<double>& roots, Index row)
{
    return roots.empty() ? 1.0 : roots[static_cast<std::size_t>(row)];
}

double total_weight(const std::vector<double>& roots, Index n_rows)
{
    if (roots.empty())
        return static_cast<double>(n_rows);
    double total = 0.0;
    for (const double root : roots)
        total += root * root;
    return total;
}

} // namespace

template <class T, class I>
ColumnMoments column_moments(CsrView<T, I> x, bool center, double scale, int threads, const std::vector<double>& roots)
{
    const Index affordable = stored_entries(x) / (8 * (x.n_cols + 1));
    const std::vector<Index> lanes = cut_lanes(x, std::max<Index>(1, std::min(most_lanes, affordable)));
    const auto n_lanes = static_cast<Index>(lanes.size()) - 1;
    const double n = total_weight(roots, x.n_rows);
    ColumnMoments result;
    Matrix<double> counts(n_lanes, center ? x.n_cols : 0); // weights of the rows that store an entry
    if (center) {
        Matrix<double> sums(n_lanes, x.n_cols);
        std::fill_n(sums.data(), sums.size(), 0.0);
        std::fill_n(counts.data(), counts.size(), 0.0);
        for_rows_in_lanes(lanes, threads, [&](Index lane, Index row, Index) {
            for (I p = x.indptr[row]; p < x.indptr[row + 1]; ++p)
                sums(lane, static_cast<Index>(x.indices[p])) +=
                    scale * static_cast<double>(x.values[p]) * root_of(roots, row);
        });
        result.mean = added_rows(sums);
        for (double& m : result.mean)
            m /= n;
    }
    DistinctEntries<T, I> entries(x, threads);
    std::vector<double> lane_squares(static_cast<std::size_t>(n_lanes), 0.0);
    for_rows_in_lanes(lanes, threads, [&](Index lane, Index row, Index worker) {
        double sum = 0.0;
        const double root = root_of(roots, row);
        entries.for_row(row, worker, [&](Index column, double value) {
            const double mean = center ? result.mean[static_cast<std::size_t>(column)] : 0.0;
            const double deviation = scale * value - root * mean;
            sum += deviation * deviation;
            if (center)
                counts(lane, column) += root * root;
        });
        lane_squares[static_cast<std::size_t>(lane)] += sum;
    });
    result.squares = ordered_sum(lane_squares);
    const std::vector<double> stored = added_rows(counts);
    for (std::size_t j = 0; j < result.mean.size(); ++j)
        result.squares += std::max(0.0, n - stored[j]) * result.mean[j] * result.mean[j];
    unscale(result.mean, scale);
    return result;
}

template <class T, class I>
ColumnMoments row_moments(CsrView<T, I> x, bool center, double scale, int threads, const std::vector<double>& roots)
{
    const std::vector<Index> lanes = cut_lanes(x, most_lanes);
    const double n = total_weight(roots, x.n_cols);
    ColumnMoments result;
    result.mean.assign(static_cast<std::size_t>(center ? x.n_rows : 0), 0.0);
    DistinctEntries<T, I> entries(x, threads);
    std::vector<double> lane_squares(lanes.size() - 1, 0.0);
    for_rows_in_lanes(lanes, threads, [&](Index lane, Index row, Index worker) {
        double mean = 0.0, sum = 0.0, missing = n;
        if (center) {
            for (I p = x.indptr[row]; p < x.indptr[row + 1]; ++p)
                mean += scale * static_cast<double>(x.values[p]) * root_of(roots, static_cast<Index>(x.indices[p]));
            mean /= n;
            result.mean[static_cast<std::size_t>(row)] = mean;
        }
        entries.for_row(row, worker, [&](Index column, double value) {
            const double root = root_of(roots, column), deviation = scale * value - root * mean;
            sum += deviation * deviation;
            missing -= root * root;
        });
        lane_squares[static_cast<std::size_t>(lane)] += sum + std::max(0.0, missing) * mean * mean;
    });
    result.squares = ordered_sum(lane_squares);
    unscale(result.mean, scale);
    return result;
}

#define MATFACT_SPARSE_MOMENTS(T, I)                                                                                   \
    template ColumnMoments column_moments(CsrView<T, I>, bool, double, int, const std::vector<double>&);               \
    template ColumnMoments row_moments(CsrView<T, I>, bool, double, int, const std::vector<double>&);
MATFACT_SPARSE_MOMENTS(float, std::int32_t)
MATFACT_SPARSE_MOMENTS(float, std::int64_t)
MATFACT_SPARSE_MOMENTS(double, std::int32_t)
MATFACT_SPARSE_MOMENTS(double, std::int64_t)

} // namespace matfact::linalg
