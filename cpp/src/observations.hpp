/// The entries of X that a factorization is fitted to, and what every solver asks of them.
///
/// Factors are row-major with rows padded by zeros to `stride` numbers, a whole number of half SIMD packets, so that
/// the register tiles read and write them where they are.
#pragma once

#include "linalg/kernel.hpp"
#include "matfact/matrix.hpp"
#include "matfact/status.hpp"

#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>

namespace matfact {

/// W (n_rows, stride) and H (n_cols, stride), or their gradients. A null pointer means: not wanted.
template <class T> struct FactorPair {
    T* w = nullptr;
    T* h = nullptr;
};

template <class T> class Observations {
public:
    virtual ~Observations() = default;

    /// With E = W H' - X on the observed entries: writes E H and E' W where wanted, returns ||E||_F^2.
    virtual double residual_pass(FactorPair<const T> at, FactorPair<T> products) = 0;

    /// Replaces W by the least-squares rows for a fixed H under l2 ||w_i||^2, or with `columns` H for a fixed W.
    virtual void solve(FactorPair<T> factors, bool columns, double l2) = 0;

    Index n_rows = 0, n_cols = 0, n_components = 0, stride = 0;
    Index n_observed = 0;
    double squared_norm = 0.0; ///< of the observed entries
    T largest = 0;             ///< magnitude among them
    bool is_complete() const { return n_observed == n_rows * n_cols; }
};

/// Throws std::invalid_argument if x holds infinity.
template <class T> void check_finite(const Observations<T>& x)
{
    if (!std::isfinite(x.largest))
        throw std::invalid_argument("X holds infinity; mark missing entries as NaN and replace infinities");
}

/// Throws std::invalid_argument if x holds infinity or no observed entry, NumericalError if its squares overflow.
template <class T> void check_fit(const Observations<T>& x)
{
    check_finite(x);
    if (x.n_observed == 0)
        throw std::invalid_argument("X has no observed entry");
    if (!(x.squared_norm <= std::numeric_limits<T>::max()) ||
        (x.largest > T(0) && x.squared_norm < static_cast<double>(std::numeric_limits<T>::min())))
        throw NumericalError("the squares of X leave the range of its dtype; scale X so that its entries are near 1");
}

/// Throws std::invalid_argument if x holds infinity or no observed entry, NumericalError if its squares overflow.
template <class T> std::unique_ptr<Observations<T>> observe(MatrixView<const T> x, Index n_components, int threads);
template <class T, class I> std::unique_ptr<Observations<T>> observe(CsrView<T, I> x, Index n_components, int threads);

} // namespace matfact
