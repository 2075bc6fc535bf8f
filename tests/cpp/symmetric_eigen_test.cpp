#include "linalg/symmetric_eigen.hpp"

#include "linalg/householder.hpp"
#include "linalg/tridiagonal_eigen.hpp"
#include "linalg/tridiagonalize.hpp"
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
    for (Index i = 0; i < n; ++i)
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

} // namespace

TEST_CASE_TEMPLATE("eigenpairs of symmetric matrices of any size solve their equation", T, float, double)
{
    for (const Index n : {1, 2, 3, 31, 32, 33, 64, 65, 97, 130, 257, 300})
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

// Wilkinson's matrix of odd order: its large eigenvalues come in pairs that agree to rounding.
TEST_CASE_TEMPLATE("divide and conquer separates the pairs of glued Wilkinson matrices", T, float, double)
{
    constexpr Index n = 210;
    Matrix<T> a = zero_matrix<T>(n, n), v(n, n);
    std::vector<double> d, e;
    for (Index i = 0; i < n; ++i) {
        d.push_back(std::abs(static_cast<double>(i % 21 - 10)));
        a(i, i) = static_cast<T>(d.back());
        if (i + 1 < n) {
            e.push_back(i % 21 == 20 ? -1e-6 : 1.0);
            a(i, i + 1) = a(i + 1, i) = static_cast<T>(e.back());
        }
    }
    linalg::tridiagonal_eigen(d, e, v.view(), 2);
    std::vector<T> w(d.begin(), d.end());
    CHECK(orthonormality<T>(v.view().transposed()) < rounding<T>(256));
    const Matrix<double> va = product<T>(v.view(), a.view());
    for (Index i = 0; i < n; ++i)
        for (Index j = 0; j < n; ++j)
            CHECK(std::abs(va(i, j) - d[static_cast<std::size_t>(i)] * static_cast<double>(v(i, j))) <
                  rounding<T>(256) * 10);
}

TEST_CASE_TEMPLATE("the reflections take the tridiagonal matrix back to a", T, float, double)
{
    constexpr Index n = 140;
    const Matrix<T> a = symmetric_matrix<T>(n);
    const Index stride = linalg::padded_cols<T>(n);
    Matrix<T> work = zero_matrix<T>(n, stride), q = zero_matrix<T>(n, n), t = zero_matrix<T>(n, n);
    for (Index i = 0; i < n; ++i) {
        std::copy_n(a.data() + i * n, n, work.data() + i * stride);
        q(i, i) = T(1);
    }
    std::vector<double> d, e;
    std::vector<T> tau;
    const MatrixView<T> reduced = work.view().block(0, 0, n, n);
    linalg::tridiagonalize(reduced, d, e, tau, 2);
    linalg::reflect_rows<T>(reduced, tau, q.view(), 2); // the transposed product of all reflections
    CHECK(orthonormality<T>(q.view()) < rounding<T>(64));
    for (Index i = 0; i < n; ++i) {
        t(i, i) = static_cast<T>(d[static_cast<std::size_t>(i)]);
        if (i + 1 < n)
            t(i, i + 1) = t(i + 1, i) = static_cast<T>(e[static_cast<std::size_t>(i)]);
    }
    const Matrix<double> qa = product<T>(q.view(), a.view()), tq = product<T>(t.view(), q.view());
    CHECK(distance(qa, tq) < rounding<T>(1024)); // the spectral norm is about 2 sqrt(n) = 24
}

TEST_CASE_TEMPLATE("the eigenpairs have the same bits for any number of threads", T, float, double)
{
    const Matrix<T> a = symmetric_matrix<T>(401);
    Matrix<T> first = copy<T>(a.view());
    std::vector<T> w;
    linalg::symmetric_eigen(first.view(), w, 1);
    for (const int threads : {2, 3, 7}) {
        Matrix<T> v = copy<T>(a.view());
        std::vector<T> values;
        linalg::symmetric_eigen(v.view(), values, threads);
        CHECK(same_bits(v, first));
        CHECK(same_bits(values, w));
    }
}
