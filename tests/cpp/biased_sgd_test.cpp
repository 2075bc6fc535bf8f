#include "biased_stochastic.hpp"
#include "matfact/random.hpp"
#include "support/sparse.hpp"

#include <stdexcept>

using namespace matfact;
using namespace matfact::testing;

namespace {

/// 3 + b_u + b_i + w_u . h_i of rank 2, for 40 % of the pairs; the last user and the last item have none.
Csr<float, std::int32_t> planted(bool transposed, double scale = 1.0)
{
    constexpr Index n_users = 80, n_items = 50;
    const auto normal = [](std::uint64_t stream, Index i) {
        return random_normal(3, stream, static_cast<std::uint64_t>(i));
    };
    Csr<float, std::int32_t> x;
    x.n_cols = transposed ? n_users : n_items;
    for (Index a = 0; a < (transposed ? n_items : n_users); ++a) {
        for (Index b = 0; b < x.n_cols; ++b) {
            const Index u = transposed ? b : a, i = transposed ? a : b;
            if (u + 1 < n_users && i + 1 < n_items && (u * u + 11 * i + u * i) % 5 < 2)
                x.add(b, scale * (3.0 + 0.5 * normal(0, u) + 0.5 * normal(1, i) + 0.5 * normal(2, u) * normal(3, i) +
                                  0.5 * normal(4, u) * normal(5, i)));
        }
        x.end_row();
    }
    return x;
}

BiasedOptions small_options(BiasedSolver solver)
{
    BiasedOptions options;
    options.solver = solver;
    options.n_components = 3;
    options.l2 = 0.01;
    options.seed = 5;
    return options;
}

BiasedFactors fit(const BiasedOptions& options, double scale = 1.0)
{
    const auto x = planted(false, scale), xt = planted(true, scale);
    return biased_mf(x.view(), xt.view(), options);
}

double penalty_of(const BiasedOptions& options, double n)
{
    return options.l2_scaling == L2Scaling::count ? options.l2 : options.l2 / n;
}

/// The objective of BiasedOptions and the norm of its gradient, entry by entry in float64.
struct Reference {
    double objective = 0.0, gradient = 0.0;

    Reference(const Csr<float, std::int32_t>& x, const BiasedFactors& f, const BiasedOptions& options)
    {
        const Index k = options.n_components, width = f.w.n_cols();
        Matrix<double> slopes_w = zero_matrix<double>(f.w.n_rows(), width),
                       slopes_h = zero_matrix<double>(f.h.n_rows(), width);
        std::vector<double> n_w(static_cast<std::size_t>(f.w.n_rows())), n_h(static_cast<std::size_t>(f.h.n_rows()));
        const Matrix<double> truth = dense(x);
        for (Index u = 0; u < f.w.n_rows(); ++u)
            for (Index p = x.indptr[static_cast<std::size_t>(u)]; p < x.indptr[static_cast<std::size_t>(u) + 1]; ++p) {
                const Index i = x.indices[static_cast<std::size_t>(p)];
                double error = truth(u, i) - f.mean;
                for (Index c = 0; c < k; ++c)
                    error -= static_cast<double>(f.w(u, c)) * static_cast<double>(f.h(i, c));
                if (options.biases)
                    error -= static_cast<double>(f.w(u, k)) + static_cast<double>(f.h(i, k));
                objective += error * error;
                for (Index c = 0; c < k; ++c) {
                    slopes_w(u, c) -= 2 * error * static_cast<double>(f.h(i, c));
                    slopes_h(i, c) -= 2 * error * static_cast<double>(f.w(u, c));
                }
                if (options.biases) {
                    slopes_w(u, k) -= 2 * error;
                    slopes_h(i, k) -= 2 * error;
                }
                n_w[static_cast<std::size_t>(u)] += 1.0;
                n_h[static_cast<std::size_t>(i)] += 1.0;
            }
        add_penalty(f.w, n_w, options, slopes_w);
        add_penalty(f.h, n_h, options, slopes_h);
        gradient = std::sqrt(gradient);
    }

private:
    void add_penalty(const Matrix<float>& factor, const std::vector<double>& n, const BiasedOptions& options,
                     Matrix<double>& slopes)
    {
        for (Index i = 0; i < factor.n_rows(); ++i) {
            const double rows = n[static_cast<std::size_t>(i)];
            const double l2 = rows == 0.0 ? 0.0 : rows * penalty_of(options, rows);
            for (Index c = 0; c < factor.n_cols(); ++c) {
                const auto value = static_cast<double>(factor(i, c));
                objective += l2 * value * value;
                gradient += std::pow(slopes(i, c) + 2 * l2 * value, 2);
            }
        }
    }
};

/// What a rating asks of a row: a step along the other row, by the error.
struct Pull {
    std::vector<double> other;
    double error;
};

/// Calls body(entries) for up to sixteen that follow each other and are of one row.
template <class Block, class Body> void for_batches(const Block& block, const Body& body)
{
    std::vector<StrataEntry<std::int32_t>> batch;
    for (const auto& entry : block) {
        if (!batch.empty() && (batch.size() == 16 || batch.front().row != entry.row)) {
            body(batch);
            batch.clear();
        }
        batch.push_back(entry);
    }
    if (!batch.empty())
        body(batch);
}

/// One side's rows in float64, as the papers write them, but for the sums over the ratings of a batch.
struct PlainSide {
    PlainSide(const Matrix<float>& rows, Index k, Index width, double l2_ratio)
    {
        for (Index i = 0; i < rows.n_rows(); ++i) {
            factor.emplace_back(&rows(i, 0), &rows(i, 0) + k);
            bias.push_back(0.0);
            l2.push_back(static_cast<double>(rows(i, width + row_l2)));
        }
        ratio = l2_ratio;
        squares.assign(factor.size(), 1.0);
        bias_squares = squares;
    }

