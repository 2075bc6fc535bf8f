#include "linalg/row_solver.hpp"

#include "linalg/kernel.hpp"
#include "linalg/small_cholesky.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace matfact::linalg {

namespace {

namespace ei = Eigen::internal;
using P = Packet<float>;
constexpr Index size = packet_size<float>;

constexpr Index batch = 64; ///< entries whose products are added to the system at a time
constexpr Index ahead = 8;  ///< rows of features that are on their way from memory while one is gathered

inline std::size_t length(Index n) { return static_cast<std::size_t>(n); }

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes" // of the vector types that Eigen's template is made for
#endif
/// to (size, size) = from', in registers.
inline void transpose_packets(const float* from, Index from_stride, float* to, Index to_stride)
{
    ei::PacketBlock<P, static_cast<int>(size)> block;
    for (Index r = 0; r < size; ++r)
        block.packet[r] = ei::ploadu<P>(from + r * from_stride);
    ei::ptranspose(block);
    for (Index r = 0; r < size; ++r)
        ei::pstoreu(to + r * to_stride, block.packet[r]);
}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

inline double dot(const float* a, const float* b, Index n)
{
    P sum = ei::pset1<P>(0.0f);
    for (Index c = 0; c < n; c += size)
        sum = ei::pmadd(ei::ploadu<P>(a + c), ei::ploadu<P>(b + c), sum);
    return static_cast<double>(ei::predux(sum));
}

/// a = factor * a + b.
inline void scale_and_add(float* a, float factor, const float* b, Index n)
{
    for (Index c = 0; c < n; ++c)
        a[c] = factor * a[c] + b[c];
}

/// a += factor * b.
inline void add_multiple(float* a, float factor, const float* b, Index n)
{
    for (Index c = 0; c < n; ++c)
        a[c] += factor * b[c];
}

constexpr int held_packets = tile_rows * (tile_packets - 1); ///< of features, in registers between their two uses
constexpr int most_fixed_packets = 8;                        ///< of rows whose width the compiler knows
constexpr int most_together = 4;                             ///< rows whose inner products are computed side by side

/// For `count` rows f_j at `rows`: weigh<count>(j, [f_j . p]) turns the products into weights w_j, then
/// out += sum_j w_j f_j where there is an `out`. All have so many packets.
template <int packets, int count, bool adds, class Weigh>
inline void add_images(const float* const* rows, Index j, const P* p, const Weigh& weigh, P* out)
{
    P row[count][packets], dots[count];
    for (int r = 0; r < count; ++r)
        for (int c = 0; c < packets; ++c)
            row[r][c] = ei::ploadu<P>(rows[r] + c * size);
    for (int r = 0; r < count; ++r)
        dots[r] = ei::pmul(row[r][0], p[0]);
    for (int c = 1; c < packets; ++c)
        for (int r = 0; r < count; ++r)
            dots[r] = ei::pmadd(row[r][c], p[c], dots[r]);
    std::array<float, count> weights;
    for (int r = 0; r < count; ++r)
        weights[length(r)] = ei::predux(dots[r]);
    weigh(j, weights);
    for (int r = 0; adds && r < count; ++r) {
        const P factor = ei::pset1<P>(weights[length(r)]);
        for (int c = 0; c < packets; ++c)
            out[c] = ei::pmadd(factor, row[r][c], out[c]);
    }
}

/// The same for all entries of a row, whose features are so short that p and the sum stay in registers.
template <int packets, bool adds, class I, class Weigh>
void add_all_images(MatrixView<const float> features, const RowEntries<I>& entries, bool prefetches, const float* p,
                    const Weigh& weigh, float* out)
{
    constexpr int together = std::max(1, std::min(most_together, held_packets / packets));
    const auto row = [&](Index j) {
        return features.data + static_cast<Index>(entries.indices[j]) * features.row_stride;
    };
    const auto prefetch = [&](Index begin, Index end) {
        for (Index j = begin; j < std::min(entries.n_readable, end); ++j)
            prefetch_row(row(j), packets * size);
    };
    P of_p[packets], sum[packets];
    for (int c = 0; c < packets; ++c) {
        of_p[c] = ei::ploadu<P>(p + c * size);
        sum[c] = adds ? ei::ploadu<P>(out + c * size) : ei::pset1<P>(0.0f);
    }
    if (prefetches)
        prefetch(0, ahead);
    const float* rows[together];
    Index j = 0;
    for (; j + together <= entries.n; j += together) {
        if (prefetches)
            prefetch(j + ahead, j + ahead + together);
        for (int r = 0; r < together; ++r)
            rows[r] = row(j + r);
        add_images<packets, together, adds>(rows, j, of_p, weigh, sum);
    }
    for (; j < entries.n; ++j) {
        rows[0] = row(j);
        add_images<packets, 1, adds>(rows, j, of_p, weigh, sum);
    }
    for (int c = 0; adds && c < packets; ++c)
        ei::pstoreu(out + c * size, sum[c]);
}

/// The same for features of any width.
template <bool adds, int packets = small_block / size, class I, class Weigh>
void add_all_images(MatrixView<const float> features, const RowEntries<I>& entries, bool prefetches, Index wide,
                    const float* p, const Weigh& weigh, float* out)
{
    if constexpr (packets <= most_fixed_packets) {
        if (wide == packets * size)
            add_all_images<packets, adds>(features, entries, prefetches, p, weigh, out);
        else
            add_all_images<adds, packets + small_block / size>(features, entries, prefetches, wide, p, weigh, out);
    } else
        for (Index j = 0; j < entries.n; ++j) {
            const auto row = [&](Index i) {
                return features.data + static_cast<Index>(entries.indices[i]) * features.row_stride;
            };
            if (prefetches && j + ahead < entries.n_readable)
                prefetch_row(row(j + ahead), wide);
            std::array<float, 1> w{static_cast<float>(dot(row(j), p, wide))};
            weigh(j, w);
            if (adds)
                add_multiple(out, w[0], row(j), wide);
        }
}

} // namespace

