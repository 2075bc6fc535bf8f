#include "ppca_pass.hpp"

#include "linalg/balance.hpp"
#include "linalg/gemm.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <cmath>

namespace matfact {

namespace {

using namespace linalg;

constexpr Index block_bytes = Index{32} << 20; ///< of one block's matrices
constexpr Index most_rows = 2048;
constexpr Index fill_rows = 32;
constexpr Index column_tile = 64;
constexpr double log_two_pi = 1.8378770664093454836;

using Vector = Eigen::Map<Eigen::VectorXd>;
using ConstVector = Eigen::Map<const Eigen::VectorXd>;
using Square = Eigen::Map<const Eigen::MatrixXd>;
using MapLanes = Eigen::Map<Lanes>; // unaligned
using ConstMapLanes = Eigen::Map<const Lanes>;

Index padded_lanes(Index n) { return block_count(n, lanes) * lanes; }

/// The memory of a matrix that is large enough for every block, as that of this one.
MatrixView<double> shaped(Matrix<double>& a, Index n_rows, Index n_cols)
{
    return {a.data(), n_rows, n_cols, n_cols, 1};
}
MatrixView<const double> read(const Matrix<double>& a, Index n_rows, Index n_cols)
{
    return {a.data(), n_rows, n_cols, n_cols, 1};
}

Operand<double> operand(MatrixView<const double> a) { return {a}; }

/// 1 where x is observed, 0 where it is NaN. Inline, so that a stride of 1 is a constant.
template <class T> inline void mark_observed(const T* x, Index n, Index stride, double* out)
{
    for (Index j = 0; j < n; ++j)
        out[j] = x[j * stride] == x[j * stride] ? 1.0 : 0.0;
}

} // namespace

template <class T> Index PpcaPass<T>::Block::n_lanes() const { return padded_lanes(static_cast<Index>(runs.size())); }

template <class T>
PpcaPass<T>::PpcaPass(MatrixView<const T> x, Index n_components, int threads, Checkpoint checkpoint)
    : x_(x), k_(n_components), threads_(threads), checkpoint_(std::move(checkpoint)),
      patterns_(find_missing_patterns(x, threads))
{
    cut();
}

template <class T> void PpcaPass<T>::balance() { scale_ = linalg::balance(patterns_.largest); }

/// Cuts the rows into blocks of bounded memory, by their shape alone, and takes that memory.
template <class T> void PpcaPass<T>::cut()
{
    const Index p = packed_size(k_), p1 = packed_size(k_ + 1), n = x_.n_cols;
    const Index row_bytes = static_cast<Index>(sizeof(double)) * (2 * n + p + p1 + 2 * k_ + 4);
    const Index limit = padded_lanes(std::clamp<Index>(block_bytes / row_bytes, 8 * lanes, most_rows));
    Block block;
    const auto close = [&] {
        if (block.n_rows > 0)
            blocks_.push_back(std::move(block));
        block = {};
    };
    for (const PatternRun& run : patterns_.runs)
        for (Index done = 0; done < run.count;) {
            if (block.n_rows == 0)
                block.begin = run.begin + done;
            const Index taken = std::min(run.count - done, limit - block.n_rows);
            block.runs.push_back({block.n_rows, taken});
            block.n_rows += taken;
            done += taken;
            if (block.n_rows == limit)
                close();
        }
    close();
    Index rows = 0, width = 0;
    for (const Block& b : blocks_) {
        rows = std::max(rows, b.n_rows);
        width = std::max(width, b.n_lanes());
    }
    products_ = Matrix<double>(p, n);
    mask_ = Matrix<double>(width, n);
    y_ = Matrix<double>(rows, n);
    precision_ = Matrix<double>(p, width);
    posterior_ = Matrix<double>(p1, width);
    right_ = Matrix<double>(rows, k_);
    latent_ = Matrix<double>(rows, k_ + 1);
    for (auto* values : {&row_squares_, &row_counts_, &row_log_likelihood_})
        values->resize(static_cast<std::size_t>(rows));
    Scratch scratch;
    scratch.system.resize(static_cast<std::size_t>(p));
    scratch.moments.resize(static_cast<std::size_t>(p1));
    scratch.inverse.resize(static_cast<std::size_t>(k_ * k_));
    scratch_.assign(static_cast<std::size_t>(std::max(1, threads_)), scratch);
}

/// y_ and its squares row by row, and the mask of each pattern; the mask of lanes without a pattern is zero.
template <class T> void PpcaPass<T>::fill(const Block& block, const std::vector<double>& mean)
{
    if (checkpoint_)
        checkpoint_();
    const Index n = x_.n_cols;
    for_blocks(block.n_rows, fill_rows, threads_, [&](Index begin, Index end, Index) {
        const T* source[fill_rows];
        for (Index i = begin; i < end; ++i)
            source[i - begin] = x_.data + row_of(block, i) * x_.row_stride;
        const auto deviation = [scale = scale_](T value, double mean_of_column) {
            return value == value ? scale * static_cast<double>(value) - mean_of_column : 0.0;
        };
        if (x_.col_stride == 1)
            for (Index i = begin; i < end; ++i) {
                const T* const row = source[i - begin];
                double* const out = y_.data() + i * n;
                for (Index j = 0; j < n; ++j)
                    out[j] = deviation(row[j], mean[static_cast<std::size_t>(j)]);
            }
        else
            for (Index j = 0; j < n; ++j)
                for (Index i = begin; i < end; ++i)
                    y_(i, j) = deviation(source[i - begin][j * x_.col_stride], mean[static_cast<std::size_t>(j)]);
        for (Index i = begin; i < end; ++i)
            row_squares_[static_cast<std::size_t>(i)] = ConstVector(y_.data() + i * n, n).squaredNorm();
    });
    const auto n_runs = static_cast<Index>(block.runs.size());
    for_blocks(block.n_lanes(), lanes, threads_, [&](Index begin, Index end, Index) {
        for (Index u = begin; u < end; ++u) {
            double* const out = mask_.data() + u * n;
            if (u >= n_runs) {
                std::fill_n(out, n, 0.0);
                continue;
            }
            const PatternRun run = block.runs[static_cast<std::size_t>(u)];
            const T* const source = x_.data + row_of(block, run.begin) * x_.row_stride;
            if (x_.col_stride == 1)
                mark_observed(source, n, 1, out);
            else
                mark_observed(source, n, x_.col_stride, out);
            const double count = ConstVector(out, n).sum();
            for (Index i = run.begin; i < run.begin + run.count; ++i)
                row_counts_[static_cast<std::size_t>(i)] = count;
        }
    });
}

template <class T> ColumnFacts PpcaPass<T>::columns()
{
    const Index n = x_.n_cols;
    ColumnFacts facts;
    for (auto* values : {&facts.count, &facts.mean, &facts.squares})
        values->assign(static_cast<std::size_t>(n), 0.0);
    const auto for_columns = [&](const auto& body) {
        for (const Block& block : blocks_) {
            fill(block, facts.mean);
            for_blocks(n, column_tile, threads_, [&](Index begin, Index end, Index) { body(block, begin, end); });
        }
    };
    // Sums of differences from the first entry, so that those of a constant column are zero.
    for (Index j = 0; j < n; ++j)
        for (Index i = 0; i < x_.n_rows; ++i)
            if (const T value = x_(i, j); value == value) {
                facts.mean[static_cast<std::size_t>(j)] = scale_ * static_cast<double>(value);
                break;
            }
    std::vector<double> sums(static_cast<std::size_t>(n), 0.0);
    for_columns([&](const Block& block, Index begin, Index end) {
        for (std::size_t u = 0; u < block.runs.size(); ++u)
            for (Index j = begin; j < end; ++j)
                facts.count[static_cast<std::size_t>(j)] +=
                    mask_(static_cast<Index>(u), j) * static_cast<double>(block.runs[u].count);
        for (Index i = 0; i < block.n_rows; ++i)
            for (Index j = begin; j < end; ++j)
                sums[static_cast<std::size_t>(j)] += y_(i, j);
    });
    for (std::size_t j = 0; j < sums.size(); ++j)
        facts.mean[j] += facts.count[j] > 0.0 ? sums[j] / facts.count[j] : 0.0;
    for_columns([&](const Block& block, Index begin, Index end) {
        for (Index i = 0; i < block.n_rows; ++i)
            for (Index j = begin; j < end; ++j)
                facts.squares[static_cast<std::size_t>(j)] += y_(i, j) * y_(i, j);
    });
    return facts;
}

template <class T> Matrix<double> PpcaPass<T>::gram_product(const std::vector<double>& mean, const Matrix<double>& v)
{
    Matrix<double> out(v.n_rows(), k_);
    std::fill_n(out.data(), out.size(), 0.0);
    for (const Block& block : blocks_) {
        fill(block, mean);
        const MatrixView<const double> y = read(y_, block.n_rows, x_.n_cols);
        multiply_into(operand(y), v.view(), shaped(right_, block.n_rows, k_), threads_);
        multiply_into(operand(y.transposed()), read(right_, block.n_rows, k_), out.view(), threads_, true);
    }
    return out;
}

template <class T> void PpcaPass<T>::multiply_loadings(const PpcaState& state)
{
    const Index n = x_.n_cols;
    for_blocks(n, column_tile, threads_, [&](Index begin, Index end, Index) {
        for (Index a = 0; a < k_; ++a)
            for (Index b = 0; b <= a; ++b) {
                const Index row = packed_index(a, b);
                for (Index j = begin; j < end; ++j)
                    products_(row, j) =
                        state.w(j, a) * state.w(j, b) + (state.covariance.data() ? state.covariance(row, j) : 0.0);
            }
    });
}

/// Posterior of the rows of a filled block: latent_, posterior_ and row_log_likelihood_.
template <class T> void PpcaPass<T>::infer(const Block& block, const PpcaState& state)
{
    const Index n = x_.n_cols, width = block.n_lanes();
    multiply_into(operand(products_.view()), read(mask_, width, n).transposed(),
                  shaped(precision_, packed_size(k_), width), threads_);
    multiply_into(operand(read(y_, block.n_rows, n)), state.w.view(), shaped(right_, block.n_rows, k_), threads_);
    for_each_task_on_worker(width / lanes, threads_, [&](Index chunk, Index worker) {
        infer_lanes(block, chunk * lanes, state.noise, scratch_[static_cast<std::size_t>(worker)]);
    });
}

template <class T> void PpcaPass<T>::infer_lanes(const Block& block, Index first_run, double noise, Scratch& scratch)
{
    const Index p = packed_size(k_), p1 = packed_size(k_ + 1), width = block.n_lanes();
    Lanes* const system = scratch.system.data();
    for (Index i = 0; i < p; ++i)
        system[i] = ConstMapLanes(precision_.data() + i * width + first_run);
    for (Index c = 0; c < k_; ++c)
        system[packed_index(c, c)] += noise;
    factor_packed(k_, system);
    const Lanes log_determinant = log_determinant_packed(k_, system);
    invert_packed(k_, system);

    std::fill(scratch.moments.begin(), scratch.moments.end(), Lanes::Zero());
    const Index last = std::min(lanes, static_cast<Index>(block.runs.size()) - first_run);
    for (Index lane = 0; lane < last; ++lane) {
        const PatternRun run = block.runs[static_cast<std::size_t>(first_run + lane)];
        for (Index a = 0; a < k_; ++a)
            for (Index b = 0; b <= a; ++b) {
                const double value = system[packed_index(a, b)][lane];
                scratch.inverse[static_cast<std::size_t>(a * k_ + b)] = value;
                scratch.inverse[static_cast<std::size_t>(b * k_ + a)] = value;
                scratch.moments[static_cast<std::size_t>(packed_index(a, b))][lane] =
                    static_cast<double>(run.count) * noise * value;
            }
        const Square inverse(scratch.inverse.data(), k_, k_);
        for (Index i = run.begin; i < run.begin + run.count; ++i) {
            const auto row = static_cast<std::size_t>(i);
            const ConstVector right(right_.data() + i * k_, k_);
            double* const z = latent_.data() + i * (k_ + 1);
            Vector(z, k_).noalias() = inverse * right;
            z[k_] = 1.0;
            for (Index a = 0; a <= k_; ++a)
                for (Index b = 0; b <= a; ++b)
                    scratch.moments[static_cast<std::size_t>(packed_index(a, b))][lane] += z[a] * z[b];
            row_log_likelihood_[row] =
                -0.5 * (row_counts_[row] * log_two_pi + (row_counts_[row] - static_cast<double>(k_)) * std::log(noise) +
                        log_determinant[lane] + (row_squares_[row] - right.dot(Vector(z, k_))) / noise);
        }
    }
    for (Index i = 0; i < p1; ++i)
        MapLanes(posterior_.data() + i * width + first_run) = scratch.moments[static_cast<std::size_t>(i)];
}

template <class T> void PpcaPass<T>::moments(const PpcaState& state, PpcaMoments& out)
{
    const Index n = x_.n_cols, p1 = packed_size(k_ + 1);
    if (!out.second.data()) {
        out.second = Matrix<double>(p1, n);
        out.first = Matrix<double>(k_ + 1, n);
    }
    std::fill_n(out.second.data(), out.second.size(), 0.0);
    std::fill_n(out.first.data(), out.first.size(), 0.0);
    out.latent.assign(static_cast<std::size_t>(p1), 0.0);
    out.squares = out.log_likelihood = 0.0;
    multiply_loadings(state);
    for (const Block& block : blocks_) {
        const Index width = block.n_lanes();
        fill(block, state.mean);
        infer(block, state);
        multiply_into(operand(read(posterior_, p1, width)), read(mask_, width, n), out.second.view(), threads_, true);
        multiply_into(operand(read(latent_, block.n_rows, k_ + 1).transposed()), read(y_, block.n_rows, n),
                      out.first.view(), threads_, true);
        for (Index i = 0; i < p1; ++i)
            out.latent[static_cast<std::size_t>(i)] += ConstVector(posterior_.data() + i * width, width).sum();
        for (Index i = 0; i < block.n_rows; ++i) {
            out.squares += row_squares_[static_cast<std::size_t>(i)];
            out.log_likelihood += row_log_likelihood_[static_cast<std::size_t>(i)];
        }
    }
}

template <class T>
void PpcaPass<T>::rows(const PpcaState& state, Matrix<double>& latent, std::vector<double>& log_likelihood)
{
    multiply_loadings(state);
    for (const Block& block : blocks_) {
        fill(block, state.mean);
        infer(block, state);
        for (Index i = 0; i < block.n_rows; ++i) {
            const Index row = row_of(block, i);
            std::copy_n(latent_.data() + i * (k_ + 1), k_, latent.data() + row * k_);
            log_likelihood[static_cast<std::size_t>(row)] = row_log_likelihood_[static_cast<std::size_t>(i)];
        }
    }
}

template class PpcaPass<float>;
template class PpcaPass<double>;

} // namespace matfact
