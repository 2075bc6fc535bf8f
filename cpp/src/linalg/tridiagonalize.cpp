#include "linalg/tridiagonalize.hpp"

#include "linalg/kernel.hpp"
#include "linalg/panels.hpp"
#include "matfact/status.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

namespace matfact::linalg {

namespace {

constexpr Index panel_rows = 24; ///< reflections that are gathered before the rest of the matrix is updated
constexpr Index strip = 8;       ///< rows whose products with a vector are summed side by side
constexpr Index col_block = 512; ///< columns of a vector operation
constexpr Index most_chunks = 8; ///< of a symmetric product, each with sums of its own
constexpr Index worth_chunk = 128, worth_vector_threads = 1024; ///< rows left for which they pay

template <class T> Index padded_stride(Index n)
{
    constexpr Index packet = packet_size<T>, page = 2048 / static_cast<Index>(sizeof(T));
    const Index stride = (n + packet - 1) / packet * packet;
    return stride % page == 0 ? stride + packet : stride; // else the rows of a strip compete for the same cache lines
}

template <class T> T dot(const T* a, const T* b, Index begin, Index end)
{
    return Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, 1>>(a + begin, end - begin)
        .dot(Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, 1>>(b + begin, end - begin));
}

/// Strip of rows i .. i + strip of the upper triangle: y += what they add to the product with x. Columns from i on.
template <class T> void add_strip_product(const T* a, Index stride, Index i, Index end, const T* x, T* y)
{
    namespace ei = Eigen::internal;
    using P = Packet<T>;
    const Index right = std::min(i + strip, end);
    for (Index r = i; r < right; ++r) {
        T sum = a[r * stride + r] * x[r];
        for (Index j = r + 1; j < right; ++j) {
            sum += a[r * stride + j] * x[j];
            y[j] += a[r * stride + j] * x[r];
        }
        y[r] += sum;
    }
    if (i + strip >= end)
        return;
    const T* const row = a + i * stride;
    P sum[strip], own[strip];
    for (Index r = 0; r < strip; ++r) {
        sum[r] = ei::pset1<P>(T(0));
        own[r] = ei::pset1<P>(x[i + r]);
    }
    for (Index j = right; j < end; j += packet_size<T>) { // x is zero beyond its end
        const P other = ei::ploadu<P>(x + j);
        P even = ei::ploadu<P>(y + j), odd = ei::pset1<P>(T(0));
        for (Index r = 0; r < strip; r += 2) {
            const P first = ei::ploadu<P>(row + r * stride + j);
            const P second = ei::ploadu<P>(row + (r + 1) * stride + j);
            sum[r] = ei::pmadd(first, other, sum[r]);
            even = ei::pmadd(first, own[r], even);
            sum[r + 1] = ei::pmadd(second, other, sum[r + 1]);
            odd = ei::pmadd(second, own[r + 1], odd);
        }
        ei::pstoreu(y + j, ei::padd(even, odd));
    }
    for (Index r = 0; r < strip; ++r)
        y[i + r] += ei::predux(sum[r]);
}

template <class T> class Reduction {
    /// Beside entries near 1, what is left out of a row; the inverse of its root is a number of T.
    static constexpr double negligible_square = std::is_same_v<T, float> ? 1e-60 : 1e-290;

public:
    Reduction(MatrixView<const T> a, T scale, int threads)
        : n_(a.n_rows), stride_(padded_stride<T>(n_)), threads_(threads), n_blocks_(block_count(stride_, col_block)),
          pairs_(2 * panel_rows, stride_ + packet_size<T>), negative_(2 * panel_rows, stride_ + packet_size<T>),
          partial_(most_chunks, stride_ + packet_size<T>), dots_(n_blocks_, 2 * panel_rows + 1),
          v_(static_cast<std::size_t>(stride_ + packet_size<T>), T(0))
    {
        form_.reflections = Matrix<T>(n_, stride_);
        form_.factors.assign(static_cast<std::size_t>(n_ - 1), T(0));
        T* const rows = form_.reflections.data();
        for_blocks(n_, 32, threads, [&](Index begin, Index end, Index) {
            for (Index i = begin; i < end; ++i) {
                for (Index j = i; j < n_; ++j)
                    rows[i * stride_ + j] = scale * a(i, j);
                std::fill(rows + i * stride_, rows + i * stride_ + i, T(0));
                std::fill(rows + i * stride_ + n_, rows + (i + 1) * stride_, T(0));
            }
        });
    }

    TridiagonalForm<T> run(const Checkpoint& checkpoint)
    {
        constexpr Index long_rows = 2048; // which take a millisecond each
        for (Index begin = 0; begin < n_; begin += panel_rows) {
            const Index end = std::min(begin + panel_rows, n_);
            std::fill_n(pairs_.data(), pairs_.size(), T(0));
            for (Index i = begin; i < end; ++i) {
                if (checkpoint && (i == begin || n_ - i >= long_rows))
                    checkpoint();
                update_row(i, i - begin);
                reflect(i);
                if (i + 1 < n_)
                    multiply(i, i - begin);
            }
            update_rest(end);
        }
        const auto is_finite = [](const std::vector<double>& values) {
            return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
        };
        if (!is_finite(form_.diagonal) || !is_finite(form_.beside))
            throw NumericalError("the tridiagonal form of a symmetric matrix holds NaN or infinity");
        return std::move(form_);
    }

private:
    // The remaining matrix is the stored one minus v_p w_p' + w_p v_p' for the p reflections of the panel so far.
    T* v(Index p) { return &pairs_(p, 0); }
    T* w(Index p) { return &pairs_(panel_rows + p, 0); }
    T* row(Index i) { return form_.reflections.data() + i * stride_; }
    int vector_threads(Index i) const { return n_ - i < worth_vector_threads ? 1 : threads_; }

    template <class Body> void for_columns(Index first, const Body& body)
    {
        const Index skipped = first / col_block;
        for_each_task(n_blocks_ - skipped, vector_threads(first), [&](Index task) {
            const Index block = skipped + task;
            body(std::max(first, block * col_block), std::min(stride_, (block + 1) * col_block), block);
        });
    }

    /// Row i of the remaining matrix, from its diagonal on.
    void update_row(Index i, Index count)
    {
        T* const out = row(i);
        for_columns(i, [&](Index begin, Index end, Index) {
            Eigen::Map<Eigen::Array<T, 1, Eigen::Dynamic>> x(out + begin, end - begin);
            for (Index p = 0; p < count; ++p)
                x -= v(p)[i] * Eigen::Map<const Eigen::Array<T, 1, Eigen::Dynamic>>(w(p) + begin, end - begin) +
                     w(p)[i] * Eigen::Map<const Eigen::Array<T, 1, Eigen::Dynamic>>(v(p) + begin, end - begin);
        });
    }

    /// The reflection that leaves one entry of row i beside the diagonal.
    void reflect(Index i)
    {
        T* const x = row(i);
        form_.diagonal.push_back(static_cast<double>(x[i]));
        if (i + 1 == n_)
            return;
        const Eigen::Map<const Eigen::Array<T, 1, Eigen::Dynamic>> removed(x + i + 2, n_ - i - 2);
        const double square = removed.template cast<double>().square().sum();
        const auto first = static_cast<double>(x[i + 1]);
        const bool is_reduced = square <= negligible_square;
        const double length = is_reduced ? first : -std::copysign(std::sqrt(first * first + square), first);
        form_.beside.push_back(length);
        v_[static_cast<std::size_t>(i)] = T(0);
        v_[static_cast<std::size_t>(i + 1)] = T(1);
        if (is_reduced) {
            std::fill(v_.begin() + i + 2, v_.end(), T(0));
            return;
        }
        form_.factors[static_cast<std::size_t>(i)] = static_cast<T>((length - first) / length);
        const T scale = static_cast<T>(1.0 / (first - length));
        for (Index j = i + 2; j < n_; ++j)
            v_[static_cast<std::size_t>(j)] = x[j] *= scale;
    }

    /// w of the new reflection v: tau (A v) - (tau^2 v'A v / 2) v for the remaining matrix A.
    void multiply(Index i, Index count)
    {
        const Index first = i + 1, left = n_ - first;
        std::copy(v_.begin() + first, v_.begin() + stride_, v(count) + first);
        const Index n_chunks = std::clamp<Index>(left / worth_chunk, 1, most_chunks);
        const auto begin_of = [&](Index chunk) {
            const double rest = std::sqrt(1.0 - static_cast<double>(chunk) / static_cast<double>(n_chunks));
            const Index at = n_ - static_cast<Index>(rest * static_cast<double>(left));
            return chunk == n_chunks ? n_ : at / strip * strip;
        };
        const Index skipped = first / col_block, n_dots = n_blocks_ - skipped;
        for_each_task(n_chunks + n_dots, n_chunks > 1 ? threads_ : 1, [&](Index task) {
            if (task < n_chunks) {
                T* const y = &partial_(task, 0);
                const Index begin = begin_of(task), end = begin_of(task + 1);
                std::fill(y + begin, y + stride_ + packet_size<T>, T(0));
                for (Index r = begin; r < end; r += strip)
                    add_strip_product(form_.reflections.data(), stride_, r, n_, v_.data(), y);
                return;
            }
            const Index block = skipped + task - n_chunks;
            const Index begin = std::max(first, block * col_block), end = std::min(n_, (block + 1) * col_block);
            for (Index p = 0; p < count; ++p) {
                dots_(block, p) = dot<T>(v(p), v_.data(), begin, std::max(begin, end));
                dots_(block, panel_rows + p) = dot<T>(w(p), v_.data(), begin, std::max(begin, end));
            }
        });
        std::array<T, 2 * panel_rows> along{};
        for (Index block = skipped; block < n_blocks_; ++block)
            for (Index p = 0; p < count; ++p) {
                along[static_cast<std::size_t>(p)] += dots_(block, p);
                along[static_cast<std::size_t>(panel_rows + p)] += dots_(block, panel_rows + p);
            }
        using Row = Eigen::Map<Eigen::Array<T, 1, Eigen::Dynamic>>;
        using ConstRow = Eigen::Map<const Eigen::Array<T, 1, Eigen::Dynamic>>;
        T* const out = w(count);
        for_columns(first, [&](Index begin, Index end, Index block) {
            Row y(out + begin, end - begin);
            y = ConstRow(&partial_(0, begin), end - begin);
            for (Index chunk = 1; chunk < n_chunks; ++chunk) {
                const Index from = std::max(begin, begin_of(chunk));
                if (from < end)
                    Row(out + from, end - from) += ConstRow(&partial_(chunk, from), end - from);
            }
            for (Index p = 0; p < count; ++p)
                y -= along[static_cast<std::size_t>(panel_rows + p)] * ConstRow(v(p) + begin, end - begin) +
                     along[static_cast<std::size_t>(p)] * ConstRow(w(p) + begin, end - begin);
            dots_(block, 2 * panel_rows) = dot<T>(out, v_.data(), begin, end);
        });
        T product = 0;
        for (Index block = skipped; block < n_blocks_; ++block)
            product += dots_(block, 2 * panel_rows);
        const T tau = form_.factors[static_cast<std::size_t>(i)], share = T(0.5) * tau * tau * product;
        for_columns(first, [&](Index begin, Index end, Index) {
            Row(out + begin, end - begin) =
                tau * Row(out + begin, end - begin) - share * ConstRow(v_.data() + begin, end - begin);
        });
    }

    /// Subtracts the panel's reflections from the upper triangle of the rows from `first` on.
    void update_rest(Index first)
    {
        if (first >= n_)
            return;
        for (Index p = 0; p < panel_rows; ++p)
            for (Index j = first; j < stride_; ++j) {
                negative_(p, j) = -w(p)[j];
                negative_(panel_rows + p, j) = -v(p)[j];
            }
        const Index begin_row = first / strip * strip;
        for_blocks(n_ - begin_row, 4 * strip, threads_, [&](Index begin, Index end, Index) {
            for (Index r = begin_row + begin; r < begin_row + end; r += strip) {
                const Index from = std::max(r, first) / packet_size<T> * packet_size<T>;
                const Index top = std::max(r, first);
                multiply_tiles<T>(std::min(r + strip, n_) - top, stride_ - from, 2 * panel_rows, &pairs_(0, from),
                                  pairs_.n_cols(), {&negative_(0, top), 1, negative_.n_cols()}, row(top) + from,
                                  stride_, true);
            }
        });
    }

    Index n_, stride_;
    int threads_;
    Index n_blocks_;
    Matrix<T> pairs_, negative_; ///< v of the panel, then w; and -w, then -v: their product is what the rest changes by
    Matrix<T> partial_, dots_;
    std::vector<T> v_; ///< the newest reflection, zero before it
    TridiagonalForm<T> form_;
};

/// rows <- rows q' for the few rows of a task, which stay in the cache while all reflections pass.
template <class T> void reflect_one_by_one(const TridiagonalForm<T>& form, MatrixView<T> rows)
{
    const Index n = rows.n_cols;
    for (Index i = n - 2; i >= 0; --i) {
        const T* const v = &form.reflections(i, 0);
        const T tau = form.factors[static_cast<std::size_t>(i)];
        for (Index r = 0; r < rows.n_rows; ++r) {
            T* const x = &rows(r, 0);
            const T share = tau * (x[i + 1] + dot<T>(v, x, i + 2, n));
            x[i + 1] -= share;
            Eigen::Map<Eigen::Array<T, 1, Eigen::Dynamic>>(x + i + 2, n - i - 2) -=
                share * Eigen::Map<const Eigen::Array<T, 1, Eigen::Dynamic>>(v + i + 2, n - i - 2);
        }
    }
}

/// Reflections begin .. begin + count as 1 - v' t v, with v (count, width) for the last columns and t upper triangular.
/// Where there is room, leading columns of zeros make the width one of whole half packets.
template <class T> class CompactReflections {
public:
    static constexpr Index most = std::is_same_v<T, float> ? 96 : 72; ///< whole panels

    CompactReflections(Index n, int threads)
        : threads_(threads), v_(most, n), inner_(most, most), negative_(most, most),
          scratch_(std::clamp<Index>(threads, 1, block_count(n, task_rows)), task_rows * most * 2)
    {
    }

    void take(const TridiagonalForm<T>& form, Index begin)
    {
        const Index n = form.reflections.n_rows();
        count_ = std::min(most, n - 1 - begin);
        width_ = std::min(n, padded<T>(n - 1 - begin));
        for_each_task(count_, threads_, [&](Index p) {
            T* const row = v_.data() + p * v_.n_cols();
            const Index one = begin + p + 1 - (n - width_);
            std::fill_n(row, one, T(0));
            row[one] = T(1);
            std::copy_n(&form.reflections(begin + p, 0) + begin + p + 2, width_ - one - 1, row + one + 1);
        });
        const MatrixView<const T> v{v_.data(), count_, width_, v_.n_cols(), 1};
        pack_panels(v.transposed(), 0, width_, threads_, panels_);
        set_triangle(form.factors.data() + begin);
    }

    /// rows <- rows (1 - v' t' v), a few rows at a time while they are in the cache.
    void apply(MatrixView<T> all_columns)
    {
        constexpr Index width = panel_width<T>;
        const MatrixView<T> rows = all_columns.block(0, all_columns.n_cols - width_, all_columns.n_rows, width_);
        for_each_task_on_worker(block_count(rows.n_rows, task_rows), threads_, [&](Index task, Index worker) {
            const Index begin = task * task_rows, end = std::min(rows.n_rows, begin + task_rows);
            const Index used = end - begin;
            T *const along = &scratch_(worker, 0), *const weights = along + task_rows * most;
            for (Index c = 0; c < count_; c += width)
                multiply_tiles<T>(used, width, width_, panels_.data() + c * width_, width,
                                  {&rows(begin, 0), rows.row_stride, 1}, along + c, most, false);
            multiply_tiles<T>(used, most, count_, negative_.data(), most, {along, most, 1}, weights, most, false);
            const Index whole = width_ / half_packet_size<T> * half_packet_size<T>;
            for (Index c = 0; c < whole; c += width)
                multiply_tiles<T>(used, std::min(width, whole - c), count_, v_.data() + c, v_.n_cols(),
                                  {weights, most, 1}, &rows(begin, c), rows.row_stride, true);
            for (Index r = begin; r < end; ++r)
                for (Index j = whole; j < width_; ++j)
                    for (Index p = 0; p < count_; ++p)
                        rows(r, j) += weights[(r - begin) * most + p] * v_(p, j);
        });
    }

private:
    static constexpr Index task_rows = 4 * tile_rows;

    /// -t', from the products of the reflections with each other.
    void set_triangle(const T* factors)
    {
        for_blocks(count_, tile_rows, threads_, [&](Index begin, Index end, Index) {
            for (Index c = 0; c < end; c += panel_width<T>)
                multiply_tile<T>(static_cast<int>(end - begin), tile_packets, width_, panels_.data() + c * width_,
                                 panel_width<T>, {v_.data() + begin * v_.n_cols(), v_.n_cols(), 1}, &inner_(begin, c),
                                 most, false);
        });
        std::fill_n(negative_.data(), negative_.size(), T(0));
        for (Index p = 0; p < count_; ++p) {
            Eigen::Map<Eigen::Array<T, 1, Eigen::Dynamic>> row(&negative_(p, 0), p);
            for (Index j = 0; j < p; ++j)
                row.head(j + 1) +=
                    inner_(p, j) * Eigen::Map<const Eigen::Array<T, 1, Eigen::Dynamic>>(&negative_(j, 0), j + 1);
            row *= -factors[p];
            negative_(p, p) = -factors[p];
        }
    }

    int threads_;
    Index count_ = 0, width_ = 0;
    Matrix<T> v_, inner_, negative_, scratch_;
    std::vector<T> panels_;
};

template <class T>
void reflect_by_blocks(const TridiagonalForm<T>& form, MatrixView<T> rows, int threads, const Checkpoint& checkpoint)
{
    constexpr Index block = CompactReflections<T>::most;
    const Index n = rows.n_cols;
    CompactReflections<T> reflections(n, threads);
    for (Index begin = (n - 2) / block * block; begin >= 0; begin -= block) {
        reflections.take(form, begin);
        reflections.apply(rows);
        if (checkpoint)
            checkpoint();
    }
}

} // namespace

template <class T>
TridiagonalForm<T> tridiagonalize(MatrixView<const T> a, T scale, int threads, const Checkpoint& checkpoint)
{
    return Reduction<T>(a, scale, threads).run(checkpoint);
}

template <class T>
void apply_reflections(const TridiagonalForm<T>& form, MatrixView<T> rows, int threads, const Checkpoint& checkpoint)
{
    constexpr Index worth_blocks = 96; ///< rows that repay the compact form
    if (rows.n_cols < 2)
        return;
    if (rows.n_rows < worth_blocks)
        for_blocks(rows.n_rows, strip, threads,
                   [&](Index begin, Index end, Index) { reflect_one_by_one(form, rows.rows(begin, end)); });
    else
        reflect_by_blocks(form, rows, threads, checkpoint);
}

#define MATFACT_TRIDIAGONALIZE(T)                                                                                      \
    template TridiagonalForm<T> tridiagonalize(MatrixView<const T>, T, int, const Checkpoint&);                        \
    template void apply_reflections(const TridiagonalForm<T>&, MatrixView<T>, int, const Checkpoint&);
MATFACT_TRIDIAGONALIZE(float)
MATFACT_TRIDIAGONALIZE(double)

} // namespace matfact::linalg
