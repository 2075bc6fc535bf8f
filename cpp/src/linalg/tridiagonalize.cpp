#include "linalg/tridiagonalize.hpp"

#include "linalg/panels.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <cmath>

namespace matfact::linalg {

namespace {

constexpr Index panel = 32;        ///< columns reduced between two updates of the rest
constexpr Index lane_rows = 32;    ///< consecutive rows that go to one lane
constexpr Index most_lanes = 8;    ///< each has sums of its own; lane_rows rows in turn keep them equally long
constexpr Index worth_lanes = 256; ///< a smaller rest takes one
/// A smaller rest takes one thread: its product with a vector is over before a thread that has to share its core with
/// another pool's idle ones has started.
constexpr Index worth_threads = 768;
constexpr Index near_panels = 8; ///< panels of the update that stay in the second-level cache

template <class T> Index rounded_down(Index i) { return i / panel_width<T> * panel_width<T>; }

/// The reduction of one matrix. Vectors are indexed like the columns of a, their padding is zero.
template <class T> class Tridiagonalization {
public:
    Tridiagonalization(MatrixView<T> a, int threads)
        : a_(a), stride_(a.row_stride), threads_(threads), rows_(3 * panel, stride_), sums_(most_lanes, stride_),
          coefs_(2 * panel), tiles_(most_lanes * lane_rows * 2 * panel)
    {
    }
    void run(std::vector<double>& d, std::vector<double>& e, std::vector<T>& tau);

private:
    T* v(Index k) { return &rows_(k, 0); }
    T* minus_w(Index k) { return &rows_(panel + k, 0); }
    void reflect(Index j, double& e, T& tau);
    void find_w(Index j, Index done, T tau);
    void multiply_lane(Index lane, Index lanes, Index first, const T* x);
    void add_rows(Index done, Index first, T* out);
    void update(Index begin);

    MatrixView<T> a_;
    Index stride_;
    int threads_;
    Matrix<T> rows_; ///< v, -w and v again of the panel's columns: any two neighbours are factors of the update
    Matrix<T> sums_; ///< of a v, by lane
    std::vector<T> coefs_, packed_, tiles_;
};

template <class T> T dot(const T* x, const T* y, Index n)
{
    using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;
    return Eigen::Map<const Vector>(x, n).dot(Eigen::Map<const Vector>(y, n));
}

template <class T> void Tridiagonalization<T>::run(std::vector<double>& d, std::vector<double>& e, std::vector<T>& tau)
{
    const Index n = a_.n_rows;
    for (Index begin = 0; begin < n - 1; begin += panel) {
        const Index end = std::min(begin + panel, n - 1);
        std::fill_n(rows_.data(), rows_.size(), T(0));
        for (Index j = begin; j < end; ++j) {
            const Index done = j - begin;
            T* const row = &a_(j, 0);
            // What the panel's earlier columns have left to do in this one.
            for (Index k = 0; k < done; ++k) {
                coefs_[static_cast<std::size_t>(k)] = minus_w(k)[j];
                coefs_[static_cast<std::size_t>(done + k)] = v(k)[j];
            }
            add_rows(done, j, row);
            d[static_cast<std::size_t>(j)] = static_cast<double>(row[j]);
            T& factor = tau[static_cast<std::size_t>(j)];
            reflect(j, e[static_cast<std::size_t>(j)], factor);
            std::copy_n(row + j + 1, n - j - 1, v(done) + j + 1);
            find_w(j, done, factor);
        }
        update(end);
    }
    d[static_cast<std::size_t>(n - 1)] = static_cast<double>(a_(n - 1, n - 1));
}

/// Replaces a(j, j + 1 ..) by the v of the reflection that maps it to e times the first unit vector.
template <class T> void Tridiagonalization<T>::reflect(Index j, double& e, T& tau)
{
    const Index length = a_.n_cols - j - 1;
    T* const x = &a_(j, j + 1);
    const T rest = dot(x + 1, x + 1, length - 1), first = x[0];
    const T image = rest == T(0) ? first : -std::copysign(std::sqrt(first * first + rest), first);
    e = static_cast<double>(image);
    tau = rest == T(0) ? T(0) : (image - first) / image;
    const T scale = rest == T(0) ? T(0) : T(1) / (first - image);
    for (Index i = 1; i < length; ++i)
        x[i] *= scale;
    x[0] = T(1);
}

/// w = tau (a v) - (tau^2 / 2) (v' a v) v for column j, with the a that the panel's earlier columns have left.
template <class T> void Tridiagonalization<T>::find_w(Index j, Index done, T tau)
{
    const Index n = a_.n_rows, first = j + 1, length = n - first;
    const T* const x = v(done);
    const Index lanes = length <= worth_lanes ? 1 : most_lanes;
    for_each_lane(lanes + 2 * done, length <= worth_threads ? 1 : threads_, [&](Index task) {
        if (task < lanes) {
            multiply_lane(task, lanes, first, x);
            return;
        }
        const Index k = task - lanes;
        // The product with v goes with -w, and the other way round.
        const T* const other = k < done ? minus_w(k) : v(k - done);
        coefs_[static_cast<std::size_t>(k)] = dot(other + first, x + first, length);
    });
    T* const w = minus_w(done);
    std::copy_n(&sums_(0, first), length, w + first);
    for (Index lane = 1; lane < lanes; ++lane)
        for (Index i = first; i < n; ++i)
            w[i] += sums_(lane, i);
    add_rows(done, first, w);
    std::fill(w, w + first, T(0));
    std::fill(w + n, w + stride_, T(0));
    const T along = tau * tau * dot(w + first, x + first, length) / T(2);
    for (Index i = first; i < n; ++i)
        w[i] = along * x[i] - tau * w[i];
    std::copy_n(x, stride_, &rows_(2 * panel + done, 0));
}

/// The lane's share of a x: of the rows i >= first that are its own, the part right of the diagonal for row i and, as
/// a is symmetric, for all others. Each entry is read once.
template <class T> void Tridiagonalization<T>::multiply_lane(Index lane, Index lanes, Index first, const T* x)
{
    namespace ei = Eigen::internal;
    using P = Packet<T>;
    constexpr Index width = packet_size<T>;
    const Index n = a_.n_rows;
    T* const sum = &sums_(lane, 0);
    std::fill(sum + first / tile_rows * tile_rows, sum + stride_, T(0));
    for (Index chunk = first / lane_rows; chunk * lane_rows < n; ++chunk) {
        if (chunk % lanes != lane)
            continue;
        const Index end = std::min(n, (chunk + 1) * lane_rows);
        // Whole tiles of rows: above `first`, x is zero.
        for (Index i = std::max(chunk * lane_rows, first / tile_rows * tile_rows); i < end; i += tile_rows) {
            const Index rows = std::min<Index>(tile_rows, n - i);
            const Index packets_begin = std::min(stride_, block_count(i + tile_rows, width) * width);
            for (Index r = i; r < i + rows; ++r) {
                const T* const row = &a_(r, 0);
                T own = row[r] * x[r];
                for (Index c = r + 1; c < std::min(n, packets_begin); ++c) {
                    own += row[c] * x[c];
                    sum[c] += row[c] * x[r];
                }
                sum[r] += own;
            }
            if (rows < tile_rows)
                continue;
            P own[tile_rows], factor[tile_rows];
            for (Index r = 0; r < tile_rows; ++r) {
                own[r] = ei::pset1<P>(T(0));
                factor[r] = ei::pset1<P>(x[i + r]);
            }
            const T* const rows_begin = &a_(i, 0);
            for (Index c = packets_begin; c < n; c += width) {
                const P at = ei::ploadu<P>(x + c);
                P others = ei::ploadu<P>(sum + c);
                for (Index r = 0; r < tile_rows; ++r) {
                    const P entry = ei::ploadu<P>(rows_begin + r * stride_ + c);
                    own[r] = ei::pmadd(entry, at, own[r]);
                    others = ei::pmadd(entry, factor[r], others);
                }
                ei::pstoreu(sum + c, others);
            }
            for (Index r = 0; r < tile_rows; ++r)
                sum[i + r] += ei::predux(own[r]);
        }
    }
}

/// out += the sum of coefs[k] v_k and coefs[done + k] (-w_k) from column `first` on, and a little before it.
template <class T> void Tridiagonalization<T>::add_rows(Index done, Index first, T* out)
{
    for (Index c = rounded_down<T>(first); c < stride_; c += panel_width<T>)
        for (Index half = 0; half < 2; ++half)
            multiply_tile_fixed<T, tile_packets, 1>(done, &rows_(half * panel, c), stride_,
                                                    {coefs_.data() + half * done, 0, 1}, out + c, stride_, true);
}

/// a - v w' - w v' for the rest: its upper triangle, and below it what the tiles reach.
template <class T> void Tridiagonalization<T>::update(Index begin)
{
    constexpr Index depth = 2 * panel, width = panel_width<T>;
    const MatrixView<const T> rows = rows_.view();
    const Index n = a_.n_rows, first_panel = begin / width, n_panels = stride_ / width;
    const int threads = n - begin <= worth_lanes ? 1 : threads_;
    pack_panels(rows.block(panel, first_panel * width, depth, stride_ - first_panel * width), 0, depth, threads,
                packed_);
    for_each_lane(most_lanes, threads, [&](Index lane) {
        T* const coefs = tiles_.data() + lane * lane_rows * depth;
        for (Index chunk = begin / lane_rows; chunk * lane_rows < n; ++chunk) {
            if (chunk % most_lanes != lane)
                continue;
            const Index top = std::max(begin, chunk * lane_rows);
            const Index bottom = std::min(n, (chunk + 1) * lane_rows);
            for (Index i = top; i < bottom; i += tile_rows)
                for (Index k = 0; k < depth; ++k)
                    std::copy_n(&rows(k, i), tile_rows, coefs + (i - top) * depth + k * tile_rows);
            for (Index group = top / width; group < n_panels; group += near_panels)
                for (Index i = top; i < bottom; i += tile_rows)
                    for (Index p = std::max(group, i / width); p < std::min(n_panels, group + near_panels); ++p)
                        multiply_tile<T>(static_cast<int>(std::min<Index>(tile_rows, n - i)), tile_packets, depth,
                                         packed_.data() + (p - first_panel) * depth * width, width,
                                         {coefs + (i - top) * depth, 1, tile_rows}, &a_(i, p * width), stride_);
        }
    });
}

} // namespace

template <class T> Index padded_cols(Index n) { return block_count(n, panel_width<T>) * panel_width<T>; }

template <class T>
void tridiagonalize(MatrixView<T> a, std::vector<double>& d, std::vector<double>& e, std::vector<T>& tau, int threads)
{
    const auto n = static_cast<std::size_t>(a.n_rows);
    d.assign(n, 0.0);
    e.assign(n - 1, 0.0);
    tau.assign(n - 1, T(0));
    Tridiagonalization<T>(a, threads).run(d, e, tau);
}

#define MATFACT_TRIDIAGONALIZE(T)                                                                                      \
    template Index padded_cols<T>(Index);                                                                              \
    template void tridiagonalize(MatrixView<T>, std::vector<double>&, std::vector<double>&, std::vector<T>&, int);
MATFACT_TRIDIAGONALIZE(float)
MATFACT_TRIDIAGONALIZE(double)

} // namespace matfact::linalg
