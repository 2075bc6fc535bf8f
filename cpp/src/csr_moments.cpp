#include "checkpoint.hpp"
#include "moments_batch.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

namespace matfact {

namespace {

/// Stored entries of each column, and which columns hold exactly one in every row that is present.
struct Columns {
    std::vector<Index> n_stored; ///< (n_cols,)
    std::vector<char> is_full;   ///< (n_cols,)
    std::vector<double> mean;    ///< (n_cols,)
    double n_products = 0.0;     ///< multiplications of X'X entry by entry
};

template <class T, class I> void require_valid(CsrView<T, I> x)
{
    if (x.indptr[0] < 0)
        throw std::invalid_argument("indptr of a sparse X must not be negative");
    for (Index i = 0; i < x.n_rows; ++i)
        if (x.indptr[i + 1] < x.indptr[i])
            throw std::invalid_argument("indptr of a sparse X must not decrease");
    for (auto p = static_cast<Index>(x.indptr[0]); p < static_cast<Index>(x.indptr[x.n_rows]); ++p)
        if (x.indices[p] < 0 || static_cast<Index>(x.indices[p]) >= x.n_cols)
            throw std::invalid_argument("a sparse X holds the column index " + std::to_string(x.indices[p]) +
                                        ", outside of its " + std::to_string(x.n_cols) + " columns");
}

/// body(i, begin, end) for the rows of positive weight and their ranges of entries.
template <class T, class I, class Body>
void for_each_present_row(CsrView<T, I> x, const RowWeights& w, const Body& body)
{
    for (Index i = 0; i < x.n_rows; ++i)
        if (w.values[static_cast<std::size_t>(i)] > 0.0)
            body(i, static_cast<Index>(x.indptr[i]), static_cast<Index>(x.indptr[i + 1]));
}

template <class T, class I> Columns scan_columns(CsrView<T, I> x, const RowWeights& w)
{
    const auto d = static_cast<std::size_t>(x.n_cols);
    Columns columns{std::vector<Index>(d, 0), std::vector<char>(d, 1), std::vector<double>(d, 0.0)};
    std::vector<Index> last_row(d, -1);
    for_each_present_row(x, w, [&](Index i, Index begin, Index end) {
        const auto length = static_cast<double>(end - begin);
        const double share = w.values[static_cast<std::size_t>(i)] / w.total;
        columns.n_products += length * length;
        for (Index p = begin; p < end; ++p) {
            const auto j = static_cast<std::size_t>(x.indices[p]);
            columns.mean[j] += share * static_cast<double>(x.values[p]);
            ++columns.n_stored[j];
            if (last_row[j] == i)
                columns.is_full[j] = 0;
            last_row[j] = i;
        }
    });
    for (std::size_t j = 0; j < d; ++j)
        if (columns.n_stored[j] != w.n_present)
            columns.is_full[j] = 0;
    return columns;
}

/// Centered rows, a block of them dense at a time.
template <class T, class I>
Matrix<double> scatter_by_blocks(CsrView<T, I> x, const RowWeights& w, const Columns& columns, int threads,
                                 const linalg::Checkpoint& checkpoint)
{
    return scatter_of(x.n_rows, x.n_cols, threads, checkpoint, [&](Index i, double* row) {
        const double root = w.roots[static_cast<std::size_t>(i)];
        std::fill_n(row, x.n_cols, 0.0);
        if (root == 0.0)
            return;
        for (auto p = static_cast<Index>(x.indptr[i]); p < static_cast<Index>(x.indptr[i + 1]); ++p)
            row[x.indices[p]] += static_cast<double>(x.values[p]);
        for (Index j = 0; j < x.n_cols; ++j)
            row[j] = root * (row[j] - columns.mean[static_cast<std::size_t>(j)]);
    });
}

/// Row j of X'X is the sum of the rows of X that hold column j, which needs the entries by columns too.
///
/// Subtracting n mean'mean from X'X cancels where a mean is large against its deviation. A column with a zero cannot do
/// that badly: with a share p < 1 of entries its variance is at least (1 - p) of its mean square. A full column
/// could, but it is centered entry by entry without becoming less sparse; its mean is refined on the way.
template <class T, class I>
Matrix<double> scatter_by_entries(CsrView<T, I> x, const RowWeights& w, Columns& columns, int threads,
                                  const linalg::Checkpoint& checkpoint)
{
    struct Entry {
        Index row;
        double value;
    };
    const Index d = x.n_cols, first = static_cast<Index>(x.indptr[0]);
    std::vector<double> pilot(columns.mean.size(), 0.0);
    for (std::size_t j = 0; j < pilot.size(); ++j)
        pilot[j] = columns.is_full[j] ? columns.mean[j] : 0.0;
    std::fill(columns.mean.begin(), columns.mean.end(), 0.0); // summed below: what the pilot leaves of it
    std::vector<Index> start(static_cast<std::size_t>(d) + 1, 0);
    for (std::size_t j = 0; j < columns.n_stored.size(); ++j)
        start[j + 1] = start[j] + columns.n_stored[j];
    std::vector<Index> next(start.begin(), start.end() - 1);
    std::vector<Entry> entries(static_cast<std::size_t>(start.back()));
    std::vector<double> values(static_cast<std::size_t>(static_cast<Index>(x.indptr[x.n_rows]) - first), 0.0);
    for_each_present_row(x, w, [&](Index i, Index begin, Index end) {
        const double root = w.roots[static_cast<std::size_t>(i)];
        for (Index p = begin; p < end; ++p) {
            const auto j = static_cast<std::size_t>(x.indices[p]);
            const double value = root * (static_cast<double>(x.values[p]) - pilot[j]);
            values[static_cast<std::size_t>(p - first)] = value;
            columns.mean[j] += root / w.total * value;
            entries[static_cast<std::size_t>(next[j]++)] = {i, value};
        }
    });
    std::vector<double> shift(columns.mean.size());
    for (std::size_t j = 0; j < shift.size(); ++j) {
        shift[j] = std::sqrt(w.total) * columns.mean[j];
        columns.mean[j] += pilot[j];
    }

    constexpr Index block = 8, blocks_between_checks = 64;
    Matrix<double> scatter(d, d);
    for (Index begin = 0; begin < d; begin += block * blocks_between_checks) {
        const Index count = std::min(d - begin, block * blocks_between_checks);
        for_blocks(count, block, threads, [&](Index first_col, Index last_col, Index) {
            for (Index j = begin + first_col; j < begin + last_col; ++j) {
                double* const out = scatter.data() + j * d;
                const double own_shift = shift[static_cast<std::size_t>(j)];
                for (Index l = 0; l < d; ++l)
                    out[l] = -own_shift * shift[static_cast<std::size_t>(l)];
                for (Index e = start[static_cast<std::size_t>(j)]; e < start[static_cast<std::size_t>(j) + 1]; ++e) {
                    const Entry entry = entries[static_cast<std::size_t>(e)];
                    const auto end = static_cast<Index>(x.indptr[entry.row + 1]);
                    for (auto p = static_cast<Index>(x.indptr[entry.row]); p < end; ++p)
                        out[x.indices[p]] += entry.value * values[static_cast<std::size_t>(p - first)];
                }
                out[j] = out[j] < 0.0 ? 0.0 : out[j]; // a NaN stays
            }
        });
        if (checkpoint)
            checkpoint();
    }
    return scatter;
}

template <class T, class I> bool rows_are_finite(CsrView<T, I> x, const RowWeights& w)
{
    bool finite = true;
    for_each_present_row(x, w, [&](Index, Index begin, Index end) {
        for (Index p = begin; p < end; ++p)
            finite = finite && std::isfinite(x.values[p]);
    });
    return finite;
}

} // namespace

template <class T, class I>
Moments moments(CsrView<T, I> x, const double* weights, int num_threads, const Progress& progress)
{
    require_rows(x.n_rows, x.n_cols);
    require_valid(x);
    const int threads = resolve_threads(num_threads);
    const linalg::Checkpoint checkpoint = checkpoint_of(progress);
    const RowWeights w = row_weights(weights, x.n_rows);
    Moments m = empty_moments(x.n_cols);
    if (w.n_present == 0)
        return m;
    Columns columns = scan_columns(x, w);
    m.n_samples = w.total;
    m.mean = columns.mean; // NaN shows here before the work begins
    if (!is_finite(m))
        throw_not_finite(rows_are_finite(x, w));
    // Measured: a product of two stored entries takes as long as 30 of a dense block.
    constexpr double cost_of_product = 30.0;
    const double dense_products =
        static_cast<double>(x.n_rows) * static_cast<double>(x.n_cols) * static_cast<double>(x.n_cols) / 2.0;
    m.scatter = cost_of_product * columns.n_products < dense_products
                    ? scatter_by_entries(x, w, columns, threads, checkpoint)
                    : scatter_by_blocks(x, w, columns, threads, checkpoint);
    m.mean = std::move(columns.mean);
    if (!is_finite(m))
        throw_not_finite(true);
    return m;
}

template Moments moments(CsrView<float, std::int32_t>, const double*, int, const Progress&);
template Moments moments(CsrView<float, std::int64_t>, const double*, int, const Progress&);
template Moments moments(CsrView<double, std::int32_t>, const double*, int, const Progress&);
template Moments moments(CsrView<double, std::int64_t>, const double*, int, const Progress&);

} // namespace matfact
