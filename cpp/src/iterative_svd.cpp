#include "linalg/iterative_svd.hpp"

#include "linalg/orthonormalize.hpp"
#include "linalg/transpose.hpp"
#include "matfact/random.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace matfact::linalg {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

template <class From, class To> Matrix<To> converted(const Matrix<From>& a)
{
    Matrix<To> result(a.n_rows(), a.n_cols());
    for (Index i = 0; i < a.size(); ++i)
        result.data()[i] = static_cast<To>(a.data()[i]);
    return result;
}

bool all_within(const std::vector<double>& residuals, double tol)
{
    return std::all_of(residuals.begin(), residuals.end(), [&](double r) { return r <= tol; });
}

/// How many leading values hold the share of the total, or 0 if all of them do not.
Index count_for(const std::vector<double>& squares, const IterativeOptions& options)
{
    double sum = 0.0;
    for (std::size_t i = 0; i < squares.size(); ++i) {
        sum += squares[i];
        if (sum >= options.variance_fraction * options.total_variance)
            return static_cast<Index>(i + 1);
    }
    return 0;
}

template <class C>
KrylovResult<C> leading_eigenpairs(Index d, const BlockOperator<C>& gram, const IterativeOptions& options,
                                   const Checkpoint& checkpoint)
{
    KrylovOptions engine;
    engine.block = std::is_same_v<C, float> ? 16 : 8; // a cache line
    if (options.block > 0) {
        engine.block = options.block;
        engine.probe_passes = 3;
    }
    engine.count = [&](const std::vector<double>& values) -> Index {
        if (options.n_components > 0)
            return options.n_components;
        const Index count = count_for(values, options), found = static_cast<Index>(values.size());
        const Index most = options.max_components;
        if (most > 0 && (count > most || (count == 0 && found >= most)))
            return most;
        return count == 0 && most == 0 && 5 * found > d && found < d ? -1 : count;
    };
    // The residual A'A v - s^2 v is s times that of the triplet.
    engine.accepted = [&](double value, double norm) {
        return 0.5 * options.tol * std::sqrt(std::max(0.0, value) * norm);
    };
    engine.max_passes = options.max_passes;
    engine.seed = options.seed;
    engine.threads = options.threads;
    engine.report = options.report;
    return krylov<C>(d, gram, engine, checkpoint);
}

/// Singular values and right singular vectors from the eigenpairs of A'A.
IterativeSvd without_u(const Matrix<double>& v, const std::vector<double>& squares, std::vector<double> residuals,
                       int threads)
{
    IterativeSvd result;
    result.square_residuals = std::move(residuals);
    result.factors.vt = transposed(v, threads);
    for (const double square : squares)
        result.factors.s.push_back(std::sqrt(std::max(0.0, square)));
    return result;
}

template <class T, class C>
IterativeSvd finished(const TallOperator<T>& a, KrylovResult<C> found, const IterativeOptions& options)
{
    Matrix<double> v;
    if constexpr (std::is_same_v<C, double>)
        v = std::move(found.vectors);
    else
        v = converted<C, double>(found.vectors);
    IterativeSvd result = options.want_u ? project_onto(a, v, v.n_cols(), options.threads)
                                         : without_u(v, found.values, found.residuals, options.threads);
    result.next_value = std::sqrt(std::max(0.0, found.next_value));
    result.n_passes = found.n_passes;
    result.n_columns = found.n_columns;
    result.status = found.status;
    result.gave_up = found.gave_up;
    if (result.status == Status::converged && options.tol > 0.0 && !all_within(result.residuals, options.tol))
        result.status = Status::max_iter;
    return result;
}

} // namespace

std::vector<double> triplet_residuals(const Matrix<double>& atu, const TallSvd& f, int threads)
{
    constexpr Index block_cols = 8;
    std::vector<double> result(f.s.size(), 0.0);
    for_blocks(atu.n_cols(), block_cols, threads, [&](Index begin, Index end, Index) {
        for (Index j = 0; j < atu.n_rows(); ++j)
            for (Index c = begin; c < end; ++c) {
                const auto i = static_cast<std::size_t>(c);
                const double r = atu(j, c) - f.s[i] * f.vt(c, j);
                result[i] += r * r;
            }
    });
    for (double& r : result)
        r = f.s.front() > 0.0 ? std::sqrt(r) / f.s.front() : 0.0;
    return result;
}

