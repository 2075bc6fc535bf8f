#include "matfact/eigen.hpp"

#include <doctest/doctest.h>

using namespace matfact;

TEST_CASE("column-major Eigen matrices are seen without a copy")
{
    Eigen::MatrixXd x(2, 3);
    x << 1, 2, 3, 4, 5, 6;
    const MatrixView<const double> v = as_view(x);
    CHECK(v.data == x.data());
    CHECK(v.n_rows == 2);
    CHECK(v.n_cols == 3);
    CHECK(v(0, 2) == 3);
    CHECK(v(1, 0) == 4);
}

TEST_CASE("so are row-major ones and blocks")
{
    Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> x(3, 3);
    x << 1, 2, 3, 4, 5, 6, 7, 8, 9;
    CHECK(as_view(x)(1, 2) == 6);
    CHECK(as_view(x.block(1, 1, 2, 2))(1, 0) == 8);
    CHECK(as_view(x.block(1, 1, 2, 2)).data == &x(1, 1));
}

TEST_CASE("an owned matrix becomes an Eigen map")
{
    Matrix<double> x(2, 3);
    for (Index i = 0; i < 6; ++i)
        x.data()[i] = static_cast<double>(i);
    const auto map = as_eigen(x);
    CHECK(map(1, 0) == 3);
    CHECK(map.rows() == 2);
    CHECK((map.transpose() * map)(0, 0) == 9);
}

TEST_CASE("writing through a map of a view writes into the matrix")
{
    Matrix<double> x(2, 2);
    as_eigen(x.view().transposed()) << 1, 2, 3, 4;
    CHECK(x(0, 1) == 3);
    CHECK(x(1, 0) == 2);
}
