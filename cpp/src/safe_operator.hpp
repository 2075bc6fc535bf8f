/// A user's operator as the solvers see it: looked at for NaN, centered, and scaled where squares would leave the
/// range.
#pragma once

#include "linalg/balance.hpp"
#include "matfact/linear_operator.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

namespace matfact {

/// scale (A - 1 mean') for a user's A. Neither it nor `a` may move while a product of it is in use.
///
/// The means enter the products, (A - 1 mean') q = A q - 1 (mean' q), as for sparse matrices.
template <class T> class SafeOperator {
public:
    explicit SafeOperator(const LinearOperator<T>& a) : a_(a) {}

    Index n_rows() const { return a_.n_rows; }
    Index n_cols() const { return a_.n_cols; }
    const std::vector<double>& mean() const { return mean_; }
    /// Chosen by the first product.
    double scale() const { return scale_ > 0.0 ? scale_ : 1.0; }

    /// Finds the column means, by a product of A' with ones.
    void center()
    {
        Matrix<T> ones(a_.n_rows, 1), sums(a_.n_cols, 1);
        std::fill_n(ones.data(), ones.size(), T(1));
        call(a_.transposed_times, "transposed_times", ones.view(), sums.view());
        for (Index j = 0; j < sums.size(); ++j)
            mean_.push_back(static_cast<double>(sums.data()[j]) / static_cast<double>(a_.n_rows));
    }

    void times(MatrixView<const T> q, MatrixView<T> y)
    {
        const double largest = call(a_.times, "times", q, y);
        const std::vector<double> shift = weighted_sums(q, mean_.data());
        choose_scale(largest);
        update(y, nullptr, shift);
    }

    void transposed_times(MatrixView<const T> y, MatrixView<T> z)
    {
        const double largest = call(a_.transposed_times, "transposed_times", y, z);
        const std::vector<double> shift = weighted_sums(y, nullptr);
        choose_scale(largest);
        update(z, mean_.data(), shift);
    }

private:
    /// Returns the largest magnitude of the product.
    static double call(const typename LinearOperator<T>::Product& product, const char* name, MatrixView<const T> in,
                       MatrixView<T> out)
    {
        product(in, out);
        double largest = 0.0;
        for (Index i = 0; i < out.n_rows; ++i)
            for (Index j = 0; j < out.n_cols; ++j) {
                const double magnitude = std::abs(static_cast<double>(out(i, j)));
                if (!std::isfinite(magnitude))
                    throw std::invalid_argument(std::string("the operator returned NaN or infinity from ") + name);
                largest = std::max(largest, magnitude);
            }
        return largest;
    }

    /// A first product of zeros says nothing.
    void choose_scale(double largest)
    {
        if (scale_ == 0.0 && largest > 0.0)
            scale_ = static_cast<double>(linalg::balance_extremes(static_cast<T>(largest)));
    }

    /// weights' a, where null weights are ones; nothing without centering.
    std::vector<double> weighted_sums(MatrixView<const T> a, const double* weights) const
    {
        std::vector<double> sums;
        if (mean_.empty())
            return sums;
        sums.assign(static_cast<std::size_t>(a.n_cols), 0.0);
        for (Index i = 0; i < a.n_rows; ++i)
            for (Index j = 0; j < a.n_cols; ++j)
                sums[static_cast<std::size_t>(j)] += (weights ? weights[i] : 1.0) * static_cast<double>(a(i, j));
        return sums;
    }

    /// out = scale (out - left right'), where a null left is ones and an empty right subtracts nothing.
    void update(MatrixView<T> out, const double* left, const std::vector<double>& right) const
    {
        if (right.empty() && scale() == 1.0)
            return;
        for (Index i = 0; i < out.n_rows; ++i)
            for (Index j = 0; j < out.n_cols; ++j) {
                const double shift = right.empty() ? 0.0 : (left ? left[i] : 1.0) * right[static_cast<std::size_t>(j)];
                out(i, j) = static_cast<T>(scale() * (static_cast<double>(out(i, j)) - shift));
            }
    }

    const LinearOperator<T>& a_;
    std::vector<double> mean_;
    double scale_ = 0.0;
};

} // namespace matfact
