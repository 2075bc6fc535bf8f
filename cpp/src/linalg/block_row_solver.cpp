#include "linalg/block_row_solver.hpp"

#include <Eigen/Core>

#include <algorithm>
#include <cstdint>

namespace matfact::linalg {

namespace {

/// scores_j += sign * f_j . x for the features [begin, end).
template <class I>
void add_scores(MatrixView<const float> features, const RowEntries<I>& entries, Index begin, Index end, const float* x,
                float sign, float* scores)
{
    for (Index j = 0; j < entries.n; ++j) {
        const float* const f = features.data + static_cast<Index>(entries.indices[j]) * features.row_stride;
        const Eigen::Map<const Eigen::VectorXf> own(f + begin, end - begin), other(x + begin, end - begin);
        scores[j] += sign * own.dot(other);
    }
}

} // namespace

BlockRowSolver::BlockRowSolver(Index n_features, Index block, Index longest)
    : k_(n_features), block_(std::min(block, n_features)), whole_(block_),
      last_(n_features - (n_features - 1) / block_ * block_), scores_(static_cast<std::size_t>(longest)),
      right_(scores_.size())
{
}

template <class I>
double BlockRowSolver::improve(MatrixView<const float> features, const RowEntries<I>& entries, const float* d, float* x)
{
    if (entries.n == 0) {
        std::fill_n(x, k_, 0.0f);
        return 0.0;
    }
    float* const scores = scores_.data();
    std::fill_n(scores, entries.n, 0.0f);
    add_scores(features, entries, 0, k_, x, 1.0f, scores);
    const RowEntries<I> rest{entries.indices, entries.root, right_.data(), entries.n, entries.n_readable};
    for (Index begin = 0; begin < k_; begin += block_) {
        const Index end = std::min(k_, begin + block_);
        add_scores(features, entries, begin, end, x, -1.0f, scores);
        for (Index j = 0; j < entries.n; ++j)
            right_[static_cast<std::size_t>(j)] = entries.right[j] - entries.root[j] * entries.root[j] * scores[j];
        RowSolver& solver = end - begin == block_ ? whole_ : last_;
        solver.solve(features.block(0, begin, features.n_rows, end - begin), rest, d + begin, x + begin);
        add_scores(features, entries, begin, end, x, 1.0f, scores);
    }
    double gain = 0.0;
    for (Index j = 0; j < entries.n; ++j) {
        const double score = scores[j], weight = static_cast<double>(entries.root[j]) * entries.root[j];
        gain += score * (2.0 * static_cast<double>(entries.right[j]) - weight * score);
    }
    for (Index c = 0; c < k_; ++c)
        gain -= static_cast<double>(d[c]) * static_cast<double>(x[c]) * static_cast<double>(x[c]);
    return gain;
}

template double BlockRowSolver::improve(MatrixView<const float>, const RowEntries<std::int32_t>&, const float*, float*);
template double BlockRowSolver::improve(MatrixView<const float>, const RowEntries<std::int64_t>&, const float*, float*);

} // namespace matfact::linalg
