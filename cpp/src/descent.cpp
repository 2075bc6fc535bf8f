#include "descent.hpp"

#include "linalg/gemm.hpp"
#include "linalg/gram.hpp"
#include "linalg/lapack_calls.hpp"
#include "linalg/normal_equations.hpp"
#include "linalg/orthonormalize.hpp"
#include "linalg/symmetric_eigen.hpp"
#include "parallel.hpp"

#include <Eigen/Core>

#include <cmath>
#include <limits>

namespace matfact {

namespace {

template <class T> using Flat = Eigen::Map<Eigen::Array<T, 1, Eigen::Dynamic>>;
template <class T> using ConstFlat = Eigen::Map<const Eigen::Array<T, 1, Eigen::Dynamic>>;

constexpr Index flat_block = 16384;

/// Squared norms of the two factors.
template <class T> struct SquaredNorms {
    double w, h;
    SquaredNorms(const Parameters<T>& p, int threads)
        : w(of(p.w(), p.n_rows * p.stride, threads)), h(of(p.h(), p.values.size() - p.n_rows * p.stride, threads))
    {
    }
    static double of_block(const T* data, Index size)
    {
        return ConstFlat<T>(data, size).template cast<double>().square().sum();
    }
    static double of(const T* data, Index size, int threads)
    {
        if (size <= flat_block)
            return of_block(data, size);
        std::vector<double> sums(static_cast<std::size_t>(block_count(size, flat_block)));
        for_blocks(size, flat_block, threads, [&](Index begin, Index end, Index block) {
            sums[static_cast<std::size_t>(block)] = of_block(data + begin, end - begin);
        });
        return ordered_sum(sums);
    }
};

template <class T> linalg::SmallMatrix gram_of(const T* factor, Index rows, Index k, Index stride, int threads)
{
    const Matrix<double> g =
        linalg::gram(MatrixView<const T>{factor, rows, k, stride, 1}, linalg::Centering::none, 1.0, threads).matrix;
    return Eigen::Map<const linalg::SmallMatrix>(g.data(), k, k);
}

double largest_eigenvalue(linalg::SmallMatrix g)
{
    std::vector<double> w;
    linalg::symmetric_eigen<double>({g.data(), g.rows(), g.cols(), g.rows(), 1}, w, 1);
    return w.back();
}

/// The state every solver shares: objective, gradient, convergence and divergence.
template <class T> class Problem {
public:
    Problem(Observations<T>& x, const FactorizeOptions& options, int threads)
        : x_(x), options_(options), threads_(threads), weight_(data_weight(x, options))
    {
    }

    /// The objective at p; its gradient goes to `gradient` if that is not null.
    double evaluate(const Parameters<T>& p, Parameters<T>* gradient)
    {
        FactorPair<T> products;
        if (gradient)
            products = {gradient->w(), gradient->h()};
        const double squares = x_.residual_pass({p.w(), p.h()}, products);
        if (!gradient) {
            const SquaredNorms<T> norms(p, threads_);
            return weight_ * squares + options_.l2_w * norms.w + options_.l2_h * norms.h;
        }
        const Index size_w = p.n_rows * p.stride, size_h = p.values.size() - size_w;
        const Index blocks_w = block_count(size_w, flat_block), n_blocks = blocks_w + block_count(size_h, flat_block);
        blocks_.resize(static_cast<std::size_t>(n_blocks));
        for_each_task(n_blocks, n_blocks > 2 ? threads_ : 1, [&](Index block) {
            const bool is_w = block < blocks_w;
            const Index begin = (is_w ? block : block - blocks_w) * flat_block;
            const Index size = std::min(flat_block, (is_w ? size_w : size_h) - begin);
            blocks_[static_cast<std::size_t>(block)] =
                finish_block((is_w ? p.w() : p.h()) + begin, (is_w ? gradient->w() : gradient->h()) + begin, size,
                             is_w ? options_.l2_w : options_.l2_h);
        });
        double norm_w = 0.0, norm_h = 0.0, slopes = 0.0;
        for (Index block = 0; block < n_blocks; ++block) {
            const BlockNorms& norms = blocks_[static_cast<std::size_t>(block)];
            (block < blocks_w ? norm_w : norm_h) += norms.factor;
            slopes += norms.gradient;
        }
        const double scale = 2.0 * weight_ * std::sqrt(x_.squared_norm * (norm_w + norm_h));
        stationarity_ = scale > 0.0 ? std::sqrt(slopes) / scale : 0.0;
        return weight_ * squares + options_.l2_w * norm_w + options_.l2_h * norm_h;
    }

    /// Gradient norm relative to 2 weight ||X|| ||(W, H)||, after evaluate() with a gradient.
    bool is_stationary() const { return stationarity_ == 0.0 || (options_.tol > 0.0 && stationarity_ <= options_.tol); }

    /// A bound of the curvature along both factors at once, now and around the optimum, where
    /// s_1(W)^2 + s_1(H)^2 = 2 s_1(X): small factors would else ask for steps that overshoot it.
    double curvature(const Parameters<T>& p) const
    {
        const double w = largest_eigenvalue(gram_of(p.w(), x_.n_rows, x_.n_components, p.stride, threads_));
        const double h = largest_eigenvalue(gram_of(p.h(), x_.n_cols, x_.n_components, p.stride, threads_));
        return 2.0 * weight_ * std::max(w + h, std::sqrt(x_.squared_norm)) +
               2.0 * std::max(options_.l2_w, options_.l2_h);
    }

    /// The gradient times the inverse curvature of each factor for itself: W by H'H, H by W'W.
    void precondition(const Parameters<T>& p, Parameters<T>& gradient) const
    {
        const double share =
            static_cast<double>(x_.n_observed) / (static_cast<double>(x_.n_rows) * static_cast<double>(x_.n_cols));
        precondition_factor(p.h(), x_.n_cols, gradient.w(), x_.n_rows, p.stride, share, options_.l2_w);
        precondition_factor(p.w(), x_.n_rows, gradient.h(), x_.n_cols, p.stride, share, options_.l2_h);
    }

    bool has_diverged(double objective, double first) const
    {
        constexpr double hopeless = 1e8;
        return !std::isfinite(objective) || objective > hopeless * std::max(first, weight_ * x_.squared_norm);
    }

    double weight() const { return weight_; }
    const FactorizeOptions& options() const { return options_; }
    Observations<T>& data() const { return x_; }
    int threads() const { return threads_; }

private:
    /// Squared norms of a part of a factor and of its gradient.
    struct BlockNorms {
        double factor, gradient;
    };

    /// gradient = 2 (weight products + l2 factor), in place of the products.
    BlockNorms finish_block(const T* factor, T* gradient, Index size, double l2) const
    {
        const T a = static_cast<T>(2.0 * weight_), b = static_cast<T>(2.0 * l2);
        Flat<T> g(gradient, size);
        if (b == T(0))
            g *= a;
        else
            g = a * g + b * ConstFlat<T>(factor, size);
        return {SquaredNorms<T>::of_block(factor, size), SquaredNorms<T>::of_block(gradient, size)};
    }

    void precondition_factor(const T* other, Index other_rows, T* gradient, Index rows, Index stride, double share,
                             double l2) const
    {
        const Index k = x_.n_components;
        linalg::SmallMatrix g = 2.0 * weight_ * share * gram_of(other, other_rows, k, stride, threads_);
        linalg::factor_normal_equations(g, 2.0 * l2);
        for_blocks(rows, 256, threads_, [&](Index begin, Index end, Index) {
            linalg::SmallVector row(k);
            for (Index i = begin; i < end; ++i) {
                for (Index c = 0; c < k; ++c)
                    row[c] = static_cast<double>(gradient[i * stride + c]);
                linalg::solve_normal_equations(g, row);
                for (Index c = 0; c < k; ++c)
                    gradient[i * stride + c] = static_cast<T>(row[c]);
            }
        });
    }

    Observations<T>& x_;
    const FactorizeOptions& options_;
    int threads_;
    double weight_, stationarity_ = std::numeric_limits<double>::infinity();
    std::vector<BlockNorms> blocks_;
};

/// out = p - step * direction.
template <class T>
void step_along(const Parameters<T>& p, const Parameters<T>& direction, double step, Parameters<T>& out, int threads)
{
    for_blocks(p.values.size(), flat_block, threads, [&](Index begin, Index end, Index) {
        Flat<T>(out.values.data() + begin, end - begin) =
            ConstFlat<T>(p.values.data() + begin, end - begin) -
            static_cast<T>(step) * ConstFlat<T>(direction.values.data() + begin, end - begin);
    });
}

template <class T> void copy(const Parameters<T>& from, Parameters<T>& to)
{
    std::copy_n(from.values.data(), from.values.size(), to.values.data());
}

/// Asks the caller, and decides whether the iteration goes on.
inline bool reported(Descent& run, const Progress& progress)
{
    if (!progress || !progress({run.n_iter, run.history.back()}))
        return false;
    run.status = Status::stopped;
    return true;
}

/// Whether the objective stands still within rounding, so that no descent can be seen any more.
template <class T> bool is_exhausted(const std::vector<double>& history, double objective)
{
    constexpr std::size_t steps = 10;
    const double rounding = 4.0 * static_cast<double>(std::numeric_limits<T>::epsilon());
    return history.size() >= steps && history[history.size() - steps] - objective <= rounding * objective;
}

/// gd and scaled_gd with their own step: the objective never rises, a step that would raise it is halved.
template <class T> Descent descend_safely(Problem<T>& problem, Parameters<T>& at, const Progress& progress)
{
    const FactorizeOptions& options = problem.options();
    const bool scaled = options.solver == FactorizeSolver::scaled_gd;
    Parameters<T> gradient(problem.data()), trial(problem.data()), trial_gradient(problem.data());
    Descent run;
    double objective = problem.evaluate(at, &gradient), caution = 1.0;
    run.history.push_back(objective);
    while (true) {
        if (problem.is_stationary()) {
            run.status = Status::converged;
            break;
        }
        if (run.n_iter >= options.max_iter)
            break;
        if (scaled)
            problem.precondition(at, gradient);
        // Two blocks at once: half the Newton step of each cannot overshoot while the residual is small.
        const double curvature = scaled ? 2.0 : problem.curvature(at);
        bool accepted = false;
        for (int halving = 0; halving < 60 && !accepted; ++halving, caution *= accepted ? 1.0 : 0.5) {
            step_along(at, gradient, caution / curvature, trial, problem.threads());
            const double value = problem.evaluate(trial, &trial_gradient);
            accepted = value <= objective;
            if (accepted)
                objective = value;
        }
        if (!accepted || is_exhausted<T>(run.history, objective)) {
            run.status = Status::converged;
            break;
        }
        std::swap(at.values, trial.values);
        std::swap(gradient.values, trial_gradient.values);
        caution = std::min(1.0, 1.5 * caution);
        ++run.n_iter;
        run.history.push_back(objective);
        if (reported(run, progress))
            break;
    }
    return run;
}

/// The update rules with state, in PyTorch's formulation.
template <class T> class Optimizer {
public:
    Optimizer(Problem<T>& problem, double learning_rate)
        : problem_(problem), learning_rate_(learning_rate), velocity_(problem.data())
    {
        if (problem.options().solver == FactorizeSolver::adam)
            square_ = Parameters<T>(problem.data());
    }

    void restart()
    {
        started_ = false;
        std::fill_n(velocity_.values.data(), velocity_.values.size(), T(0));
    }

    void update(Parameters<T>& p, const Parameters<T>& gradient)
    {
        ++count_;
        const double step = learning_rate_ > 0.0 ? learning_rate_ : 1.0 / problem_.curvature(p);
        for_blocks(p.values.size(), flat_block, problem_.threads(), [&](Index begin, Index end, Index) {
            const Index size = end - begin;
            update_block(Flat<T>(p.values.data() + begin, size), ConstFlat<T>(gradient.values.data() + begin, size),
                         begin, static_cast<T>(step));
        });
        started_ = true;
    }

private:
    void update_block(Flat<T> p, ConstFlat<T> g, Index begin, T step)
    {
        constexpr double momentum = 0.9, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
        Flat<T> v(velocity_.values.data() + begin, p.size());
        switch (problem_.options().solver) {
        case FactorizeSolver::momentum:
            v = started_ ? (static_cast<T>(momentum) * v + g).eval() : g.eval();
            p -= step * v;
            break;
        case FactorizeSolver::nesterov:
            v = started_ ? (static_cast<T>(momentum) * v + g).eval() : g.eval();
            p -= step * (g + static_cast<T>(momentum) * v);
            break;
        case FactorizeSolver::adam: {
            Flat<T> square(square_.values.data() + begin, p.size());
            const double correction1 = 1.0 - std::pow(beta1, static_cast<double>(count_));
            const double correction2 = 1.0 - std::pow(beta2, static_cast<double>(count_));
            v += static_cast<T>(1.0 - beta1) * (g - v);
            square = static_cast<T>(beta2) * square + static_cast<T>(1.0 - beta2) * g.square();
            p -= static_cast<T>(static_cast<double>(step) / correction1) * v /
                 (square.sqrt() / static_cast<T>(std::sqrt(correction2)) + static_cast<T>(epsilon));
            break;
        }
        default:
            p -= step * g;
        }
    }

    Problem<T>& problem_;
    double learning_rate_;
    Parameters<T> velocity_, square_;
    Index count_ = 0;
    bool started_ = false;
};

/// gd with a given step, momentum, nesterov and adam: every step is taken; divergence is noticed and undone.
template <class T> Descent descend_freely(Problem<T>& problem, Parameters<T>& at, const Progress& progress)
{
    const FactorizeOptions& options = problem.options();
    const bool adam = options.solver == FactorizeSolver::adam;
    const bool own_step = options.learning_rate == 0.0 && !adam;
    Optimizer<T> optimizer(problem, own_step ? 0.0 : options.learning_rate == 0.0 ? 1e-3 : options.learning_rate);
    Parameters<T> gradient(problem.data()), best(problem.data());
    Descent run;
    double lowest = std::numeric_limits<double>::infinity();
    while (true) {
        const bool last = run.n_iter >= options.max_iter;
        const double objective = problem.evaluate(at, last ? nullptr : &gradient);
        if (problem.has_diverged(objective, run.history.empty() ? objective : run.history.front())) {
            run.status = Status::diverged;
            copy(best, at);
            run.history.push_back(objective);
            break;
        }
        // With its own step, momentum that carries uphill is dropped (O'Donoghue and Candes,
        // doi:10.1007/s10208-013-9150-3).
        if (own_step && !run.history.empty() && objective > run.history.back())
            optimizer.restart();
        run.history.push_back(objective);
        if (objective < lowest) {
            lowest = objective;
            copy(at, best);
        }
        if (run.n_iter > 0 && reported(run, progress))
            break;
        if (last)
            break;
        if (problem.is_stationary()) {
            run.status = Status::converged;
            break;
        }
        if (options.solver == FactorizeSolver::scaled_gd) {
            problem.precondition(at, gradient);
            step_along(at, gradient, options.learning_rate, at, problem.threads());
        } else
            optimizer.update(at, gradient);
        ++run.n_iter;
    }
    return run;
}

/// Shares W H' out between the factors so that the two penalties are equal, which is where their sum is least: with a
/// small ridge the alternation alone would take thousands of sweeps to get there.
template <class T> void rebalance(const Problem<T>& problem, Parameters<T>& at)
{
    const FactorizeOptions& options = problem.options();
    const Observations<T>& x = problem.data();
    const Index k = x.n_components;
    Matrix<double> w = widened(at.w(), x.n_rows, k, at.stride), h = widened(at.h(), x.n_cols, k, at.stride);
    const linalg::RowMajorMatrix triangle_w = linalg::orthonormalize(w, problem.threads());
    const linalg::RowMajorMatrix triangle_h = linalg::orthonormalize(h, problem.threads());
    Matrix<double> core(k, k), left, right;
    linalg::as_map(core) = triangle_w * triangle_h.transpose();
    std::vector<double> sizes;
    linalg::own_singular_values_and_vectors(core.view(), left, sizes, right);
    const double ratio = std::pow(options.l2_h / options.l2_w, 0.25);
    for (Index c = 0; c < k; ++c) {
        const double root = std::sqrt(sizes[static_cast<std::size_t>(c)]);
        for (Index b = 0; b < k; ++b) {
            left(b, c) *= root * ratio;
            right(c, b) *= root / ratio;
        }
    }
    const Matrix<double> new_w = linalg::multiply<double>(w.view(), left.view(), problem.threads());
    const Matrix<double> new_h =
        linalg::multiply<double>(h.view(), MatrixView<const double>(right.view()).transposed(), problem.threads());
    const auto round = [&](const Matrix<double>& from, T* to) {
        for (Index i = 0; i < from.n_rows(); ++i)
            for (Index c = 0; c < k; ++c)
                to[i * at.stride + c] = static_cast<T>(from(i, c));
    };
    round(new_w, at.w());
    round(new_h, at.h());
}

template <class T> Descent alternate(Problem<T>& problem, Parameters<T>& at, const Progress& progress)
{
    const FactorizeOptions& options = problem.options();
    Observations<T>& x = problem.data();
    Parameters<T> gradient(x);
    Descent run;
    while (true) {
        run.history.push_back(problem.evaluate(at, &gradient));
        if (run.n_iter > 0 && reported(run, progress))
            break;
        if (problem.is_stationary()) {
            run.status = Status::converged;
            break;
        }
        if (run.n_iter >= options.max_iter)
            break;
        x.solve({at.w(), at.h()}, false, options.l2_w / problem.weight());
        x.solve({at.w(), at.h()}, true, options.l2_h / problem.weight());
        if (options.l2_w > 0.0 && options.l2_h > 0.0)
            rebalance(problem, at);
        ++run.n_iter;
    }
    return run;
}

} // namespace

template <class T>
Descent descend(Observations<T>& x, Parameters<T>& at, const FactorizeOptions& options, int threads,
                const Progress& progress)
{
    Problem<T> problem(x, options, threads);
    switch (options.solver) {
    case FactorizeSolver::als:
        return alternate(problem, at, progress);
    case FactorizeSolver::gd:
    case FactorizeSolver::scaled_gd:
        if (options.learning_rate == 0.0)
            return descend_safely(problem, at, progress);
        return descend_freely(problem, at, progress);
    default:
        return descend_freely(problem, at, progress);
    }
}

template <class T>
double objective_of(double squares, const Observations<T>& x, const Parameters<T>& at, const FactorizeOptions& options)
{
    const SquaredNorms<T> norms(at, 1);
    return data_weight(x, options) * squares + options.l2_w * norms.w + options.l2_h * norms.h;
}

#define MATFACT_DESCENT(T)                                                                                             \
    template Descent descend(Observations<T>&, Parameters<T>&, const FactorizeOptions&, int, const Progress&);         \
    template double objective_of(double, const Observations<T>&, const Parameters<T>&, const FactorizeOptions&);
MATFACT_DESCENT(float)
MATFACT_DESCENT(double)

} // namespace matfact
