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

/// The same for the block on the diagonal, whose upper triangle is read.
template <class T> void diagonal_times(const T* a, Index a_stride, const T* q_i, T* z_i, Index width)
{
    namespace ei = Eigen::internal;
    using P = Packet<T>;
    P sum[strip_rows], own[strip_rows];
    for (Index r = 0; r < strip_rows; ++r) {
        sum[r] = ei::ploadu<P>(z_i + r * width);
        own[r] = ei::ploadu<P>(q_i + r * width);
    }
    MATFACT_UNROLL
    for (Index r = 0; r < strip_rows; ++r) {
        MATFACT_UNROLL
        for (Index j = 0; j < strip_rows; ++j)
            sum[r] = ei::pmadd(ei::pset1<P>(a[std::min(r, j) * a_stride + std::max(r, j)]), own[j], sum[r]);
    }
    for (Index r = 0; r < strip_rows; ++r)
        ei::pstoreu(z_i + r * width, sum[r]);
}

/// The last rows, fewer than a strip.
template <class T> void corner_times(MatrixView<const T> a, Index begin, const T* q, T* z, Index width)
{
    for (Index r = begin; r < a.n_rows; ++r)
        for (Index j = begin; j < a.n_rows; ++j)
            for (Index c = 0; c < width; ++c)
                z[r * width + c] += a(std::min(r, j), std::max(r, j)) * q[j * width + c];
}

/// z += what rows [begin, end) of the upper triangle of a contribute.
template <class T> void rows_times(MatrixView<const T> a, Index begin, Index end, const T* q, T* z, Index width)
{
    Index i = begin;
    for (; i + strip_rows <= end; i += strip_rows) {
        const Index right = i + strip_rows;
        for (Index c = 0; c < width; c += packet_size<T>)
            diagonal_times<T>(&a(i, i), a.row_stride, q + i * width + c, z + i * width + c, width);
        for (Index j = right; j < a.n_rows; j += tile_cols)
            for (Index c = 0; c < width; c += packet_size<T>)
                strip_times<T>(&a(i, 0), a.row_stride, j, std::min(j + tile_cols, a.n_rows), q + i * width + c, q + c,
                               z + i * width + c, z + c, width);
    }
    if (i < end)
        corner_times(a, i, q, z, width);
}

} // namespace

template <class T>
SymmetricProduct<T>::SymmetricProduct(MatrixView<const T> a, int threads)
    : a_(a), threads_(threads), ends_(equal_areas(a.n_rows))
{
}

template <class T> bool SymmetricProduct<T>::suits(Index width) const
{
    return a_.col_stride == 1 && width % packet_size<T> == 0;
}

template <class T> void SymmetricProduct<T>::times(MatrixView<const T> q, MatrixView<T> z)
{
    const Index n = a_.n_rows, width = q.n_cols, n_chunks = static_cast<Index>(ends_.size()) - 1;
    // The sums of a chunk begin at its first row.
    std::vector<T*> sums{z.data};
    Index rows = 0;
    for (Index c = 1; c < n_chunks; ++c)
        rows += n - ends_[static_cast<std::size_t>(c)];
    if (partial_.size() < rows * width)
        partial_ = Matrix<T>(1, rows * width);
    for (Index c = 1, row = 0; c < n_chunks; ++c) {
        sums.push_back(partial_.data() + row * width);
        row += n - ends_[static_cast<std::size_t>(c)];
    }
    for_each_task(n_chunks, threads_, [&](Index c) {
        const auto chunk = static_cast<std::size_t>(c);
        const Index begin = ends_[chunk], end = ends_[chunk + 1];
        std::fill_n(sums[chunk], (n - begin) * width, T(0));
        rows_times<T>(a_, begin, end, q.data, sums[chunk] - begin * width, width);
    });
    for_blocks(n, 256, threads_, [&](Index begin, Index end, Index) {
        for (std::size_t c = 1; c < sums.size(); ++c)
            for (Index i = std::max(begin, ends_[c]) * width; i < end * width; ++i)
                z.data[i] += sums[c][i - ends_[c] * width];
    });
}

template class SymmetricProduct<float>;
template class SymmetricProduct<double>;

} // namespace matfact::linalg