RowSolver::RowSolver(Index n_features)
    : k_(n_features), wide_(padded_width(n_features)), scale_(length(wide_)),
      gathered_(length(std::max(batch, wide_) * wide_)), transposed_(length(wide_ * wide_)),
      system_(length(wide_ * wide_)), inverse_pivots_(length(wide_)), scratch_(length(small_block * wide_)),
      right_(length(wide_)), solution_(length(wide_)), residual_(length(wide_)), direction_(length(wide_)),
      image_(length(wide_))
{
}

/// Rows [begin, end) of the entries to gathered_, their sum with weights b to right_.
template <class I>
void RowSolver::gather(MatrixView<const float> features, const RowEntries<I>& entries, Index begin, Index end)
{
    const Index whole = k_ / size * size;
    const auto row = [&](Index j) {
        return features.data + static_cast<Index>(entries.indices[j]) * features.row_stride;
    };
    for (Index j = begin; j < std::min(end, begin + ahead); ++j)
        prefetch_row(row(j), k_);
    for (Index j = begin; j < end; ++j) {
        if (j + ahead < entries.n_readable)
            prefetch_row(row(j + ahead), k_);
        const float* const source = row(j);
        float* const out = gathered_.data() + (j - begin) * wide_;
        const float root = entries.root[j], right = entries.right[j];
        const P root_packet = ei::pset1<P>(root), right_packet = ei::pset1<P>(right);
        for (Index c = 0; c < whole; c += size) {
            const P f = ei::pmul(ei::ploadu<P>(source + c), ei::ploadu<P>(scale_.data() + c));
            ei::pstoreu(out + c, ei::pmul(root_packet, f));
            ei::pstoreu(right_.data() + c, ei::pmadd(right_packet, f, ei::ploadu<P>(right_.data() + c)));
        }
        for (Index c = whole; c < k_; ++c) {
            const float f = source[c] * scale_[length(c)];
            out[c] = root * f;
            right_[length(c)] += right * f;
        }
        // Up to wide_ the padding stays zero: nobody writes to it.
    }
}

