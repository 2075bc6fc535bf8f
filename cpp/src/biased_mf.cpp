#include "matfact/biased_mf.hpp"

#include "biased_stochastic.hpp"
#include "checkpoint.hpp"
#include "random_factor.hpp"
#include "ratings.hpp"
#include "require.hpp"
#include "row_sweep.hpp"
#include "sweeps.hpp"

#include <algorithm>
#include <cmath>

namespace matfact {

namespace {

template <class I> double l2_of_row(CsrView<float, I> x, Index row, const BiasedOptions& options)
{
    const auto n = static_cast<double>(x.indptr[row + 1] - x.indptr[row]);
    return options.l2 * (options.l2_scaling == L2Scaling::count ? n : 1.0);
}

/// The equations of the rows of x for what the other side's factor is to them.
template <class I> class BiasedEquations {
public:
    /// `mean_squares` of the columns of the features, over the entries: for conjugate gradients, else empty.
    BiasedEquations(CsrView<float, I> x, const Features& features, std::vector<double> mean_squares, double mean,
                    const BiasedOptions& options)
        : x_(x), features_(features.view()), biases_(features.biases()), mean_squares_(std::move(mean_squares)),
          mean_(static_cast<float>(mean)), options_(options)
    {
    }

    /// See sweep_rows.
    double operator()(Index row, RowWorker& worker) const
    {
        const auto begin = static_cast<Index>(x_.indptr[row]), end = static_cast<Index>(x_.indptr[row + 1]);
        double at_zero = 0.0, squares = 0.0;
        for (Index p = begin; p < end; ++p) {
            const Index j = static_cast<Index>(x_.indices[p]);
            const float target = x_.values[p] - mean_ - biases_[j], first = features_(j, 0);
            worker.root[static_cast<std::size_t>(p - begin)] = 1.0f;
            worker.right[static_cast<std::size_t>(p - begin)] = target;
            at_zero += static_cast<double>(target) * static_cast<double>(target);
            squares += static_cast<double>(first) * static_cast<double>(first);
        }
        // float32 resolves no smaller ridge, and rows with fewer entries than unknowns need one.
        const double ridge = std::max(l2_of_row(x_, row, options_), 1e-6 * squares + 1e-20);
        std::fill(worker.diagonal.begin(), worker.diagonal.end(), static_cast<float>(ridge));
        for (std::size_t c = 0; c < mean_squares_.size(); ++c)
            worker.preconditioner[c] = static_cast<float>(ridge + static_cast<double>(end - begin) * mean_squares_[c]);
        return at_zero;
    }

private:
    CsrView<float, I> x_;
    MatrixView<const float> features_;
    const float* biases_;
    std::vector<double> mean_squares_;
    float mean_;
    const BiasedOptions& options_;
};

/// Of each column, over the entries of x; row i stands for its features.
template <class I> std::vector<double> mean_squares(CsrView<float, I> x, MatrixView<const float> features, int threads)
{
    constexpr Index block_rows = 512;
    const auto k = static_cast<std::size_t>(features.n_cols);
    const Index n_blocks = block_count(x.n_rows, block_rows);
    Matrix<double> partial(n_blocks, features.n_cols);
    for_blocks(x.n_rows, block_rows, threads, [&](Index begin, Index end, Index block) {
        double* const sum = &partial(block, 0);
        std::fill_n(sum, k, 0.0);
        for (Index i = begin; i < end; ++i) {
            const auto n = static_cast<float>(x.indptr[i + 1] - x.indptr[i]);
            const float* const row = &features(i, 0);
            for (std::size_t c = 0; c < k; ++c)
                sum[c] += static_cast<double>(n * row[c] * row[c]);
        }
    });
    std::vector<double> mean(k, 0.0);
    const auto total = static_cast<double>(std::max<Index>(1, linalg::stored_entries(x)));
    for (Index block = 0; block < n_blocks; ++block)
        for (std::size_t c = 0; c < k; ++c)
            mean[c] += partial(block, static_cast<Index>(c)) / total;
    return mean;
}

/// Writes the rows of x to `out`, by improving those of `before` where that is given.
template <class I>
double update_rows(CsrView<float, I> x, const RowSchedule& schedule, const BiasedEquations<I>& equations,
                   MatrixView<const float> features, MatrixView<const float> before, Index cg_steps,
                   MatrixView<float> out, std::vector<RowWorker>& workers, const linalg::Checkpoint& interrupt)
{
    const auto solve = [&](RowWorker& worker, const linalg::RowEntries<I>& entries, Index row) {
        const float* const d = worker.diagonal.data();
        if (before.data == nullptr)
            return worker.solver.solve(features, entries, d, &out(row, 0));
        std::copy_n(&before(row, 0), before.n_cols, &out(row, 0));
        return worker.solver.improve(features, entries, d, worker.preconditioner.data(), cg_steps, &out(row, 0));
    };
    return sweep_rows(x, schedule, equations, solve, workers, interrupt);
}

Index unknowns(const BiasedOptions& options) { return options.n_components + (options.biases ? 1 : 0); }

template <class I>
void alternate(CsrView<float, I> x, CsrView<float, I> xt, const BiasedOptions& options, int threads,
               const Progress& progress, BiasedFactors& result)
{
    const linalg::Checkpoint interrupt = checkpoint_of(progress);
    const Index k = unknowns(options);
    const Index n_users = x.n_rows, n_items = x.n_cols;
    std::fill_n(result.w.data(), result.w.size(), 0.0f);
    if (!copy_start(options.start, result.w.view()))
        fill_uniform(result.w.view().block(0, 0, n_users, options.n_components), -0.2f, 0.2f, options.seed, 0, threads);
    Matrix<float> next_w(n_users, k), next_h(n_items, k); // an interrupted sweep leaves the result as it was
    Features of_w(n_users, k, options.biases), of_h(n_items, k, options.biases);
    const RowSchedule users(x, k), items(xt, k);
    std::vector<RowWorker> workers = make_workers(k, std::max(users.longest, items.longest), threads);
    const auto factors = [&] { return SweepFactors{result.w.view(), result.h.view(), {result.mean}}; };
    const bool improves = options.solver == BiasedSolver::cg;
    if (improves)
        std::fill_n(result.h.data(), result.h.size(), 0.0f);
    /// Half a sweep: the rows of x, given the other side, whose rows are those of xt. Without a row to improve,
    /// exactly.
    const auto update = [&](CsrView<float, I> rows, CsrView<float, I> others, const RowSchedule& schedule,
                            Features& features, const Matrix<float>& factor, MatrixView<const float> before,
                            Matrix<float>& out) {
        features.copy(factor.view(), threads);
        const BiasedEquations<I> equations(
            rows, features, improves ? mean_squares(others, features.view(), threads) : std::vector<double>{},
            result.mean, options);
        return update_rows(rows, schedule, equations, features.view(), improves ? before : MatrixView<const float>{},
                           options.cg_steps, out.view(), workers, interrupt);
    };
    do {
        // A start gives the users only: a few steps from zero would fall behind what they know of the items.
        const bool has_items = result.n_iter > 0 || options.start.data == nullptr;
        update(xt, x, items, of_w, result.w, has_items ? result.h.view() : MatrixView<const float>{}, next_h);
        const double objective =
            update(x, xt, users, of_h, next_h, result.w.view(), next_w) +
            penalty(next_h.view(), [&](Index row) { return l2_of_row(xt, row, options); }, threads);
        if (!std::isfinite(objective))
            throw NumericalError("the factors overflow float32: scale the ratings down or raise l2");
        result.history.push_back(objective);
        std::swap(result.w, next_w);
        std::swap(result.h, next_h);
    } while (!ends_after_sweep(result, options.max_iter, options.tol, progress, factors));
}

} // namespace

void BiasedOptions::validate() const
{
    check_sweep_options(*this);
    require(cg_steps >= 1, "cg_steps must be at least 1");
    require(std::isfinite(learning_rate) && learning_rate >= 0.0,
            "learning_rate must be positive, or 0 for the default");
}

template <class I>
BiasedFactors biased_mf(CsrView<float, I> x, CsrView<float, I> xt, const BiasedOptions& options,
                        const Progress& progress, BiasedFactors* last)
{
    options.validate();
    check_transpose(x, xt);
    const int threads = resolve_threads(options.num_threads);
    check_ratings(x, threads);
    check_ratings(xt, threads);

    BiasedFactors result;
    result.mean = mean_value(x);
    result.w = Matrix<float>(x.n_rows, unknowns(options));
    result.h = Matrix<float>(x.n_cols, unknowns(options));
    const auto sweep = [&] {
        switch (options.solver) {
        case BiasedSolver::als:
        case BiasedSolver::cg:
            return alternate(x, xt, options, threads, progress, result);
        case BiasedSolver::sgd:
            return biased_sgd(x, xt, options, threads, progress, result);
        case BiasedSolver::adam:
            return biased_adam(x, xt, options, threads, progress, result);
        }
    };
    keep_last(result, last, sweep, [] {});
    return result;
}

template <class I>
Matrix<float> biased_rows(CsrView<float, I> x, MatrixView<const float> h, double mean, const BiasedOptions& options,
                          const Progress& progress)
{
    options.validate();
    const Index k = unknowns(options);
    require(h.n_rows == x.n_cols && h.n_cols == k && h.col_stride == 1,
            "h must have one row for each column of x and one column for each unknown");
    const int threads = resolve_threads(options.num_threads);
    check_ratings(x, threads);
    const RowSchedule schedule(x, k);
    std::vector<RowWorker> workers = make_workers(k, schedule.longest, threads);
    Features features(h.n_rows, k, options.biases);
    if (linalg::stored_entries(x) >= h.n_rows)
        features.copy(h, threads);
    else // a few users need the rows of a few items
        for (Index p = 0; p < linalg::stored_entries(x); ++p)
            features.copy_row(h, static_cast<Index>(x.indices[p]));
    Matrix<float> w(x.n_rows, k);
    update_rows(x, schedule, BiasedEquations<I>(x, features, {}, mean, options), features.view(), {}, 0, w.view(),
                workers, checkpoint_of(progress));
    return w;
}

MATFACT_BIASED(, std::int32_t)
MATFACT_BIASED(, std::int64_t)

} // namespace matfact
