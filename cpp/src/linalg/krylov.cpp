#include "linalg/krylov.hpp"

#include "linalg/convergence.hpp"
#include "linalg/gemm.hpp"
#include "linalg/lapack_calls.hpp"
#include "linalg/orthonormalize.hpp"
#include "linalg/overlap_estimate.hpp"
#include "linalg/projection.hpp"
#include "linalg/symmetric_eigen.hpp"
#include "matfact/random.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
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

/// Rows with contiguous entries.
template <class From, class To> void convert(MatrixView<From> from, MatrixView<To> to, int threads)
{
    if (from.n_cols == 0)
        return;
    for_blocks(from.n_rows, 512, threads, [&](Index begin, Index end, Index) {
        for (Index i = begin; i < end; ++i)
            std::transform(&from(i, 0), &from(i, 0) + from.n_cols, &to(i, 0),
                           [](From value) { return static_cast<To>(value); });
    });
}

constexpr double far = Convergence::far;
// A direction needs orthogonalizing once more if it is this much weaker than others, or than the operator: it is then
// made of rounding errors of the projections to a larger share.
constexpr double weak = 1e-3, faint = 1e-4;
// Overlaps in the basis of the root of eps leave its projection exact to eps (Simon,
// doi:10.1090/S0025-5718-1984-0725988-X).
constexpr double semi_orthogonal = 1e-9;
// A column that is left with less than twice of what was taken out of it holds rounding errors of that which matter.
constexpr double most_share = 0.45;

