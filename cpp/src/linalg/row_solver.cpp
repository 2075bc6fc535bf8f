#include "linalg/row_solver.hpp"

#include "linalg/kernel.hpp"
#include "linalg/small_cholesky.hpp"

#include <algorithm>
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

/// For `count` entries from j on: weights w = weight(j, f_j . p), then out += sum_j w_j f_j. Where `squares` is given,
/// squares += sum_j root_j^2 f_j^2 too.
template <int count, class I, class Weight>
inline void add_images(MatrixView<const float> features, const RowEntries<I>& entries, Index j, Index wide,
                       const float* p, const Weight& weight, float* out, float* squares)
{
    const float* rows[count];
    P dot[count], factor[count], root[count];
    for (int r = 0; r < count; ++r) {
        rows[r] = features.data + static_cast<Index>(entries.indices[j + r]) * features.row_stride;
        dot[r] = ei::pset1<P>(0.0f);
        root[r] = ei::pset1<P>(entries.root[j + r]);
    }
    for (Index c = 0; c < wide; c += size)
        for (int r = 0; r < count; ++r)
            dot[r] = ei::pmadd(ei::ploadu<P>(rows[r] + c), ei::ploadu<P>(p + c), dot[r]);
    for (int r = 0; r < count; ++r)
        factor[r] = ei::pset1<P>(weight(j + r, ei::predux(dot[r])));
    for (Index c = 0; c < wide; c += size) {
        P sum = ei::ploadu<P>(out + c);
        for (int r = 0; r < count; ++r)
            sum = ei::pmadd(factor[r], ei::ploadu<P>(rows[r] + c), sum);
        ei::pstoreu(out + c, sum);
    }
    for (Index c = 0; squares && c < wide; c += size) {
        P sum = ei::ploadu<P>(squares + c);
        for (int r = 0; r < count; ++r) {
            const P scaled = ei::pmul(root[r], ei::ploadu<P>(rows[r] + c));
            sum = ei::pmadd(scaled, scaled, sum);
        }
        ei::pstoreu(squares + c, sum);
    }
}

/// The same for all entries.
template <class I, class Weight>
void add_all_images(MatrixView<const float> features, const RowEntries<I>& entries, Index wide, const float* p,
                    const Weight& weight, float* out, float* squares = nullptr)
{
    constexpr int together = 4;
    const auto prefetch = [&](Index begin, Index end) {
        for (Index j = begin; j < std::min(entries.n_readable, end); ++j)
            prefetch_row(features.data + static_cast<Index>(entries.indices[j]) * features.row_stride, wide);
    };
    prefetch(0, ahead);
    Index j = 0;
    for (; j + together <= entries.n; j += together) {
        prefetch(j + ahead, j + ahead + together);
        add_images<together>(features, entries, j, wide, p, weight, out, squares);
    }
    for (; j < entries.n; ++j)
        add_images<1>(features, entries, j, wide, p, weight, out, squares);
}

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

} // namespace

RowSolver::RowSolver(Index n_features)
    : k_(n_features), wide_(padded_width(n_features)), scale_(length(wide_)),
      gathered_(length(std::max(batch, wide_) * wide_)), transposed_(length(wide_ * wide_)),
      system_(length(wide_ * wide_)), inverse_pivots_(length(wide_)), scratch_(length(small_block * wide_)),
      right_(length(wide_)), solution_(length(wide_)), residual_(length(wide_)), direction_(length(wide_)),
      image_(length(wide_)), preconditioner_(length(wide_))
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
double RowSolver::improve(MatrixView<const float> features, const RowEntries<I>& entries, const float* d, Index steps,
                          float* x)
{
    if (entries.n == 0) {
        std::fill_n(x, wide_, 0.0f);
        return 0.0;
    }
    float *const r = residual_.data(), *const p = direction_.data(), *const q = image_.data(),
                 *const m = preconditioner_.data();
    const auto weight = [&](Index j) { return entries.root[j] * entries.root[j]; };
    // a = diagonal of the system * b; one for the padding of m keeps its divisions finite.
    const auto scaled = [&](float* a, const float* b, float sign) {
        for (Index c = 0; c < wide_; ++c)
            a[c] = c < k_ ? sign * d[c] * b[c] : 0.0f;
    };
    std::fill_n(m, wide_, 1.0f);
    std::copy_n(d, k_, m);
    scaled(r, x, -1.0f);
    double gain = dot(r, x, wide_); // 2 b'x - x'Ax, kept up to date
    const auto start = [&](Index j, float s) {
        gain += static_cast<double>(s) * static_cast<double>(2.0f * entries.right[j] - weight(j) * s);
        return entries.right[j] - weight(j) * s;
    };
    add_all_images(features, entries, wide_, x, start, r, m);
    for (Index c = 0; c < wide_; ++c)
        p[c] = r[c] / m[c];
    double rz = dot(r, p, wide_);
    for (Index step = 0; step < steps && rz > 0.0; ++step) {
        scaled(q, p, 1.0f);
        add_all_images(features, entries, wide_, p, [&](Index j, float s) { return weight(j) * s; }, q);
        const double curvature = dot(p, q, wide_);
        if (!(curvature > 0.0))
            break;
        const double ratio = rz / curvature;
        gain += ratio * rz;
        add_multiple(x, static_cast<float>(ratio), p, wide_);
        add_multiple(r, -static_cast<float>(ratio), q, wide_);
        for (Index c = 0; c < wide_; ++c)
            q[c] = r[c] / m[c];
        const double next = dot(r, q, wide_);
        scale_and_add(p, static_cast<float>(next / rz), q, wide_);
        rz = next;
    }
    return gain;
}

#define MATFACT_ROW_SOLVER(I)                                                                                          \
    template double RowSolver::solve(MatrixView<const float>, const RowEntries<I>&, const float*, float*);             \
    template void RowSolver::sample(MatrixView<const float>, const RowEntries<I>&, const float*, const float*,         \
                                    float*);                                                                           \
    template double RowSolver::improve(MatrixView<const float>, const RowEntries<I>&, const float*, Index, float*);
MATFACT_ROW_SOLVER(std::int32_t)
MATFACT_ROW_SOLVER(std::int64_t)

} // namespace matfact::linalg
