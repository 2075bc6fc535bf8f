#include "matfact/implicit_mf.hpp"

#include "checkpoint.hpp"
#include "linalg/csr.hpp"
#include "linalg/gemm.hpp"
#include "linalg/gram.hpp"
#include "linalg/small_cholesky.hpp"
#include "linalg/symmetric_eigen.hpp"
#include "random_factor.hpp"
#include "require.hpp"
#include "row_sweep.hpp"
#include "sweeps.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace matfact {

namespace {

/// A factor whose rows are padded by zeros, with room for its rotation, and for what it was after the last complete
/// sweep.
class PaddedFactor {
public:
    PaddedFactor(Index n_rows, Index k) : k_(k)
    {
        for (Matrix<float>& x : buffers_) {
            x = Matrix<float>(n_rows, linalg::padded_width(k));
            std::fill_n(x.data(), x.size(), 0.0f);
        }
    }
    Index n_cols() const { return k_; }
    MatrixView<float> view() { return view(now_); }
    void rotate(MatrixView<const float> rotation, int threads)
    {
        const std::size_t to = spare();
        linalg::multiply_into<float, float>({view()}, rotation, view(to), threads);
        now_ = to;
    }
    /// To write values into, all or from where they are: never where those of keep() are.
    MatrixView<float> writable()
    {
        if (now_ == kept_)
            now_ = spare();
        return view();
    }
    void keep() { kept_ = now_; }
    /// Gives away the values that were kept, without the padding.
    Matrix<float> release()
    {
        Matrix<float>& values = buffers_[kept_];
        if (k_ == values.n_cols())
            return std::move(values);
        Matrix<float> narrow(values.n_rows(), k_);
        for (Index i = 0; i < narrow.n_rows(); ++i)
            std::copy_n(&values(i, 0), k_, &narrow(i, 0));
        return narrow;
    }

private:
    MatrixView<float> view(std::size_t b) { return buffers_[b].view().block(0, 0, buffers_[b].n_rows(), k_); }
    std::size_t spare() const
    {
        std::size_t b = 0;
        while (b == now_ || b == kept_)
            ++b;
        return b;
    }

