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

/// The equations of the rows of x for the other side's factor h, whose last column are the biases.
template <class I> class BiasedEquations {
public:
    BiasedEquations(CsrView<float, I> x, MatrixView<const float> h, double mean, const BiasedOptions& options)
        : x_(x), h_(h), mean_(static_cast<float>(mean)), options_(options)
    {
    }
    double l2(Index row) const
    {
        const auto n = static_cast<double>(x_.indptr[row + 1] - x_.indptr[row]);
        return options_.l2 * (options_.l2_scaling == L2Scaling::count ? n : 1.0);
    }

    /// See sweep_rows.
    double operator()(Index row, RowWorker& worker) const
    {
        const auto begin = static_cast<Index>(x_.indptr[row]), end = static_cast<Index>(x_.indptr[row + 1]);
        double at_zero = 0.0, squares = 0.0;
        for (Index p = begin; p < end; ++p) {
            const Index j = static_cast<Index>(x_.indices[p]);
            const float target = x_.values[p] - mean_ - (options_.biases ? h_(j, h_.n_cols - 1) : 0.0f);
            worker.root[static_cast<std::size_t>(p - begin)] = 1.0f;
            worker.right[static_cast<std::size_t>(p - begin)] = target;
            at_zero += static_cast<double>(target) * static_cast<double>(target);
            squares += static_cast<double>(h_(j, 0)) * static_cast<double>(h_(j, 0));
        }
        // float32 resolves no smaller ridge, and rows with fewer entries than unknowns need one.
        const double ridge = std::max(l2(row), 1e-6 * squares + 1e-20);
        std::fill(worker.diagonal.begin(), worker.diagonal.end(), static_cast<float>(ridge));
        return at_zero;
    }

private:
    CsrView<float, I> x_;
    MatrixView<const float> h_;
    float mean_;
    const BiasedOptions& options_;
};

template <class I>
double update_rows(CsrView<float, I> x, const RowSchedule& schedule, const BiasedEquations<I>& equations,
                   MatrixView<const float> features, MatrixView<float> out, std::vector<RowWorker>& workers,
                   const linalg::Checkpoint& interrupt)
{
    const auto solve = [&](RowWorker& worker, const linalg::RowEntries<I>& entries, Index row) {
        return worker.solver.solve(features, entries, worker.diagonal.data(), &out(row, 0));
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
    do {
        const MatrixView<float> w = result.w.view(), h = next_h.view();
        const BiasedEquations<I> of_items(xt, w, result.mean, options), of_users(x, h, result.mean, options);
        of_w.copy(w, threads);
        update_rows(xt, items, of_items, of_w.view(), h, workers, interrupt);
        of_h.copy(h, threads);
        const double objective = update_rows(x, users, of_users, of_h.view(), next_w.view(), workers, interrupt) +
                                 penalty(h, [&](Index row) { return of_items.l2(row); }, threads);
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
    update_rows(x, schedule, BiasedEquations<I>(x, h, mean, options), features.view(), w.view(), workers,
                checkpoint_of(progress));
    return w;
}

MATFACT_BIASED(, std::int32_t)
MATFACT_BIASED(, std::int64_t)

} // namespace matfact
