#include "matfact/pair_scores.hpp"

#include "checkpoint.hpp"
#include "parallel.hpp"
#include "require.hpp"

#include <Eigen/Core>

namespace matfact {

namespace {

constexpr Index task_pairs = 4096;
constexpr Index tasks_at_once = 64; ///< after which an interrupt is looked for

void check_indices(const std::vector<std::int64_t>& indices, Index n, const char* message)
{
    for (const std::int64_t i : indices)
        require(i < n, message);
}

} // namespace

std::vector<double> pair_scores(MatrixView<const float> queries, MatrixView<const float> items,
                                const std::vector<std::int64_t>& rows, const std::vector<std::int64_t>& cols,
                                int num_threads, const Progress& progress)
{
    require(queries.n_cols == items.n_cols, "queries and items must have the same number of columns");
    require(queries.col_stride == 1 && items.col_stride == 1, "queries and items must be row-major");
    require(rows.size() == cols.size(), "rows and cols must be equally many");
    check_indices(rows, queries.n_rows, "rows must be below the number of queries");
    check_indices(cols, items.n_rows, "cols must be below the number of items");
    const int threads = resolve_threads(num_threads);
    const linalg::Checkpoint interrupt = checkpoint_of(progress);
    std::vector<double> scores(rows.size(), 0.0);
    const auto n_pairs = static_cast<Index>(rows.size());
    using Row = Eigen::Map<const Eigen::VectorXf>;
    for (Index first = 0; first < n_pairs; first += tasks_at_once * task_pairs) {
        for_blocks(std::min(tasks_at_once * task_pairs, n_pairs - first), task_pairs, threads,
                   [&](Index begin, Index end, Index) {
                       for (Index p = first + begin; p < first + end; ++p) {
                           const std::int64_t u = rows[static_cast<std::size_t>(p)],
                                              i = cols[static_cast<std::size_t>(p)];
                           if (u >= 0 && i >= 0)
                               scores[static_cast<std::size_t>(p)] =
                                   Row(&queries(u, 0), queries.n_cols)
                                       .cast<double>()
                                       .dot(Row(&items(i, 0), items.n_cols).cast<double>());
                       }
                   });
        if (interrupt)
            interrupt();
    }
    return scores;
}

} // namespace matfact