template <class T> IterativeSvd project_onto(const TallOperator<T>& a, const Matrix<double>& v, Index k, int threads)
{
    IterativeSvd result;
    result.factors = svd_from_product(a.times(v.view()), transposed(v, threads), true, threads);
    TallSvd& f = result.factors;
    if (k < v.n_cols()) {
        Matrix<double> u(a.n_rows, k), leading(k, a.n_cols);
        for (Index i = 0; i < a.n_rows; ++i)
            std::copy_n(&f.u(i, 0), k, &u(i, 0));
        std::copy_n(f.vt.data(), leading.size(), leading.data());
        f.u = std::move(u);
        f.vt = std::move(leading);
        f.s.resize(static_cast<std::size_t>(k));
    }
    result.residuals = triplet_residuals(a.transposed_times(f.u.view()), f, threads);
    return result;
}

template <class T>
IterativeSvd krylov_svd(const TallOperator<T>& a, const IterativeOptions& options, const Checkpoint& checkpoint)
{
    if constexpr (std::is_same_v<T, double>)
        return finished(a, leading_eigenpairs<double>(a.n_cols, a.gram, options, checkpoint), options);
    else {
        // Products in float32 leave residuals of some eps s_1 / s_i: they serve where that is below tol.
        constexpr double reachable = 1e-6;
        if (options.tol >= reachable || !a.exact_gram) {
            IterativeSvd result =
                finished(a, leading_eigenpairs<float>(a.n_cols, a.gram, options, checkpoint), options);
            if (result.status != Status::max_iter || result.gave_up || result.n_passes >= options.max_passes ||
                !a.exact_gram)
                return result;
        }
        return finished(a, leading_eigenpairs<double>(a.n_cols, a.exact_gram, options, checkpoint), options);
    }
}

template <class T>
IterativeSvd randomized_svd(const TallOperator<T>& a, const IterativeOptions& options, const Checkpoint& checkpoint)
{
    constexpr Index oversampling = 10;
    const Index width = std::min(a.n_cols, options.n_components + oversampling);
    Matrix<double> q(a.n_cols, width);
    for_blocks(a.n_cols, 256, options.threads, [&](Index begin, Index end, Index) {
        for (Index i = begin * width; i < end * width; ++i)
            q.data()[i] = random_normal(options.seed, 0, static_cast<std::uint64_t>(i));
    });
    orthonormalize(q, options.threads);
    Index n_passes = 1; // with the projection
    bool stop = false;
    while (n_passes < options.max_passes && !stop) {
        if (checkpoint)
            checkpoint();
        const Matrix<T> block = converted<double, T>(q);
        Matrix<T> z(a.n_cols, width);
        a.gram(block.view(), z.view());
        q = converted<T, double>(z);
        orthonormalize(q, options.threads);
        stop = options.report && options.report(n_passes, std::numeric_limits<double>::infinity());
        ++n_passes;
    }
    IterativeSvd result = project_onto(a, q, options.n_components, options.threads);
    result.next_value = nan;
    result.n_passes = n_passes;
    result.n_columns = n_passes * width;
    if (n_passes < options.max_passes)
        result.status = Status::stopped;
    else if (options.tol > 0.0 && !all_within(result.residuals, options.tol))
        result.status = Status::max_iter;
    return result;
}

#define MATFACT_ITERATIVE_SVD(T)                                                                                       \
    template IterativeSvd project_onto(const TallOperator<T>&, const Matrix<double>&, Index, int);                     \
    template IterativeSvd krylov_svd(const TallOperator<T>&, const IterativeOptions&, const Checkpoint&);              \
    template IterativeSvd randomized_svd(const TallOperator<T>&, const IterativeOptions&, const Checkpoint&);
MATFACT_ITERATIVE_SVD(float)
MATFACT_ITERATIVE_SVD(double)

} // namespace matfact::linalg