    Index k_;
    std::array<Matrix<float>, 3> buffers_;
    std::size_t now_ = 0, kept_ = 0;
};

/// Rotates the columns of x, and of `other` with it, so that x'x is diagonal, and returns the diagonal, descending. The
/// shared part of every row's equations, unobserved_weight x'x, is then diagonal too: that is what makes short rows
/// cheap.
std::vector<double> rotate_to_eigenbasis(PaddedFactor& x, PaddedFactor* other, int threads,
                                         const linalg::Checkpoint& interrupt)
{
    const Index k = x.n_cols();
    Matrix<double> g = linalg::gram<float>(x.view(), linalg::Centering::none, 1.0, threads, interrupt, true).matrix;
    std::vector<double> ascending;
    linalg::symmetric_eigen(g.view(), ascending, 1);
    Matrix<float> rotation(k, k);
    std::vector<double> spectrum;
    for (Index c = 0; c < k; ++c) {
        for (Index j = 0; j < k; ++j)
            rotation(j, c) = static_cast<float>(g(k - 1 - c, j));
        spectrum.push_back(std::max(0.0, ascending[static_cast<std::size_t>(k - 1 - c)]));
    }
    x.rotate(rotation.view(), threads);
    if (other)
        other->rotate(rotation.view(), threads);
    return spectrum;
}

/// The equations of the rows of x, when `features` have the given spectrum.
template <class I> class ImplicitEquations {
public:
    ImplicitEquations(CsrView<float, I> x, const std::vector<double>& spectrum, const ImplicitOptions& options)
        : x_(x), options_(options)
    {
        double mean = 0.0;
        for (const double value : spectrum)
            mean += value / static_cast<double>(spectrum.size());
        mean /= static_cast<double>(std::max<Index>(1, x.n_cols));
        // float32 resolves no smaller ridge, and rows with fewer entries than features need one. Where they have no
        // other, it has to show beside all of a row's entries: as a share of the trace of their sum, for a weight of
        // one.
        has_entries_only_ = options.l2 == 0.0 && options.unobserved_weight == 0.0;
        floor_ = std::max(1e-6 * mean * (has_entries_only_ ? static_cast<double>(spectrum.size()) : 1.0), 1e-30);
        for (const double value : spectrum) {
            shared_.push_back(options.unobserved_weight * value);
            mean_squares_.push_back(value / static_cast<double>(std::max<Index>(1, x.n_cols)));
        }
    }

    double l2(Index row) const
    {
        const auto n = static_cast<double>(x_.indptr[row + 1] - x_.indptr[row]);
        return options_.l2 *
               std::pow(n + options_.unobserved_weight * static_cast<double>(x_.n_cols), options_.l2_scaling);
    }

    /// See solve_rows.
    double operator()(Index row, RowWorker& worker) const
    {
        const auto begin = static_cast<Index>(x_.indptr[row]), end = static_cast<Index>(x_.indptr[row + 1]);
        const auto alpha = static_cast<float>(options_.alpha), rest = static_cast<float>(options_.unobserved_weight);
        double at_zero = 0.0, weights = 0.0;
        for (Index p = begin; p < end; ++p) {
            const float weight = alpha * x_.values[p];
            weights += static_cast<double>(weight);
            worker.root[static_cast<std::size_t>(p - begin)] = std::sqrt(weight);
            worker.right[static_cast<std::size_t>(p - begin)] = rest + weight;
            at_zero += static_cast<double>(rest + weight);
        }
        const double ridge = std::max(l2(row), has_entries_only_ && end > begin ? weights * floor_ : floor_);
        for (std::size_t c = 0; c < shared_.size(); ++c) {
            worker.diagonal[c] = static_cast<float>(shared_[c] + ridge);
            worker.preconditioner[c] = static_cast<float>(shared_[c] + ridge + weights * mean_squares_[c]);
        }
        return at_zero;
    }

private:
    CsrView<float, I> x_;
    const ImplicitOptions& options_;
    std::vector<double> shared_;
    std::vector<double> mean_squares_; ///< of the columns of the features
    bool has_entries_only_ = false;
    double floor_ = 0.0;
};

} // namespace

void ImplicitOptions::validate() const
{
    check_sweep_options(*this);
    require(std::isfinite(alpha) && alpha > 0.0, "alpha must be finite and positive");
    require(std::isfinite(unobserved_weight) && unobserved_weight >= 0.0, "unobserved_weight must not be negative");
    require(std::isfinite(l2_scaling), "l2_scaling must be finite");
    require(cg_steps >= 1, "cg_steps must be at least 1");
    require(block_size >= 1, "block_size must be at least 1");
}

