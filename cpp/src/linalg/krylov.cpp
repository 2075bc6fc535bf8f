#include "linalg/krylov.hpp"

#include "linalg/gemm.hpp"
#include "linalg/lapack_calls.hpp"
#include "linalg/orthonormalize.hpp"
#include "linalg/row_pass.hpp"
#include "matfact/random.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace matfact::linalg {

namespace {

/// Columns [first, q.n_cols) become independent signs, a stream for each fresh set of columns.
void fill_with_signs(Matrix<double>& q, Index first, std::uint64_t seed, std::uint64_t stream)
{
    constexpr Index bits = 256; // of one Philox block
    const Index width = q.n_cols() - first;
    for (Index i = 0; i < q.n_rows() * width; i += bits) {
        const Block4x64 block = philox4x64({static_cast<std::uint64_t>(i / bits), 1, 0, 0}, {seed, stream});
        for (Index b = 0; b < std::min(bits, q.n_rows() * width - i); ++b) {
            const bool set = block[static_cast<std::size_t>(b / 64)] >> (b % 64) & 1u;
            q((i + b) / width, first + (i + b) % width) = set ? 1.0 : -1.0;
        }
    }
}

template <class From, class To> void convert(MatrixView<From> from, MatrixView<To> to, int threads)
{
    for_blocks(from.n_rows, 512, threads, [&](Index begin, Index end, Index) {
        for (Index i = begin; i < end; ++i)
            for (Index j = 0; j < from.n_cols; ++j)
                to(i, j) = static_cast<To>(from(i, j));
    });
}

constexpr double far = 1e300; ///< larger than any excess that means something
constexpr double weak = 1e-3; ///< a direction this much weaker than others needs orthogonalizing once more

/// The basis V, the projection V'AV, and the block that extends them.
template <class T> class Lanczos {
public:
    Lanczos(Index n, const BlockOperator<T>& apply, const KrylovOptions& options, const Checkpoint& checkpoint)
        : n_(n), apply_(apply), options_(options), checkpoint_(checkpoint)
    {
    }

    KrylovResult<T> run()
    {
        wanted_ = options_.count({});
        reserve(capacity_for(wanted_));
        take_fresh_block(std::min(n_, options_.block));
        double sum = -std::numeric_limits<double>::infinity();
        for (;;) {
            if (!iterate() || wanted_ == n_)
                return finish();
            // What a probe found has raised the sum of the values, unless it was rounding.
            const double before =
                std::exchange(sum, std::accumulate(result_.values.begin(), result_.values.end(), 0.0));
            if (!(sum > before) || !probe())
                return finish();
        }
    }

private:
    /// The Ritz pairs of the basis: values ascending, coordinates of the vectors as rows, and residual norms.
    struct Ritz {
        std::vector<double> values, residuals;
        Matrix<double> rows;
        double norm = 0.0;

        Index size() const { return static_cast<Index>(values.size()); }
        double value(Index i) const { return values[static_cast<std::size_t>(size() - 1 - i)]; }
        double residual(Index i) const { return residuals[static_cast<std::size_t>(size() - 1 - i)]; }
        const double* row(Index i) const { return rows.data() + (size() - 1 - i) * rows.n_cols(); }
    };

    double rounding(double norm) const { return 4 * static_cast<double>(std::numeric_limits<T>::epsilon()) * norm; }

    Index passes_left() const { return options_.max_passes - result_.n_passes; }

    /// Steps and restarts until the wanted pairs are accurate (true) or the passes are spent (false).
    bool iterate()
    {
        Index next_look = result_.n_passes;
        Look last{far, 0};
        for (;;) {
            step();
            const bool is_last = size_ == n_ || passes_left() <= 0 || (stop_ && size_ >= wanted_);
            if ((size_ < wanted_ || result_.n_passes < next_look) && !is_last && !is_full()) {
                take_next_block();
                continue;
            }
            const Ritz ritz = rayleigh_ritz();
            const Index count = options_.count({ritz.values.rbegin(), ritz.values.rend()});
            wanted_ = std::min(size_, count > 0 ? count : size_);
            const double excess = count > 0 && count <= size_ ? largest_excess(ritz) : far;
            excess_ = excess < far ? excess : std::numeric_limits<double>::infinity();
            const Look before = std::exchange(last, {excess, result_.n_passes});
            const bool converged = (excess <= 1.0 || size_ == n_) && count >= 0;
            const bool is_hopeless = count < 0 || (options_.give_up && is_too_slow(before, last));
            result_.gave_up = is_hopeless && !converged && !stop_;
            if (converged || is_last || result_.gave_up) {
                // Without a probe, accurate pairs need not be the leading ones, unless they come from the whole space.
                const bool is_proven = converged && (!stop_ || size_ == n_);
                keep_result(ritz);
                result_.status = is_proven ? Status::converged : stop_ ? Status::stopped : Status::max_iter;
                return is_proven;
            }
            if (is_full()) {
                reserve(capacity_for(wanted_));
                if (is_full())
                    restart(ritz, std::max(wanted_ + options_.block, capacity_ / 2));
            }
            next_look = last.pass + steps_before_next_look(before, last);
            take_next_block();
        }
    }

    /// How far the wanted pairs were from what is accepted, and when.
    struct Look {
        double excess;
        Index pass;
    };

    /// Steps that the wanted pairs still need at the pace between two looks.
    static double steps_to_go(const Look& before, const Look& now)
    {
        if (before.excess >= far || !(now.excess < before.excess))
            return far;
        return std::log(now.excess) / std::log(before.excess / now.excess) *
               static_cast<double>(now.pass - before.pass);
    }

    /// A look takes an eigenproblem of the size of the basis, as dear as a product with a matrix of moderate size. So
    /// the next one waits for most of the steps to go.
    Index steps_before_next_look(const Look& before, const Look& now) const
    {
        constexpr double most = 64.0;
        if (now.excess >= far)
            return std::max<Index>(1, size_ / (8 * options_.block));
        const double steps = steps_to_go(before, now);
        return steps >= far ? 2 : std::max<Index>(1, static_cast<Index>(std::min(most, 0.75 * steps)));
    }

    /// The pace means something once the basis has room for more than the wanted pairs.
    bool is_too_slow(const Look& before, const Look& now) const
    {
        return size_ >= 2 * wanted_ + 64 && 4.0 * static_cast<double>(passes_left()) < steps_to_go(before, now);
    }

    /// Whether the next block does not fit into the memory of the basis.
    bool is_full() const { return size_ + std::min(next_.n_cols(), n_ - size_) > capacity_; }

    Index capacity_for(Index wanted) const
    {
        // More would save few products on hard spectra, and cost more to orthogonalize against.
        const Index most = std::max(4 * wanted, wanted + std::max<Index>(128, 8 * options_.block));
        // A basis that is nearly the whole space may as well be it.
        return most + options_.block >= n_ ? n_ : most;
    }

    void reserve(Index capacity)
    {
        if (capacity <= capacity_)
            return;
        Matrix<T> v(n_, capacity);
        Matrix<double> projection(capacity, capacity);
        if (size_ > 0) {
            convert(basis(), v.view().block(0, 0, n_, size_), options_.threads);
            convert(MatrixView<const double>(projection_.view()).block(0, 0, size_, size_),
                    projection.view().block(0, 0, size_, size_), 1);
        }
        v_ = std::move(v);
        projection_ = std::move(projection);
        capacity_ = capacity;
    }

    MatrixView<const T> basis() const { return MatrixView<const T>(v_.view()).block(0, 0, n_, size_); }

    /// One product with the operator: the new columns of the projection, and the block that comes next.
    void step()
    {
        if (checkpoint_)
            checkpoint_();
        const Index width = block_.n_cols(), first = size_ - width;
        Matrix<T> z(n_, width);
        apply_(block_.view(), z.view());
        ++result_.n_passes;
        result_.n_columns += width;
        next_ = Matrix<double>(n_, width);
        convert(z.view(), next_.view(), options_.threads);

        Matrix<double> overlap = project_out(next_);
        const Matrix<double> again = project_out(next_);
        for (Index i = 0; i < overlap.size(); ++i) {
            overlap.data()[i] += again.data()[i];
            if (!std::isfinite(overlap.data()[i]))
                throw NumericalError("the operator returned NaN or infinity");
        }
        for (Index j = 0; j < width; ++j) {
            for (Index i = 0; i < first; ++i)
                projection_(i, first + j) = projection_(first + j, i) = overlap(i, j);
            for (Index i = 0; i <= j; ++i)
                projection_(first + i, first + j) = projection_(first + j, first + i) =
                    0.5 * (overlap(first + i, j) + overlap(first + j, i));
        }
        coupling_ = orthonormalize(next_, options_.threads);
        if (!(coupling_.diagonal().cwiseAbs().minCoeff() > weak * coupling_.diagonal().cwiseAbs().maxCoeff()))
            order_by_weight();
        stop_ = (options_.report && options_.report(result_.n_passes, excess_)) || stop_;
    }

    /// Turns the next block so that the directions that the operator did not lead to come last: next * coupling stays.
    void order_by_weight()
    {
        Matrix<double> work(coupling_.rows(), coupling_.rows()), left, right;
        as_map(work) = coupling_;
        std::vector<double> weights;
        singular_values_and_vectors(work.view(), left, weights, right, 1);
        next_ = multiply<double>(next_.view(), left.view(), options_.threads);
        coupling_ = Eigen::Map<const Eigen::VectorXd>(weights.data(), coupling_.rows()).asDiagonal() * as_map(right);
    }

    /// w -= V (V'w); returns V'w.
    Matrix<double> project_out(Matrix<double>& w) const
    {
        Matrix<double> overlap(size_, w.n_cols());
        const Operand<T> v{basis()};
        transposed_times<T, double>(v, w.view(), overlap.view(), options_.threads);
        Matrix<double> negative(size_, w.n_cols());
        for (Index i = 0; i < overlap.size(); ++i)
            negative.data()[i] = -overlap.data()[i];
        multiply_into<T, double>(v, negative.view(), w.view(), options_.threads, true);
        return overlap;
    }

    Ritz rayleigh_ritz() const
    {
        Ritz ritz;
        ritz.rows = Matrix<double>(size_, size_);
        convert(MatrixView<const double>(projection_.view()).block(0, 0, size_, size_), ritz.rows.view(), 1);
        // One thread: the bits of a borrowed LAPACK may depend on their number.
        symmetric_eigen<double>(ritz.rows.view(), ritz.values, 1);
        ritz.norm = std::max(std::abs(ritz.values.front()), std::abs(ritz.values.back()));
        for (Index i = 0; i < size_; ++i) {
            const Eigen::Map<const Eigen::VectorXd> last(&ritz.rows(i, size_ - coupling_.cols()), coupling_.cols());
            ritz.residuals.push_back(size_ == n_ ? 0.0 : (coupling_ * last).norm());
        }
        return ritz;
    }

    /// The largest residual of a wanted pair, relative to what is accepted.
    double largest_excess(const Ritz& ritz) const
    {
        double excess = 0.0;
        for (Index i = 0; i < wanted_; ++i) {
            const double accepted = std::max(options_.accepted(ritz.value(i), ritz.norm), rounding(ritz.norm));
            if (ritz.residual(i) > 0.0)
                excess = std::max(excess, ritz.residual(i) / accepted);
        }
        return excess;
    }

    /// The basis becomes the `kept` leading Ritz vectors. The block that comes next was orthogonalized against all of
    /// the old basis, so the recurrence goes on through it.
    void restart(const Ritz& ritz, Index kept)
    {
        constexpr Index block_rows = 4096;
        Matrix<double> coordinates(size_, kept);
        for (Index c = 0; c < kept; ++c)
            for (Index i = 0; i < size_; ++i)
                coordinates(i, c) = ritz.row(c)[i];
        for (Index begin = 0; begin < n_; begin += block_rows) {
            const Index end = std::min(n_, begin + block_rows);
            const Matrix<double> rows =
                multiply<T, double>(Operand<T>{basis().rows(begin, end)}, coordinates.view(), options_.threads);
            convert(rows.view(), v_.view().block(begin, 0, end - begin, kept), options_.threads);
        }
        size_ = kept;
        for (Index i = 0; i < kept; ++i)
            for (Index j = 0; j < kept; ++j)
                projection_(i, j) = i == j ? ritz.value(i) : 0.0;
    }

    /// Makes the next block, of which the leading `known` columns follow from the recurrence, `width` columns wide.
    void widen(Index known, Index width)
    {
        Matrix<double> wide(n_, width);
        convert(MatrixView<const double>(next_.view()).block(0, 0, n_, known), wide.view().block(0, 0, n_, known),
                options_.threads);
        fill_with_signs(wide, known, options_.seed, fresh_sets_++);
        next_ = std::move(wide);
        for (int round = 0; round < 2; ++round) {
            if (size_ > 0)
                project_out(next_);
            orthonormalize(next_, options_.threads);
        }
    }

    /// Appends the next block to the basis. Where it has met an invariant subspace it gets random directions instead.
    void take_next_block()
    {
        const Index width = std::min(next_.n_cols(), n_ - size_);
        const Eigen::VectorXd weights = coupling_.rowwise().norm();
        Index known = 0;
        while (known < width && weights[known] > rounding(projected_norm()))
            ++known;
        if (known < next_.n_cols())
            widen(known, width);
        else if (weights.minCoeff() <= weak * weights.maxCoeff()) {
            project_out(next_);
            orthonormalize(next_, options_.threads);
        }
        append();
    }

    void take_fresh_block(Index width)
    {
        widen(0, width);
        append();
    }

    void append()
    {
        block_ = Matrix<T>(n_, next_.n_cols());
        convert(next_.view(), block_.view(), options_.threads);
        convert(block_.view(), v_.view().block(0, size_, n_, block_.n_cols()), options_.threads);
        size_ += block_.n_cols();
    }

    /// A lower bound of the norm of the projection, good to a factor.
    double projected_norm() const
    {
        double norm = 0.0;
        for (Index i = 0; i < size_; ++i)
            norm = std::max(norm, std::abs(projection_(i, i)));
        return norm;
    }

    void keep_result(const Ritz& ritz)
    {
        result_.values.clear();
        result_.residuals.clear();
        for (Index i = 0; i < wanted_; ++i) {
            result_.values.push_back(ritz.value(i));
            result_.residuals.push_back(ritz.residual(i));
        }
        result_.norm = ritz.norm;
        result_.next_value = wanted_ < ritz.size() ? ritz.value(wanted_) + ritz.residual(wanted_)
                                                   : -std::numeric_limits<double>::infinity();
        restart(ritz, wanted_);
    }

    /// Block Lanczos from fresh columns on the operator without the pairs that were found. True if there is more to do:
    /// a direction was found above the smallest of them.
    bool probe()
    {
        const Index found = size_;
        const double smallest = result_.values.back();
        const Index passes = std::min(options_.probe_passes, passes_left());
        if (passes == 0)
            return false;
        reserve(std::min(n_, found + options_.probe_block * (passes + 1)));
        take_fresh_block(std::min(options_.probe_block, n_ - size_));
        for (Index i = 1;; ++i) {
            step();
            const Ritz ritz = rayleigh_ritz();
            // A direction above any of the values raises their sum, the last of several copies too.
            double gain = 0.0;
            for (Index c = 0; c < found; ++c)
                gain += ritz.value(c) - result_.values[static_cast<std::size_t>(c)];
            const double accepted = options_.accepted(smallest, ritz.norm);
            if (gain > std::max(accepted, static_cast<double>(found) * rounding(ritz.norm))) {
                // Go on at the full width: what was missed once may have been missed several times.
                restart(ritz, std::min({size_, found + options_.probe_block, n_ - 1}));
                widen(next_.n_cols(), std::min(options_.block, n_ - size_));
                append();
                return true;
            }
            if (i == passes || size_ == n_ || stop_) {
                if (i < passes && size_ < n_)
                    result_.status = Status::stopped;
                result_.next_value = std::max(result_.next_value, ritz.value(found));
                size_ = found;
                return false;
            }
            take_next_block();
        }
    }

    KrylovResult<T> finish()
    {
        if (result_.status == Status::stopped) // nobody has looked for it
            result_.next_value = std::numeric_limits<double>::infinity();
        // Every restart costs the vectors some of their orthogonality.
        Matrix<double> vectors(n_, wanted_);
        convert(basis(), vectors.view(), options_.threads);
        orthonormalize(vectors, options_.threads);
        result_.vectors = Matrix<T>(n_, wanted_);
        convert(vectors.view(), result_.vectors.view(), options_.threads);
        return std::move(result_);
    }

    Index n_;
    const BlockOperator<T>& apply_;
    const KrylovOptions& options_;
    const Checkpoint& checkpoint_;

    Index size_ = 0, capacity_ = 0, wanted_ = 0;
    double excess_ = std::numeric_limits<double>::infinity(); ///< at the last look
    bool stop_ = false;                                       ///< asked for by the report
    std::uint64_t fresh_sets_ = 0;
    Matrix<T> v_, block_;
    Matrix<double> projection_, next_;
    RowMajorMatrix coupling_; ///< (next, last): A basis = basis projection + next coupling (last block)'
    KrylovResult<T> result_;
};

} // namespace

template <class T>
KrylovResult<T> krylov(Index n, const BlockOperator<T>& apply, const KrylovOptions& options,
                       const Checkpoint& checkpoint)
{
    return Lanczos<T>(n, apply, options, checkpoint).run();
}

template KrylovResult<float> krylov(Index, const BlockOperator<float>&, const KrylovOptions&, const Checkpoint&);
template KrylovResult<double> krylov(Index, const BlockOperator<double>&, const KrylovOptions&, const Checkpoint&);

} // namespace matfact::linalg
