#include "matfact/biased_gibbs.hpp"

#include "checkpoint.hpp"
#include "matfact/random.hpp"
#include "random_factor.hpp"
#include "ratings.hpp"
#include "require.hpp"
#include "row_sweep.hpp"
#include "sweeps.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace matfact {

namespace {

/// Streams of random numbers: 0 and 1 are the start, then three for each sweep.
enum class Streams : std::uint64_t { items = 2, users = 3, priors = 4 };
std::uint64_t stream(Index sweep, Streams what) { return 3 * static_cast<std::uint64_t>(sweep) + std::uint64_t(what); }

/// Numbers drawn one after the other, for the few that all rows share.
class Sequence {
public:
    Sequence(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}
    double normal() { return random_normal(seed_, stream_, index_++); }

    /// Gamma with this shape, at least 1, and rate 1: Marsaglia and Tsang (doi:10.1145/358407.358414). Their proposal
    /// is accepted by log u < bound; -log of a uniform is half the sum of two squared normals.
    double gamma(double shape)
    {
        const double d = shape - 1.0 / 3.0, c = 1.0 / std::sqrt(9.0 * d);
        for (;;) {
            const double z = normal(), a = normal(), b = normal(), root = 1.0 + c * z;
            const double v = root * root * root;
            if (root > 0.0 && -0.5 * (a * a + b * b) < 0.5 * z * z + d - d * v + d * std::log(v))
                return d * v;
        }
    }

private:
    std::uint64_t seed_, stream_, index_ = 0;
};

/// The distribution of the rows of a factor.
struct Prior {
    explicit Prior(Index k) : mean(static_cast<std::size_t>(k)), precision(mean.size()) {}
    std::vector<float> mean, precision; ///< of each column
};

/// Draws mean and precision of each column from their posterior, given the rows of the factor.
void draw_prior(MatrixView<const float> factor, Sequence& random, Prior& prior, int threads)
{
    constexpr Index block_rows = 1024;
    const Index k = factor.n_cols, blocks = block_count(factor.n_rows, block_rows);
    Matrix<double> partial(blocks, 2 * k);
    for_blocks(factor.n_rows, block_rows, threads, [&](Index begin, Index end, Index block) {
        double* const sums = &partial(block, 0);
        std::fill_n(sums, 2 * k, 0.0);
        for (Index i = begin; i < end; ++i)
            for (Index c = 0; c < k; ++c) {
                const auto value = static_cast<double>(factor(i, c));
                sums[c] += value;
                sums[k + c] += value * value;
            }
    });
    const auto n = static_cast<double>(factor.n_rows);
    for (Index c = 0; c < k; ++c) {
        double sum = 0.0, squares = 0.0;
        for (Index block = 0; block < blocks; ++block) {
            sum += partial(block, c);
            squares += partial(block, k + c);
        }
        const double spread = std::max(0.0, squares - sum * sum / (n + 1.0)); // with one more observation, of zero
        const double precision = random.gamma(0.5 * (n + 2.0)) / (0.5 * (1.0 + spread));
        const auto at = static_cast<std::size_t>(c);
        prior.precision[at] = static_cast<float>(precision);
        prior.mean[at] = static_cast<float>(sum / (n + 1.0) + random.normal() / std::sqrt((n + 1.0) * precision));
    }
}

/// What the mean of the prior of this side's rows, and the biases of the other side, contribute to a rating.
void fill_offsets(MatrixView<const float> features, MatrixView<const float> other, const float* mean, bool biases,
                  std::vector<float>& offsets, int threads)
{
    constexpr Index block_rows = 1024;
    for_blocks(other.n_rows, block_rows, threads, [&](Index begin, Index end, Index) {
        for (Index j = begin; j < end; ++j) {
            float sum = biases ? other(j, other.n_cols - 1) : 0.0f;
            for (Index c = 0; c < features.n_cols; ++c)
                sum += features(j, c) * mean[c];
            offsets[static_cast<std::size_t>(j)] = sum;
        }
    });
}

/// The equations of a row's distance from the mean of the prior, in units of `scale`.
template <class I> class CenteredEquations {
public:
    CenteredEquations(CsrView<float, I> x, double mean, double scale, const std::vector<float>& offsets,
                      const float* ridge)
        : x_(x), mean_(static_cast<float>(mean)), inverse_scale_(static_cast<float>(1.0 / scale)), offsets_(offsets),
          ridge_(ridge)
    {
    }

    /// See sweep_rows; the objective at zero is left out.
    double operator()(Index row, RowWorker& worker) const
    {
        const auto begin = static_cast<Index>(x_.indptr[row]), end = static_cast<Index>(x_.indptr[row + 1]);
        for (Index p = begin; p < end; ++p) {
            const auto at = static_cast<std::size_t>(p - begin);
            worker.root[at] = 1.0f;
            worker.right[at] =
                (x_.values[p] - mean_) * inverse_scale_ - offsets_[static_cast<std::size_t>(x_.indices[p])];
        }
        std::copy_n(ridge_, worker.diagonal.size(), worker.diagonal.begin());
        return 0.0;
    }

private:
    CsrView<float, I> x_;
    float mean_, inverse_scale_;
    const std::vector<float>& offsets_;
    const float* ridge_;
};

/// The squared errors of a row x.
template <class I>
double squared_errors(MatrixView<const float> features, const linalg::RowEntries<I>& entries, const float* x)
{
    double sum = 0.0;
    for (Index j = 0; j < entries.n; ++j) {
        const float* const f = &features(static_cast<Index>(entries.indices[j]), 0);
        float product = 0.0f;
        for (Index c = 0; c < features.n_cols; ++c)
            product += f[c] * x[c];
        const double error = static_cast<double>(entries.right[j] - product);
        sum += error * error;
    }
    return sum;
}

/// One side of a chain: the rows that are drawn together, and what they need.
template <class I> struct Side {
    Side(CsrView<float, I> ratings, Index k, bool biases)
        : x(ratings), schedule(ratings, k, true), factor(ratings.n_rows, k), features(ratings.n_rows, k, biases),
          prior(k), offsets(static_cast<std::size_t>(ratings.n_cols)), ridge(static_cast<std::size_t>(k))
    {
    }
    CsrView<float, I> x;
    RowSchedule schedule;
    Matrix<float> factor;
    Features features; ///< of the factor, for the other side
    Prior prior;
    std::vector<float> offsets; ///< one for each row of the other side
    std::vector<float> ridge;   ///< precision of the prior over tau
};

template <class I> class Chain {
public:
    Chain(CsrView<float, I> x, CsrView<float, I> xt, const GibbsOptions& options, double mean, double scale,
          int threads)
        : options_(options), k_(options.n_components + (options.biases ? 1 : 0)), threads_(threads), mean_(mean),
          scale_(scale), users_(x, k_, options.biases), items_(xt, k_, options.biases),
          workers_(make_workers(k_, std::max(users_.schedule.longest, items_.schedule.longest), threads))
    {
        // Products of the right order of size: a prior that is drawn from zeros would keep them there for long.
        const auto a = static_cast<float>(std::pow(static_cast<double>(k_), -0.25));
        fill_uniform(users_.factor.view(), -a, a, options.seed, 0, threads);
        fill_uniform(items_.factor.view(), -a, a, options.seed, 1, threads);
    }

    /// Draws everything once; returns the sum of squared errors, in units of `scale`.
    double sweep(Index number, const linalg::Checkpoint& interrupt)
    {
        Sequence random(options_.seed, stream(number, Streams::priors));
        draw_rows(items_, users_, random, stream(number, Streams::items), interrupt);
        const double squares = draw_rows(users_, items_, random, stream(number, Streams::users), interrupt);
        const auto n = static_cast<double>(linalg::stored_entries(users_.x));
        tau_ = random.gamma(0.5 * (n + 2.0)) / (0.5 * (squares + 1.0));
        return squares;
    }

    /// Writes the draw to the columns of sample s, which is the last one then.
    void keep(Index s, GibbsSamples& result) const
    {
        const auto scale = static_cast<float>(scale_);
        copy(users_.factor.view(), scale, result.w.view().block(0, s * k_, users_.factor.n_rows(), k_));
        copy(items_.factor.view(), 1.0f, result.h.view().block(0, s * k_, items_.factor.n_rows(), k_));
        for (Index i = 0; options_.biases && i < items_.factor.n_rows(); ++i)
            result.h(i, (s + 1) * k_ - 1) *= scale;
        for (Index c = 0; c < k_; ++c) {
            const auto at = static_cast<std::size_t>(c);
            result.user_prior(2 * s, c) = scale * users_.prior.mean[at];
            result.user_prior(2 * s + 1, c) = users_.ridge[at];
            // Of the items only the biases are in units of ratings.
            const bool is_bias = options_.biases && c == k_ - 1;
            result.item_prior(2 * s, c) = (is_bias ? scale : 1.0f) * items_.prior.mean[at];
            const double ridge = (is_bias ? 1.0 : scale_ * scale_) * static_cast<double>(items_.ridge[at]);
            constexpr auto least = static_cast<double>(std::numeric_limits<float>::min());
            constexpr auto most = static_cast<double>(std::numeric_limits<float>::max());
            result.item_prior(2 * s + 1, c) = static_cast<float>(std::clamp(ridge, least, most));
        }
        result.noise.resize(static_cast<std::size_t>(s) + 1);
        result.noise.back() = scale_ / std::sqrt(tau_);
    }

private:
    double draw_rows(Side<I>& side, Side<I>& other, Sequence& random, std::uint64_t rows,
                     const linalg::Checkpoint& interrupt)
    {
        const MatrixView<float> out = side.factor.view();
        draw_prior(out, random, side.prior, threads_);
        for (std::size_t c = 0; c < side.ridge.size(); ++c)
            side.ridge[c] = static_cast<float>(static_cast<double>(side.prior.precision[c]) / tau_);
        other.features.copy(other.factor.view(), threads_);
        const MatrixView<const float> features = other.features.view();
        const float* const mean = side.prior.mean.data();
        fill_offsets(features, other.factor.view(), mean, options_.biases, side.offsets, threads_);
        const auto deviation = static_cast<float>(1.0 / std::sqrt(tau_));
        const CenteredEquations<I> equations(side.x, mean_, scale_, side.offsets, side.ridge.data());
        const auto draw = [&](RowWorker& worker, const linalg::RowEntries<I>& entries, Index row) {
            const auto first = static_cast<std::uint64_t>(row) * static_cast<std::uint64_t>(k_);
            for (std::size_t c = 0; c < worker.normals.size(); ++c)
                worker.normals[c] = deviation * static_cast<float>(random_normal(options_.seed, rows, first + c));
            float* const x = &out(row, 0);
            worker.solver.sample(features, entries, worker.diagonal.data(), worker.normals.data(), x);
            const double squares = squared_errors(features, entries, x);
            for (Index c = 0; c < k_; ++c)
                x[c] += mean[c];
            return -squares;
        };
        return sweep_rows(side.x, side.schedule, equations, draw, workers_, interrupt);
    }

    static void copy(MatrixView<const float> from, float scale, MatrixView<float> to)
    {
        for (Index i = 0; i < from.n_rows; ++i)
            for (Index c = 0; c < from.n_cols; ++c)
                to(i, c) = scale * from(i, c);
    }

    const GibbsOptions& options_;
    Index k_;
    int threads_;
    double mean_, scale_;
    double tau_ = 1.0; ///< of ratings in units of scale_
    Side<I> users_, items_;
    std::vector<RowWorker> workers_;
};

Matrix<float> leading_rows(const Matrix<float>& x, Index n_rows)
{
    Matrix<float> part(n_rows, x.n_cols());
    std::copy_n(x.data(), part.size(), part.data());
    return part;
}

/// Room for all samples. Touching it first takes the system longer than a sweep, and is a piece of work of its own:
/// the first draw would do so row by row.
Matrix<float> touched(Index n_rows, Index n_cols, int threads, const linalg::Checkpoint& interrupt)
{
    constexpr Index piece = Index{1} << 20, pieces_at_once = 16;
    Matrix<float> x(n_rows, n_cols);
    for (Index first = 0; first < x.size(); first += pieces_at_once * piece) {
        for_blocks(std::min(pieces_at_once * piece, x.size() - first), piece, threads,
                   [&](Index begin, Index end, Index) { std::fill_n(x.data() + first + begin, end - begin, 0.0f); });
        if (interrupt)
            interrupt();
    }
    return x;
}

} // namespace

