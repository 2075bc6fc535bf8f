#include "matfact/sketch.hpp"

#include "checkpoint.hpp"
#include "linalg/gemm.hpp"
#include "linalg/gram.hpp"
#include "linalg/symmetric_eigen.hpp"
#include "parallel.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

namespace matfact {

double shrink_rows(MatrixView<double> rows, Index n_exact, Index n_kept, int num_threads, const Progress& progress)
{
    if (n_exact < 0 || n_kept < n_exact)
        throw std::invalid_argument("n_exact must be between 0 and n_kept = " + std::to_string(n_kept) + ", got " +
                                    std::to_string(n_exact));
    const Index m = rows.n_rows;
    if (m <= n_kept)
        return 0.0;
    const int threads = resolve_threads(num_threads);
    const MatrixView<const double> before = rows;
    Matrix<double> pairs =
        linalg::gram(before.transposed(), linalg::Centering::none, 1.0, threads, checkpoint_of(progress)).matrix;
    for (Index i = 0; i < m; ++i)
        if (!std::isfinite(pairs(i, i)))
            throw std::invalid_argument("rows of a sketch must be finite, and so must their squares");
    std::vector<double> squares;
    linalg::symmetric_eigen(pairs.view(), squares, threads);

    // Eigenvalues ascend: number i from the top is at m - 1 - i.
    const auto square = [&](Index i) { return std::max(0.0, squares[static_cast<std::size_t>(m - 1 - i)]); };
    const double taken = square(n_kept);
    Matrix<double> mix(n_kept, m);
    for (Index i = 0; i < n_kept; ++i) {
        const double left = i < n_exact ? 1.0 : square(i) > taken ? std::sqrt(1.0 - taken / square(i)) : 0.0;
        for (Index j = 0; j < m; ++j)
            mix(i, j) = left * pairs(m - 1 - i, j);
    }
    const Matrix<double> after = linalg::multiply<double>(mix.view(), before, threads);
    for_blocks(m, 16, threads, [&](Index begin, Index end, Index) {
        for (Index i = begin; i < end; ++i)
            for (Index j = 0; j < rows.n_cols; ++j)
                rows(i, j) = i < n_kept ? after(i, j) : 0.0;
    });
    return taken;
}

} // namespace matfact
