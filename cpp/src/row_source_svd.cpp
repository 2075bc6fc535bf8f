#include "checkpoint.hpp"
#include "decomposition.hpp"
#include "linalg/iterative_svd.hpp"
#include "linalg/row_batch.hpp"
#include "matfact/eigh.hpp"
#include "matfact/moments.hpp"
#include "matfact/svd.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>

namespace matfact {

namespace {

using linalg::Checkpoint;

/// The passes over a source: counted, and checked to give the same rows again.
template <class T> class Rows {
public:
    Rows(const RowSource<T>& source, int threads, const Checkpoint& checkpoint)
        : source_(source), threads_(threads), checkpoint_(checkpoint)
    {
    }

    Index n_rows() const { return n_rows_.value_or(0); }
    Index n_cols() const { return source_.n_cols; }
    Index n_passes() const { return n_passes_; }
    int threads() const { return threads_; }

    /// One pass: visit(batch, index of its first row).
    template <class Visit> void for_each(const Visit& visit)
    {
        ++n_passes_;
        Index begin = 0;
        source_.read([&](const RowBatch<T>& batch) {
            if (checkpoint_)
                checkpoint_();
            if (linalg::columns_of(batch) != n_cols())
                throw std::invalid_argument("a batch of rows has " + std::to_string(linalg::columns_of(batch)) +
                                            " columns instead of " + std::to_string(n_cols()));
            const Index rows = linalg::rows_of(batch);
            if (n_rows_ && begin + rows > *n_rows_)
                throw_other_rows("more than ");
            linalg::check_structure(batch, threads_);
            if (rows > 0)
                visit(batch, begin);
            begin += rows;
        });
        if (n_rows_ && begin != *n_rows_)
            throw_other_rows("only " + std::to_string(begin) + " of ");
        n_rows_ = begin;
    }

private:
    [[noreturn]] void throw_other_rows(const std::string& found) const
    {
        throw std::invalid_argument("pass " + std::to_string(n_passes_) + " over X gave " + found + "the " +
                                    std::to_string(*n_rows_) +
                                    " rows of the first: every pass must read the same rows from the start");
    }

    const RowSource<T>& source_;
    int threads_;
    const Checkpoint& checkpoint_;
    std::optional<Index> n_rows_;
    Index n_passes_ = 0;
};

/// What the first pass tells.
struct Survey {
    std::vector<double> mean; ///< empty without centering
    double squares = 0.0;     ///< of all entries, centered if asked
    Matrix<double> gram;      ///< X'X, centered if asked; empty unless wanted
};

/// Squares that overflow are an error, and so are those that vanish: the sums of a stream cannot be scaled afterwards.
template <class T> void check_range(double squares, const RowBatch<T>& batch, int threads)
{
    constexpr double small = 1e-250;
    if (squares > small && std::isfinite(squares))
        return;
    const double largest = linalg::largest_magnitude(batch, threads);
    if (!std::isfinite(largest))
        throw_not_finite();
    if (!std::isfinite(squares))
        throw NumericalError("the squares of X exceed the range of float64; scale X down");
    if (largest > 0.0 && largest < std::sqrt(small))
        throw NumericalError("the squares of X are below the range of float64; scale X up");
}

template <class T> Survey column_survey(Rows<T>& rows, bool center)
{
    Survey total;
    total.mean.assign(static_cast<std::size_t>(center ? rows.n_cols() : 0), 0.0);
    rows.for_each([&](const RowBatch<T>& batch, Index before) {
        const linalg::ColumnMoments own = linalg::column_moments(batch, center, rows.threads());
        check_range(own.squares, batch, rows.threads());
        total.squares += own.squares;
        // As moments are merged: what the difference of the means adds.
        const auto n = static_cast<double>(before), count = static_cast<double>(linalg::rows_of(batch));
        for (std::size_t j = 0; j < own.mean.size(); ++j) {
            const double step = own.mean[j] - total.mean[j];
            total.squares += step * step * n * (count / (n + count));
            total.mean[j] += step * (count / (n + count));
        }
    });
    return total;
}

template <class T> Survey gram_survey(Rows<T>& rows, bool center)
{
    Moments total;
    rows.for_each([&](const RowBatch<T>& batch, Index) {
        const Moments own = std::visit([&](const auto& x) { return moments(x, nullptr, rows.threads()); }, batch);
        double squares = 0.0;
        for (Index j = 0; j < own.n_cols(); ++j)
            squares += own.scatter(j, j);
        check_range(squares, batch, rows.threads());
        merge(total, own, rows.threads());
    });
    const Index d = total.n_cols();
    Survey survey;
    if (center)
        survey.mean = total.mean;
    else
        for (Index i = 0; i < d; ++i)
            for (Index j = 0; j < d; ++j)
                total.scatter(i, j) +=
                    total.n_samples * total.mean[static_cast<std::size_t>(i)] * total.mean[static_cast<std::size_t>(j)];
    for (Index j = 0; j < d; ++j)
        survey.squares += total.scatter(j, j);
    survey.gram = std::move(total.scatter);
    return survey;
}

/// Every product is a pass. A wide X is not turned: X'(X q) takes one pass, X(X'y) would take two.
template <class T> linalg::TallOperator<double> tall_operator(Rows<T>& rows, const std::vector<double>& mean)
{
    const auto with_zeros = [](MatrixView<double> z) { std::fill_n(z.data, z.n_rows * z.n_cols, 0.0); };
    const auto by_rows = [](MatrixView<const double> v) { return as_double(v); };
    linalg::TallOperator<double> a;
    a.n_rows = rows.n_rows();
    a.n_cols = rows.n_cols();
    a.gram = [&rows, &mean, with_zeros](MatrixView<const double> q, MatrixView<double> z) {
        with_zeros(z);
        rows.for_each(
            [&](const RowBatch<T>& batch, Index) { linalg::add_gram_times(batch, mean, q, z, rows.threads()); });
    };
    a.times = [&rows, &mean, by_rows](MatrixView<const double> v) {
        const Matrix<double> packed = by_rows(v);
        Matrix<double> y(rows.n_rows(), v.n_cols);
        rows.for_each([&](const RowBatch<T>& batch, Index begin) {
            linalg::times(batch, mean, MatrixView<const double>(packed.view()),
                          y.view().rows(begin, begin + linalg::rows_of(batch)), rows.threads());
        });
        return y;
    };
    a.transposed_times = [&rows, &mean, by_rows, with_zeros](MatrixView<const double> u) {
        const Matrix<double> packed = by_rows(u);
        Matrix<double> z(rows.n_cols(), u.n_cols);
        with_zeros(z.view());
        rows.for_each([&](const RowBatch<T>& batch, Index begin) {
            linalg::add_transposed_times(
                batch, mean, MatrixView<const double>(packed.view()).rows(begin, begin + linalg::rows_of(batch)),
                z.view(), rows.threads());
        });
        return z;
    };
    return a;
}

/// The triplets from the eigenvectors of the Gram matrix: k of them, or as many up to k as hold the fraction.
linalg::IterativeSvd by_gram(const linalg::TallOperator<double>& a, const Survey& survey, Index k, double fraction,
                             bool want_u, int threads)
{
    const Index d = a.n_cols;
    EighOptions options;
    options.n_components = fraction > 0.0 || 4 * k > d ? 0 : std::min(d, k + 1);
    options.solver = options.n_components > 0 ? EighSolver::subset : EighSolver::full;
    options.compute_residuals = false;
    options.num_threads = threads;
    const EighResult<double> pairs = eigh<double>(survey.gram.view(), options);
    const auto square = [&](Index i) { return std::max(0.0, pairs.w[static_cast<std::size_t>(i)]); };
    if (fraction > 0.0) {
        const Index most = k;
        double sum = 0.0;
        for (k = 0; k < most && (k == 0 || sum < fraction * survey.squares); ++k)
            sum += square(k);
    }
    linalg::IterativeSvd result;
    if (want_u)
        result = linalg::project_onto(a, leading_block(as_double(pairs.v.view()), d, k), k, threads);
    else {
        result.factors.vt = as_double(pairs.v.view().transposed().block(0, 0, k, d));
        for (Index i = 0; i < k; ++i)
            result.factors.s.push_back(std::sqrt(square(i)));
        result.square_residuals.assign(static_cast<std::size_t>(k), 0.0); // rounding
    }
    // What the Gram matrix may have lost of the next value.
    const double rounding = static_cast<double>(d) * std::numeric_limits<double>::epsilon() * square(0);
    result.next_value = k < static_cast<Index>(pairs.w.size()) ? std::sqrt(square(k) + rounding)
                                                               : std::numeric_limits<double>::quiet_NaN();
    return result;
}

/// Few passes matter more than few columns: the longer the pass, the more columns share it.
Index default_block(Index k) { return std::min<Index>(64, std::max<Index>(16, (k + 6 + 7) / 8 * 8)); }

} // namespace

template <class T> SvdResult<T> svd(const RowSource<T>& x, const SvdOptions& options, const Progress& progress)
{
    constexpr Index small = 2048; // whose Gram matrix takes 32 MB
    if (x.n_cols < 1 || !x.read)
        throw std::invalid_argument("a source of rows needs columns, and a function that reads them");
    if (options.solver == SvdSolver::full || options.solver == SvdSolver::randomized)
        throw std::invalid_argument("a source of rows is decomposed by gram or krylov");
    if (options.weights)
        throw std::invalid_argument("weights need rows in memory, not a source of them");
    if (options.max_components < 0 || (options.max_components > 0 && options.variance_fraction == 0.0))
        throw std::invalid_argument("max_components limits what variance_fraction takes, got " +
                                    std::to_string(options.max_components));
    const int threads = resolve_threads(options.num_threads);
    const Checkpoint checkpoint = checkpoint_of(progress);
    Rows<T> rows(x, threads, checkpoint);
    SvdSolver solver = options.solver;
    if (solver == SvdSolver::automatic)
        solver = x.n_cols <= small ? SvdSolver::gram : SvdSolver::krylov;
    Survey survey = solver == SvdSolver::gram ? gram_survey(rows, options.center) : column_survey(rows, options.center);
    SvdOptions common = options;
    common.max_components = 0;
    common.validate(rows.n_rows(), x.n_cols);
    const bool by_fraction = options.variance_fraction > 0.0;
    Index k = options.n_components ? options.n_components : std::min(rows.n_rows(), x.n_cols);
    if (options.max_components > 0)
        k = std::min(k, options.max_components);

    SvdOptions resolved = options;
    resolved.tol = resolved_tol(options.tol, solver, std::is_same_v<T, float>);
    const linalg::TallOperator<double> a = tall_operator(rows, survey.mean);
    std::optional<linalg::IterativeSvd> found;
    if (solver == SvdSolver::krylov) {
        linalg::IterativeOptions iterations =
            iterations_of(resolved, solver, by_fraction ? Index{0} : k, survey.squares, threads, progress);
        iterations.block = std::min(x.n_cols, options.block ? options.block : default_block(by_fraction ? 26 : k));
        iterations.want_u = options.compute_u;
        if (progress) // of all passes over X, as the result counts them
            iterations.report = [&](Index, double excess) { return progress({rows.n_passes(), excess}); };
        found = linalg::krylov_svd(a, iterations, checkpoint);
        if (found->gave_up) { // the fraction takes a good part of all triplets
            survey = gram_survey(rows, options.center);
            found.reset();
        }
    }
    if (!found)
        found = by_gram(a, survey, k, options.variance_fraction, options.compute_u, threads);
    const std::vector<double> square_residuals = std::move(found->square_residuals);
    Decomposition d;
    take_iterations(d, std::move(*found), false, threads);
    if (solver == SvdSolver::gram)
        judge(d, resolved.tol);
    d.mean = std::move(survey.mean);
    d.total_variance = survey.squares;
    d.n_passes = rows.n_passes();
    d.size = rows.n_rows() + x.n_cols;
    SvdResult<T> result = as_result<T>(std::move(d), options);
    if (!options.compute_u)
        bound_roots(result, square_residuals, static_cast<double>(rows.n_rows()), solver == SvdSolver::krylov);
    return result;
}

template SvdResult<float> svd(const RowSource<float>&, const SvdOptions&, const Progress&);
template SvdResult<double> svd(const RowSource<double>&, const SvdOptions&, const Progress&);

} // namespace matfact