    void step(std::size_t i, const std::vector<Pull>& pulls, double rate)
    {
        const auto n = static_cast<double>(pulls.size());
        const double l2_factor = ratio * l2[i], by_factor = rate / std::sqrt(squares[i]);
        const double by_bias = rate / std::sqrt(bias_squares[i]);
        const std::vector<double> before = factor[i];
        double errors = 0.0;
        for (const Pull& pull : pulls) {
            double sum = 0.0;
            for (std::size_t c = 0; c < before.size(); ++c) {
                sum += std::pow(l2_factor * before[c] - pull.error * pull.other[c], 2);
                factor[i][c] += by_factor * pull.error * pull.other[c];
            }
            squares[i] += sum / static_cast<double>(before.size());
            bias_squares[i] += std::pow(l2[i] * bias[i] - pull.error, 2);
            errors += pull.error;
        }
        for (double& number : factor[i])
            number /= 1.0 + n * by_factor * l2_factor;
        bias[i] = (bias[i] + by_bias * errors) / (1.0 + n * by_bias * l2[i]);
    }

    std::vector<std::vector<double>> factor;
    std::vector<double> bias, l2, squares, bias_squares;
    double ratio = 1.0;
};

} // namespace

TEST_CASE("a sweep of sgd is that of the paper, with up to sixteen ratings of a user at a time, in float64")
{
    BiasedOptions options = small_options(BiasedSolver::sgd);
    options.max_iter = 1;
    options.learning_rate = 0.1;
    for (const L2Scaling scaling : {L2Scaling::count, L2Scaling::none}) {
        options.l2_scaling = scaling;
        options.l2 = scaling == L2Scaling::count ? 0.2 : 2.0;
        const BiasedFactors f = fit(options);
        const auto x = planted(false), xt = planted(true);
        BiasedStrata<std::int32_t> start(x.view(), xt.view(), options, f.mean, 1.0f, 1);
        const auto& strata = start.strata();
        const auto ratio = static_cast<double>(start.l2_ratio());
        PlainSide users(start.users(), 3, start.width(), ratio), items(start.items(), 3, start.width(), ratio);
        for (Index stratum = 0; stratum < strata.size(); ++stratum)
            for (Index a = 0; a < strata.size(); ++a)
                for_batches(strata.block(a, (a + stratum) % strata.size()), [&](const auto& batch) {
                    const auto u = static_cast<std::size_t>(batch.front().row);
                    std::vector<Pull> of_user;
                    for (const auto& entry : batch) {
                        const auto i = static_cast<std::size_t>(entry.col);
                        double error = static_cast<double>(entry.value) - users.bias[u] - items.bias[i];
                        for (std::size_t c = 0; c < 3; ++c)
                            error -= users.factor[u][c] * items.factor[i][c];
                        of_user.push_back({items.factor[i], error});
                        items.step(i, {{users.factor[u], error}}, 0.1);
                    }
                    users.step(u, of_user, 0.1);
                });
        // Some twenty steps a row, each of a few roundings, of numbers around 1; l2_ratio is 1 over the deviation.
        const double scale = 1.0 / ratio, tolerance = rounding<float>(400);
        for (Index u = 0; u < f.w.n_rows(); ++u) {
            const auto place = static_cast<std::size_t>(strata.rows().places[static_cast<std::size_t>(u)]);
            CHECK(std::abs(static_cast<double>(f.w(u, 3)) - scale * users.bias[place]) <= tolerance);
            for (std::size_t c = 0; c < 3; ++c)
                CHECK(std::abs(static_cast<double>(f.w(u, static_cast<Index>(c))) -
                               std::sqrt(scale) * users.factor[place][c]) <= tolerance);
        }
    }
}