/// transposed_ (wide_, padded_width(rows)) from the first `rows` rows of gathered_.
void RowSolver::transpose_gathered(Index rows)
{
    const Index stride = padded_width(rows);
    std::fill_n(gathered_.data() + rows * wide_, (stride - rows) * wide_, 0.0f);
    for (Index i = 0; i < stride; i += size)
        for (Index c = 0; c < wide_; c += size)
            transpose_packets(gathered_.data() + i * wide_ + c, wide_, transposed_.data() + c * stride + i, stride);
}

/// system_ = [add ? system_ : 0] + Z'Z for the first `rows` rows Z of gathered_.
void RowSolver::accumulate(Index rows, bool add)
{
    for (Index i = 0; i < k_; i += tile_rows)
        for (Index c = i / small_block * small_block; c < wide_; c += panel_width<float>)
            multiply_tile<float>(static_cast<int>(std::min<Index>(tile_rows, k_ - i)),
                                 static_cast<int>(std::min<Index>(tile_packets, (wide_ - c) / size)), rows,
                                 gathered_.data() + c, wide_, {gathered_.data() + i, 1, wide_},
                                 system_.data() + i * wide_ + c, wide_, add);
}

template <class I>
void RowSolver::solve_in_features(MatrixView<const float> features, const RowEntries<I>& entries, const float* d,
                                  const float* normals)
{
    std::fill_n(scale_.data(), k_, 1.0f);
    for (Index begin = 0; begin < entries.n; begin += batch) {
        const Index end = std::min(entries.n, begin + batch);
        gather(features, entries, begin, end);
        accumulate(end - begin, begin > 0);
    }
    for (Index i = 0; i < k_; ++i)
        system_[length(i * wide_ + i)] += d[i];
    factor_small(k_, system_.data(), wide_, inverse_pivots_.data(), scratch_.data());
    std::copy_n(right_.data(), wide_, solution_.data());
    solve_small(k_, system_.data(), wide_, inverse_pivots_.data(), solution_.data(), scratch_.data(), normals);
}

/// With Z = diag(root) F diag(scale):  x = diag(scale) Z' (I + Z Z')^-1 (b / root).
template <class I> void RowSolver::solve_in_entries(MatrixView<const float> features, const RowEntries<I>& entries)
{
    const Index n = entries.n, stride = padded_width(n);
    gather(features, entries, 0, n);
    transpose_gathered(n);
    for (Index i = 0; i < n; i += tile_rows)
        for (Index c = i / small_block * small_block; c < stride; c += panel_width<float>)
            multiply_tile<float>(static_cast<int>(std::min<Index>(tile_rows, n - i)),
                                 static_cast<int>(std::min<Index>(tile_packets, (stride - c) / size)), k_,
                                 transposed_.data() + c, stride, {gathered_.data() + i * wide_, wide_, 1},
                                 system_.data() + i * stride + c, stride, false);
    for (Index i = 0; i < n; ++i)
        system_[length(i * stride + i)] += 1.0f;
    factor_small(n, system_.data(), stride, inverse_pivots_.data(), scratch_.data());
    float* const t = transposed_.data(); // free again
    std::fill_n(t, stride, 0.0f);
    for (Index j = 0; j < n; ++j)
        t[j] = entries.right[j] / entries.root[j];
    solve_small(n, system_.data(), stride, inverse_pivots_.data(), t, scratch_.data());
    for (Index c = 0; c < wide_; c += size) {
        P sum = ei::pset1<P>(0.0f);
        for (Index j = 0; j < n; ++j)
            sum = ei::pmadd(ei::pset1<P>(t[j]), ei::ploadu<P>(gathered_.data() + j * wide_ + c), sum);
        ei::pstoreu(solution_.data() + c, sum);
    }
}

template <class I>
double RowSolver::solve(MatrixView<const float> features, const RowEntries<I>& entries, const float* d, float* x)
{
    std::fill(right_.begin(), right_.end(), 0.0f);
    if (is_short(entries.n, k_)) {
        for (Index c = 0; c < k_; ++c)
            scale_[length(c)] = 1.0f / std::sqrt(d[c]);
        solve_in_entries(features, entries);
    } else
        solve_in_features(features, entries, d);
    double gain = 0.0;
    for (Index c = 0; c < k_; ++c) {
        gain += static_cast<double>(right_[length(c)]) * static_cast<double>(solution_[length(c)]);
        x[c] = solution_[length(c)] * scale_[length(c)];
    }
    return gain;
}

