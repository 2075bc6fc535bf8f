#include "linalg/tridiagonal_leading.hpp"

#include "matfact/random.hpp"
#include "matfact/status.hpp"
#include "parallel.hpp"

#include <Eigen/Core>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace matfact::linalg {

namespace {

constexpr double eps = std::numeric_limits<double>::epsilon();
constexpr std::size_t lanes = 16; ///< values that are bisected side by side: their divisions overlap
using Lanes = std::array<double, lanes>;
using ConstRows =
    Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>, 0, Eigen::OuterStride<>>;

/// The matrix, and what bounds its eigenvalues.
struct Tridiagonal {
    const std::vector<double>&diagonal, &beside;
    std::vector<double> squares; ///< of `beside`
    double lowest, highest;      ///< Gershgorin's bounds
    double norm;                 ///< the largest sum of magnitudes in a row
    double smallest_pivot;

    Tridiagonal(const std::vector<double>& d, const std::vector<double>& e) : diagonal(d), beside(e)
    {
        lowest = highest = d[0];
        norm = 0.0;
        for (std::size_t i = 0; i < d.size(); ++i) {
            const double radius = (i > 0 ? std::abs(e[i - 1]) : 0.0) + (i + 1 < d.size() ? std::abs(e[i]) : 0.0);
            lowest = std::min(lowest, d[i] - radius);
            highest = std::max(highest, d[i] + radius);
            norm = std::max(norm, std::abs(d[i]) + radius);
        }
        double largest = 1.0;
        for (const double value : e) {
            squares.push_back(value * value);
            largest = std::max(largest, squares.back());
        }
        smallest_pivot = std::numeric_limits<double>::min() * largest;
    }

    std::size_t size() const { return diagonal.size(); }
};

/// How many eigenvalues are below each of `shifts`: the negative pivots of the shifted matrix (Sylvester).
Lanes counts_below(const Tridiagonal& t, const Lanes& shifts)
{
    Lanes pivots, counts{};
    pivots.fill(1.0);
    for (std::size_t i = 0; i < t.size(); ++i) {
        const double square = i > 0 ? t.squares[i - 1] : 0.0;
        for (std::size_t l = 0; l < lanes; ++l) {
            const double pivot = t.diagonal[i] - shifts[l] - square / pivots[l];
            pivots[l] = std::abs(pivot) <= t.smallest_pivot ? -t.smallest_pivot : pivot;
            counts[l] += pivots[l] < 0.0 ? 1.0 : 0.0;
        }
    }
    return counts;
}

/// values[i] for i in [begin, end), at most `lanes` of them: the i-th largest eigenvalue.
void bisect(const Tridiagonal& t, std::size_t begin, std::size_t end, std::vector<double>& values)
{
    Lanes low, high, below; // of the value of each lane; how many values are below it
    const double margin = 2 * eps * t.norm + 2 * t.smallest_pivot, accuracy = eps * t.norm;
    low.fill(t.lowest - margin * static_cast<double>(t.size()));
    high.fill(t.highest + margin * static_cast<double>(t.size()));
    for (std::size_t l = 0; l < lanes; ++l)
        below[l] = static_cast<double>(t.size() - 1 - std::min(begin + l, end - 1));
    for (double width = high[0] - low[0]; width > accuracy; width /= 2) {
        Lanes middle;
        for (std::size_t l = 0; l < lanes; ++l)
            middle[l] = 0.5 * (low[l] + high[l]);
        const Lanes counts = counts_below(t, middle);
        for (std::size_t l = 0; l < lanes; ++l)
            (counts[l] <= below[l] ? low[l] : high[l]) = middle[l];
    }
    for (std::size_t i = begin; i < end; ++i)
        values[i] = 0.5 * (low[i - begin] + high[i - begin]);
}

/// The factors of a shifted tridiagonal matrix with row exchanges: three bands of U, and the steps that made it.
class ShiftedFactors {
public:
    explicit ShiftedFactors(std::size_t n) : pivot_(n), right_(n), far_right_(n), factor_(n), swapped_(n) {}

    void factor(const Tridiagonal& t, double shift)
    {
        const std::size_t n = t.size();
        double diagonal = t.diagonal[0] - shift, right = n > 1 ? t.beside[0] : 0.0;
        for (std::size_t i = 0; i + 1 < n; ++i) {
            const double below = t.beside[i], next = t.diagonal[i + 1] - shift,
                         beyond = i + 2 < n ? t.beside[i + 1] : 0.0;
            swapped_[i] = std::abs(below) > std::abs(diagonal);
            if (swapped_[i]) {
                factor_[i] = diagonal / below;
                pivot_[i] = below;
                right_[i] = next;
                far_right_[i] = beyond;
                diagonal = right - factor_[i] * next;
                right = -factor_[i] * beyond;
            } else {
                pivot_[i] = away_from_zero(diagonal, t.norm);
                factor_[i] = below / pivot_[i];
                right_[i] = right;
                far_right_[i] = 0.0;
                diagonal = next - factor_[i] * right;
                right = beyond;
            }
        }
        pivot_[n - 1] = away_from_zero(diagonal, t.norm);
    }

