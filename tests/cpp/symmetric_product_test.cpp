#include "linalg/symmetric_product.hpp"

#include "support/matrices.hpp"

using namespace matfact;
using namespace matfact::testing;
using linalg::SymmetricProduct;

namespace {

template <class T> Matrix<double> widened(const Matrix<T>& a)
{
    Matrix<double> result(a.n_rows(), a.n_cols());
    for (Index i = 0; i < a.size(); ++i)
        result.data()[i] = static_cast<double>(a.data()[i]);
    return result;
}

constexpr Index widths[] = {16, 48, 32}; // multiples of every packet, for which one keeps its memory
// Less than a strip, a strip, around the first cut into chunks and tiles, and one with all chunks.
constexpr Index sizes[] = {1, 5, 8, 9, 127, 257, 530, 2100};

} // namespace

TEST_CASE_TEMPLATE("one triangle gives the product with the whole matrix", T, float, double)
{
    for (const Index n : sizes) {
        const Matrix<T> whole = symmetric_matrix<T>(n);
        Matrix<T> triangle = symmetric_matrix<T>(n);
        for (Index i = 0; i < n; ++i)
            for (Index j = 0; j < i; ++j)
                triangle(i, j) = std::numeric_limits<T>::quiet_NaN();
        SymmetricProduct<T> a(triangle.view(), 2);
        for (const Index width : widths) {
            const Matrix<T> q = normal_matrix<T>(n, width, 2);
            Matrix<T> z(n, width);
            a.times(q.view(), z.view());
            // Sums of n products of normal numbers; the worst of many.
            CHECK(distance(z, product<double>(widened(whole).view(), widened(q).view())) <
                  rounding<T>(8.0 + 4.0 * static_cast<double>(n)));
        }
    }
}

TEST_CASE_TEMPLATE("a product by triangles has the same bits at any thread count", T, float, double)
{
    const Index n = 1100, width = 16;
    const Matrix<T> a = symmetric_matrix<T>(n), q = normal_matrix<T>(n, width, 2);
    Matrix<T> first(n, width), other(n, width);
    SymmetricProduct<T>(a.view(), 1).times(q.view(), first.view());
    for (const int threads : {2, 3, 7}) {
        SymmetricProduct<T>(a.view(), threads).times(q.view(), other.view());
        CHECK(same_bits(first, other));
    }
}

TEST_CASE("rows with gaps are read where they are, other layouts and widths are left to the ordinary product")
{
    const Matrix<double> padded = normal_matrix<double>(40, 50);
    const MatrixView<const double> rows = padded.view().block(0, 0, 40, 40);
    CHECK(SymmetricProduct<double>(rows, 1).suits(8));
    CHECK_FALSE(SymmetricProduct<double>(rows.transposed(), 1).suits(8));
    CHECK_FALSE(SymmetricProduct<double>(rows, 1).suits(7));
}