/// The basis V, the projection V'AV, and the block that extends them.
template <class T> class Lanczos {
public:
    Lanczos(Index n, const BlockOperator<T>& apply, const KrylovOptions& options, const Checkpoint& checkpoint)
        : n_(n), apply_(apply), options_(options), checkpoint_(checkpoint), width_(options.block)
    {
    }

    KrylovResult<T> run()
    {
        wanted_ = options_.count({});
        reserve(capacity_for(wanted_));
        take_next_block();
        iterate();
        return finish();
    }

private:
    /// The Ritz values of the basis, ascending, and of the largest the coordinates of their vectors as rows, and
    /// residual norms.
    struct Ritz {
        std::vector<double> values, residuals;
        Matrix<double> rows;
        double norm = 0.0;

        Index size() const { return static_cast<Index>(values.size()); }
        double value(Index i) const { return values[static_cast<std::size_t>(size() - 1 - i)]; }
        double residual(Index i) const { return residuals[static_cast<std::size_t>(rows.n_rows() - 1 - i)]; }
        const double* row(Index i) const { return rows.data() + (rows.n_rows() - 1 - i) * rows.n_cols(); }
    };

    double rounding(double norm) const { return 4 * static_cast<double>(std::numeric_limits<T>::epsilon()) * norm; }

    Index passes_left() const { return options_.max_passes - result_.n_passes; }

    /// Steps and restarts until the wanted pairs are accurate and probed for others, or the passes are spent.
    void iterate()
    {
        Index next_look = result_.n_passes;
        for (;;) {
            step();
            begin_planned_probe();
            const bool is_spent = size_ == n_ || passes_left() <= 0, holds_wanted = size_ >= wanted_;
            const bool is_due = is_spent || is_full() || (holds_wanted && (stop_ || result_.n_passes >= next_look));
            if (!is_due) {
                tell();
                if (!stop_ || !holds_wanted) {
                    take_next_block();
                    continue;
                }
            }
            Index count = 0;
            const Ritz ritz = rayleigh_ritz(count);
            const double excess = count > 0 && count <= size_ ? largest_excess(ritz) : far;
            excess_ = excess < far ? excess : std::numeric_limits<double>::infinity();
            if (is_due)
                tell();
            harmless_ =
                std::min(semi_orthogonal, 1e-3 * options_.accepted(ritz.value(wanted_ - 1), ritz.norm) / ritz.norm);
            const bool is_last = is_spent || (stop_ && holds_wanted);
            convergence_.look(excess, result_.n_passes);
            const bool converged = (excess <= 1.0 || size_ == n_) && count >= 0;
            const bool is_hopeless = count < 0 || (options_.give_up && is_too_slow());
            result_.gave_up = is_hopeless && !converged && !stop_;
            const Index probe_left = converged ? probe_passes_left(ritz) : 0;
            const bool is_done = converged && probe_left == 0;
            if (is_done || is_last || result_.gave_up) {
                keep_result(ritz);
                result_.status = is_done ? Status::converged : stop_ ? Status::stopped : Status::max_iter;
                return;
            }
            const double steps = converged ? 0.0 : convergence_.passes_to_go();
            const Index till_look = converged ? probe_left : plan_next_look(steps);
            next_look = result_.n_passes + till_look;
            begin_planned_probe();
            if (is_full_after(till_look))
                reserve(capacity_for(wanted_));
            const Index kept = kept_by_restart(steps);
            // What is near the end restarts at a look that it takes anyway.
            if (is_full() || (is_near(steps) && is_full_after(till_look) && 2 * kept <= size_))
                restart(ritz, kept);
            take_next_block();
        }
    }

    // A block leads to as many copies of a value as it has columns, and never into an invariant subspace that it is
    // orthogonal to. So fresh columns join it for the last passes. Where the pairs hold as many copies as there were
    // columns before, these get as many passes as the first ones; where they hold as many as there are now, others
    // join.

    void begin_probe()
    {
        width_ += probe_begin_ == 0 ? options_.probe_block : std::max(options_.probe_block, wanted_ / 2);
        probe_begin_ = result_.n_passes;
        columns_before_probe_ = random_columns_;
    }

    void begin_planned_probe()
    {
        if (probe_begin_ == 0 && options_.probe_passes > 0 && result_.n_passes >= next_probe_)
            begin_probe();
    }

    /// Zero once accurate pairs have been probed for long enough.
    Index probe_passes_left(const Ritz& ritz)
    {
        if (size_ == n_ || options_.probe_passes == 0)
            return 0;
        if (first_convergence_ == 0)
            first_convergence_ = result_.n_passes;
        if (probe_begin_ > 0) {
            const Index enough = has_copies(ritz, columns_before_probe_)
                                     ? std::max(options_.probe_passes, first_convergence_)
                                     : options_.probe_passes;
            const Index left = probe_begin_ + enough - result_.n_passes;
            if (left > 0 || !has_copies(ritz, random_columns_))
                return std::max<Index>(0, left);
        }
        begin_probe();
        return options_.probe_passes;
    }

    /// Whether so many of the wanted values cannot be told apart.
    bool has_copies(const Ritz& ritz, Index copies) const
    {
        for (Index i = 0; i + copies <= wanted_; ++i) {
            const double accepted = options_.accepted(ritz.value(i), ritz.norm) + rounding(ritz.norm);
            if (ritz.value(i) - ritz.value(i + copies - 1) <= 2 * accepted)
                return true;
        }
        return false;
    }

    /// A look takes an eigenproblem of the size of the basis, as dear as a product with a matrix of moderate size. So
    /// the next one waits until the pairs should be accurate, where that is not more than a third of the passes so far
    /// ahead, and the probe begins in time for it, and should be through. Returns the steps till then.
    Index plan_next_look(double steps)
    {
        if (convergence_.excess() >= far)
            return std::max<Index>(1, size_ / (8 * options_.block));
        if (steps >= far)
            return 2;
        const double most = std::max(2.0, static_cast<double>(result_.n_passes) / 3);
        const auto probe = static_cast<double>(options_.probe_passes);
        const auto next = static_cast<Index>(std::clamp(std::ceil(steps), 1.0, most));
        if (steps > std::max(most, probe))
            return next;
        next_probe_ = result_.n_passes + static_cast<Index>(std::max(0.0, steps - probe));
        const Index probe_end = (probe_begin_ > 0 ? probe_begin_ : next_probe_) + options_.probe_passes;
        return steps > probe ? next : std::max(next, probe_end - result_.n_passes);
    }

    /// The pace means something once the basis has room for more than the wanted pairs.
    bool is_too_slow() const
    {
        return size_ >= 2 * wanted_ + 64 && 4.0 * static_cast<double>(passes_left()) < convergence_.passes_to_go();
    }

    /// Whether the next blocks do not fit into the memory of the basis.
    bool is_full_after(Index blocks) const { return size_ + std::min(blocks * width_, n_ - size_) > capacity_; }
    bool is_full() const { return is_full_after(1); }

    bool is_near(double steps) const { return steps <= 1.5 * static_cast<double>(options_.probe_passes); }

    Index capacity_for(Index wanted) const
    {
        // More would save few products on hard spectra, and cost more to orthogonalize against.
        const Index most = std::max(4 * wanted, wanted + std::max<Index>({128, 8 * options_.block, 4 * width_}));
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
            convert(known_projection(), projection.view().block(0, 0, size_, size_), 1);
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
        next_ = product(width);
        ++result_.n_passes;
        result_.n_columns += width;

        const Matrix<double> overlap = orthogonalize();
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
    }

    Matrix<double> product(Index width)
    {
        Matrix<T> z(n_, width);
        apply_(block_.view(), z.view());
        return in_double(std::move(z));
    }

    Matrix<double> in_double(Matrix<T> a) const
    {
        if constexpr (std::is_same_v<T, double>)
            return a;
        else {
            Matrix<double> result(a.n_rows(), a.n_cols());
            convert(a.view(), result.view(), options_.threads);
            return result;
        }
    }

    /// Reports a pass, once the look that follows it, if any, is taken.
    void tell() { stop_ = (options_.report && options_.report(result_.n_passes, excess_)) || stop_; }

    /// Makes the next block orthogonal to the basis; returns what it held of it. By the recurrence that is little
    /// beyond the blocks that `coupled_` counts, but for rounding errors. How much these have grown to is estimated,
    /// and they are taken out before they matter, from two blocks in a row, since each follows from the two before it.
    Matrix<double> orthogonalize()
    {
        const Index width = next_.n_cols(), n_coupled = std::min(size_, coupled_ + width);
        coupled_ = width;
        Matrix<double> overlap(size_, width);
        std::fill_n(overlap.data(), overlap.size(), 0.0);
        const Matrix<double> coupled = overlap_with<T>(last_columns(n_coupled), next_.view(), options_.threads);
        as_map(overlap).bottomRows(n_coupled) = as_map(coupled);
        step_noise_ = noise_ * static_cast<double>(std::numeric_limits<T>::epsilon()) *
                      as_map(coupled).colwise().norm().maxCoeff();
        const bool has_estimates = harmless_ > 100 * rounding(1.0) && !has_restarted_;
        const bool is_measured = std::exchange(measures_next_, false) || !has_estimates || !is_estimate_checked_;
        Matrix<double> taken;
        if (is_measured)
            taken = subtract_and_overlap<T>(next_.view(), basis(), coupled.view(), options_.threads);
        else
            subtract_from<T>(next_.view(), last_columns(n_coupled), coupled.view(), options_.threads);
        double expected = 0.0;
        if (keeps_estimates()) {
            rest_ = estimate_.of_next(known_projection(), coupled, step_noise_);
            expected = largest_share(rest_, step_noise_);
        }
        if (!is_measured) {
            if (expected <= harmless_)
                return overlap;
            measures_next_ = true;
            taken = overlap_with<T>(basis(), next_.view(), options_.threads);
        }
        const double share = largest_share(taken);
        is_estimate_checked_ = is_estimate_checked_ || rest_.n_rows() > 0;
        if (expected > 0.0 && share > 10 * expected) { // the operator is less exact than its numbers
            noise_ *= share / expected;
            measures_next_ = true; // which follows from this block and the one before it
        }
        if (share <= harmless_ && !has_estimates) {
            rest_ = std::move(taken);
            return overlap;
        }
        rest_ = Matrix<double>();
        as_map(overlap) += as_map(taken);
        if (!(share <= most_share)) {
            taken = subtract_and_overlap<T>(next_.view(), basis(), taken.view(), options_.threads);
            as_map(overlap) += as_map(taken);
        }
        subtract_from<T>(next_.view(), basis(), taken.view(), options_.threads);
        if (!as_map(overlap).allFinite())
            throw NumericalError("the operator returned NaN or infinity");
        return overlap;
    }

    /// The recurrence of rounding errors ends with a restart, and those of float32 are too large for it.
    bool keeps_estimates() const { return std::is_same_v<T, double> && !has_restarted_; }

    MatrixView<const double> known_projection() const
    {
        return MatrixView<const double>(projection_.view()).block(0, 0, size_, size_);
    }

    /// The largest norm of a column of `taken`, and of noise in it, relative to the column of the next block that it is
    /// a part of; NaN where one of them is.
    double largest_share(const Matrix<double>& taken, double noise = 0.0) const
    {
        const Eigen::ArrayXd part = as_map(taken).colwise().norm(), whole = as_map(next_).colwise().norm();
        return ((part + noise) / whole).maxCoeff<Eigen::PropagateNaN>();
    }

    /// Turns the next block so that the directions that the operator did not lead to come last: next * coupling stays.
    void order_by_weight()
    {
        Matrix<double> work(coupling_.rows(), coupling_.rows()), left, right;
        as_map(work) = coupling_;
        std::vector<double> weights;
        own_singular_values_and_vectors(work.view(), left, weights, right); // the same bits with a LAPACK and without
        next_ = multiply<double>(next_.view(), left.view(), options_.threads);
        coupling_ = Eigen::Map<const Eigen::VectorXd>(weights.data(), coupling_.rows()).asDiagonal() * as_map(right);
    }

    void project_out(Matrix<double>& w) const
    {
        const Matrix<double> overlap = overlap_with<T>(basis(), w.view(), options_.threads);
        subtract_from<T>(w.view(), basis(), overlap.view(), options_.threads);
    }

    MatrixView<const T> last_columns(Index count) const { return basis().block(0, size_ - count, n_, count); }

    /// Sets what is wanted, by what the values make of it.
    Ritz rayleigh_ritz(Index& count)
    {
        Ritz ritz;
        ritz.rows = symmetric_eigen_some<double>(
            known_projection(), ritz.values,
            [&](const std::vector<double>& values) {
                count = options_.count({values.rbegin(), values.rend()});
                wanted_ = std::min(size_, count > 0 ? count : size_);
                return std::min(size_, most_kept());
            },
            options_.threads);
        ritz.norm = std::max(std::abs(ritz.values.front()), std::abs(ritz.values.back()));
        for (Index i = 0; i < ritz.rows.n_rows(); ++i) {
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

    /// Pairs that are of use after a look: the wanted ones and the next, and for a restart, before which a probe may
    /// widen the block, as many as it may keep.
    Index most_kept() const
    {
        const Index widest = width_ + std::max(options_.probe_block, wanted_ / 2);
        return std::max(wanted_ + 2 * widest, size_ + widest > capacity_ ? size_ / 2 : 0);
    }

    /// Half of the basis speeds up convergence; when that is near, what follows the wanted pairs is not needed any
    /// more.
    Index kept_by_restart(double steps) const
    {
        if (is_near(steps))
            return std::min(size_, wanted_ + 2 * width_);
        return std::max(wanted_ + width_, size_ / 2);
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
        size_ = coupled_ = kept;
        has_restarted_ = true;
        convergence_.restarted();
        rest_ = Matrix<double>();
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

    /// Appends the next block to the basis. What the recurrence does not fill, because it has met an invariant subspace
    /// or because a probe begins, gets random directions.
    void take_next_block()
    {
        const Index width = std::min(width_, n_ - size_);
        const Eigen::VectorXd weights = coupling_.rowwise().norm();
        const Index most = std::min(width, next_.n_cols());
        Index known = 0;
        while (known < most && weights[known] > rounding(projected_norm()))
            ++known;
        random_columns_ += width - known;
        bool is_cleaned = false; // of all overlaps with the basis
        if (known < width || width < next_.n_cols()) {
            widen(known, width);
            is_cleaned = true;
        } else if (weights.minCoeff() <= std::max(weak * weights.maxCoeff(), faint * projected_norm())) {
            project_out(next_);
            orthonormalize(next_, options_.threads);
            is_cleaned = true;
        }
        if (keeps_estimates() && is_cleaned)
            estimate_.append_orthogonal(size_, width, step_noise_);
        else if (keeps_estimates())
            estimate_.append(rest_, size_, coupling_, step_noise_);
        append();
    }

    void append()
    {
        if constexpr (std::is_same_v<T, double>)
            block_ = std::move(next_);
        else {
            block_ = Matrix<T>(n_, next_.n_cols());
            convert(next_.view(), block_.view(), options_.threads);
        }
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

    KrylovResult<T> finish()
    {
        if (result_.status != Status::converged) // the probe has not looked for it
            result_.next_value = std::numeric_limits<double>::infinity();
        // Every restart costs the vectors some of their orthogonality.
        Matrix<double> vectors(n_, wanted_);
        convert(basis(), vectors.view(), options_.threads);
        orthonormalize(vectors, options_.threads);
        if constexpr (std::is_same_v<T, double>)
            result_.vectors = std::move(vectors);
        else {
            result_.vectors = Matrix<T>(n_, wanted_);
            convert(vectors.view(), result_.vectors.view(), options_.threads);
        }
        return std::move(result_);
    }

    Index n_;
    const BlockOperator<T>& apply_;
    const KrylovOptions& options_;
    const Checkpoint& checkpoint_;

    Index size_ = 0, capacity_ = 0, wanted_ = 0;
    double excess_ = std::numeric_limits<double>::infinity(); ///< at the last look
    Convergence convergence_;
    bool has_restarted_ = false;
    bool stop_ = false; ///< asked for by the report
    std::uint64_t fresh_sets_ = 0;
    Index coupled_ = 0;        ///< columns of the basis before the last block that the operator leads to from it
    Index width_;              ///< of the next block
    Index random_columns_ = 0; ///< that blocks have begun with
    double harmless_ = 0.0;    ///< overlaps of the next block with the basis that may stay
    OverlapEstimate estimate_;
    Matrix<double> rest_;              ///< the overlaps that stayed, as far as they are known
    bool measures_next_ = false;       ///< whatever the estimate says
    bool is_estimate_checked_ = false; ///< by a measurement
    double noise_ = 3.0; ///< errors of a product with the operator in units of eps; that of sums of roundings at first
    double step_noise_ = 0.0; ///< what the last step added to the overlaps of the next block
    Index next_probe_ = std::numeric_limits<Index>::max(); ///< the pass at which it is planned to begin
    Index probe_begin_ = 0, columns_before_probe_ = 0; ///< the pass, 0 = there was none yet; random columns till then
    Index first_convergence_ = 0;                      ///< the pass
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
