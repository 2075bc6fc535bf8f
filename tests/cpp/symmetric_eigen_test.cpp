#include "linalg/symmetric_eigen.hpp"
#include "matfact/status.hpp"

#include "support/matrices.hpp"

using namespace matfact;
using namespace matfact::testing;

namespace {

/// Checks a v_i = w_i v_i and v v' = 1 to a few roundings, in units of the largest entry of a.
template <class T> void check_pairs(MatrixView<const T> a, const std::vector<T>& w, MatrixView<const T> v)
{
    const Index n = a.n_rows;
    const double magnitude = largest_entry<T>(a), factor = 16 * std::sqrt(static_cast<double>(n));
    CHECK(orthonormality<T>(v.transposed()) < rounding<T>(factor));
    const Matrix<double> va = product<T>(v, a);
    double worst = 0.0;
    for (Index i = 0; i < v.n_rows; ++i)
        for (Index j = 0; j < n; ++j)
            worst = std::max(worst, std::abs(va(i, j) - static_cast<double>(w[static_cast<std::size_t>(i)]) *
                                                            static_cast<double>(v(i, j))));
    // The spectral norm of the matrices here is at most about 2 sqrt(n) entries, that of one block n.
    CHECK(worst <= rounding<T>(factor * std::sqrt(static_cast<double>(n))) * magnitude);
    CHECK(std::is_sorted(w.begin(), w.end()));
}

template <class T> void check_matrix(Matrix<T> a)
{
    Matrix<T> v = copy<T>(a.view());
    std::vector<T> w;
    linalg::symmetric_eigen(v.view(), w, 2);
    check_pairs<T>(a.view(), w, v.view());
}

/// The leading k pairs by inverse iteration are those of divide and conquer, and solve their equation.
template <class T> void check_leading(const Matrix<T>& a, Index k)
{
    const Index n = a.n_rows();
    std::vector<T> w, all;
    Matrix<T> copied = copy<T>(a.view());
    linalg::symmetric_eigen(copied.view(), all, 2);
    const Matrix<T> v = linalg::symmetric_eigen_leading<T>(a.view(), k, w, 2);
    REQUIRE(static_cast<Index>(w.size()) == k);
    check_pairs<T>(a.view(), w, v.view());
    const double norm = std::max(std::abs(static_cast<double>(all.front())), std::abs(static_cast<double>(all.back())));
    for (Index i = 0; i < k; ++i)
        CHECK(
            std::abs(static_cast<double>(w[static_cast<std::size_t>(i)] - all[static_cast<std::size_t>(n - k + i)])) <=
            rounding<T>(16 * std::sqrt(static_cast<double>(n))) * norm);
}

/// All values, and the vectors of the k largest, are those that are found with all vectors.
template <class T> void check_some(const Matrix<T>& a, Index k)
{
    const Index n = a.n_rows();
    std::vector<T> w, all;
    Matrix<T> v(n, n);
    linalg::symmetric_eigen<T>(a.view(), all, v.view(), 2);
    Index asked = 0;
    const auto count = [&](const std::vector<T>& values) {
        asked = static_cast<Index>(values.size());
        return k;
    };
    const Matrix<T> some = linalg::symmetric_eigen_some<T>(a.view(), w, count, 2);
    CHECK(asked == n);
    CHECK(same_bits(w, all));
    REQUIRE(some.n_rows() == k);
    CHECK(distance(some, copy<T>(MatrixView<const T>(v.view()).rows(n - k, n))) <
          rounding<T>(16 * std::sqrt(static_cast<double>(n))));
}

} // namespace

TEST_CASE_TEMPLATE("vectors of some pairs come with the values of all", T, float, double)
{
    for (const Index n : {1, 2, 33, 150, 300})
        for (const Index k : {Index{1}, (n + 2) / 3, n})
            check_some(symmetric_matrix<T>(n), k);
}

TEST_CASE_TEMPLATE("eigenpairs of symmetric matrices of any size solve their equation", T, float, double)
{
    for (const Index n :
         {1, 2, 3, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32, 33, 48, 49, 72, 73, 74, 96, 97, 98, 130, 146, 257})
        check_matrix(symmetric_matrix<T>(n));
}

TEST_CASE_TEMPLATE("repeated, vanishing and extreme eigenvalues keep the vectors orthonormal", T, float, double)
{
    constexpr Index n = 150;
    check_matrix(zero_matrix<T>(n, n));
    Matrix<T> diagonal = zero_matrix<T>(n, n), ones(n, n), blocks = zero_matrix<T>(n, n);
    std::fill_n(ones.data(), ones.size(), T(1));
    for (Index i = 0; i < n; ++i) {
        diagonal(i, i) = static_cast<T>(i % 4);
        for (Index j = 0; j < n; ++j)
            blocks(i, j) = i / 50 == j / 50 ? T(1) : T(0);
    }
    check_matrix(std::move(diagonal));
    check_matrix(std::move(ones));
    check_matrix(std::move(blocks));
    for (const T scale : {std::numeric_limits<T>::max() / 1024, std::numeric_limits<T>::min() * 1024}) {
        Matrix<T> a = symmetric_matrix<T>(n);
        for (Index i = 0; i < a.size(); ++i)
            a.data()[i] *= scale / 8;
        check_matrix(std::move(a));
    }
}

