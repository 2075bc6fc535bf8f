#include "linalg/projection.hpp"

#include "support/matrices.hpp"

using namespace matfact;
using namespace matfact::testing;

namespace {

/// w - v_last c.
Matrix<double> difference(const Matrix<double>& w, MatrixView<const double> v_last, const Matrix<double>& c)
{
    Matrix<double> result = product<double>(v_last, c.view());
    for (Index i = 0; i < result.size(); ++i)
        result.data()[i] = w.data()[i] - result.data()[i];
    return result;
}

} // namespace

TEST_CASE_TEMPLATE("projections of a block equal the textbook's, whatever the shape", S, float, double)
{
    struct Shape {
        Index n, m, b, last;
    };
    // Around the sizes of tiles, lines, packets and lanes, and degenerate ones.
    for (const Shape shape : {Shape{1, 1, 1, 1}, {7, 3, 2, 2}, {130, 9, 8, 4}, {1025, 33, 25, 8}, {600, 40, 16, 40}}) {
        const Matrix<S> stored = normal_matrix<S>(shape.n, shape.m + 5, 3);
        const auto v = MatrixView<const S>(stored.view()).block(0, 2, shape.n, shape.m); // rows with gaps
        Matrix<double> exact(shape.n, shape.m);
        for (Index i = 0; i < shape.n; ++i)
            for (Index j = 0; j < shape.m; ++j)
                exact(i, j) = static_cast<double>(v(i, j));
        const Matrix<double> w = normal_matrix<double>(shape.n, shape.b, 4);
        const Matrix<double> c = normal_matrix<double>(shape.last, shape.b, 5);
        const MatrixView<const double> all = exact.view();
        const auto v_last = all.block(0, shape.m - shape.last, shape.n, shape.last);
        // Sums of n, or of m, products of normal numbers.
        const double bound = rounding<double>(8.0 * static_cast<double>(shape.n + shape.m));

        CHECK(distance(linalg::overlap_with<S>(v, w.view(), 2), product<double>(all.transposed(), w.view())) < bound);

        const Matrix<double> rest = difference(w, v_last, c);
        Matrix<double> one = normal_matrix<double>(shape.n, shape.b, 4),
                       other = normal_matrix<double>(shape.n, shape.b, 4);
        linalg::subtract_from<S>(one.view(), v.block(0, shape.m - shape.last, shape.n, shape.last), c.view(), 2);
        CHECK(distance(one, rest) < bound);
        const Matrix<double> overlap = linalg::subtract_and_overlap<S>(other.view(), v, c.view(), 2);
        CHECK(distance(other, rest) < bound);
        CHECK(distance(overlap, product<double>(all.transposed(), rest.view())) <
              static_cast<double>(shape.m + 8) * bound);
    }
}

TEST_CASE("projections have the same bits for any number of threads")
{
    const Matrix<double> v = normal_matrix<double>(1500, 70), c = normal_matrix<double>(16, 8, 2);
    Matrix<double> expected_w = normal_matrix<double>(1500, 8, 3);
    const Matrix<double> expected = linalg::subtract_and_overlap<double>(expected_w.view(), v.view(), c.view(), 1);
    for (const int threads : {2, 3, 7}) {
        Matrix<double> w = normal_matrix<double>(1500, 8, 3);
        const Matrix<double> overlap = linalg::subtract_and_overlap<double>(w.view(), v.view(), c.view(), threads);
        CHECK(same_bits(w, expected_w));
        CHECK(same_bits(overlap, expected));
    }
}