void GibbsOptions::validate() const
{
    require(n_components >= 1, "n_components must be at least 1");
    require(burn_in >= 0, "burn_in must not be negative");
    require(n_samples >= 1, "n_samples must be at least 1");
}

template <class I>
GibbsSamples biased_gibbs(CsrView<float, I> x, CsrView<float, I> xt, const GibbsOptions& options,
                          const Progress& progress, GibbsSamples* last)
{
    options.validate();
    check_transpose(x, xt);
    const int threads = resolve_threads(options.num_threads);
    check_ratings(x, threads);
    check_ratings(xt, threads);
    const linalg::Checkpoint interrupt = checkpoint_of(progress);

    const Index k = options.n_components + (options.biases ? 1 : 0);
    GibbsSamples result;
    result.mean = mean_value(x);
    const double scale = standard_deviation(x, result.mean);
    result.w = touched(x.n_rows, options.n_samples * k, threads, interrupt);
    result.h = touched(x.n_cols, options.n_samples * k, threads, interrupt);
    result.user_prior = Matrix<float>(2 * options.n_samples, k);
    result.item_prior = Matrix<float>(2 * options.n_samples, k);
    Chain<I> chain(x, xt, options, result.mean, scale, threads);
    const auto sweep = [&] {
        while (result.n_iter < options.burn_in + options.n_samples) {
            const double objective = chain.sweep(result.n_iter, interrupt) * scale * scale;
            if (!std::isfinite(objective))
                throw NumericalError("the factors overflow float32: scale the ratings down");
            result.history.push_back(objective);
            // A draw of the burn-in gives way to the next: it is for a chain that ends there.
            chain.keep(std::max<Index>(0, result.n_iter++ - options.burn_in), result);
            if (progress && progress({result.n_iter, objective})) {
                result.status = Status::stopped;
                break;
            }
        }
    };
    keep_last(result, last, sweep, [&] {
        const auto kept = static_cast<Index>(result.noise.size());
        if (kept == options.n_samples)
            return;
        result.w.narrow(kept * k); // a copy would take as long as the first touch
        result.h.narrow(kept * k);
        result.user_prior = leading_rows(result.user_prior, 2 * kept);
        result.item_prior = leading_rows(result.item_prior, 2 * kept);
    });
    return result;
}

