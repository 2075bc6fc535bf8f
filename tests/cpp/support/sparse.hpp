/// Sparse matrices for the tests.
#pragma once

#include "support/matrices.hpp"

namespace matfact::testing {

/// Owns what it shows.
template <class T, class I> struct Csr {
    std::vector<T> values;
    std::vector<I> indices;
    std::vector<I> indptr{0};
    Index n_cols = 0;

    Index n_rows() const { return static_cast<Index>(indptr.size()) - 1; }
    CsrView<T, I> view() const { return {values.data(), indices.data(), indptr.data(), n_rows(), n_cols}; }
    void add(Index column, double value)
    {
        indices.push_back(static_cast<I>(column));
        values.push_back(static_cast<T>(value));
    }
    void end_row() { indptr.push_back(static_cast<I>(values.size())); }
};

/// Normal values at places that are stored with probability `density`, those of row i with density^(1 + i % 3): rows
/// of very different lengths. `shift` is added to the values.
template <class T, class I> Csr<T, I> random_csr(Index n_rows, Index n_cols, double density, double shift = 0.0)
{
    Csr<T, I> x;
    x.n_cols = n_cols;
    for (Index i = 0; i < n_rows; ++i) {
        const double stored = std::pow(density, static_cast<double>(1 + i % 3));
        for (Index j = 0; j < n_cols; ++j) {
            const auto place = static_cast<std::uint64_t>(i * n_cols + j);
            const auto draw = static_cast<double>(philox4x64({place, 5, 0, 0}, {1, 2})[0] >> 11) * 0x1p-53;
            if (draw < stored)
                x.add(j, shift + random_normal(3, 7, place));
        }
        x.end_row();
    }
    return x;
}

/// Duplicates add up.
template <class T, class I> Matrix<double> dense(const Csr<T, I>& x)
{
    Matrix<double> a = zero_matrix<double>(x.n_rows(), x.n_cols);
    for (Index i = 0; i < x.n_rows(); ++i)
        for (auto p = static_cast<std::size_t>(x.indptr[static_cast<std::size_t>(i)]);
             p < static_cast<std::size_t>(x.indptr[static_cast<std::size_t>(i) + 1]); ++p)
            a(i, static_cast<Index>(x.indices[p])) += static_cast<double>(x.values[p]);
    return a;
}

} // namespace matfact::testing
