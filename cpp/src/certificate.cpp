#include "matfact/certificate.hpp"

#include "linalg/balance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace matfact {

namespace {

/// Consecutive values whose intervals value +- error overlap: they share one error.
struct Cluster {
    std::size_t begin, end;
    double highest, lowest, squares;

    double error() const { return std::sqrt(squares); }
    bool meets(const Cluster& lower) const { return lowest - error() <= lower.highest + lower.error(); }
};

std::vector<double> linear_bounds(const std::vector<double>& values, const std::vector<double>& residuals)
{
    std::vector<Cluster> clusters;
    for (std::size_t i = 0; i < values.size(); ++i) {
        Cluster cluster{i, i + 1, values[i], values[i], residuals[i] * residuals[i]};
        while (!clusters.empty() && clusters.back().meets(cluster)) {
            const Cluster& upper = clusters.back();
            cluster = {upper.begin, cluster.end, upper.highest, cluster.lowest, upper.squares + cluster.squares};
            clusters.pop_back();
        }
        clusters.push_back(cluster);
    }
    std::vector<double> bounds;
    for (const Cluster& cluster : clusters)
        bounds.insert(bounds.end(), cluster.end - cluster.begin, cluster.error());
    return bounds;
}

/// Of numbers whose squares are within the range.
std::vector<double> balanced_bounds(const std::vector<double>& values, const std::vector<double>& residuals,
                                    double next_value)
{
    const std::size_t k = values.size();
    const std::vector<double> linear = linear_bounds(values, residuals);
    std::vector<double> bounds = linear;
    double squares = 0.0;
    for (std::size_t j = 0; j < k; ++j) {
        squares += residuals[j] * residuals[j];
        const double rest = j + 1 < k ? values[j + 1] + linear[j + 1] : next_value;
        for (std::size_t i = 0; i <= j; ++i) {
            const double gap = values[i] - rest;
            if (gap > 0.0) // false for NaN
                bounds[i] = std::min(bounds[i], 2.0 * squares / (gap + std::sqrt(gap * gap + 4.0 * squares)));
        }
    }
    return bounds;
}

void multiply(std::vector<double>& values, double factor)
{
    for (double& value : values)
        value *= factor;
}

} // namespace

std::vector<double> error_bounds(const std::vector<double>& values, const std::vector<double>& residuals,
                                 double next_value)
{
    if (residuals.size() != values.size())
        throw std::invalid_argument("error bounds need one residual for each value");
    double largest = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i)
        largest = std::max({largest, std::abs(values[i]), residuals[i]});
    const double scale = linalg::balance(largest);
    std::vector<double> scaled_values = values, scaled_residuals = residuals;
    multiply(scaled_values, scale);
    multiply(scaled_residuals, scale);
    std::vector<double> bounds = balanced_bounds(scaled_values, scaled_residuals, scale * next_value);
    multiply(bounds, 1.0 / scale);
    return bounds;
}

std::vector<double> root_error_bounds(const std::vector<double>& values, const std::vector<double>& residuals,
                                      double next_value, double rounding)
{
    std::vector<double> squares;
    for (const double s : values)
        squares.push_back(s * s);
    std::vector<double> bounds = error_bounds(squares, residuals, next_value * next_value);
    for (std::size_t i = 0; i < bounds.size(); ++i) {
        const double error = bounds[i] + rounding; // of the square: |s - t| (s + t) where t is exact
        bounds[i] = error > 0.0 ? error / std::max(values[i], std::sqrt(error)) : 0.0;
    }
    return bounds;
}

double square_rounding(double norm, double n_rows, double n_cols)
{
    return (8.0 + std::sqrt(n_rows) + n_cols) * std::numeric_limits<double>::epsilon() * norm * norm;
}

} // namespace matfact
