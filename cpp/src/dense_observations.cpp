#include "gram_gradient.hpp"
#include "linalg/gemm.hpp"
#include "linalg/gram.hpp"
#include "linalg/panels.hpp"
#include "linalg/residual_kernel.hpp"
#include "observations.hpp"
#include "row_least_squares.hpp"

#include <Eigen/Core>

#include <cmath>

namespace matfact {

namespace {

using namespace linalg;

template <class T> using Row = Eigen::Map<Eigen::Array<T, 1, Eigen::Dynamic>>;

/// Dense x, NaN = missing. Rows of x are read along; a column-major x is served as its transposed with W and H swapped.
template <class T> class DenseObservations final : public Observations<T> {
public:
    DenseObservations(MatrixView<const T> x, Index k, int threads) : threads_(threads)
    {
        this->n_rows = x.n_rows;
        this->n_cols = x.n_cols;
        this->n_components = k;
        this->stride = padded<T>(k);
        swapped_ = x.col_stride != 1 && x.row_stride == 1;
        x_ = swapped_ ? x.transposed() : x;
        scan();
        allocate();
    }

    double residual_pass(FactorPair<const T> at, FactorPair<T> products) override
    {
        if (swapped_) {
            std::swap(at.w, at.h);
            std::swap(products.w, products.h);
        }
        if (is_tiny())
            return tiny_pass(at, products);
        if (products.w && products.h && this->is_complete() && !is_close_) {
            const double squares = gram_gradient(x_, this->squared_norm, this->n_components, at, products, threads_);
            if (squares > close * this->squared_norm)
                return squares;
        }
        const double squares = tiled_pass(at, products);
        is_close_ = squares <= 2 * close * this->squared_norm;
        return squares;
    }

    void solve(FactorPair<T> factors, bool columns, double l2) override
    {
        if (swapped_)
            std::swap(factors.w, factors.h);
        const bool of_columns = columns != swapped_;
        const auto view = of_columns ? x_.transposed() : x_;
        T* const out = of_columns ? factors.h : factors.w;
        const T* const fixed = of_columns ? factors.w : factors.h;
        this->is_complete() ? solve_complete(view, fixed, out, l2) : solve_masked(view, fixed, out, l2);
    }

private:
    /// ||E||^2 / ||X||^2 below which E is formed: above, the differences of sums as large as X that ||E||^2 is computed
    /// from lose up to two digits.
    static constexpr double close = 1.0 / 256;
    static constexpr Index block_rows = 64;
    static constexpr Index tile_cols = 480; ///< a block of E stays in the second-level cache
    static constexpr Index most_lanes = 16;
    static constexpr Index lane_budget = Index{64} << 20; ///< bytes of partial E' W
    static_assert(tile_cols % panel_width<T> == 0);

    bool is_tiny() const { return x_.n_rows * x_.n_cols * this->n_components <= 8192; }

    void scan()
    {
        const Index n_blocks = block_count(x_.n_rows, block_rows);
        std::vector<double> squares(static_cast<std::size_t>(n_blocks), 0.0);
        std::vector<Index> observed(static_cast<std::size_t>(n_blocks), 0);
        std::vector<T> magnitudes(static_cast<std::size_t>(n_blocks), T(0));
        for_blocks(x_.n_rows, block_rows, threads_, [&](Index begin, Index end, Index block) {
            const auto b = static_cast<std::size_t>(block);
            for (Index i = begin; i < end; ++i) {
                const Eigen::Map<const Eigen::Array<T, 1, Eigen::Dynamic>, 0, Eigen::InnerStride<>> row(
                    &x_(i, 0), x_.n_cols, Eigen::InnerStride<>(x_.col_stride));
                const auto known = (row == row).select(row, T(0));
                observed[b] += (row == row).count();
                squares[b] += known.template cast<double>().square().sum();
                magnitudes[b] = std::max(magnitudes[b], known.abs().maxCoeff());
            }
        });
        this->n_observed = ordered_sum(observed);
        this->squared_norm = ordered_sum(squares);
        this->largest = *std::max_element(magnitudes.begin(), magnitudes.end());
    }

    void allocate()
    {
        const Index m = x_.n_rows, n = x_.n_cols;
        if (is_tiny()) {
            residual_.resize(static_cast<std::size_t>(n));
            return;
        }
        const auto lane_bytes = static_cast<Index>(sizeof(T)) * n * this->stride;
        const Index lanes = std::max<Index>(4, std::min(most_lanes, lane_budget / lane_bytes));
        lane_blocks_ = block_count(block_count(m, block_rows), lanes);
        n_lanes_ = block_count(block_count(m, block_rows), lane_blocks_);
        losses_.resize(static_cast<std::size_t>(block_count(m, block_rows)));
        residual_.resize(static_cast<std::size_t>(std::max(1, threads_) * block_rows * tile_cols));
    }

    double tiny_pass(FactorPair<const T> at, FactorPair<T> products)
    {
        const Index k = this->n_components, s = this->stride, m = x_.n_rows, n = x_.n_cols;
        if (products.h)
            std::fill_n(products.h, n * s, T(0));
        double loss = 0.0;
        for (Index i = 0; i < m; ++i) {
            const T* const w = at.w + i * s;
            T* const e = residual_.data();
            for (Index j = 0; j < n; ++j) {
                T dot = 0;
                for (Index c = 0; c < k; ++c)
                    dot += w[c] * at.h[j * s + c];
                const T value = x_(i, j);
                e[j] = value == value ? dot - value : T(0);
                loss += static_cast<double>(e[j]) * static_cast<double>(e[j]);
            }
            if (products.w) {
                T* const out = products.w + i * s;
                std::fill_n(out, s, T(0));
                for (Index j = 0; j < n; ++j)
                    for (Index c = 0; c < k; ++c)
                        out[c] += e[j] * at.h[j * s + c];
            }
            if (products.h)
                for (Index j = 0; j < n; ++j)
                    for (Index c = 0; c < k; ++c)
                        products.h[j * s + c] += e[j] * w[c];
        }
        return loss;
    }

    /// One pass over x: each block of E is made, used for both products while it is in the cache, and forgotten.
    double tiled_pass(FactorPair<const T> at, FactorPair<T> products)
    {
        const Index n = x_.n_cols, s = this->stride;
        pack_panels(MatrixView<const T>{at.h, n, s, s, 1}.transposed(), 0, this->n_components, threads_, h_panels_);
        if (products.h)
            lane_products_.resize(static_cast<std::size_t>(n_lanes_ * n * s));
        for_each_task_on_worker(n_lanes_, threads_, [&](Index lane, Index worker) {
            T* const e = residual_.data() + worker * block_rows * tile_cols;
            T* const lane_h = products.h ? lane_products_.data() + lane * n * s : nullptr;
            for (Index b = 0; b < lane_blocks_; ++b) {
                const Index begin = (lane * lane_blocks_ + b) * block_rows;
                const Index end = std::min(x_.n_rows, begin + block_rows);
                if (begin >= end)
                    break;
                double loss = 0.0;
                for (Index col = 0; col < n; col += tile_cols) {
                    const Index cols = std::min(tile_cols, n - col);
                    loss += residual_block(at.w, begin, end, col, cols, e);
                    if (products.w)
                        multiply_tiles<T>(end - begin, s, cols, at.h + col * s, s, {e, tile_cols, 1},
                                          products.w + begin * s, s, col > 0);
                    if (lane_h)
                        multiply_tiles<T>(cols, s, end - begin, at.w + begin * s, s, {e, 1, tile_cols},
                                          lane_h + col * s, s, b > 0);
                }
                losses_[static_cast<std::size_t>(begin / block_rows)] = loss;
            }
        });
        if (products.h)
            for_blocks(n, block_rows, threads_, [&](Index begin, Index end, Index) {
                Row<T> sum(products.h + begin * s, (end - begin) * s);
                sum = Row<T>(lane_products_.data() + begin * s, (end - begin) * s);
                for (Index lane = 1; lane < n_lanes_; ++lane)
                    sum += Row<T>(lane_products_.data() + (lane * n + begin) * s, (end - begin) * s);
            });
        return ordered_sum(losses_);
    }

    /// e = (W H' - X) on rows [begin, end) and `cols` columns from `col`, zero where x is missing; returns its square.
    double residual_block(const T* w, Index begin, Index end, Index col, Index cols, T* e) const
    {
        constexpr Index width = panel_width<T>;
        const Index k = this->n_components, s = this->stride;
        // Whole register tiles of a complete x are finished in the registers.
        const bool is_plain = this->is_complete() && x_.col_stride == 1;
        const Index fused_rows = is_plain ? (end - begin) / tile_rows * tile_rows : 0;
        const Index fused_cols = is_plain ? cols / width * width : 0;
        double loss = 0.0;
        for (Index c = 0; c < cols; c += width)
            for (Index r = 0; r < end - begin; r += tile_rows) {
                const T* const panel = h_panels_.data() + (col + c) * k;
                const Coefficients<T> coef{w + (begin + r) * s, s, 1};
                T* const out = e + r * tile_cols + c;
                if (r < fused_rows && c < fused_cols)
                    loss += linalg::residual_tile<T>(k, panel, coef, &x_(begin + r, col + c), x_.row_stride, out,
                                                     tile_cols);
                else
                    multiply_tile<T>(static_cast<int>(std::min<Index>(tile_rows, end - begin - r)), tile_packets, k,
                                     panel, width, coef, out, tile_cols, false);
            }
        for (Index i = begin; i < end; ++i) {
            const Index first = i - begin < fused_rows ? fused_cols : 0;
            T* const out = e + (i - begin) * tile_cols;
            for (Index j = first; j < cols; ++j) {
                const T value = x_(i, col + j);
                out[j] = value == value ? out[j] - value : T(0);
            }
            loss += static_cast<double>(Row<T>(out + first, cols - first).square().sum());
        }
        return loss;
    }

    void solve_complete(MatrixView<const T> x, const T* fixed, T* out, double l2)
    {
        const Index k = this->n_components, s = this->stride;
        const MatrixView<const T> h{fixed, x.n_cols, k, s, 1};
        SmallMatrix g(k, k);
        const Matrix<double> gram_of_h = gram(h, Centering::none, 1.0, threads_).matrix;
        for (Index i = 0; i < k; ++i)
            for (Index j = 0; j < k; ++j)
                g(i, j) = gram_of_h(i, j);
        factor_normal_equations(g, l2);
        const Matrix<T> xh = multiply(x, h, threads_);
        for_blocks(x.n_rows, block_rows, threads_, [&](Index begin, Index end, Index) {
            for (Index i = begin; i < end; ++i) {
                SmallVector row =
                    Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, 1>>(xh.data() + i * k, k).template cast<double>();
                solve_normal_equations(g, row);
                for (Index c = 0; c < k; ++c)
                    out[i * s + c] = static_cast<T>(row[c]);
            }
        });
    }

    void solve_masked(MatrixView<const T> x, const T* fixed, T* out, double l2)
    {
        const Index s = this->stride;
        std::vector<RowLeastSquares<T>> scratch(static_cast<std::size_t>(std::max(1, threads_)),
                                                RowLeastSquares<T>(this->n_components, s));
        for_each_task_on_worker(x.n_rows, threads_, [&](Index i, Index worker) {
            auto& row = scratch[static_cast<std::size_t>(worker)];
            row.begin();
            for (Index j = 0; j < x.n_cols; ++j)
                if (const T value = x(i, j); value == value)
                    row.add(fixed + j * s, value);
            row.finish(l2, out + i * s);
        });
    }

    MatrixView<const T> x_;
    int threads_;
    bool swapped_, is_close_ = false;
    Index n_lanes_ = 0, lane_blocks_ = 0;
    std::vector<T> h_panels_, residual_, lane_products_;
    std::vector<double> losses_;
};

} // namespace

template <class T> std::unique_ptr<Observations<T>> observe(MatrixView<const T> x, Index n_components, int threads)
{
    return std::make_unique<DenseObservations<T>>(x, n_components, threads);
}

template std::unique_ptr<Observations<float>> observe(MatrixView<const float>, Index, int);
template std::unique_ptr<Observations<double>> observe(MatrixView<const double>, Index, int);

} // namespace matfact
