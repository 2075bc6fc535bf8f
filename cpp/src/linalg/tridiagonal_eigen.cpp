#include "linalg/tridiagonal_eigen.hpp"

#include "linalg/gemm.hpp"
#include "linalg/secular.hpp"
#include "matfact/status.hpp"
#include "parallel.hpp"

#include <Eigen/Eigenvalues>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>

namespace matfact::linalg {

namespace {

constexpr Index leaf_size = 32;             ///< up to here the QL iteration is as fast
constexpr Index worth_threads = 128;        ///< below, waking them takes longer than the merge
constexpr Index block = 32;                 ///< roots, or poles, of one task
constexpr Index most_products = 1000000000; ///< between two checkpoints

/// Rows and columns [begin, middle) and [middle, end) are solved and to be joined.
struct Join {
    Index begin, middle, end;
};

/// The halves of the matrix, their halves and so on: `leaves` ascending, `joins` with the smallest first.
void divide(Index begin, Index end, std::vector<Index>& leaves, std::vector<Join>& joins)
{
    if (end - begin <= leaf_size) {
        leaves.push_back(begin);
        return;
    }
    const Index middle = begin + (end - begin) / 2;
    divide(begin, middle, leaves, joins);
    divide(middle, end, leaves, joins);
    joins.push_back({begin, middle, end});
}

template <class T> class DivideAndConquer {
public:
    DivideAndConquer(std::vector<double>& d, std::vector<double>& e, MatrixView<T> v, int threads,
                     const Checkpoint& checkpoint)
        : d_(d), e_(e), v_(v), threads_(threads), checkpoint_(checkpoint), rotated_(v.n_rows, v.n_cols),
          weights_(v.n_rows, v.n_cols)
    {
    }
    void solve();

private:
    /// Which columns of an eigenvector of the two halves are not zero.
    enum Part : unsigned char { upper, both, lower, deflated };

    bool solve_leaf(Index begin, Index end);
    void join(const Join& node);
    void deflate(const Join& node, double rho);
    void gather(const Join& node, int threads);
    void find_roots(double rho, int threads);
    void weigh(int threads);

    std::vector<double>&d_, &e_;
    MatrixView<T> v_;
    int threads_;
    const Checkpoint& checkpoint_;
    Matrix<T> rotated_, weights_; ///< eigenvectors of the halves, sorted by part; those of the rank-one problem as rows

    // One join at a time:
    std::vector<Index> order_, kept_;            ///< rows by ascending d; those that take part, also ascending
    std::vector<Part> part_;                     ///< by row of the matrix
    std::vector<double> z_, poles_, numerators_; ///< by row of the matrix; d and z of `kept_`
    std::vector<SecularRoot> roots_;
    std::vector<Index> slot_; ///< row of `rotated_` of each of `kept_`
    std::vector<double> slot_poles_, slot_numerators_;
    Index n_upper_ = 0, n_both_ = 0, n_lower_ = 0;
};

template <class T> void DivideAndConquer<T>::solve()
{
    const Index n = v_.n_rows;
    std::vector<Index> leaves;
    std::vector<Join> joins;
    divide(0, n, leaves, joins);
    leaves.push_back(n);
    // Cuppen: what couples two halves is e u u', where u is 1 on one side of the cut and the sign of e on the other.
    for (const Join& node : joins) {
        const double coupling = std::abs(e_[static_cast<std::size_t>(node.middle - 1)]);
        d_[static_cast<std::size_t>(node.middle - 1)] -= coupling;
        d_[static_cast<std::size_t>(node.middle)] -= coupling;
    }
    std::atomic<bool> converged{true};
    for_blocks(n, block, n <= worth_threads ? 1 : threads_, [&](Index begin, Index end, Index) {
        for (Index i = begin; i < end; ++i)
            std::fill_n(&v_(i, 0), n, T(0));
    });
    for_each_task(static_cast<Index>(leaves.size()) - 1, n <= worth_threads ? 1 : threads_, [&](Index i) {
        if (!solve_leaf(leaves[static_cast<std::size_t>(i)], leaves[static_cast<std::size_t>(i) + 1]))
            converged = false;
    });
    if (!converged)
        throw NumericalError("the symmetric eigensolver did not converge");
    for (const Join& node : joins)
        join(node);
}

template <class T> bool DivideAndConquer<T>::solve_leaf(Index begin, Index end)
{
    // At most leaf_size rows and columns, on the stack.
    using Small = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, 0, leaf_size, leaf_size>;
    using SmallVector = Eigen::Matrix<double, Eigen::Dynamic, 1, 0, leaf_size, 1>;
    const Index n = end - begin;
    const SmallVector diagonal = Eigen::Map<const Eigen::VectorXd>(d_.data() + begin, n);
    const Eigen::Matrix<double, Eigen::Dynamic, 1, 0, leaf_size - 1, 1> beside =
        Eigen::Map<const Eigen::VectorXd>(e_.data() + begin, n - 1);
    Eigen::SelfAdjointEigenSolver<Small> solver;
    solver.computeFromTridiagonal(diagonal, beside);
    for (Index i = 0; i < n; ++i) {
        d_[static_cast<std::size_t>(begin + i)] = solver.eigenvalues()[i];
        for (Index j = 0; j < n; ++j)
            v_(begin + i, begin + j) = static_cast<T>(solver.eigenvectors()(j, i));
    }
    return solver.info() == Eigen::Success;
}

template <class T> void DivideAndConquer<T>::join(const Join& node)
{
    const int threads = node.end - node.begin <= worth_threads ? 1 : threads_;
    const double e = e_[static_cast<std::size_t>(node.middle - 1)];
    // In the basis of the two halves the matrix is diag(d) + rho z z'.
    z_.resize(static_cast<std::size_t>(v_.n_rows));
    part_.resize(z_.size());
    for (Index i = node.begin; i < node.end; ++i) {
        const bool first = i < node.middle;
        const auto last_of_upper = static_cast<double>(v_(i, node.middle - 1));
        const auto first_of_lower = static_cast<double>(v_(i, node.middle));
        z_[static_cast<std::size_t>(i)] =
            (first ? last_of_upper : std::copysign(1.0, e) * first_of_lower) * std::sqrt(0.5);
        part_[static_cast<std::size_t>(i)] = first ? upper : lower;
    }
    const double rho = 2.0 * std::abs(e);
    deflate(node, rho);
    if (kept_.empty())
        return;
    gather(node, threads);
    find_roots(rho, threads);
    weigh(threads);

    const auto k = static_cast<Index>(kept_.size());
    const MatrixView<const T> weights = weights_.view(), rotated = rotated_.view();
    const Index width = node.middle - node.begin, rest = node.end - node.middle;
    const auto multiply_half = [&](Index first, Index depth, Index column, Index columns) {
        for (Index i = node.begin; depth == 0 && i < node.begin + k; ++i)
            std::fill_n(&v_(i, column), columns, T(0)); // an empty product
        const MatrixView<T> out = v_.block(node.begin, column, k, columns);
        const Index slice = std::max<Index>(64, most_products / std::max<Index>(1, depth * columns));
        for (Index begin = 0; begin < k; begin += slice) {
            const Index rows = std::min(slice, k - begin);
            multiply_into(Operand<T>{weights.block(begin, first, rows, depth)},
                          rotated.block(first, column, depth, columns), out.rows(begin, begin + rows), threads);
            if (checkpoint_)
                checkpoint_();
        }
    };
    multiply_half(0, n_upper_ + n_both_, node.begin, width);
    multiply_half(n_upper_, n_both_ + n_lower_, node.middle, rest);

    // The rows that took no part move behind the new ones.
    std::vector<double> values;
    for (const SecularRoot& root : roots_)
        values.push_back(poles_[static_cast<std::size_t>(root.origin)] + root.offset);
    for (const Index i : order_)
        if (part_[static_cast<std::size_t>(i)] == deflated)
            values.push_back(d_[static_cast<std::size_t>(i)]);
    for_blocks(node.end - node.begin - k, block, threads, [&](Index begin, Index end, Index) {
        for (Index i = k + begin; i < k + end; ++i)
            std::copy_n(&rotated(i, node.begin), node.end - node.begin, &v_(node.begin + i, node.begin));
    });
    std::copy(values.begin(), values.end(), d_.begin() + node.begin);
}

/// Sets aside what the rank-one term does not touch, to rounding: pairs with z near zero, and after a rotation one of
/// two pairs with nearly the same d.
template <class T> void DivideAndConquer<T>::deflate(const Join& node, double rho)
{
    const auto at = [](auto& values, Index i) -> auto& { return values[static_cast<std::size_t>(i)]; };
    order_.resize(static_cast<std::size_t>(node.end - node.begin));
    std::iota(order_.begin(), order_.end(), node.begin);
    std::sort(order_.begin(), order_.end(),
              [&](Index a, Index b) { return at(d_, a) != at(d_, b) ? at(d_, a) < at(d_, b) : a < b; });
    double largest = 0.0;
    for (const Index i : order_)
        largest = std::max({largest, std::abs(at(d_, i)), std::abs(at(z_, i))});
    const double negligible = 4.0 * static_cast<double>(std::numeric_limits<T>::epsilon()) * largest;

    kept_.clear();
    for (const Index i : order_) {
        if (rho * std::abs(at(z_, i)) <= negligible) {
            at(part_, i) = deflated;
            continue;
        }
        if (!kept_.empty()) {
            const Index before = kept_.back();
            // Neither is below eps, so the squares cannot vanish.
            const double length = std::sqrt(at(z_, i) * at(z_, i) + at(z_, before) * at(z_, before));
            const double c = at(z_, i) / length, s = at(z_, before) / length;
            if (std::abs((at(d_, i) - at(d_, before)) * c * s) <= negligible) {
                // Turned so that all of z is in row i.
                const Index width = node.end - node.begin;
                T *const x = &v_(before, node.begin), *const y = &v_(i, node.begin);
                for (Index j = 0; j < width; ++j) {
                    const T old = x[j];
                    x[j] = static_cast<T>(c) * old - static_cast<T>(s) * y[j];
                    y[j] = static_cast<T>(s) * old + static_cast<T>(c) * y[j];
                }
                const double d_before = at(d_, before), d_i = at(d_, i);
                at(d_, before) = d_before * c * c + d_i * s * s;
                at(d_, i) = d_before * s * s + d_i * c * c;
                at(z_, i) = length;
                if (at(part_, before) != at(part_, i))
                    at(part_, i) = both;
                at(part_, before) = deflated;
                kept_.back() = i;
                continue;
            }
        }
        kept_.push_back(i);
    }
}

/// Copies the rows that take part into `rotated_`, those of the upper half first, those of the lower half last, so that
/// the product skips their zeros; the deflated rows follow.
template <class T> void DivideAndConquer<T>::gather(const Join& node, int threads)
{
    const auto k = static_cast<Index>(kept_.size());
    const auto count = [&](Part part) {
        return static_cast<Index>(std::count_if(kept_.begin(), kept_.end(),
                                                [&](Index i) { return part_[static_cast<std::size_t>(i)] == part; }));
    };
    n_upper_ = count(upper);
    n_both_ = count(both);
    n_lower_ = count(lower);
    Index next[] = {0, n_upper_, n_upper_ + n_both_, k};
    std::vector<Index> source(order_.size());
    slot_.clear();
    poles_.clear();
    for (const Index i : kept_) {
        const Index slot = next[part_[static_cast<std::size_t>(i)]]++;
        slot_.push_back(slot);
        source[static_cast<std::size_t>(slot)] = i;
        poles_.push_back(d_[static_cast<std::size_t>(i)]);
    }
    for (const Index i : order_)
        if (part_[static_cast<std::size_t>(i)] == deflated)
            source[static_cast<std::size_t>(next[deflated]++)] = i;
    for_blocks(static_cast<Index>(source.size()), block, threads, [&](Index begin, Index end, Index) {
        for (Index slot = begin; slot < end; ++slot) {
            const bool all = slot >= k;
            const Index from = all || slot < n_upper_ + n_both_ ? node.begin : node.middle;
            const Index to = all || slot >= n_upper_ ? node.end : node.middle;
            std::copy_n(&v_(source[static_cast<std::size_t>(slot)], from), to - from, &rotated_(slot, from));
        }
    });
}

/// The new eigenvalues, and the z for which they are exact (up to the rounding of one product): with it the
/// eigenvectors are orthogonal however close the eigenvalues are.
template <class T> void DivideAndConquer<T>::find_roots(double rho, int threads)
{
    const auto k = static_cast<Index>(kept_.size());
    std::vector<double> z;
    double norm = 0.0;
    for (const Index i : kept_) {
        z.push_back(z_[static_cast<std::size_t>(i)]);
        norm += z.back() * z.back();
    }
    norm = std::sqrt(norm);
    for (double& value : z)
        value /= norm;
    roots_.resize(static_cast<std::size_t>(k));
    const double* const d = poles_.data();
    for_blocks(k, block, threads, [&](Index begin, Index end, Index) {
        for (Index j = begin; j < end; ++j)
            roots_[static_cast<std::size_t>(j)] = secular_root(j, k, d, z.data(), rho * norm * norm);
    });
    numerators_.assign(static_cast<std::size_t>(k), 1.0);
    double* const product = numerators_.data();
    for_blocks(k, block, threads, [&](Index begin, Index end, Index) {
        for (Index j = 0; j < k; ++j) {
            const SecularRoot root = roots_[static_cast<std::size_t>(j)];
            const double origin = d[root.origin], offset = root.offset, pole = d[j];
            const Index split = std::clamp(j, begin, end);
            for (Index i = begin; i < split; ++i)
                product[i] *= ((d[i] - origin) - offset) / (d[i] - pole);
            for (Index i = split + (j == split ? 1 : 0); i < end; ++i)
                product[i] *= ((d[i] - origin) - offset) / (d[i] - pole);
            if (begin <= j && j < end)
                product[j] *= (d[j] - origin) - offset;
        }
        for (Index i = begin; i < end; ++i)
            product[i] = std::copysign(std::sqrt(std::abs(product[i])), z[static_cast<std::size_t>(i)]);
    });
}

/// The eigenvectors of the rank-one problem as rows of `weights_`, in the order of `rotated_`.
template <class T> void DivideAndConquer<T>::weigh(int threads)
{
    const auto k = static_cast<Index>(kept_.size());
    slot_poles_.resize(static_cast<std::size_t>(k));
    slot_numerators_.resize(static_cast<std::size_t>(k));
    for (std::size_t i = 0; i < kept_.size(); ++i) {
        slot_poles_[static_cast<std::size_t>(slot_[i])] = poles_[i];
        slot_numerators_[static_cast<std::size_t>(slot_[i])] = numerators_[i];
    }
    std::vector<double> scratch(static_cast<std::size_t>(k * std::max(1, threads)));
    for_each_task_on_worker(block_count(k, block), threads, [&](Index task, Index worker) {
        Eigen::Map<Eigen::ArrayXd> row(scratch.data() + worker * k, k);
        const Eigen::Map<const Eigen::ArrayXd> poles(slot_poles_.data(), k), numerators(slot_numerators_.data(), k);
        for (Index j = task * block; j < std::min(k, (task + 1) * block); ++j) {
            const SecularRoot root = roots_[static_cast<std::size_t>(j)];
            row = numerators / ((poles - poles_[static_cast<std::size_t>(root.origin)]) - root.offset);
            const double scale = 1.0 / std::sqrt(row.square().sum());
            T* const out = &weights_(j, 0);
            for (Index i = 0; i < k; ++i)
                out[i] = static_cast<T>(row[i] * scale);
        }
    });
}

} // namespace

template <class T>
void tridiagonal_eigen(std::vector<double>& d, std::vector<double>& e, MatrixView<T> v, int threads,
                       const Checkpoint& checkpoint)
{
    DivideAndConquer<T>(d, e, v, threads, checkpoint).solve();
}

template void tridiagonal_eigen(std::vector<double>&, std::vector<double>&, MatrixView<float>, int, const Checkpoint&);
template void tridiagonal_eigen(std::vector<double>&, std::vector<double>&, MatrixView<double>, int, const Checkpoint&);

} // namespace matfact::linalg
