#include "checkpoint.hpp"
#include "decomposition.hpp"
#include "linalg/all_finite.hpp"
#include "linalg/gram_svd.hpp"
#include "linalg/iterative_svd.hpp"
#include "linalg/sparse_operand.hpp"
#include "linalg/transpose.hpp"
#include "matfact/svd.hpp"
#include "parallel.hpp"
#include "row_weights.hpp"

#include <cmath>
#include <memory>
#include <stdexcept>
#include <type_traits>

namespace matfact {

namespace {

using linalg::Checkpoint;
using linalg::SparseOperand;
using linalg::TallOperator;

/// v with unit column stride, as the products need it.
Matrix<double> by_rows(MatrixView<const double> v)
{
    Matrix<double> result(v.n_rows, v.n_cols);
    for (Index i = 0; i < v.n_rows; ++i)
        for (Index j = 0; j < v.n_cols; ++j)
            result(i, j) = v(i, j);
    return result;
}

template <class T, class S, class I>
void times(const SparseOperand<S, I>& x, bool transposed, MatrixView<const T> v, MatrixView<T> out)
{
    if (transposed)
        x.transposed_times(v, out);
    else
        x.times(v, out);
}

/// z = A'(A q) for A = x, or its transpose where x is wide.
template <class T, class S, class I> linalg::BlockOperator<T> gram_operator(const SparseOperand<S, I>& x, bool wide)
{
    // Kept from call to call: blocks are of one size, and large memory is slow to come by.
    const auto between = std::make_shared<Matrix<T>>();
    return [&x, wide, between](MatrixView<const T> q, MatrixView<T> z) {
        if (between->n_cols() != q.n_cols)
            *between = Matrix<T>(std::max(x.n_rows(), x.n_cols()), q.n_cols);
        times<T>(x, wide, q, between->view());
        times<T>(x, !wide, between->view(), z);
    };
}

template <class S, class I> linalg::Product product_with(const SparseOperand<S, I>& x, bool transposed)
{
    return [&x, transposed](MatrixView<const double> v) {
        Matrix<double> out(transposed ? x.n_cols() : x.n_rows(), v.n_cols);
        if (v.col_stride == 1)
            times<double>(x, transposed, v, out.view());
        else
            times<double>(x, transposed, by_rows(v).view(), out.view());
        return out;
    };
}

template <class S, class I> TallOperator<S> tall_operator(const SparseOperand<S, I>& x, bool wide)
{
    TallOperator<S> a;
    a.n_rows = std::max(x.n_rows(), x.n_cols());
    a.n_cols = std::min(x.n_rows(), x.n_cols());
    a.gram = gram_operator<S>(x, wide);
    if constexpr (std::is_same_v<S, float>)
        a.exact_gram = gram_operator<double>(x, wide);
    a.times = product_with(x, wide);
    a.transposed_times = product_with(x, !wide);
    return a;
}

/// A'A from its products with unit vectors, a block at a time.
Matrix<double> dense_gram(Index d, const linalg::BlockOperator<double>& gram, const Checkpoint& checkpoint)
{
    constexpr Index most_columns = 64;
    Matrix<double> result(d, d);
    for (Index begin = 0; begin < d; begin += most_columns) {
        const Index width = std::min(most_columns, d - begin);
        Matrix<double> units(d, width), columns(d, width);
        std::fill_n(units.data(), units.size(), 0.0);
        for (Index j = 0; j < width; ++j)
            units(begin + j, j) = 1.0;
        gram(units.view(), columns.view());
        for (Index i = 0; i < d; ++i)
            std::copy_n(&columns(i, 0), width, &result(i, begin));
        if (checkpoint)
            checkpoint();
    }
    for (Index i = 0; i < d; ++i)
        for (Index j = 0; j < i; ++j)
            result(i, j) = result(j, i) = 0.5 * (result(i, j) + result(j, i));
    return result;
}

template <class S>
Decomposition by_gram(const TallOperator<S>& a, Index k, bool wide, const SvdOptions& options, int threads,
                      const Checkpoint& checkpoint)
{
    const linalg::BlockOperator<double>* gram = nullptr;
    if constexpr (std::is_same_v<S, float>)
        gram = &a.exact_gram;
    else
        gram = &a.gram;
    const bool want_u = options.compute_u || wide; // in the wide orientation the long vectors are those of vt
    linalg::TallSvd f = *linalg::gram_svd<S>(a.n_rows, a.times, dense_gram(a.n_cols, *gram, checkpoint), 0.0, k, want_u,
                                             options.tol, threads, checkpoint);
    Decomposition d;
    if (want_u)
        d.residuals = without_defects(linalg::triplet_residuals(a.transposed_times(f.u.view()), f, threads));
    take_factors(d, std::move(f), wide, threads);
    return d;
}

/// The Gram matrix costs a product with each unit vector of the shorter side, and its decomposition the cube of it;
/// the iterations cost about four products for each triplet.
SvdSolver choose_solver(Index shorter, Index k)
{
    constexpr Index small = 512;
    return shorter <= small || 5 * k > shorter ? SvdSolver::gram : SvdSolver::krylov;
}

template <class S, class I>
Decomposition decompose(const SparseOperand<S, I>& x, const SvdOptions& options, int threads, const Progress& progress)
{
    const Checkpoint checkpoint = checkpoint_of(progress);
    const bool by_fraction = options.variance_fraction > 0.0, wide = x.n_rows() < x.n_cols();
    const Index shorter = std::min(x.n_rows(), x.n_cols()), k = options.n_components ? options.n_components : shorter;
    const TallOperator<S> a = tall_operator(x, wide);
    SvdSolver solver = options.solver;
    if (solver == SvdSolver::automatic)
        solver = choose_solver(shorter, by_fraction ? Index{0} : k);
    SvdOptions resolved = options;
    resolved.tol = resolved_tol(options.tol, solver, std::is_same_v<S, float>);
    const double total = x.moments().squares;
    if (solver != SvdSolver::gram) {
        const linalg::IterativeOptions iterations =
            iterations_of(resolved, solver, by_fraction ? Index{0} : k, total, threads, progress);
        linalg::IterativeSvd found = solver == SvdSolver::krylov ? linalg::krylov_svd(a, iterations, checkpoint)
                                                                 : linalg::randomized_svd(a, iterations, checkpoint);
        if (!found.gave_up) {
            Decomposition d;
            take_iterations(d, std::move(found), wide, threads);
            d.total_variance = total;
            return d;
        }
        // The fraction takes so many triplets that the Gram matrix is cheaper.
    }
    Decomposition d = by_gram(a, k, wide, resolved, threads, checkpoint);
    d.total_variance = total;
    if (by_fraction)
        cut_to_fraction(d, options.variance_fraction);
    judge(d, resolved.tol);
    return d;
}

/// `stored` is x, or where `by_columns` its transpose; `roots` are those of the weights that its values carry.
template <class S, class I>
Decomposition decompose(CsrView<S, I> stored, bool by_columns, std::vector<double> roots, const SvdOptions& options,
                        int threads, const Progress& progress)
{
    const double largest = linalg::largest_magnitude(stored, threads);
    if (!std::isfinite(largest))
        throw_not_finite();
    const SparseOperand<S, I> x(stored, by_columns, options.center, options.keep_transpose, largest, threads,
                                std::move(roots));
    Decomposition d = decompose(x, options, threads, progress);
    d.mean = x.moments().mean;
    unscale(d, x.scale());
    return d;
}

template <class S, class I>
Decomposition decompose_weighted(CsrView<S, I> stored, bool by_columns, const SvdOptions& options, int threads,
                                 const Progress& progress)
{
    const Index n_cols = by_columns ? stored.n_rows : stored.n_cols;
    const RowWeights weights = positive_weights(options.weights, by_columns ? stored.n_cols : stored.n_rows);
    options.validate(weights.n_present, n_cols);
    WeightedCsr<S, I> z = weighted_csr(stored, by_columns, weights);
    const CsrView<S, I> present = by_columns ? z.view(n_cols, weights.n_present) : z.view(weights.n_present, n_cols);
    Decomposition d = decompose(present, by_columns, std::move(z.roots), options, threads, progress);
    if (options.compute_u)
        d.u = spread_rows(d.u, weights);
    return d;
}

template <class S, class I>
SvdResult<S> sparse_svd(CsrView<S, I> stored, bool by_columns, const SvdOptions& options, const Progress& progress)
{
    if (by_columns)
        options.validate(stored.n_cols, stored.n_rows);
    else
        options.validate(stored.n_rows, stored.n_cols);
    if (options.solver == SvdSolver::full)
        throw std::invalid_argument("solver full needs a dense X; gram and krylov take a sparse one");
    const int threads = resolve_threads(options.num_threads);
    linalg::check_structure(stored, threads);
    Decomposition d = options.weights ? decompose_weighted(stored, by_columns, options, threads, progress)
                                      : decompose(stored, by_columns, {}, options, threads, progress);
    d.size = stored.n_rows + stored.n_cols;
    SvdResult<S> result = as_result<S>(std::move(d), options);
    if (result.error_bounds.empty()) { // gram of a tall x, without u
        const Index n_rows = by_columns ? stored.n_cols : stored.n_rows;
        const double n_samples =
            options.weights ? positive_weights(options.weights, n_rows).total : static_cast<double>(n_rows);
        bound_roots(result, std::vector<double>(result.s.size(), 0.0), n_samples, true);
    }
    return result;
}

template <class S, class I>
Matrix<S> sparse_project(CsrView<S, I> stored, bool by_columns, MatrixView<const S> vt, const S* mean, int num_threads)
{
    const Index n_rows = by_columns ? stored.n_cols : stored.n_rows;
    const Index n_cols = by_columns ? stored.n_rows : stored.n_cols;
    if (n_cols != vt.n_cols)
        throw std::invalid_argument("rows to project must have " + std::to_string(vt.n_cols) + " columns, got shape " +
                                    shape(n_rows, n_cols));
    const int threads = resolve_threads(num_threads);
    linalg::check_structure(stored, threads);
    const bool in_columns = vt.row_stride == 1; // then it is read as it is
    const Matrix<S> turned = in_columns ? Matrix<S>() : linalg::transposed(vt, threads);
    const MatrixView<const S> v = in_columns ? vt.transposed() : turned.view();
    Matrix<S> scores(n_rows, vt.n_rows);
    std::vector<S> shift;
    for (Index c = 0; c < vt.n_rows && mean; ++c) {
        double sum = 0.0;
        for (Index j = 0; j < n_cols; ++j)
            sum += static_cast<double>(mean[j]) * static_cast<double>(vt(c, j));
        shift.push_back(static_cast<S>(sum));
    }
    const linalg::RankOneUpdate<S> update{nullptr, mean ? shift.data() : nullptr, S(1)};
    const linalg::SparseProduct<S, I> q(stored, false, threads);
    if (by_columns)
        q.transposed_multiply_into(v, scores.view(), update, threads);
    else
        q.multiply_into(v, scores.view(), update, threads);
    if (!linalg::all_finite(scores, threads)) {
        if (!std::isfinite(linalg::largest_magnitude(stored, threads)))
            throw_not_finite();
        throw NumericalError("the projection exceeds the range of the dtype; scale the rows down");
    }
    return scores;
}

} // namespace

template <class T, class I> SvdResult<T> svd(CsrView<T, I> x, const SvdOptions& options, const Progress& progress)
{
    return sparse_svd(x, false, options, progress);
}

template <class T, class I> SvdResult<T> svd(CscView<T, I> x, const SvdOptions& options, const Progress& progress)
{
    return sparse_svd(x.transposed(), true, options, progress);
}

template <class T, class I> Matrix<T> project(CsrView<T, I> q, MatrixView<const T> vt, const T* mean, int num_threads)
{
    return sparse_project(q, false, vt, mean, num_threads);
}

template <class T, class I> Matrix<T> project(CscView<T, I> q, MatrixView<const T> vt, const T* mean, int num_threads)
{
    return sparse_project(q.transposed(), true, vt, mean, num_threads);
}

#define MATFACT_SPARSE_SVD(T, I)                                                                                       \
    template SvdResult<T> svd(CsrView<T, I>, const SvdOptions&, const Progress&);                                      \
    template SvdResult<T> svd(CscView<T, I>, const SvdOptions&, const Progress&);                                      \
    template Matrix<T> project(CsrView<T, I>, MatrixView<const T>, const T*, int);                                     \
    template Matrix<T> project(CscView<T, I>, MatrixView<const T>, const T*, int);
MATFACT_SPARSE_SVD(float, std::int32_t)
MATFACT_SPARSE_SVD(float, std::int64_t)
MATFACT_SPARSE_SVD(double, std::int32_t)
MATFACT_SPARSE_SVD(double, std::int64_t)

} // namespace matfact
