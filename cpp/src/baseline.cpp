#include "matfact/baseline.hpp"

#include "checkpoint.hpp"
#include "linalg/all_finite.hpp"
#include "ratings.hpp"
#include "sweeps.hpp"

#include <cmath>

namespace matfact {

namespace {

/// The bias of each row of x, given those of its columns: the mean of what these leave, drawn to 0 by l2 more entries.
template <class I>
void solve_biases(CsrView<float, I> x, MatrixView<const float> others, double mean, double l2, MatrixView<float> biases,
                  int threads)
{
    constexpr Index block_rows = 512;
    for_blocks(x.n_rows, block_rows, threads, [&](Index begin, Index end, Index) {
        for (Index i = begin; i < end; ++i) {
            double sum = 0.0;
            for (I p = x.indptr[i]; p < x.indptr[i + 1]; ++p)
                sum += static_cast<double>(x.values[p]) - mean -
                       static_cast<double>(others(static_cast<Index>(x.indices[p]), 0));
            const auto n = static_cast<double>(x.indptr[i + 1] - x.indptr[i]);
            biases(i, 0) = n > 0.0 ? static_cast<float>(sum / (n + l2)) : 0.0f;
        }
    });
}

void check_range(const Matrix<float>& biases, int threads)
{
    if (!linalg::all_finite(biases, threads))
        throw NumericalError("the biases overflow float32: scale the ratings down");
}

void check_penalty(double l2, const char* message) { require(std::isfinite(l2) && l2 >= 0.0, message); }

} // namespace

void BaselineOptions::validate() const
{
    check_penalty(l2_user, "l2_user must not be negative");
    check_penalty(l2_item, "l2_item must not be negative");
    require(max_iter >= 1, "max_iter must be at least 1");
}

template <class I>
BaselineFactors baseline(CsrView<float, I> x, CsrView<float, I> xt, const BaselineOptions& options,
                         const Progress& progress)
{
    options.validate();
    check_transpose(x, xt);
    const int threads = resolve_threads(options.num_threads);
    check_ratings(x, threads);
    check_ratings(xt, threads);
    const linalg::Checkpoint interrupt = checkpoint_of(progress);

    BaselineFactors result{mean_value(x), Matrix<float>(x.n_rows, 1), Matrix<float>(x.n_cols, 1)};
    std::fill_n(result.w.data(), result.w.size(), 0.0f);
    for (Index sweep = 0; sweep < options.max_iter; ++sweep) {
        solve_biases(xt, result.w.view(), result.mean, options.l2_item, result.h.view(), threads);
        solve_biases(x, result.h.view(), result.mean, options.l2_user, result.w.view(), threads);
        if (interrupt)
            interrupt();
    }
    check_range(result.w, threads);
    check_range(result.h, threads);
    return result;
}

template <class I>
Matrix<float> baseline_rows(CsrView<float, I> x, MatrixView<const float> h, double mean, double l2, int num_threads)
{
    check_penalty(l2, "l2 must not be negative");
    require(h.n_rows == x.n_cols && h.n_cols == 1, "h must have one row for each column of x, and one column");
    const int threads = resolve_threads(num_threads);
    check_ratings(x, threads);
    Matrix<float> w(x.n_rows, 1);
    solve_biases(x, h, mean, l2, w.view(), threads);
    check_range(w, threads);
    return w;
}

MATFACT_BASELINE(, std::int32_t)
MATFACT_BASELINE(, std::int64_t)

} // namespace matfact
