#include "linalg/row_solver.hpp"
#include "linalg/small_cholesky.hpp"
#include "support/matrices.hpp"

using namespace matfact;
using namespace matfact::testing;

namespace {

/// A row with n entries among the rows of random features, padded by zeros.
struct Row {
    Row(Index n, Index k)
        : features(zero_matrix<float>(200, linalg::padded_width(k))), diagonal(static_cast<std::size_t>(k))
    {
        for (Index i = 0; i < 200; ++i)
            for (Index c = 0; c < k; ++c)
                features(i, c) = static_cast<float>(random_normal(1, 2, static_cast<std::uint64_t>(i * k + c)));
        for (Index j = 0; j < n; ++j) {
            indices.push_back(static_cast<std::int32_t>((j * 37 + 5) % 200));
            root.push_back(0.5f + 0.01f * static_cast<float>(j % 100));
            right.push_back(static_cast<float>(random_normal(1, 3, static_cast<std::uint64_t>(j))));
        }
        for (Index c = 0; c < k; ++c)
            diagonal[static_cast<std::size_t>(c)] = 1.0f + static_cast<float>(c % 5);
    }
    linalg::RowEntries<std::int32_t> entries() const
    {
        const auto n = static_cast<Index>(indices.size());
        return {indices.data(), root.data(), right.data(), n, n};
    }
    /// The largest entry of (diag(d) + sum a f f') x - sum b f, relative to the largest of the products in it.
    double residual(const std::vector<float>& x) const
    {
        double worst = 0.0, scale = 1e-30;
        for (std::size_t c = 0; c < diagonal.size(); ++c) {
            double sum = static_cast<double>(diagonal[c]) * static_cast<double>(x[c]), size = std::abs(sum);
            for (std::size_t j = 0; j < indices.size(); ++j) {
                double score = 0.0;
                for (std::size_t e = 0; e < diagonal.size(); ++e)
                    score +=
                        static_cast<double>(features(indices[j], static_cast<Index>(e))) * static_cast<double>(x[e]);
                const double weight =
                    static_cast<double>(root[j]) * static_cast<double>(root[j]) * score - static_cast<double>(right[j]);
                const double term = static_cast<double>(features(indices[j], static_cast<Index>(c))) * weight;
                sum += term;
                size += std::abs(term);
            }
            worst = std::max(worst, std::abs(sum));
            scale = std::max(scale, size);
        }
        return worst / scale;
    }
    Matrix<float> features;
    std::vector<float> diagonal, root, right;
    std::vector<std::int32_t> indices;
};

} // namespace

TEST_CASE("rows are solved in entries and in features alike")
{
    for (const Index k : {1, 7, 16, 20, 64})
        for (const Index n : {0, 1, 3, 5, 12, 16, 17, 48, 49, 64, 65, 130, 200}) {
            CAPTURE(k);
            CAPTURE(n);
            const Row row(n, k);
            linalg::RowSolver solver(k);
            std::vector<float> x(row.diagonal.size(), 7.0f);
            const MatrixView<const float> features = row.features.view().block(0, 0, 200, k);
            const double gain = solver.solve(features, row.entries(), row.diagonal.data(), x.data());
            // Condition numbers are a few hundred here.
            CHECK(row.residual(x) <= rounding<float>(2000));
            double expected = 0.0;
            for (Index j = 0; j < n; ++j)
                for (Index c = 0; c < k; ++c)
                    expected += static_cast<double>(row.right[static_cast<std::size_t>(j)]) *
                                static_cast<double>(row.features(row.indices[static_cast<std::size_t>(j)], c)) *
                                static_cast<double>(x[static_cast<std::size_t>(c)]);
            CHECK(gain == doctest::Approx(expected).epsilon(rounding<float>(500)));
        }
}

TEST_CASE("as many conjugate gradient steps as unknowns solve a row, and each step gains")
{
    // Widths that the compiler knows, and one that it does not; wholes of SIMD packets, and not.
    for (const auto& [n, k] : {std::pair<Index, Index>{1, 8}, {4, 8}, {50, 8}, {30, 16}, {90, 40}, {300, 200}}) {
        CAPTURE(k);
        CAPTURE(n);
        const Row row(n, k);
        linalg::RowSolver solver(k);
        std::vector<float> scale(static_cast<std::size_t>(k)); // uneven: near the diagonal of the system
        for (Index c = 0; c < k; ++c) {
            scale[static_cast<std::size_t>(c)] = row.diagonal[static_cast<std::size_t>(c)];
            for (Index j = 0; j < n; ++j) {
                const auto at = static_cast<std::size_t>(j);
                const float f = row.root[at] * row.features(row.indices[at], c);
                scale[static_cast<std::size_t>(c)] += (c % 2 == 0 ? 0.5f : 1.0f) * f * f;
            }
        }
        std::vector<float> exact(scale.size()), x(scale.size(), 0.0f);
        const double best =
            solver.solve(row.features.view().block(0, 0, 200, k), row.entries(), row.diagonal.data(), exact.data());
        double before = 0.0;
        for (Index step = 0; step < 2 * k; ++step) {
            const double gain =
                solver.improve(row.features.view(), row.entries(), row.diagonal.data(), scale.data(), 1, x.data());
            CHECK(gain >= before - rounding<float>(64) * best);
            before = gain;
        }
        const double gain =
            solver.improve(row.features.view(), row.entries(), row.diagonal.data(), scale.data(), k, x.data());
        CHECK(gain == doctest::Approx(best).epsilon(rounding<float>(500)));
    }
}

TEST_CASE("draws scatter around the solution by the inverse of the system")
{
    for (const Index k : {1, 7, 20})
        for (const Index n : {0, 3, 40, 130}) {
            CAPTURE(k);
            CAPTURE(n);
            const Row row(n, k);
            linalg::RowSolver solver(k);
            const MatrixView<const float> features = row.features.view().block(0, 0, 200, k);
            const auto size = static_cast<std::size_t>(k);
            std::vector<float> mean(size), normals(size, 0.0f), x(size);
            const auto sample = [&](std::vector<float>& out) {
                solver.sample(features, row.entries(), row.diagonal.data(), normals.data(), out.data());
            };
            sample(mean);
            CHECK(row.residual(mean) <= rounding<float>(50));
            // The quadratic form of the system at the step that one normal makes is 1.
            for (std::size_t c = 0; c < size; ++c) {
                normals.assign(size, 0.0f);
                normals[c] = 1.0f;
                sample(x);
                double form = 0.0;
                for (std::size_t e = 0; e < size; ++e) {
                    x[e] -= mean[e];
                    form += static_cast<double>(row.diagonal[e]) * std::pow(static_cast<double>(x[e]), 2);
                }
                for (std::size_t j = 0; j < row.indices.size(); ++j) {
                    double image = 0.0;
                    for (std::size_t e = 0; e < size; ++e)
                        image += static_cast<double>(row.features(row.indices[j], static_cast<Index>(e))) *
                                 static_cast<double>(x[e]);
                    form += std::pow(static_cast<double>(row.root[j]) * image, 2);
                }
                CHECK(std::abs(form - 1.0) <= 1e-3);
            }
        }
}
