#include "linalg/krylov.hpp"

#include "linalg/gemm.hpp"
#include "support/matrices.hpp"

#include <numeric>
#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;
using linalg::krylov;
using linalg::KrylovOptions;
using linalg::KrylovResult;

namespace {

/// Multiplication by planted eigenvalues: the eigenvectors are the unit vectors.
template <class T> linalg::BlockOperator<T> diagonal(const std::vector<double>& w)
{
    return [w](MatrixView<const T> q, MatrixView<T> z) {
        for (Index i = 0; i < q.n_rows; ++i)
            for (Index j = 0; j < q.n_cols; ++j)
                z(i, j) = static_cast<T>(w[static_cast<std::size_t>(i)]) * q(i, j);
    };
}

KrylovOptions leading(Index k, double tol)
{
    KrylovOptions options;
    options.count = [k](const std::vector<double>&) { return k; };
    options.accepted = [tol](double, double norm) { return tol * norm; };
    return options;
}

template <class T> KrylovResult<T> solve(const std::vector<double>& w, const KrylovOptions& options)
{
    return krylov<T>(static_cast<Index>(w.size()), diagonal<T>(w), options);
}

std::vector<double> sorted(std::vector<double> w)
{
    std::sort(w.rbegin(), w.rend());
    return w;
}

std::vector<double> spectrum(Index n, double (*value)(double))
{
    std::vector<double> w;
    for (Index i = 0; i < n; ++i)
        w.push_back(value(static_cast<double>((i * 37) % n))); // not in order
    return w;
}

/// Values within `tol` of the planted ones, vectors that are orthonormal and satisfy their equation to `tol`.
template <class T> void check(const std::vector<double>& w, const KrylovResult<T>& r, Index k, double tol)
{
    const std::vector<double> exact = sorted(w);
    const double norm = std::max(std::abs(exact.front()), std::abs(exact.back()));
    REQUIRE(static_cast<Index>(r.values.size()) == k);
    CHECK(r.status == Status::converged);
    CHECK(orthonormality<T>(r.vectors.view()) < rounding<T>(64));
    for (Index c = 0; c < k; ++c) {
        const double value = r.values[static_cast<std::size_t>(c)];
        CHECK(std::abs(value - exact[static_cast<std::size_t>(c)]) <= tol * norm);
        double residual = 0.0;
        for (std::size_t i = 0; i < w.size(); ++i)
            residual += std::pow((w[i] - value) * static_cast<double>(r.vectors(static_cast<Index>(i), c)), 2);
        CHECK(std::sqrt(residual) <= tol * norm);
    }
}

} // namespace

TEST_CASE_TEMPLATE("block Lanczos finds the leading pairs of any planted spectrum", T, float, double)
{
    // The recurrence's own estimate may miss the rounding of products and restarts.
    const double tol = std::is_same_v<T, float> ? 1e-4 : 1e-10, slack = 1.1;
    const std::vector<double> decaying = spectrum(1500, [](double i) { return 1 / (1 + i); });
    const std::vector<double> slow = spectrum(1500, [](double i) { return std::pow(1 + i, -0.3); });
    const std::vector<double> step = spectrum(1500, [](double i) { return i < 20 ? 1.0 : 0.1; });
    const std::vector<double> negative = spectrum(1500, [](double i) { return -1 - i / 1500; });
    const std::vector<double> mixed = spectrum(1500, [](double i) { return std::cos(0.05 * i); });
    const std::vector<double> close = spectrum(1500, [](double i) { return i < 10 ? 1 - 1e-8 * i : 0.5 - i / 4000; });
    for (const auto& w : {decaying, slow, step, negative, mixed, close})
        for (const Index k : {1, 10, 40})
            check(w, solve<T>(w, leading(k, tol)), k, slack * tol);
}

TEST_CASE("overlaps that stay in the basis cost neither copies of values nor true residuals, over many restarts")
{
    // The first value converges in a few steps, and would come back a hundred steps before the last ones are found.
    const std::vector<double> w = spectrum(3000, [](double i) { return i < 1 ? 50.0 : i < 2 ? 20.0 : 1 - i / 3000; });
    for (const double tol : {5e-5, 1e-6, 1e-9}) {
        const KrylovResult<double> r = solve<double>(w, leading(12, tol));
        CHECK(r.n_passes >= 40); // which takes restarts
        check(w, r, 12, 1.01 * tol);
    }
}

TEST_CASE("an operator that is less exact than its numbers gets no copies of values either")
{
    const std::vector<double> w = spectrum(2000, [](double i) { return i < 1 ? 50.0 : i < 2 ? 20.0 : 1 - i / 2000; });
    const auto rounded = [&](MatrixView<const double> q, MatrixView<double> z) {
        for (Index i = 0; i < q.n_rows; ++i)
            for (Index j = 0; j < q.n_cols; ++j)
                z(i, j) = static_cast<float>(w[static_cast<std::size_t>(i)] * q(i, j));
    };
    check(w, krylov<double>(2000, rounded, leading(12, 1e-6)), 12, 1.1e-6);
}

TEST_CASE("an eigenvalue of higher multiplicity than the block is found with all its copies")
{
    const std::vector<double> w = spectrum(800, [](double i) { return i < 45 ? 3.0 : i < 60 ? 2.0 : 1 - i / 800; });
    check(w, solve<double>(w, leading(50, 1e-8)), 50, 1e-8);
}

TEST_CASE("multiples of the identity, and zero, converge at once to any orthonormal vectors")
{
    for (const double value : {0.0, 2.0, -2.0}) {
        const std::vector<double> w(300, value);
        check(w, solve<double>(w, leading(20, 1e-10)), 20, 1e-13);
    }
}

