/// Half a sweep of alternating least squares: every row's equations, given the other factor.
#pragma once

#include "linalg/block_row_solver.hpp"
#include "linalg/gram.hpp"
#include "linalg/row_solver.hpp"
#include "parallel.hpp"

#include <vector>

namespace matfact {

/// Rows in tasks of about equal work, and tasks in slices after which an interrupt is looked for. The cuts depend on
/// the lengths of the rows only.
struct RowSchedule {
    std::vector<Index> tasks{0};  ///< task t has the rows [tasks[t], tasks[t + 1])
    std::vector<Index> slices{0}; ///< slice s has the tasks [slices[s], slices[s + 1])
    Index longest = 0;            ///< entries of the longest row

    /// Rows that are drawn are never solved in as many unknowns as they have entries.
    template <class I> RowSchedule(CsrView<float, I> x, Index n_features, bool are_drawn = false);
};

/// What one thread needs to solve a row.
struct RowWorker {
    RowWorker(Index n_features, Index longest)
        : solver(n_features), root(static_cast<std::size_t>(longest)), right(root.size()),
          diagonal(static_cast<std::size_t>(n_features)), preconditioner(diagonal.size()), normals(diagonal.size())
    {
    }
    linalg::RowSolver solver;
    std::vector<linalg::BlockRowSolver> blocks; ///< one, or none where it is not used
    std::vector<float> root, right;             ///< of the entries of the row
    std::vector<float> diagonal;
    std::vector<float> preconditioner; ///< about the diagonal of the row's system, entries included
    std::vector<float> normals;        ///< of a row that is drawn
};

inline std::vector<RowWorker> make_workers(Index n_features, Index longest, int threads)
{
    return std::vector<RowWorker>(static_cast<std::size_t>(std::max(1, threads)), RowWorker(n_features, longest));
}

template <class I> RowSchedule::RowSchedule(CsrView<float, I> x, Index n_features, bool are_drawn)
{
    constexpr double task_flops = 4e6, slice_flops = 4e9; // some 50 us, and 50 ms, on one core
    double task = 0.0, slice = 0.0;
    const auto k = static_cast<double>(n_features);
    for (Index i = 0; i < x.n_rows; ++i) {
        const auto n = static_cast<Index>(x.indptr[i + 1] - x.indptr[i]);
        const auto entries = static_cast<double>(n),
                   unknowns = !are_drawn && linalg::RowSolver::is_short(n, n_features) ? entries : k;
        longest = std::max(longest, n);
        task += entries * unknowns * k + unknowns * unknowns * unknowns / 3 + 20 * entries * k + 1e3;
        if (task < task_flops && i + 1 < x.n_rows)
            continue;
        tasks.push_back(i + 1);
        slice += task;
        task = 0.0;
        if (slice < slice_flops && i + 1 < x.n_rows)
            continue;
        slices.push_back(static_cast<Index>(tasks.size()) - 1);
        slice = 0.0;
    }
}

/// For row i, equations(i, worker) fills worker.root, worker.right, worker.diagonal and, for conjugate gradients,
/// worker.preconditioner, and returns the objective of the row at zero; solve(worker, entries, i) overwrites the row
/// and returns by how much that lowered its objective. The sum of the rows' objectives is returned.
template <class I, class Equations, class Solve>
double sweep_rows(CsrView<float, I> x, const RowSchedule& schedule, const Equations& equations, const Solve& solve,
                  std::vector<RowWorker>& workers, const linalg::Checkpoint& interrupt)
{
    std::vector<double> partial(schedule.tasks.size() - 1);
    for (std::size_t s = 0; s + 1 < schedule.slices.size(); ++s) {
        const Index first = schedule.slices[s];
        for_each_task_on_worker(
            schedule.slices[s + 1] - first, static_cast<int>(workers.size()), [&](Index t, Index thread) {
                RowWorker& worker = workers[static_cast<std::size_t>(thread)];
                const auto task = static_cast<std::size_t>(first + t);
                double sum = 0.0;
                for (Index i = schedule.tasks[task]; i < schedule.tasks[task + 1]; ++i) {
                    const Index begin = static_cast<Index>(x.indptr[i]);
                    const double at_zero = equations(i, worker);
                    const linalg::RowEntries<I> entries{x.indices + begin, worker.root.data(), worker.right.data(),
                                                        static_cast<Index>(x.indptr[i + 1]) - begin,
                                                        static_cast<Index>(x.indptr[x.n_rows]) - begin};
                    sum += at_zero - solve(worker, entries, i);
                }
                partial[task] = sum;
            });
        if (interrupt)
            interrupt();
    }
    return ordered_sum(partial);
}

/// sum_i l2(i) ||h_i||^2.
template <class L2> double penalty(MatrixView<const float> h, const L2& l2, int threads)
{
    constexpr Index block_rows = 1024;
    std::vector<double> partial(static_cast<std::size_t>(block_count(h.n_rows, block_rows)));
    for_blocks(h.n_rows, block_rows, threads, [&](Index begin, Index end, Index block) {
        double sum = 0.0;
        for (Index i = begin; i < end; ++i) {
            double squares = 0.0;
            for (Index c = 0; c < h.n_cols; ++c)
                squares += static_cast<double>(h(i, c)) * static_cast<double>(h(i, c));
            sum += l2(i) * squares;
        }
        partial[static_cast<std::size_t>(block)] = sum;
    });
    return ordered_sum(partial);
}

} // namespace matfact