TEST_CASE("sgd and adam report the objective of als, lower it, and shrink its gradient")
{
    for (const BiasedSolver solver : {BiasedSolver::sgd, BiasedSolver::adam})
        for (const L2Scaling scaling : {L2Scaling::count, L2Scaling::none})
            for (const bool biases : {true, false}) {
                BiasedOptions options = small_options(solver);
                options.l2_scaling = scaling;
                options.biases = biases;
                options.l2 = scaling == L2Scaling::count ? 0.05 : 1.0; // rows have some twenty ratings
                options.max_iter = 1;
                const auto x = planted(false);
                const BiasedFactors first = fit(options);
                options.max_iter = 400;
                const BiasedFactors last = fit(options);
                const Reference before(x, first, options), after(x, last, options);
                CHECK(first.history.back() == doctest::Approx(before.objective).epsilon(rounding<float>(100)));
                CHECK(last.history.back() == doctest::Approx(after.objective).epsilon(rounding<float>(100)));
                CHECK(last.history.front() == first.history.back());
                // Rates fall to a twentieth or so. Adam divides by the gradients' size: its steps fall no faster.
                CHECK(after.gradient <= 0.2 * before.gradient);
                options.solver = BiasedSolver::als;
                CHECK(after.objective <= 1.02 * fit(options).history.back());
            }
}

TEST_CASE("sgd and adam recover planted biases and factors")
{
    for (const BiasedSolver solver : {BiasedSolver::sgd, BiasedSolver::adam}) {
        BiasedOptions options = small_options(solver);
        options.l2 = 1e-4;
        options.max_iter = 300;
        const BiasedFactors f = fit(options);
        const auto x = planted(false);
        double squares = 0.0;
        for (const float value : x.values)
            squares += std::pow(static_cast<double>(value) - f.mean, 2);
        CHECK(f.history.back() <= 0.01 * squares);
    }
}

TEST_CASE("sgd and adam have the same bits at any number of threads")
{
    for (const BiasedSolver solver : {BiasedSolver::sgd, BiasedSolver::adam})
        for (const bool biases : {true, false}) {
            BiasedOptions options = small_options(solver);
            options.biases = biases;
            options.max_iter = 4;
            options.num_threads = 1;
            const BiasedFactors one = fit(options);
            for (const int threads : {2, 3, 7}) {
                options.num_threads = threads;
                const BiasedFactors many = fit(options);
                CHECK(same_bits(one.w, many.w));
                CHECK(same_bits(one.h, many.h));
                CHECK(same_bits(one.history, many.history));
            }
        }
}

TEST_CASE("sgd and adam leave rows without ratings at zero")
{
    for (const BiasedSolver solver : {BiasedSolver::sgd, BiasedSolver::adam}) {
        const BiasedFactors f = fit(small_options(solver));
        for (Index c = 0; c < 4; ++c) {
            CHECK(f.w(79, c) == 0.0f);
            CHECK(f.h(49, c) == 0.0f);
        }
    }
}

