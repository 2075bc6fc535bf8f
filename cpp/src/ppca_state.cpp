#include "ppca_state.hpp"

#include "linalg/packed_cholesky.hpp"
#include "parallel.hpp"

#include <algorithm>

namespace matfact {

using namespace linalg;

Matrix<double> copy_of(const Matrix<double>& a)
{
    Matrix<double> result(a.n_rows(), a.n_cols());
    std::copy_n(a.data(), a.size(), result.data());
    return result;
}

void rotate_covariances(Matrix<double>& covariance, const SmallMatrix& r, int threads)
{
    const Index k = r.rows(), n = covariance.n_cols();
    std::vector<SmallMatrix> scratch(static_cast<std::size_t>(2 * std::max(1, threads)), SmallMatrix(k, k));
    for_each_task_on_worker(n, threads, [&](Index j, Index worker) {
        SmallMatrix& a = scratch[static_cast<std::size_t>(2 * worker)];
        SmallMatrix& b = scratch[static_cast<std::size_t>(2 * worker + 1)];
        for (Index c = 0; c < k; ++c)
            for (Index d = 0; d <= c; ++d)
                a(c, d) = a(d, c) = covariance(packed_index(c, d), j);
        b = a.lazyProduct(r);
        a = r.transpose().lazyProduct(b);
        for (Index c = 0; c < k; ++c)
            for (Index d = 0; d <= c; ++d)
                covariance(packed_index(c, d), j) = a(c, d);
    });
}

} // namespace matfact
