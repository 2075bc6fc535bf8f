#include "linalg/gemm.hpp"
#include "linalg/gram.hpp"
#include "linalg/panels.hpp"
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
        return is_tiny() ? tiny_pass(at, products) : tiled_pass(at, products);
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
                double sum = 0.0;
                for (Index j = 0; j < x_.n_cols; ++j) {
                    const T value = x_(i, j);
                    if (std::isnan(value))
                        continue;
                    ++observed[b];
                    sum += static_cast<double>(value) * static_cast<double>(value);
                    magnitudes[b] = std::max(magnitudes[b], std::abs(value));
                }
                squares[b] += sum;
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
                    loss += residual_tile(at.w, begin, end, col, cols, e);
                    if (products.w)
                        add_tiles(end - begin, cols, {e, tile_cols, 1}, at.h + col * s, products.w + begin * s,
                                  col > 0);
                    if (lane_h)
                        add_tiles(cols, end - begin, {e, 1, tile_cols}, at.w + begin * s, lane_h + col * s, b > 0);
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
    double residual_tile(const T* w, Index begin, Index end, Index col, Index cols, T* e) const
    {
        constexpr Index width = panel_width<T>;
        const Index k = this->n_components, s = this->stride;
        for (Index p = 0; p * width < cols; ++p)
            for (Index row = begin; row < end; row += tile_rows)
                multiply_tile<T>(static_cast<int>(std::min<Index>(tile_rows, end - row)), tile_packets, k,
                                 h_panels_.data() + (col / width + p) * width * k, width, {w + row * s, s, 1},
                                 e + (row - begin) * tile_cols + p * width, tile_cols, false);
        double loss = 0.0;
        const bool complete = this->is_complete();
        for (Index i = begin; i < end; ++i) {
            T* const out = e + (i - begin) * tile_cols;
            const T* const source = x_.data + i * x_.row_stride + col * x_.col_stride;
            const Index step = x_.col_stride;
            // Too short a run along the row for the hardware to fetch ahead by itself.
            if (step == 1 && i + 1 < end)
                for (Index j = 0; j < cols; j += 64 / static_cast<Index>(sizeof(T)))
                    Eigen::internal::prefetch(source + x_.row_stride + j);
            if (complete && step == 1)
                for (Index j = 0; j < cols; ++j)
                    out[j] -= source[j];
            else
                for (Index j = 0; j < cols; ++j) {
                    const T value = source[j * step];
                    out[j] = value == value ? out[j] - value : T(0);
                }
            loss += static_cast<double>(Row<T>(out, cols).square().sum());
        }
        return loss;
    }

    /// out (rows, stride) = [add ? out : 0] + coef (rows, depth) * panel (depth, stride).
    void add_tiles(Index rows, Index depth, Coefficients<T> coef, const T* panel, T* out, bool add) const
    {
        const Index s = this->stride;
        for (Index row = 0; row < rows; row += tile_rows) {
            const auto used = static_cast<int>(std::min<Index>(tile_rows, rows - row));
            const Coefficients<T> of_tile{coef.data + row * coef.row_stride, coef.row_stride, coef.depth_stride};
            T* const to = out + row * s;
            Index c = 0;
            while (s - c >= packet_size<T>) {
                const auto packets = std::min<Index>(tile_packets, (s - c) / packet_size<T>);
                multiply_tile<T>(used, static_cast<int>(packets), depth, panel + c, s, of_tile, to + c, s, add);
                c += packets * packet_size<T>;
            }
            if (c < s)
                multiply_half_tile<T>(used, depth, panel + c, s, of_tile, to + c, s, add);
        }
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
    bool swapped_;
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
