/// What probabilistic PCA asks of the data: sums over the observed entries, all of them in one pass over x.
///
/// With y = x - mean (zero where x is missing) and the mask of the observed entries, both sums that are quadratic in
/// the latent dimensions are products with the mask: the precision of row i is the sum over its observed columns j of
/// E[w_j w_j'], the normal equations of column j hold the sum over its observed rows i of E[z_i z_i']. Symmetric
/// matrices are packed triangles, and rows with one pattern of missing entries count as one.
#pragma once

#include "linalg/gram.hpp"
#include "linalg/packed_cholesky.hpp"
#include "matfact/matrix.hpp"
#include "missing_patterns.hpp"
#include "ppca_state.hpp"

#include <vector>

namespace matfact {

/// Expectations over the latent rows, given a state. In packed triangles of size k + 1 a constant 1 follows z.
struct PpcaMoments {
    Matrix<double> second;      ///< sum over the observed rows of E[(z, 1) (z, 1)'], packed, one column per column of x
    Matrix<double> first;       ///< sum of (E[z], 1) y: (k + 1, n_cols)
    std::vector<double> latent; ///< sum over all rows of E[(z, 1) (z, 1)'], packed
    double squares = 0.0;       ///< sum of y^2
    double log_likelihood = 0.0;
};

struct ColumnFacts {
    std::vector<double> count, mean, squares; ///< observed entries, their mean, their squared deviations from it
};

template <class T> class PpcaPass {
public:
    PpcaPass(MatrixView<const T> x, Index n_components, int threads, linalg::Checkpoint checkpoint);

    /// From here on x stands for scale() * x, whose squares are within the range.
    void balance();
    double scale() const { return scale_; }

    Index n_observed() const { return patterns_.n_observed; }
    Index n_rows() const { return static_cast<Index>(patterns_.order.size()); } ///< with at least one observed entry

    ColumnFacts columns();
    /// y'y v for v (n_cols, k).
    Matrix<double> gram_product(const std::vector<double>& mean, const Matrix<double>& v);
    void moments(const PpcaState& state, PpcaMoments& out);
    /// E[z] (n_rows of x, k) and log-likelihoods of the rows; rows without observed entries are not touched.
    void rows(const PpcaState& state, Matrix<double>& latent, std::vector<double>& log_likelihood);

private:
    /// Rows order[begin] .. order[begin + n_rows - 1], of which `runs` says, relative to `begin`, what they share.
    struct Block {
        Index begin = 0, n_rows = 0;
        std::vector<PatternRun> runs;
        Index n_lanes() const;
    };
    struct Scratch {
        std::vector<linalg::Lanes> system, moments;
        std::vector<double> inverse;
    };

    void cut();
    void fill(const Block& block, const std::vector<double>& mean);
    void multiply_loadings(const PpcaState& state);
    void infer(const Block& block, const PpcaState& state);
    void infer_lanes(const Block& block, Index first_run, double noise, Scratch& scratch);
    Index row_of(const Block& block, Index i) const
    {
        return patterns_.order[static_cast<std::size_t>(block.begin + i)];
    }

    MatrixView<const T> x_;
    double scale_ = 1.0; ///< a power of two
    Index k_;
    int threads_;
    linalg::Checkpoint checkpoint_;
    MissingPatterns patterns_;
    std::vector<Block> blocks_;
    std::vector<Scratch> scratch_;
    Matrix<double> products_; ///< E[w_j w_j'], packed (k (k + 1) / 2, n_cols)
    Matrix<double> mask_, y_; ///< of a block: a row per pattern, a row per row
    Matrix<double> precision_,
        posterior_;                 ///< packed, a column per pattern: what is inverted, and sums of E[(z, 1) (z, 1)']
    Matrix<double> right_, latent_; ///< y w (rows, k) and (E[z], 1) (rows, k + 1)
    std::vector<double> row_squares_, row_counts_, row_log_likelihood_;
};

} // namespace matfact
