// By the reduction where a LAPACK is linked, else by Eigen: the promises are the same.
#include "linalg/lapack_calls.hpp"

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
    for (const Index n : {1, 2, 3, 31, 32, 33, 64, 65, 97, 130, 257})
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
