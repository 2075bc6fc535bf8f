#include "checkpoint.hpp"
#include "decomposition.hpp"
#include "linalg/iterative_svd.hpp"
#include "matfact/svd.hpp"
#include "parallel.hpp"
#include "safe_operator.hpp"

#include <stdexcept>
#include <type_traits>

namespace matfact {

namespace {

template <class T> void times(SafeOperator<T>& x, bool transposed, MatrixView<const T> in, MatrixView<T> out)
{
    if (transposed)
        x.transposed_times(in, out);
    else
        x.times(in, out);
}

/// The product in float64, of which the operator itself sees and returns T.
template <class T> linalg::Product product_with(SafeOperator<T>& x, bool transposed)
{
    return [&x, transposed](MatrixView<const double> v) {
        Matrix<T> in(v.n_rows, v.n_cols), out(transposed ? x.n_cols() : x.n_rows(), v.n_cols);
        for (Index i = 0; i < v.n_rows; ++i)
            for (Index j = 0; j < v.n_cols; ++j)
                in(i, j) = static_cast<T>(v(i, j));
        times<T>(x, transposed, in.view(), out.view());
        const Index n_rows = out.n_rows(), n_cols = out.n_cols();
        return leading_block(std::move(out), n_rows, n_cols);
    };
}

/// A without exact_gram: the operator multiplies in T.
template <class T> linalg::TallOperator<T> tall_operator(SafeOperator<T>& x, bool wide)
{
    linalg::TallOperator<T> a;
    a.n_rows = std::max(x.n_rows(), x.n_cols());
    a.n_cols = std::min(x.n_rows(), x.n_cols());
    a.gram = [&x, wide, long_side = a.n_rows](MatrixView<const T> q, MatrixView<T> z) {
        Matrix<T> between(long_side, q.n_cols);
        times<T>(x, wide, q, between.view());
        times<T>(x, !wide, between.view(), z);
    };
    a.times = product_with(x, wide);
    a.transposed_times = product_with(x, !wide);
    return a;
}

} // namespace

template <class T> SvdResult<T> svd(const LinearOperator<T>& x, const SvdOptions& options, const Progress& progress)
{
    options.validate(x.n_rows, x.n_cols);
    if (!x.times || !x.transposed_times)
        throw std::invalid_argument("svd needs an operator with both products, times and transposed_times");
    if (options.variance_fraction > 0.0)
        throw std::invalid_argument("variance_fraction needs the Frobenius norm, which an operator does not tell: give "
                                    "n_components");
    if (options.solver == SvdSolver::full || options.solver == SvdSolver::gram)
        throw std::invalid_argument("an operator is decomposed by krylov or randomized");
    if (options.weights)
        throw std::invalid_argument("weights need the rows of a matrix, which an operator does not tell");
    const int threads = resolve_threads(options.num_threads);
    const SvdSolver solver = options.solver == SvdSolver::automatic ? SvdSolver::krylov : options.solver;
    const bool wide = x.n_rows < x.n_cols;
    SvdOptions resolved = options;
    resolved.tol = resolved_tol(options.tol, solver, std::is_same_v<T, float>);
    const linalg::IterativeOptions iterations =
        iterations_of(resolved, solver, options.n_components ? options.n_components : std::min(x.n_rows, x.n_cols),
                      std::numeric_limits<double>::quiet_NaN(), threads, progress);
    const linalg::Checkpoint checkpoint = checkpoint_of(progress);

    SafeOperator<T> safe(x);
    if (options.center)
        safe.center();
    const linalg::TallOperator<T> a = tall_operator(safe, wide);
    Decomposition d;
    take_iterations(d,
                    solver == SvdSolver::krylov ? linalg::krylov_svd(a, iterations, checkpoint)
                                                : linalg::randomized_svd(a, iterations, checkpoint),
                    wide, threads);
    // The operator's own rounding, by which u'x v may differ from s.
    const double rounding =
        std::sqrt(static_cast<double>(x.n_rows + x.n_cols)) * static_cast<double>(std::numeric_limits<T>::epsilon());
    std::fill(d.residuals.defects.begin(), d.residuals.defects.end(), rounding);
    d.total_variance = std::numeric_limits<double>::quiet_NaN();
    d.mean = safe.mean();
    d.size = x.n_rows + x.n_cols;
    unscale(d, safe.scale());
    return as_result<T>(std::move(d), options);
}

template SvdResult<float> svd(const LinearOperator<float>&, const SvdOptions&, const Progress&);
template SvdResult<double> svd(const LinearOperator<double>&, const SvdOptions&, const Progress&);

} // namespace matfact