TEST_CASE("sgd and adam do not care for the scale of the ratings")
{
    for (const BiasedSolver solver : {BiasedSolver::sgd, BiasedSolver::adam}) {
        BiasedOptions options = small_options(solver);
        options.l2 = 0.0; // of the factors it would have to grow with the scale
        options.max_iter = 3;
        const double plain = fit(options).history.back();
        // Sums of float32 errors whose last bits differ.
        CHECK(fit(options, 1e15).history.back() == doctest::Approx(1e30 * plain).epsilon(rounding<float>(1000)));
        CHECK(fit(options, 1e-15).history.back() == doctest::Approx(1e-30 * plain).epsilon(rounding<float>(1000)));
    }
}

TEST_CASE("a penalty of any size is no divergence, and steps that are too long are")
{
    for (const BiasedSolver solver : {BiasedSolver::sgd, BiasedSolver::adam}) {
        BiasedOptions options = small_options(solver);
        options.l2 = 1e6;
        const BiasedFactors f = fit(options);
        CHECK(std::isfinite(f.history.back()));
        options = small_options(solver);
        options.learning_rate = 1e3;
        CHECK_THROWS_WITH_AS(fit(options),
                             "the objective grows without bound with learning_rate=1000: pass a lower learning_rate",
                             NumericalError);
    }
}

TEST_CASE("a penalty whose square is beyond the range of float32 leaves factors finite")
{
    BiasedOptions options = small_options(BiasedSolver::sgd);
    options.max_iter = 3;
    options.l2 = 1e25;
    const BiasedFactors f = fit(options);
    CHECK(std::isfinite(f.history.back()));
    options.l2 = 0.05;
    CHECK(std::isfinite(fit(options, 1e-25).history.back()));
}

TEST_CASE("an interrupted sweep gives way to the one before, and a short one is not interrupted")
{
    const auto x = planted(false), xt = planted(true);
    BiasedOptions options = small_options(BiasedSolver::sgd);
    struct Ended {
        BiasedFactors factors;
        Index n_begun = 0;
    };
    /// Each sweep adds 1 to all user biases, in two halves; the first look for an interrupt from sweep `fatal` on
    /// throws.
    const auto run = [&](std::chrono::milliseconds uncopied, Index fatal) {
        BiasedStrata<std::int32_t> rows(x.view(), xt.view(), options, 3.0, 1.0f, 1);
        Ended ended;
        ended.factors.w = Matrix<float>(80, 4);
        ended.factors.h = Matrix<float>(50, 4);
        const Progress progress = [&](const Iteration& done) {
            if (std::isnan(done.objective) && ended.n_begun >= fatal)
                throw std::runtime_error("interrupted");
            return false;
        };
        const auto sweep = [&](Index, const linalg::Checkpoint& interrupt) {
            ++ended.n_begun;
            for (Index u = 0; u < 80; ++u) {
                if (u == 40 && interrupt)
                    interrupt();
                rows.users()(u, rows.width() + row_bias) += 0.01f;
            }
        };
        CHECK_THROWS_WITH(run_sweeps(rows, options, 0.1, progress, sweep, ended.factors, uncopied), "interrupted");
        return ended;
    };
    const Ended copied = run(std::chrono::milliseconds(-1), 3), finished = run(std::chrono::hours(1), 3);
    CHECK(copied.n_begun == 3); // and given up in its middle
    CHECK(copied.factors.n_iter == 2);
    CHECK(finished.n_begun == 3); // complete before the look
    CHECK(finished.factors.n_iter == 3);
    for (const Ended* one : {&copied, &finished}) {
        CHECK(one->factors.history.size() == static_cast<std::size_t>(one->factors.n_iter));
        for (Index u = 1; u < 79; ++u) // all users alike
            CHECK(one->factors.w(u, 3) == one->factors.w(0, 3));
    }
    CHECK(finished.factors.w(0, 3) > copied.factors.w(0, 3));
    CHECK(run(std::chrono::hours(1), 1).factors.n_iter == 0); // the first sweep has nothing to lose
}

TEST_CASE("biased_mf names a learning rate that is out of range")
{
    BiasedOptions options = small_options(BiasedSolver::sgd);
    options.learning_rate = -0.1;
    CHECK_THROWS_AS(fit(options), std::invalid_argument);
    options.learning_rate = std::numeric_limits<double>::infinity();
    CHECK_THROWS_AS(fit(options), std::invalid_argument);
}
