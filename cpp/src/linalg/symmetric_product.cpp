#include "linalg/symmetric_product.hpp"

#include "linalg/kernel.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace matfact::linalg {

namespace {

constexpr Index strip_rows = tile_rows; ///< rows whose sums and whose rows of q fill the registers
constexpr Index tile_cols = 256;        ///< columns that a strip keeps in the first-level cache for every packet of q
constexpr Index most_chunks = 16;       ///< ranges of rows that sum into results of their own
constexpr Index worth_chunk = 128;      ///< rows for which a result of its own pays

/// Rows [begin, end) of a triangle that is cut into pieces of about equal area. They end where strips do.
std::vector<Index> equal_areas(Index n)
{
    const Index count = std::clamp<Index>(n / worth_chunk, 1, most_chunks);
    std::vector<Index> ends{0};
    for (Index c = 1; c < count; ++c) {
        const double left = std::sqrt(1.0 - static_cast<double>(c) / static_cast<double>(count));
        const auto row = static_cast<Index>((1.0 - left) * static_cast<double>(n));
        ends.push_back(std::max(ends.back(), row / strip_rows * strip_rows));
    }
    ends.push_back(n);
    return ends;
}

/// Rows i .. i + strip_rows of a, columns [begin, end) to the right of the diagonal block, one packet of q:
/// z_i += a_ij q_j and z_j += a_ij q_i, with every a_ij read once.
template <class T>
void strip_times(const T* a, Index a_stride, Index begin, Index end, const T* q_i, const T* q, T* z_i, T* z,
                 Index width)
{
    namespace ei = Eigen::internal;
    using P = Packet<T>;
    P sum[strip_rows], own[strip_rows];
    for (Index r = 0; r < strip_rows; ++r) {
        sum[r] = ei::ploadu<P>(z_i + r * width);
        own[r] = ei::ploadu<P>(q_i + r * width);
    }
    for (Index j = begin; j < end; ++j) {
        const P other = ei::ploadu<P>(q + j * width);
        P even = ei::ploadu<P>(z + j * width), odd = ei::pset1<P>(T(0)); // two shorter chains of additions
        for (Index r = 0; r < strip_rows; r += 2) {
            const P first = ei::pset1<P>(a[r * a_stride + j]), second = ei::pset1<P>(a[(r + 1) * a_stride + j]);
            sum[r] = ei::pmadd(first, other, sum[r]);
            even = ei::pmadd(first, own[r], even);
            sum[r + 1] = ei::pmadd(second, other, sum[r + 1]);
            odd = ei::pmadd(second, own[r + 1], odd);
        }
        ei::pstoreu(z + j * width, ei::padd(even, odd));
    }
    for (Index r = 0; r < strip_rows; ++r)
        ei::pstoreu(z_i + r * width, sum[r]);
}

/// z += what rows [begin, end) of the upper triangle of a contribute.
template <class T> void rows_times(MatrixView<const T> a, Index begin, Index end, MatrixView<const T> q, T* z)
{
    const Index n = a.n_rows, width = q.n_cols;
    for (Index i = begin; i < end; i += strip_rows) {
        const Index rows = std::min(strip_rows, end - i), right = i + rows;
        for (Index r = i; r < right; ++r)
            for (Index j = r; j < (rows == strip_rows ? right : n); ++j) {
                const T value = a(r, j);
                for (Index c = 0; c < width; ++c)
                    z[r * width + c] += value * q.data[j * width + c];
                for (Index c = 0; c < width && j != r; ++c)
                    z[j * width + c] += value * q.data[r * width + c];
            }
        for (Index j = right; rows == strip_rows && j < n; j += tile_cols)
            for (Index c = 0; c < width; c += packet_size<T>)
                strip_times<T>(&a(i, 0), a.row_stride, j, std::min(j + tile_cols, n), q.data + i * width + c,
                               q.data + c, z + i * width + c, z + c, width);
    }
}

} // namespace

template <class T> bool suits_symmetric_product(MatrixView<const T> a, Index width)
{
    return a.col_stride == 1 && width % packet_size<T> == 0;
}

template <class T> void symmetric_product(MatrixView<const T> a, MatrixView<const T> q, MatrixView<T> z, int threads)
{
    const Index n = a.n_rows, width = q.n_cols;
    const std::vector<Index> ends = equal_areas(n);
    const auto n_chunks = static_cast<Index>(ends.size()) - 1;
    std::vector<Matrix<T>> partial;
    for (Index c = 1; c < n_chunks; ++c)
        partial.emplace_back(n - ends[static_cast<std::size_t>(c)], width);
    for_each_task(n_chunks, threads, [&](Index c) {
        const Index begin = ends[static_cast<std::size_t>(c)], end = ends[static_cast<std::size_t>(c) + 1];
        T* const sums = c == 0 ? z.data : partial[static_cast<std::size_t>(c) - 1].data();
        std::fill_n(sums, (n - begin) * width, T(0));
        rows_times<T>(a, begin, end, q, sums - begin * width);
    });
    for_blocks(n, 256, threads, [&](Index begin, Index end, Index) {
        for (Index c = 1; c < n_chunks; ++c) {
            const Index start = ends[static_cast<std::size_t>(c)], from = std::max(begin, start);
            const T* const sums = partial[static_cast<std::size_t>(c) - 1].data();
            for (Index i = from * width; i < end * width; ++i)
                z.data[i] += sums[i - start * width];
        }
    });
}

#define MATFACT_SYMMETRIC_PRODUCT(T)                                                                                   \
    template bool suits_symmetric_product(MatrixView<const T>, Index);                                                 \
    template void symmetric_product(MatrixView<const T>, MatrixView<const T>, MatrixView<T>, int);
MATFACT_SYMMETRIC_PRODUCT(float)
MATFACT_SYMMETRIC_PRODUCT(double)

} // namespace matfact::linalg
