#include "linalg/packed_cholesky.hpp"
#include "matfact/random.hpp"

#include <Eigen/LU>
#include <doctest/doctest.h>

#include <limits>

using namespace matfact;
using namespace matfact::linalg;

namespace {

/// A random positive definite matrix for each lane, and the packed triangles of all.
struct Batch {
    std::vector<Eigen::MatrixXd> matrices;
    std::vector<Lanes> packed;

    explicit Batch(Index k) : packed(static_cast<std::size_t>(packed_size(k)))
    {
        for (Index lane = 0; lane < lanes; ++lane) {
            Eigen::MatrixXd a(k, k + 2);
            for (Index i = 0; i < a.size(); ++i)
                a.data()[i] = random_normal(1, static_cast<std::uint64_t>(lane), static_cast<std::uint64_t>(i));
            matrices.push_back(a * a.transpose());
            for (Index i = 0; i < k; ++i)
                for (Index j = 0; j <= i; ++j)
                    packed[static_cast<std::size_t>(packed_index(i, j))][lane] = matrices.back()(i, j);
        }
    }
};

} // namespace

// Errors are bounded by the condition number times eps; 1e4 leaves room for the least eigenvalues of such matrices.
TEST_CASE("packed matrices are factored, solved and inverted lane by lane")
{
    const double tolerance = 1e4 * std::numeric_limits<double>::epsilon();
    for (const Index k : {1, 2, 5, 17}) {
        Batch batch(k);
        std::vector<Lanes> right(static_cast<std::size_t>(k), Lanes::Ones());
        factor_packed(k, batch.packed.data());
        const Lanes log_determinant = log_determinant_packed(k, batch.packed.data());
        solve_packed(k, batch.packed.data(), right.data());
        invert_packed(k, batch.packed.data());
        for (Index lane = 0; lane < lanes; ++lane) {
            const Eigen::MatrixXd& a = batch.matrices[static_cast<std::size_t>(lane)];
            Eigen::MatrixXd inverse(k, k);
            Eigen::VectorXd solution(k);
            for (Index i = 0; i < k; ++i) {
                solution[i] = right[static_cast<std::size_t>(i)][lane];
                for (Index j = 0; j <= i; ++j)
                    inverse(i, j) = inverse(j, i) = batch.packed[static_cast<std::size_t>(packed_index(i, j))][lane];
            }
            CHECK((a * inverse - Eigen::MatrixXd::Identity(k, k)).cwiseAbs().maxCoeff() <=
                  tolerance * a.norm() * inverse.norm());
            CHECK((a * solution - Eigen::VectorXd::Ones(k)).cwiseAbs().maxCoeff() <=
                  tolerance * a.norm() * solution.norm());
            CHECK(std::abs(log_determinant[lane] - std::log(a.determinant())) <= tolerance * inverse.norm() * a.norm());
        }
    }
}

TEST_CASE("a singular packed matrix gives finite numbers")
{
    std::vector<Lanes> a(3, Lanes::Ones()); // [[1, 1], [1, 1]]
    factor_packed(2, a.data());
    invert_packed(2, a.data());
    for (const Lanes& entry : a)
        CHECK(entry.isFinite().all());
}
