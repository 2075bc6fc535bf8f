#include "linalg/overlap_estimate.hpp"

#include "linalg/projection.hpp"
#include "support/matrices.hpp"

using namespace matfact;
using namespace matfact::testing;

namespace {

double largest_column(const Matrix<double>& a) { return linalg::as_map(a).colwise().norm().maxCoeff(); }

} // namespace

TEST_CASE("the estimate follows the overlaps of Lanczos blocks from rounding errors to the root of these")
{
    constexpr Index n = 600, width = 4, most = 160;
    constexpr double eps = std::numeric_limits<double>::epsilon();
    for (const double outlier : {2.0, 50.0}) { // the larger it is, the faster overlaps with its eigenvector grow
        Matrix<double> v(n, most), projection(most, most), block = normal_matrix<double>(n, width);
        std::fill_n(projection.data(), projection.size(), 0.0);
        linalg::orthonormalize(block, 1);
        linalg::OverlapEstimate estimate;
        estimate.append_orthogonal(0, width, 0.0);
        double reached = 0.0;
        for (Index size = width; size + width <= most && reached < 1e-8; size += width) {
            linalg::as_map(v).middleCols(size - width, width) = linalg::as_map(block);
            for (Index i = 0; i < n; ++i)
                for (Index j = 0; j < width; ++j)
                    block(i, j) *= i == 0 ? outlier : 1.0 - static_cast<double>(i) / n;
            const Index n_coupled = std::min(size, 2 * width), older = size - n_coupled;
            const MatrixView<const double> all = v.view();
            const MatrixView<const double> last = all.block(0, older, n, n_coupled);
            const Matrix<double> coupled = linalg::overlap_with<double>(last, block.view(), 1);
            linalg::subtract_from<double>(block.view(), last, coupled.view(), 1);
            const double noise = 3 * eps * largest_column(coupled);
            const Matrix<double> estimated =
                estimate.of_next(projection.view().block(0, 0, size, size), coupled, noise);
            REQUIRE(estimated.n_rows() == older);
            if (older > 0) {
                const Matrix<double> measured =
                    linalg::overlap_with<double>(all.block(0, 0, n, older), block.view(), 1);
                reached = largest_column(measured) / largest_column(block);
                // Rounding errors of sums are not known better, and all that follows is proportional to them.
                CHECK(largest_column(estimated) > 0.03 * largest_column(measured));
                CHECK(largest_column(estimated) < 100 * largest_column(measured));
            }
            for (Index i = 0; i < n_coupled; ++i)
                for (Index j = 0; j < width; ++j)
                    projection(older + i, size - width + j) = projection(size - width + j, older + i) = coupled(i, j);
            const linalg::RowMajorMatrix coupling = linalg::orthonormalize(block, 1);
            estimate.append(estimated, size, coupling, noise);
        }
        CHECK(reached >= 1e-8);
    }
}
