#include "matfact/ppca.hpp"
#include "matfact/random.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

using namespace matfact;

namespace {

/// Two strong axes and noise of variance 0.01 in 200 x 12, with every third entry or so missing.
template <class T> Matrix<T> planted(bool missing)
{
    Matrix<T> x(200, 12);
    for (Index i = 0; i < x.n_rows(); ++i)
        for (Index j = 0; j < x.n_cols(); ++j) {
            const auto at = static_cast<std::uint64_t>(i * x.n_cols() + j);
            const double a = random_normal(0, 0, static_cast<std::uint64_t>(i));
            const double b = random_normal(0, 1, static_cast<std::uint64_t>(i));
            const double angle = 0.7 * static_cast<double>(j);
            const double value = 3 * a * std::cos(angle) + 2 * b * std::sin(angle) + 5 + 0.1 * random_normal(0, 2, at);
            const bool hidden = missing && random_normal(0, 3, at) > 0.5;
            x(i, j) = hidden ? std::numeric_limits<T>::quiet_NaN() : static_cast<T>(value);
        }
    return x;
}

PpcaOptions options(Index k, bool variational = false)
{
    PpcaOptions result;
    result.n_components = k;
    result.variational = variational;
    return result;
}

} // namespace

TEST_CASE_TEMPLATE("ppca finds the noise variance and the mean behind missing entries", T, float, double)
{
    const Matrix<T> x = planted<T>(true);
    for (const bool variational : {false, true}) {
        const PpcaResult r = ppca<T>(x.view(), options(2, variational));
        CHECK(r.status == Status::converged);
        CHECK(r.model.noise_variance == doctest::Approx(0.01).epsilon(0.1));
        for (const double mean : r.model.mean)
            CHECK(mean == doctest::Approx(5).epsilon(0.15));
        for (std::size_t i = 1; i < r.history.size(); ++i)
            CHECK(r.history[i] >= r.history[i - 1] - 1e-6);
    }
}

// Of a complete matrix the closed form is the maximum: an iteration from elsewhere cannot be above it.
TEST_CASE("ppca of a complete matrix is the closed form")
{
    const Matrix<double> x = planted<double>(false);
    const PpcaResult r = ppca<double>(x.view(), options(2));
    CHECK(r.n_iter == 0);
    const PpcaRows rows = ppca_rows<double>(x.view(), r.model);
    double sum = 0;
    for (const double value : rows.log_likelihood)
        sum += value;
    CHECK(sum == doctest::Approx(r.log_likelihood).epsilon(1e-10));
}

TEST_CASE("ppca has the same bits at any number of threads")
{
    const Matrix<double> x = planted<double>(true);
    for (const bool variational : {false, true}) {
        PpcaOptions one = options(3, variational), three = one;
        one.num_threads = 1;
        three.num_threads = 3;
        const PpcaResult a = ppca<double>(x.view(), one), b = ppca<double>(x.view(), three);
        CHECK(a.history == b.history);
        CHECK(a.model.mean == b.model.mean);
    }
}

TEST_CASE("ppca names the column that has no observed entry")
{
    Matrix<double> x = planted<double>(true);
    for (Index i = 0; i < x.n_rows(); ++i)
        x(i, 4) = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_WITH_AS(ppca<double>(x.view(), options(2)), doctest::Contains("column 4"), std::invalid_argument);
    CHECK_THROWS_AS(ppca<double>(x.view(), options(12)), std::invalid_argument);
}

TEST_CASE("ppca stops where its progress says so")
{
    const Matrix<double> x = planted<double>(true);
    const PpcaResult r =
        ppca<double>(x.view(), options(2), [](const Iteration& iteration) { return iteration.n_iter == 2; });
    CHECK(r.status == Status::stopped);
    CHECK(r.n_iter == 2);
}

TEST_CASE("ppca of a matrix times a power of two is that of the matrix")
{
    const Matrix<double> x = planted<double>(true);
    for (const double scale : {0x1p-480, 0x1p480}) {
        Matrix<double> y(x.n_rows(), x.n_cols());
        for (Index i = 0; i < x.size(); ++i)
            y.data()[i] = scale * x.data()[i];
        const PpcaResult a = ppca<double>(x.view(), options(2)), b = ppca<double>(y.view(), options(2));
        CHECK(b.model.noise_variance == scale * (scale * a.model.noise_variance));
        CHECK(b.log_likelihood ==
              doctest::Approx(a.log_likelihood - static_cast<double>(a.n_observed) * std::log(scale)));
    }
}

TEST_CASE("ppca of data that do not vary has no variance, whatever their unit")
{
    Matrix<double> x = planted<double>(true);
    for (Index i = 0; i < x.size(); ++i)
        x.data()[i] = 0.0 * x.data()[i]; // NaN stays
    const PpcaResult r = ppca<double>(x.view(), options(2));
    CHECK(r.explained_variance == std::vector<double>{0.0, 0.0});
    CHECK(r.model.noise_variance == 0.0);
}