    void solve(double* x) const
    {
        const std::size_t n = pivot_.size();
        for (std::size_t i = 0; i + 1 < n; ++i) {
            if (swapped_[i])
                std::swap(x[i], x[i + 1]);
            x[i + 1] -= factor_[i] * x[i];
        }
        for (std::size_t i = n; i-- > 0;) {
            double sum = x[i];
            if (i + 1 < n)
                sum -= right_[i] * x[i + 1];
            if (i + 2 < n)
                sum -= far_right_[i] * x[i + 2];
            x[i] = sum / pivot_[i];
        }
    }

private:
    static double away_from_zero(double pivot, double norm)
    {
        return std::abs(pivot) < eps * norm ? std::copysign(eps * norm, pivot) : pivot;
    }

    std::vector<double> pivot_, right_, far_right_, factor_;
    std::vector<char> swapped_;
};

/// Independent numbers between -1/2 and 1/2; a stream for each vector.
void fill_with_uniform(double* x, std::size_t n, std::uint64_t stream)
{
    for (std::size_t i = 0; i < n; i += 4) {
        const Block4x64 block = philox4x64({i / 4, 0, 0, 0}, {stream, 0});
        for (std::size_t b = 0; b < std::min<std::size_t>(4, n - i); ++b)
            x[i + b] = static_cast<double>(block[b] >> 11) * 0x1p-53 - 0.5;
    }
}

/// Rows [begin, end) of v: the eigenvectors of values that are close, orthogonal to each other.
void iterate_inversely(const Tridiagonal& t, const std::vector<double>& values, Index begin, Index end,
                       MatrixView<double> v)
{
    constexpr int most = 8, refinements = 2;
    const auto n = static_cast<Index>(t.size());
    // A random start has a share of 1 / sqrt(n) in the vector; this growth leaves a residual of ten roundings.
    const double enough = 0.1 / (eps * t.norm * std::sqrt(static_cast<double>(n)));
    ShiftedFactors factors(t.size());
    for (Index i = begin; i < end; ++i) {
        factors.factor(t, values[static_cast<std::size_t>(i)]);
        double* const row = &v(i, 0);
        fill_with_uniform(row, t.size(), static_cast<std::uint64_t>(i));
        Eigen::Map<Eigen::VectorXd> x(row, n);
        const ConstRows others(&v(begin, 0), i - begin, n, Eigen::OuterStride<>(v.row_stride));
        x.normalize();
        int refined = 0;
        for (int iteration = 0; iteration < most && refined < refinements; ++iteration) {
            factors.solve(row);
            for (int round = 0; round < 2 && others.rows() > 0; ++round)
                x -= others.transpose() * (others * x).eval();
            const double growth = x.norm();
            x /= growth;
            refined += growth >= enough ? 1 : 0;
        }
        if (refined == 0)
            throw NumericalError("inverse iteration did not converge");
    }
}

} // namespace

std::vector<double> tridiagonal_leading(const std::vector<double>& d, const std::vector<double>& e,
                                        MatrixView<double> v, int threads)
{
    constexpr double close = 1e-3; ///< of the norm: rounding would leave vectors this far apart less orthogonal
    const Tridiagonal t(d, e);
    std::vector<double> values(static_cast<std::size_t>(v.n_rows), 0.0);
    if (t.norm == 0.0) {
        for (Index i = 0; i < v.n_rows; ++i)
            for (Index j = 0; j < v.n_cols; ++j)
                v(i, j) = i == j ? 1.0 : 0.0;
        return values;
    }
    for_blocks(v.n_rows, lanes, threads, [&](Index begin, Index end, Index) {
        bisect(t, static_cast<std::size_t>(begin), static_cast<std::size_t>(end), values);
    });
    Index begin = 0;
    for (Index i = 1; i <= v.n_rows; ++i) {
        const auto u = static_cast<std::size_t>(i);
        if (i < v.n_rows && values[u - 1] - values[u] <= close * t.norm)
            continue;
        iterate_inversely(t, values, begin, i, v);
        begin = i;
    }
    return values;
}

} // namespace matfact::linalg
