/// The iterative solvers of factorize(): gradient descent in its variants, and alternating least squares.
#pragma once

#include "matfact/factorize.hpp"
#include "observations.hpp"

#include <vector>

namespace matfact {

/// Factors one below the other: W in rows [0, n_rows), H in the n_cols rows after it, each padded to the stride.
template <class T> struct Parameters {
    Matrix<T> values;
    Index n_rows = 0, stride = 0;

    Parameters() = default;
    explicit Parameters(const Observations<T>& x)
        : values(x.n_rows + x.n_cols, x.stride), n_rows(x.n_rows), stride(x.stride)
    {
        std::fill_n(values.data(), values.size(), T(0));
    }
    T* w() { return values.data(); }
    T* h() { return values.data() + n_rows * stride; }
    const T* w() const { return values.data(); }
    const T* h() const { return values.data() + n_rows * stride; }
};

/// A factor without its padding, in float64.
template <class T> Matrix<double> widened(const T* factor, Index rows, Index k, Index stride)
{
    Matrix<double> result(rows, k);
    for (Index i = 0; i < rows; ++i)
        for (Index c = 0; c < k; ++c)
            result(i, c) = static_cast<double>(factor[i * stride + c]);
    return result;
}

/// What a solver leaves behind; `at` is changed in place.
struct Descent {
    std::vector<double> history;
    Index n_iter = 0;
    Status status = Status::max_iter;
};

/// Runs options.solver (gd, momentum, nesterov, adam, scaled_gd or als) from `at`.
template <class T>
Descent descend(Observations<T>& x, Parameters<T>& at, const FactorizeOptions& options, int threads,
                const Progress& progress);

/// reduction(squares) + l2_w ||W||^2 + l2_h ||H||^2.
template <class T>
double objective_of(double squares, const Observations<T>& x, const Parameters<T>& at, const FactorizeOptions& options);

/// The weight of the squares in the objective: 1 / n_observed or 1.
template <class T> double data_weight(const Observations<T>& x, const FactorizeOptions& options)
{
    return options.reduction == Reduction::mean ? 1.0 / static_cast<double>(x.n_observed) : 1.0;
}

} // namespace matfact
