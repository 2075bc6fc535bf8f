#include "linalg/symmetric_product.hpp"

#include "support/matrices.hpp"

using namespace matfact;
using namespace matfact::testing;
using linalg::symmetric_product;

namespace {

template <class T> Matrix<double> widened(const Matrix<T>& a)
{
    Matrix<double> result(a.n_rows(), a.n_cols());
    for (Index i = 0; i < a.size(); ++i)
        result.data()[i] = static_cast<double>(a.data()[i]);
    return result;
}

constexpr Index widths[] = {16, 48}; // multiples of every packet
// Less than a strip, a strip, around the first cut into chunks and tiles, and one with all chunks.
constexpr Index sizes[] = {1, 5, 8, 9, 127, 257, 530, 2100};

} // namespace

TEST_CASE_TEMPLATE("one triangle gives the product with the whole matrix", T, float, double)
{
    for (const Index n : sizes)
        for (const Index width : widths) {
            const Matrix<T> whole = symmetric_matrix<T>(n), q = normal_matrix<T>(n, width, 2);
            Matrix<T> triangle = symmetric_matrix<T>(n), z(n, width);
            for (Index i = 0; i < n; ++i)
                for (Index j = 0; j < i; ++j)
                    triangle(i, j) = std::numeric_limits<T>::quiet_NaN();
            symmetric_product<T>(triangle.view(), q.view(), z.view(), 2);
            // Sums of n products of normal numbers; the worst of many.
            CHECK(distance(z, product<double>(widened(whole).view(), widened(q).view())) <
                  rounding<T>(8.0 + 4.0 * static_cast<double>(n)));
        }
}

TEST_CASE_TEMPLATE("a product by triangles has the same bits at any thread count", T, float, double)
{
    const Index n = 1100, width = 16;
    const Matrix<T> a = symmetric_matrix<T>(n), q = normal_matrix<T>(n, width, 2);
    Matrix<T> first(n, width), other(n, width);
    symmetric_product<T>(a.view(), q.view(), first.view(), 1);
    for (const int threads : {2, 3, 7}) {
        symmetric_product<T>(a.view(), q.view(), other.view(), threads);
        CHECK(same_bits(first, other));
    }
}

TEST_CASE("rows with gaps are read where they are, other layouts and widths are left to the ordinary product")
{
    const Matrix<double> padded = normal_matrix<double>(40, 50);
    const MatrixView<const double> rows = padded.view().block(0, 0, 40, 40);
    CHECK(linalg::suits_symmetric_product(rows, 8));
    CHECK_FALSE(linalg::suits_symmetric_product(rows.transposed(), 8));
    CHECK_FALSE(linalg::suits_symmetric_product(rows, 7));
}
