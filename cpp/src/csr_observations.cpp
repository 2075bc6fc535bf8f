#include "linalg/sparse_transpose.hpp"
#include "observations.hpp"
#include "parallel.hpp"
#include "row_least_squares.hpp"

#include <Eigen/Core>

#include <cmath>

namespace matfact {

namespace {

template <class T> using Row = Eigen::Map<Eigen::Array<T, 1, Eigen::Dynamic>>;
template <class T> using ConstRow = Eigen::Map<const Eigen::Array<T, 1, Eigen::Dynamic>>;

/// Sparse x: the stored entries are observed. Its columns are found through an index of entries built once.
template <class T, class I> class CsrObservations final : public Observations<T> {
public:
    CsrObservations(CsrView<T, I> x, Index k, int threads) : x_(x), threads_(threads)
    {
        this->n_rows = x.n_rows;
        this->n_cols = x.n_cols;
        this->n_components = k;
        this->stride = linalg::padded<T>(k);
        scan();
        index_columns();
        residual_.resize(static_cast<std::size_t>(this->n_observed));
        losses_.resize(static_cast<std::size_t>(block_count(x.n_rows, block_rows)));
    }

    double residual_pass(FactorPair<const T> at, FactorPair<T> products) override
    {
        const Index s = this->stride;
        for_blocks(x_.n_rows, block_rows, threads_, [&](Index begin, Index end, Index block) {
            double loss = 0.0;
            for (Index i = begin; i < end; ++i) {
                const ConstRow<T> w(at.w + i * s, s);
                if (products.w)
                    std::fill_n(products.w + i * s, s, T(0));
                for (auto p = static_cast<Index>(x_.indptr[i]); p < static_cast<Index>(x_.indptr[i + 1]); ++p) {
                    const ConstRow<T> h(at.h + static_cast<Index>(x_.indices[p]) * s, s);
                    const T e = (w * h).sum() - x_.values[p];
                    residual_[static_cast<std::size_t>(p)] = e;
                    loss += static_cast<double>(e) * static_cast<double>(e);
                    if (products.w)
                        Row<T>(products.w + i * s, s) += e * h;
                }
            }
            losses_[static_cast<std::size_t>(block)] = loss;
        });
        if (products.h)
            for_blocks(x_.n_cols, block_rows, threads_, [&](Index begin, Index end, Index) {
                for (Index j = begin; j < end; ++j) {
                    Row<T> sum(products.h + j * s, s);
                    sum.setZero();
                    for_each_in_column(j, [&](Index row, Index p) {
                        sum += residual_[static_cast<std::size_t>(p)] * ConstRow<T>(at.w + row * s, s);
                    });
                }
            });
        return ordered_sum(losses_);
    }

    void solve(FactorPair<T> factors, bool columns, double l2) override
    {
        const Index s = this->stride;
        std::vector<RowLeastSquares<T>> scratch(static_cast<std::size_t>(std::max(1, threads_)),
                                                RowLeastSquares<T>(this->n_components, s));
        for_each_task_on_worker(columns ? x_.n_cols : x_.n_rows, threads_, [&](Index i, Index worker) {
            auto& row = scratch[static_cast<std::size_t>(worker)];
            row.begin();
            if (columns)
                for_each_in_column(i, [&](Index other, Index p) { row.add(factors.w + other * s, x_.values[p]); });
            else
                for (auto p = static_cast<Index>(x_.indptr[i]); p < static_cast<Index>(x_.indptr[i + 1]); ++p)
                    row.add(factors.h + static_cast<Index>(x_.indices[p]) * s, x_.values[p]);
            row.finish(l2, (columns ? factors.h : factors.w) + i * s);
        });
    }

private:
    static constexpr Index block_rows = 64;

    void scan()
    {
        linalg::check_structure(x_, threads_);
        this->n_observed = linalg::stored_entries(x_);
        for (Index p = 0; p < this->n_observed; ++p) {
            if (std::isnan(x_.values[p]))
                throw std::invalid_argument("a sparse X holds NaN; leave missing entries out of its structure");
            this->largest = std::max(this->largest, std::abs(x_.values[p]));
            this->squared_norm += static_cast<double>(x_.values[p]) * static_cast<double>(x_.values[p]);
        }
    }

    void index_columns()
    {
        entries_.resize(static_cast<std::size_t>(this->n_observed));
        column_start_ = linalg::order_by_column(x_, threads_, [&](Index to, Index row, Index from) {
            entries_[static_cast<std::size_t>(to)] = {row, from};
        });
    }

    /// body(row, position) for the stored entries of column j, rows ascending.
    template <class Body> void for_each_in_column(Index j, const Body& body) const
    {
        const auto column = static_cast<std::size_t>(j);
        for (I q = column_start_[column]; q < column_start_[column + 1]; ++q)
            body(entries_[static_cast<std::size_t>(q)].row, entries_[static_cast<std::size_t>(q)].position);
    }

    struct Entry {
        Index row, position;
    };

    CsrView<T, I> x_;
    int threads_;
    std::vector<I> column_start_;
    std::vector<Entry> entries_;
    std::vector<T> residual_;
    std::vector<double> losses_;
};

} // namespace

template <class T, class I> std::unique_ptr<Observations<T>> observe(CsrView<T, I> x, Index n_components, int threads)
{
    return std::make_unique<CsrObservations<T, I>>(x, n_components, threads);
}

template std::unique_ptr<Observations<float>> observe(CsrView<float, std::int32_t>, Index, int);
template std::unique_ptr<Observations<float>> observe(CsrView<float, std::int64_t>, Index, int);
template std::unique_ptr<Observations<double>> observe(CsrView<double, std::int32_t>, Index, int);
template std::unique_ptr<Observations<double>> observe(CsrView<double, std::int64_t>, Index, int);

} // namespace matfact