template <class I>
Matrix<float> gibbs_rows(CsrView<float, I> x, MatrixView<const float> h, MatrixView<const float> prior, double mean,
                         bool biases, int num_threads, const Progress& progress)
{
    const Index k = prior.n_cols, n_samples = prior.n_rows / 2;
    require(h.n_rows == x.n_cols && h.n_cols == n_samples * k && h.col_stride == 1,
            "h must have one row for each column of x and the columns of each sample");
    require(prior.col_stride == 1, "prior must have contiguous rows");
    const int threads = resolve_threads(num_threads);
    check_ratings(x, threads);
    const linalg::Checkpoint interrupt = checkpoint_of(progress);
    const RowSchedule schedule(x, k);
    std::vector<RowWorker> workers = make_workers(k, schedule.longest, threads);
    Features features(h.n_rows, k, biases);
    std::vector<float> offsets(static_cast<std::size_t>(h.n_rows));
    Matrix<float> w(x.n_rows, n_samples * k);
    for (Index s = 0; s < n_samples; ++s) {
        const MatrixView<const float> sample{h.data + s * k, h.n_rows, k, h.row_stride, 1};
        const float *const center = &prior(2 * s, 0), *const ridge = &prior(2 * s + 1, 0);
        features.copy(sample, threads);
        fill_offsets(features.view(), sample, center, biases, offsets, threads);
        const CenteredEquations<I> equations(x, mean, 1.0, offsets, ridge);
        const auto solve = [&](RowWorker& worker, const linalg::RowEntries<I>& entries, Index row) {
            float* const out = &w(row, s * k);
            worker.solver.solve(features.view(), entries, worker.diagonal.data(), out);
            for (Index c = 0; c < k; ++c)
                out[c] += center[c];
            return 0.0;
        };
        sweep_rows(x, schedule, equations, solve, workers, interrupt);
    }
    return w;
}

MATFACT_GIBBS(, std::int32_t)
MATFACT_GIBBS(, std::int64_t)

} // namespace matfact