template <class I>
ImplicitFactors implicit_mf(CsrView<float, I> x, CsrView<float, I> xt, const ImplicitOptions& options,
                            const Progress& progress, ImplicitFactors* last)
{
    options.validate();
    check_transpose(x, xt);
    const int threads = resolve_threads(options.num_threads);
    linalg::check_structure(x, threads);
    linalg::check_structure(xt, threads);
    check_feedback(x);
    const linalg::Checkpoint interrupt = checkpoint_of(progress);

    const Index k = options.n_components;
    const bool is_exact = options.solver == ImplicitSolver::als;
    ImplicitFactors result;
    PaddedFactor w(x.n_rows, k), h(x.n_cols, k);
    // Positive, as the scores that are sought: the first direction is there from the start.
    if (!copy_start(options.start, w.view()))
        fill_uniform(w.view(), 0.0f, 0.2f / std::sqrt(static_cast<float>(k)), options.seed, 0, threads);
    const RowSchedule users(x, k), items(xt, k);
    const Index longest = std::max(users.longest, items.longest);
    std::vector<RowWorker> workers = make_workers(k, longest, threads);
    if (options.solver == ImplicitSolver::block)
        for (RowWorker& worker : workers)
            worker.blocks.emplace_back(k, options.block_size, longest);
    const auto update = [&](CsrView<float, I> rows, const RowSchedule& schedule, const ImplicitEquations<I>& equations,
                            MatrixView<const float> features, MatrixView<float> out, bool exactly) {
        const auto solve = [&](RowWorker& worker, const linalg::RowEntries<I>& entries, Index row) {
            const float* const d = worker.diagonal.data();
            // In as many unknowns as entries, few of these are solved exactly at the price of one block.
            if (exactly || (options.solver == ImplicitSolver::block && entries.n <= options.block_size))
                return worker.solver.solve(features, entries, d, &out(row, 0));
            if (options.solver == ImplicitSolver::block)
                return worker.blocks.front().improve(features, entries, d, &out(row, 0));
            return worker.solver.improve(features, entries, d, worker.preconditioner.data(), options.cg_steps,
                                         &out(row, 0));
        };
        return sweep_rows(rows, schedule, equations, solve, workers, interrupt);
    };
    const auto factors = [&] { return SweepFactors{w.view(), h.view(), result.spectrum}; };
    const auto sweep = [&] {
        do {
            const ImplicitEquations<I> of_items(
                xt, rotate_to_eigenbasis(w, is_exact ? nullptr : &h, threads, interrupt), options);
            // A start gives the users only: improving from zero would fall behind what they know of the items.
            const bool lacks_items = result.n_iter == 0 && options.start.data != nullptr;
            update(xt, items, of_items, w.view(), h.writable(), is_exact || lacks_items);
            std::vector<double> spectrum = rotate_to_eigenbasis(h, is_exact ? nullptr : &w, threads, interrupt);
            const ImplicitEquations<I> of_users(x, spectrum, options);
            const double objective = update(x, users, of_users, h.view(), w.writable(), is_exact) +
                                     penalty(h.view(), [&](Index row) { return of_items.l2(row); }, threads);
            if (!std::isfinite(objective))
                throw NumericalError("the factors overflow float32: scale the values down or raise l2");
            result.history.push_back(objective);
            result.spectrum = std::move(spectrum);
            w.keep();
            h.keep();
        } while (!ends_after_sweep(result, options.max_iter, options.tol, progress, factors));
    };
    keep_last(result, last, sweep, [&] {
        result.w = w.release();
        result.h = h.release();
    });
    return result;
}

template <class I>
Matrix<float> implicit_rows(CsrView<float, I> x, MatrixView<const float> h, const std::vector<double>& spectrum,
                            const ImplicitOptions& options, const Progress& progress)
{
    options.validate();
    require(h.n_rows == x.n_cols && h.n_cols == static_cast<Index>(spectrum.size()) && h.col_stride == 1,
            "h must have one row for each column of x and one column for each entry of spectrum");
    const int threads = resolve_threads(options.num_threads);
    linalg::check_structure(x, threads);
    check_feedback(x);
    const RowSchedule schedule(x, h.n_cols);
    std::vector<RowWorker> workers = make_workers(h.n_cols, schedule.longest, threads);
    Matrix<float> w(x.n_rows, h.n_cols);
    const auto solve = [&](RowWorker& worker, const linalg::RowEntries<I>& entries, Index row) {
        return worker.solver.solve(h, entries, worker.diagonal.data(), &w(row, 0));
    };
    sweep_rows(x, schedule, ImplicitEquations<I>(x, spectrum, options), solve, workers, checkpoint_of(progress));
    return w;
}

MATFACT_IMPLICIT(, std::int32_t)
MATFACT_IMPLICIT(, std::int64_t)

} // namespace matfact
