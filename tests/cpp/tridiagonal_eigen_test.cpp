#include "linalg/tridiagonal_eigen.hpp"

#include "support/matrices.hpp"

using namespace matfact;
using namespace matfact::testing;

namespace {

struct Tridiagonal {
    std::vector<double> d, e;
    double norm() const
    {
        double largest = 0.0;
        for (std::size_t i = 0; i < d.size(); ++i)
            largest = std::max(largest, std::abs(d[i]) + (i < e.size() ? std::abs(e[i]) : 0.0) +
                                            (i > 0 ? std::abs(e[i - 1]) : 0.0));
        return largest;
    }
};

/// Of what reductions of random matrices look like.
Tridiagonal random_tridiagonal(Index n)
{
    const Matrix<double> values = normal_matrix<double>(2, n);
    Tridiagonal t{std::vector<double>(values.data(), values.data() + n),
                  std::vector<double>(values.data() + n, values.data() + 2 * n - 1)};
    return t;
}

template <class T> struct Pairs {
    std::vector<T> w;
    Matrix<T> v;
};

template <class T> Pairs<T> solve(Tridiagonal t, int threads)
{
    Matrix<T> v(static_cast<Index>(t.d.size()), static_cast<Index>(t.d.size()));
    linalg::tridiagonal_eigen(t.d, t.e, v.view(), threads);
    return {std::vector<T>(t.d.begin(), t.d.end()), std::move(v)};
}

/// t v_i = w_i v_i and v v' = 1. Each join multiplies by an orthonormal matrix, which costs a few roundings, and there
/// are log2(n / 32) of them in a row.
template <class T> void check(const Tridiagonal& t)
{
    const auto n = static_cast<Index>(t.d.size());
    const Pairs<T> pairs = solve<T>(t, 2);
    CHECK(orthonormality<T>(pairs.v.view().transposed()) < rounding<T>(256));
    double worst = 0.0;
    for (Index i = 0; i < n; ++i)
        for (Index j = 0; j < n; ++j) {
            const auto at = [&](Index c) { return static_cast<double>(pairs.v(i, c)); };
            const auto u = static_cast<std::size_t>(j);
            double r = (t.d[u] - static_cast<double>(pairs.w[static_cast<std::size_t>(i)])) * at(j);
            if (j > 0)
                r += t.e[u - 1] * at(j - 1);
            if (j + 1 < n)
                r += t.e[u] * at(j + 1);
            worst = std::max(worst, std::abs(r));
        }
    CHECK(worst <= rounding<T>(64) * t.norm());
}

} // namespace

TEST_CASE_TEMPLATE("eigenpairs of tridiagonal matrices of any size solve their equation", T, float, double)
{
    for (const Index n : {1, 2, 3, 31, 32, 33, 64, 65, 97, 130, 257, 400})
        check<T>(random_tridiagonal(n));
}

TEST_CASE_TEMPLATE("where the halves do not touch, are equal, or vanish, all vectors are written", T, float, double)
{
    constexpr std::size_t n = 150;
    check<T>({std::vector<double>(n, 0.0), std::vector<double>(n - 1, 0.0)});
    check<T>({std::vector<double>(n, 2.0), std::vector<double>(n - 1, 1.0)});
    check<T>({std::vector<double>(n, 2.0), std::vector<double>(n - 1, 1e-9)});
    Tridiagonal apart = random_tridiagonal(n);
    apart.e[n / 2 - 1] = 0.0;
    check<T>(apart);
    Tridiagonal graded = random_tridiagonal(n);
    for (std::size_t i = 0; i < n; ++i) {
        graded.d[i] *= std::pow(0.8, static_cast<double>(i));
        if (i + 1 < n)
            graded.e[i] *= std::pow(0.8, static_cast<double>(i));
    }
    check<T>(graded);
    // Of one row nothing is left: the other half of the products is empty.
    Tridiagonal spike{std::vector<double>(n, 0.0), std::vector<double>(n - 1, 0.0)};
    spike.e[n / 2 - 1] = 1.0;
    check<T>(spike);
    std::fill_n(spike.d.begin(), n / 2, 1.0);
    check<T>(spike);
}

// Wilkinson's matrix of odd order: its large eigenvalues come in pairs that agree to rounding.
TEST_CASE_TEMPLATE("divide and conquer separates the pairs of glued Wilkinson matrices", T, float, double)
{
    Tridiagonal t;
    for (int i = 0; i < 210; ++i) {
        t.d.push_back(std::abs(i % 21 - 10));
        t.e.push_back(i % 21 == 20 ? -1e-6 : 1.0);
    }
    t.e.pop_back();
    check<T>(t);
}

TEST_CASE_TEMPLATE("tridiagonal eigenpairs have the same bits for any number of threads", T, float, double)
{
    const Tridiagonal t = random_tridiagonal(501);
    const Pairs<T> first = solve<T>(t, 1);
    for (const int threads : {2, 3, 7}) {
        const Pairs<T> other = solve<T>(t, threads);
        CHECK(same_bits(other.v, first.v));
        CHECK(same_bits(other.w, first.w));
    }
}
