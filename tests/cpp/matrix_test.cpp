#include "support/matrices.hpp"

#include <cstdint>

using namespace matfact;
using namespace matfact::testing;

TEST_CASE("an owned matrix is row-major and aligned to a cache line")
{
    Matrix<double> x(3, 5);
    x(1, 2) = 7.0;
    CHECK(x.data()[1 * 5 + 2] == 7.0);
    CHECK(reinterpret_cast<std::uintptr_t>(x.data()) % 64 == 0);
    CHECK(x.size() == 15);
}

TEST_CASE("moving leaves an empty matrix behind")
{
    Matrix<float> a = matrix<float>({{1, 2}, {3, 4}});
    const Matrix<float> b = std::move(a);
    CHECK(a.size() == 0);
    CHECK(a.data() == nullptr);
    CHECK(b(1, 0) == 3.0F);
}

TEST_CASE("a released buffer belongs to the caller")
{
    Matrix<double> x(2, 2);
    double* data = x.release();
    CHECK(x.data() == nullptr);
    CHECK(x.size() == 0);
    Matrix<double>::deallocate(data);
}

TEST_CASE("a narrowed matrix holds its leading columns, small or on pages of its own")
{
    for (const Index n_rows : {3, 3000}) {
        Matrix<double> x(n_rows, 700);
        for (Index i = 0; i < x.size(); ++i)
            x.data()[i] = static_cast<double>(i);
        x.narrow(200);
        REQUIRE(x.n_cols() == 200);
        bool is_kept = true;
        for (Index i = 0; i < n_rows; ++i)
            for (Index j = 0; j < 200; ++j)
                is_kept = is_kept && x(i, j) == static_cast<double>(i * 700 + j);
        CHECK(is_kept);
    }
}

TEST_CASE("an empty matrix is fine")
{
    const Matrix<double> x(0, 4);
    CHECK(x.size() == 0);
    CHECK(x.n_cols() == 4);
}

TEST_CASE("views transpose and cut without moving data")
{
    const Matrix<double> x = matrix<double>({{1, 2, 3}, {4, 5, 6}, {7, 8, 9}});
    const MatrixView<const double> v = x.view();
    CHECK(v.transposed()(0, 2) == 7);
    CHECK(v.block(1, 1, 2, 2)(0, 0) == 5);
    CHECK(v.block(1, 1, 2, 2).transposed()(0, 1) == 8);
    CHECK(v.rows(1, 3).n_rows == 2);
    CHECK(v.rows(1, 3)(1, 0) == 7);
}