TEST_CASE_TEMPLATE("the leading eigenpairs alone are as good as among all", T, float, double)
{
    for (const Index n : {1, 2, 5, 33, 130, 257})
        for (const Index k : {Index{1}, (n + 3) / 4, n})
            check_leading(symmetric_matrix<T>(n), k);
}

// Inverse iteration with equal shifts would find the same vector again; these have up to 150 equal values, and pairs
// that agree in all but the last digits (Wilkinson's matrix).
TEST_CASE_TEMPLATE("leading vectors of equal and nearly equal eigenvalues are orthonormal", T, float, double)
{
    constexpr Index n = 150;
    Matrix<T> diagonal = zero_matrix<T>(n, n), wilkinson = zero_matrix<T>(n, n), blocks = zero_matrix<T>(n, n);
    for (Index i = 0; i < n; ++i) {
        diagonal(i, i) = static_cast<T>(i % 3);
        wilkinson(i, i) = std::abs(static_cast<T>(2 * i - n + 1)) / 2;
        if (i > 0)
            wilkinson(i, i - 1) = wilkinson(i - 1, i) = T(1);
        for (Index j = 0; j < n; ++j)
            blocks(i, j) = i / 50 == j / 50 ? T(1) : T(0);
    }
    for (const Index k : {1, 7, 60, 149}) {
        check_leading(zero_matrix<T>(n, n), k);
        check_leading(diagonal, k);
        check_leading(wilkinson, k);
        check_leading(blocks, k);
    }
}

// Around the sizes of panels, chunks and column blocks.
TEST_CASE_TEMPLATE("the bits of eigenpairs do not depend on the threads", T, float, double)
{
    for (const Index n : {90, 260, 530, 1100}) {
        const Matrix<T> a = symmetric_matrix<T>(n);
        std::vector<T> w, leading;
        Matrix<T> v(n, n);
        linalg::symmetric_eigen<T>(a.view(), w, v.view(), 1);
        const Matrix<T> leading_v = linalg::symmetric_eigen_leading<T>(a.view(), 40, leading, 1);
        for (const int threads : {2, 3, 7}) {
            std::vector<T> many;
            Matrix<T> many_v(n, n);
            linalg::symmetric_eigen<T>(a.view(), many, many_v.view(), threads);
            CHECK(same_bits(w, many));
            CHECK(same_bits(v, many_v));
            CHECK(same_bits(leading_v, linalg::symmetric_eigen_leading<T>(a.view(), 40, many, threads)));
            CHECK(same_bits(leading, many));
        }
    }
}

// Squares of the small blocks leave the range of float, their entries do not; they may be the whole rest of a row.
TEST_CASE_TEMPLATE("graded matrices keep the vectors orthonormal", T, float, double)
{
    constexpr Index n = 60;
    const double smallest = std::is_same_v<T, float> ? 1e-36 : 1e-300;
    const Matrix<T> dense = symmetric_matrix<T>(n);
    for (double scale = 1e-3; scale > smallest; scale *= 1e-3) {
        Matrix<T> blocks = zero_matrix<T>(n, n), graded = copy<T>(dense.view());
        for (Index i = 0; i < n; ++i)
            for (Index j = 0; j < n; ++j) {
                if ((i < n / 2) == (j < n / 2))
                    blocks(i, j) = dense(i, j) * static_cast<T>(i < n / 2 ? 1.0 : scale);
                const double share = static_cast<double>(i + j) / static_cast<double>(2 * n);
                graded(i, j) *= static_cast<T>(std::pow(scale, share));
            }
        check_matrix(std::move(blocks));
        check_matrix(std::move(graded));
    }
}

TEST_CASE("NaN anywhere is an error")
{
    for (const Index i : {0, 7, 8, 23, 31})
        for (const Index j : {i, i + 1, i + 2, Index{39}}) {
            Matrix<double> a = symmetric_matrix<double>(40), v(40, 40);
            a(i, j) = a(j, i) = NAN;
            std::vector<double> w;
            CHECK_THROWS_AS(linalg::symmetric_eigen<double>(a.view(), w, v.view(), 1), NumericalError);
        }
}

TEST_CASE("a transposed view is read where it is")
{
    const Matrix<double> a = symmetric_matrix<double>(120);
    std::vector<double> w, of_transposed;
    Matrix<double> v(120, 120), v_of_transposed(120, 120);
    linalg::symmetric_eigen<double>(a.view(), w, v.view(), 1);
    linalg::symmetric_eigen<double>(a.view().transposed(), of_transposed, v_of_transposed.view(), 1);
    CHECK(same_bits(w, of_transposed));
    CHECK(same_bits(v, v_of_transposed));
}
