#include "linalg/projection.hpp"

#include "linalg/kernel.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <type_traits>

namespace matfact::linalg {

namespace {

constexpr Index most_lanes = 16; ///< ranges of rows that sum into results of their own
constexpr Index worth_lane = 64; ///< rows for which a result of its own pays
constexpr Index line = 8;        ///< float64 numbers of a cache line
constexpr int group_packets = 2; ///< with rows of them in registers, there is room for sums

/// A tile of rows of the basis, of which only `rows` count, and the place of the next one.
template <int rows> struct BasisTile {
    const double* data;
    Index stride;
    Index n_cols;

    const double* ahead(int row, Index col) const { return data + (rows + row) * stride + col; }
};

/// Calls body(j) for every column. Its rows in the tile that follows have been asked for, unless tiles are converted;
/// the last one asks beyond the end, which prefetches may.
template <int rows, class Body> inline void for_columns(const BasisTile<rows>& v, const Body& body)
{
    for (Index begin = 0; begin < v.n_cols; begin += line) {
        for (int r = 0; r < rows; ++r)
            Eigen::internal::prefetch(v.ahead(r, begin));
        const Index end = std::min(begin + line, v.n_cols);
        for (Index j = begin; j < end; ++j)
            body(j);
    }
}

/// c += v'w for a group of columns of w and c, whose rows are `width` numbers apart.
template <int rows, int packets>
inline void add_overlap(const BasisTile<rows>& v, const double* w, Index width, double* c)
{
    namespace ei = Eigen::internal;
    using P = Packet<double>;
    P left[rows][packets];
    MATFACT_UNROLL
    for (int r = 0; r < rows; ++r) {
        MATFACT_UNROLL
        for (int p = 0; p < packets; ++p)
            left[r][p] = ei::ploadu<P>(w + r * width + p * packet_size<double>);
    }
    for_columns(v, [&](Index j) {
        double* const out = c + j * width;
        P sum[packets];
        MATFACT_UNROLL
        for (int p = 0; p < packets; ++p)
            sum[p] = ei::ploadu<P>(out + p * packet_size<double>);
        MATFACT_UNROLL
        for (int r = 0; r < rows; ++r) {
            const P value = ei::pset1<P>(v.data[r * v.stride + j]);
            MATFACT_UNROLL
            for (int p = 0; p < packets; ++p)
                sum[p] = ei::pmadd(value, left[r][p], sum[p]);
        }
        MATFACT_UNROLL
        for (int p = 0; p < packets; ++p)
            ei::pstoreu(out + p * packet_size<double>, sum[p]);
    });
}

/// w -= v c.
template <int rows, int packets> inline void subtract(const BasisTile<rows>& v, const double* c, Index width, double* w)
{
    namespace ei = Eigen::internal;
    using P = Packet<double>;
    P left[rows][packets];
    MATFACT_UNROLL
    for (int r = 0; r < rows; ++r) {
        MATFACT_UNROLL
        for (int p = 0; p < packets; ++p)
            left[r][p] = ei::pset1<P>(0.0);
    }
    for_columns(v, [&](Index j) {
        P right[packets];
        MATFACT_UNROLL
        for (int p = 0; p < packets; ++p)
            right[p] = ei::ploadu<P>(c + j * width + p * packet_size<double>);
        MATFACT_UNROLL
        for (int r = 0; r < rows; ++r) {
            const P value = ei::pset1<P>(v.data[r * v.stride + j]);
            MATFACT_UNROLL
            for (int p = 0; p < packets; ++p)
                left[r][p] = ei::pmadd(value, right[p], left[r][p]);
        }
    });
    MATFACT_UNROLL
    for (int r = 0; r < rows; ++r) {
        MATFACT_UNROLL
        for (int p = 0; p < packets; ++p) {
            double* const to = w + r * width + p * packet_size<double>;
            ei::pstoreu(to, ei::psub(ei::ploadu<P>(to), left[r][p]));
        }
    }
}

/// Calls body(first column, packets) for groups that cover the columns.
template <class Body> inline void for_groups(Index width, const Body& body)
{
    constexpr Index wide = group_packets * packet_size<double>;
    Index c = 0;
    for (; c + wide <= width; c += wide)
        body(c, std::integral_constant<int, group_packets>());
    for (; c < width; c += packet_size<double>)
        body(c, std::integral_constant<int, 1>());
}

/// c with rows of whole packets.
Matrix<double> padded_rows(MatrixView<const double> c, Index width)
{
    Matrix<double> result(c.n_rows, width);
    for (Index i = 0; i < c.n_rows; ++i) {
        std::copy_n(&c(i, 0), c.n_cols, &result(i, 0));
        std::fill(&result(i, 0) + c.n_cols, &result(i, 0) + width, 0.0);
    }
    return result;
}

/// One task: some rows of v and w, and room for a tile of each.
template <class S> struct Rows {
    MatrixView<const S> v;
    const Matrix<double>& c; ///< without rows: nothing is subtracted
    double* sum;             ///< null: nothing is summed
    Index width;             ///< of rows of c, sum and w_tile
    double *v_tile, *w_tile;

    template <int rows> void tile(Index begin, const double* w_in, double* w_out, Index w_stride, Index n_cols) const
    {
        const S* const source = v.data + begin * v.row_stride;
        BasisTile<rows> all{v_tile, v.n_cols, v.n_cols};
        if constexpr (std::is_same_v<S, double>)
            all = {source, v.row_stride, v.n_cols};
        else
            for (int r = 0; r < rows; ++r)
                for (Index j = 0; j < v.n_cols; ++j)
                    v_tile[r * v.n_cols + j] = static_cast<double>(source[r * v.row_stride + j]);
        const bool in_place = n_cols == width && w_stride == width;
        if (!in_place)
            for (int r = 0; r < rows; ++r)
                std::copy_n(w_in + r * w_stride, n_cols, w_tile + r * width);
        if (c.n_rows() > 0) {
            double* const w = in_place ? w_out : w_tile;
            const BasisTile<rows> last{all.data + v.n_cols - c.n_rows(), all.stride, c.n_rows()};
            for_groups(width, [&](Index first, auto packets) {
                subtract<rows, packets.value>(last, c.data() + first, width, w + first);
            });
            for (int r = 0; r < rows && !in_place; ++r)
                std::copy_n(w_tile + r * width, n_cols, w_out + r * w_stride);
        }
        if (sum)
            for_groups(width, [&](Index first, auto packets) {
                add_overlap<rows, packets.value>(all, (in_place ? w_in : w_tile) + first, width, sum + first);
            });
    }

    void run(Index begin, Index end, const double* w_in, double* w_out, Index w_stride, Index n_cols) const
    {
        std::fill_n(w_tile, tile_rows * width, 0.0);
        for (; begin + tile_rows <= end; begin += tile_rows)
            tile<tile_rows>(begin, w_in + begin * w_stride, w_out + begin * w_stride, w_stride, n_cols);
        for (; begin < end; ++begin)
            tile<1>(begin, w_in + begin * w_stride, w_out + begin * w_stride, w_stride, n_cols);
    }
};

/// `w_out` is where `w_in` is, or unused.
template <class S>
Matrix<double> run(MatrixView<const S> v, MatrixView<const double> w, double* w_out, MatrixView<const double> c,
                   bool wants_overlap, int threads)
{
    const Index n = v.n_rows, width = block_count(w.n_cols, packet_size<double>) * packet_size<double>;
    const Index n_lanes = std::clamp<Index>(n / worth_lane, 1, most_lanes);
    const Index lane_rows = block_count(block_count(n, n_lanes), tile_rows) * tile_rows;
    const Matrix<double> taken = padded_rows(c, width);
    Matrix<double> sums(wants_overlap ? n_lanes : 0, v.n_cols * width);
    Matrix<double> v_tiles(n_lanes, std::is_same_v<S, double> ? 0 : tile_rows * v.n_cols);
    Matrix<double> w_tiles(n_lanes, tile_rows * width);
    for_each_task(n_lanes, threads, [&](Index lane) {
        double* const sum = wants_overlap ? sums.data() + lane * sums.n_cols() : nullptr;
        if (sum)
            std::fill_n(sum, sums.n_cols(), 0.0);
        const Rows<S> rows{
            v, taken, sum, width, v_tiles.data() + lane * v_tiles.n_cols(), w_tiles.data() + lane * w_tiles.n_cols()};
        rows.run(lane * lane_rows, std::min(n, (lane + 1) * lane_rows), w.data, w_out, w.row_stride, w.n_cols);
    });
    for (Index lane = 1; lane < sums.n_rows(); ++lane)
        for (Index i = 0; i < sums.n_cols(); ++i)
            sums(0, i) += sums(lane, i);
    Matrix<double> overlap(wants_overlap ? v.n_cols : 0, w.n_cols);
    for (Index i = 0; i < overlap.n_rows(); ++i)
        std::copy_n(&sums(0, i * width), w.n_cols, &overlap(i, 0));
    return overlap;
}

} // namespace

template <class S> Matrix<double> overlap_with(MatrixView<const S> v, MatrixView<const double> w, int threads)
{
    return run<S>(v, w, nullptr, {}, true, threads);
}

template <class S>
void subtract_from(MatrixView<double> w, MatrixView<const S> v, MatrixView<const double> c, int threads)
{
    run<S>(v, w, w.data, c, false, threads);
}

template <class S>
Matrix<double> subtract_and_overlap(MatrixView<double> w, MatrixView<const S> v, MatrixView<const double> c,
                                    int threads)
{
    return run<S>(v, w, w.data, c, true, threads);
}

#define MATFACT_PROJECTION(S)                                                                                          \
    template Matrix<double> overlap_with(MatrixView<const S>, MatrixView<const double>, int);                          \
    template void subtract_from(MatrixView<double>, MatrixView<const S>, MatrixView<const double>, int);               \
    template Matrix<double> subtract_and_overlap(MatrixView<double>, MatrixView<const S>, MatrixView<const double>,    \
                                                 int);
MATFACT_PROJECTION(float)
MATFACT_PROJECTION(double)

} // namespace matfact::linalg