TEST_CASE("a rank below the number of pairs leaves zeros behind")
{
    std::vector<double> w(400, 0.0);
    for (std::size_t i = 0; i < 5; ++i)
        w[60 * i] = 1.0 + static_cast<double>(i);
    check(w, solve<double>(w, leading(12, 1e-10)), 12, 1e-12);
}

TEST_CASE_TEMPLATE("all pairs, and orders below the block", T, float, double)
{
    for (const Index n : {1, 2, 5, 16, 17, 40}) {
        const std::vector<double> w = spectrum(n, [](double i) { return 2 - i; });
        for (const Index k : {Index{1}, (n + 1) / 2, n})
            check(w, solve<T>(w, leading(k, 0)), k, rounding<T>(64));
    }
}

TEST_CASE("the value after the wanted ones is estimated from above")
{
    const std::vector<double> w = spectrum(1000, [](double i) { return std::pow(1 + i, -0.5); });
    const KrylovResult<double> r = solve<double>(w, leading(20, 1e-6));
    CHECK(r.next_value >= std::pow(21.0, -0.5) - 1e-12);
    CHECK(r.next_value < std::pow(20.0, -0.5));
    CHECK(solve<double>(w, leading(1000, 1e-6)).next_value == -std::numeric_limits<double>::infinity());
}

TEST_CASE("the number of pairs may follow from their sum")
{
    const std::vector<double> w = spectrum(2000, [](double i) { return std::pow(0.97, i); });
    KrylovOptions options = leading(1, 1e-8);
    const double total = std::accumulate(w.begin(), w.end(), 0.0);
    for (const double share : {0.1, 0.5, 0.99}) {
        options.count = [&](const std::vector<double>& values) -> Index {
            double sum = 0.0;
            for (std::size_t i = 0; i < values.size(); ++i)
                if ((sum += values[i]) >= share * total)
                    return static_cast<Index>(i + 1);
            return 0;
        };
        const auto expected = static_cast<Index>(std::ceil(std::log(1 - share) / std::log(0.97)));
        check(w, solve<double>(w, options), expected, 1e-8);
    }
}

TEST_CASE("what the passes did not suffice for is said")
{
    const std::vector<double> w = spectrum(1000, [](double i) { return 1 - i / 1000; });
    KrylovOptions options = leading(30, 1e-12);
    options.max_passes = 5;
    const KrylovResult<double> r = solve<double>(w, options);
    CHECK(r.status == Status::max_iter);
    CHECK(r.n_passes == 5);
    CHECK(r.n_columns == 5 * options.block);
    CHECK(r.values.size() == 30);
    CHECK(orthonormality<double>(r.vectors.view()) < rounding<double>(64));
}

TEST_CASE("the report is told of every pass, and of the excess at the last look")
{
    const std::vector<double> w = spectrum(400, [](double i) { return 1.0 / (1.0 + i); });
    KrylovOptions options = leading(10, 1e-10);
    std::vector<double> told;
    options.report = [&](Index n_passes, double excess) {
        told.push_back(excess);
        CHECK(n_passes == static_cast<Index>(told.size()));
        return false;
    };
    const KrylovResult<double> r = solve<double>(w, options);
    CHECK(r.status == Status::converged);
    CHECK(static_cast<Index>(told.size()) == r.n_passes);
    CHECK(std::isinf(told.front()));
    CHECK(told.back() <= 1.0);
}

TEST_CASE("a report that asks to stop gets as many pairs as are wanted, and no claim about the next")
{
    const std::vector<double> w = spectrum(400, [](double i) { return 1.0 - i / 1000.0; });
    for (const Index most : {1, 5}) {
        KrylovOptions options = leading(20, 1e-10);
        options.give_up = true; // a stop is not taken for that
        options.report = [&](Index n_passes, double) { return n_passes >= most; };
        const KrylovResult<double> r = solve<double>(w, options);
        CHECK(r.status == Status::stopped);
        CHECK_FALSE(r.gave_up);
        CHECK(r.n_passes == std::max<Index>(most, 3)); // three blocks of eight hold twenty
        CHECK(r.values.size() == 20);
        CHECK(std::isinf(r.next_value));
        CHECK(orthonormality<double>(r.vectors.view()) < rounding<double>(64));
    }
}

TEST_CASE("what the operator throws passes through, and NaN is an error")
{
    const auto throwing = [](MatrixView<const double>, MatrixView<double>) { throw std::domain_error("no"); };
    CHECK_THROWS_AS(krylov<double>(50, throwing, leading(3, 1e-6)), std::domain_error);
    std::vector<double> w(50, 1.0);
    w[7] = NAN;
    CHECK_THROWS_AS(solve<double>(w, leading(3, 1e-6)), NumericalError);
}

TEST_CASE_TEMPLATE("any number of threads gives the same eigenpairs, bit by bit", T, float, double)
{
    const Matrix<T> a = symmetric_matrix<T>(700);
    KrylovOptions options = leading(12, 1e-4);
    const auto run = [&](int threads) {
        options.threads = threads;
        return krylov<T>(
            700,
            [&](MatrixView<const T> q, MatrixView<T> z) { linalg::multiply_into<T, T>({a.view()}, q, z, threads); },
            options);
    };
    const KrylovResult<T> one = run(1);
    for (const int threads : {2, 3, 7}) {
        const KrylovResult<T> many = run(threads);
        CHECK(same_bits(one.values, many.values));
        CHECK(same_bits(one.vectors, many.vectors));
    }
}