template <class I>
void RowSolver::sample(MatrixView<const float> features, const RowEntries<I>& entries, const float* d,
                       const float* normals, float* x)
{
    if (entries.n == 0) {
        for (Index c = 0; c < k_; ++c)
            x[c] = normals[c] / std::sqrt(d[c]);
        return;
    }
    std::fill(right_.begin(), right_.end(), 0.0f);
    solve_in_features(features, entries, d, normals);
    std::copy_n(solution_.data(), k_, x);
}

template <class I>
double RowSolver::improve(MatrixView<const float> features, const RowEntries<I>& entries, const float* d,
                          const float* preconditioner, Index steps, float* x)
{
    if (entries.n == 0) {
        std::fill_n(x, k_, 0.0f);
        return 0.0;
    }
    float *const solution = solution_.data(), *const r = residual_.data(), *const p = direction_.data(),
                 *const q = image_.data();
    std::copy_n(x, k_, solution);
    std::fill(solution_.begin() + k_, solution_.end(), 0.0f);
    const auto weight = [&](Index j) { return entries.root[j] * entries.root[j]; };
    // Paddings stay zeros.
    const auto scaled = [&](float* a, const float* b, float sign) {
        for (Index c = 0; c < k_; ++c)
            a[c] = sign * d[c] * b[c];
    };
    const auto precondition = [&](float* a) {
        for (Index c = 0; c < k_; ++c)
            a[c] = r[c] / preconditioner[c];
    };
    scaled(r, solution, -1.0f);
    double gain = dot(r, solution, wide_); // 2 b'x - x'Ax, kept up to date
    const auto start = [&](Index j, auto& s) {
        float sum = 0.0f;
        for (std::size_t i = 0; i < s.size(); ++i) {
            const Index e = j + static_cast<Index>(i);
            const float left = entries.right[e] - weight(e) * s[i];
            sum += s[i] * (entries.right[e] + left);
            s[i] = left;
        }
        gain += static_cast<double>(sum);
    };
    add_all_images<true>(features, entries, true, wide_, solution, start, r);
    precondition(p);
    double rz = dot(r, p, wide_);
    for (Index step = 0; step < steps && rz > 0.0; ++step) {
        const bool is_last = step + 1 == steps; // which needs no residual after it
        scaled(q, p, 1.0f);
        double curvature = dot(q, p, wide_);
        const auto image = [&](Index j, auto& s) {
            float sum = 0.0f;
            for (std::size_t i = 0; i < s.size(); ++i) {
                const float weighted = weight(j + static_cast<Index>(i)) * s[i];
                sum += weighted * s[i];
                s[i] = weighted;
            }
            curvature += static_cast<double>(sum);
        };
        if (is_last)
            add_all_images<false>(features, entries, false, wide_, p, image, q);
        else
            add_all_images<true>(features, entries, false, wide_, p, image, q);
        if (!(curvature > 0.0))
            break;
        const double ratio = rz / curvature;
        gain += ratio * rz;
        add_multiple(solution, static_cast<float>(ratio), p, wide_);
        if (is_last)
            break;
        add_multiple(r, -static_cast<float>(ratio), q, wide_);
        precondition(q);
        const double next = dot(r, q, wide_);
        scale_and_add(p, static_cast<float>(next / rz), q, wide_);
        rz = next;
    }
    std::copy_n(solution, k_, x);
    return gain;
}

#define MATFACT_ROW_SOLVER(I)                                                                                          \
    template double RowSolver::solve(MatrixView<const float>, const RowEntries<I>&, const float*, float*);             \
    template void RowSolver::sample(MatrixView<const float>, const RowEntries<I>&, const float*, const float*,         \
                                    float*);                                                                           \
    template double RowSolver::improve(MatrixView<const float>, const RowEntries<I>&, const float*, const float*,      \
                                       Index, float*);
MATFACT_ROW_SOLVER(std::int32_t)
MATFACT_ROW_SOLVER(std::int64_t)

} // namespace matfact::linalg
