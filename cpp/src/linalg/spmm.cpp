#include "linalg/spmm.hpp"

#include "linalg/sparse_kernel.hpp"
#include "parallel.hpp"

namespace matfact::linalg {

namespace {

template <class T, class P, int packets>
inline void update_packets(RankOneUpdate<T> update, Index row, ColumnGroup<T, P, packets> group, P (&sum)[packets])
{
    namespace ei = Eigen::internal;
    if (update.right) {
        const P left = ei::pset1<P>(update.left ? update.left[row] : T(1));
        for (int c = 0; c < packets; ++c)
            sum[c] = ei::psub(sum[c], ei::pmul(left, ei::ploadu<P>(update.right + group.first + group.offset(c))));
    }
    if (update.scale != T(1))
        for (int c = 0; c < packets; ++c)
            sum[c] = ei::pmul(sum[c], ei::pset1<P>(update.scale));
}

template <class T> void update_row(RankOneUpdate<T> update, Index row, T* c, Index n_cols)
{
    const T left = update.left ? update.left[row] : T(1);
    for (Index j = 0; j < n_cols; ++j)
        c[j] = update.scale * (c[j] - (update.right ? left * update.right[j] : T(0)));
}

template <class S, class I> SparseRow<S, I> entries(CsrView<S, I> a, Index begin, Index end)
{
    return {a.values + begin, a.indices + begin, end - begin, stored_entries(a) - begin};
}

template <class S, class I> SparseRow<S, I> row_of(CsrView<S, I> a, Index i)
{
    return entries(a, static_cast<Index>(a.indptr[i]), static_cast<Index>(a.indptr[i + 1]));
}

/// Calls body(first, last) for each run of chunks that are the pieces of one row.
template <class Body> void for_runs_of_pieces(const std::vector<RowChunk>& chunks, const Body& body)
{
    for (std::size_t first = 0; first < chunks.size(); ++first) {
        if (!chunks[first].is_piece)
            continue;
        std::size_t last = first;
        while (last + 1 < chunks.size() && chunks[last + 1].row_begin == chunks[first].row_begin)
            ++last;
        body(first, last);
        first = last;
    }
}

/// C = A B by rows of A. Pieces of a row are summed in order.
template <class S, class I, class T>
void gather_rows(CsrView<S, I> a, const std::vector<RowChunk>& chunks, MatrixView<const T> b, MatrixView<T> c,
                 RankOneUpdate<T> update, int threads)
{
    std::vector<Index> piece(chunks.size(), 0); // where the sum of a piece is kept
    Index n_pieces = 0;
    for (std::size_t i = 0; i < chunks.size(); ++i)
        if (chunks[i].is_piece)
            piece[i] = n_pieces++;
    Matrix<T> pieces(n_pieces, b.n_cols);
    for_each_task(static_cast<Index>(chunks.size()), threads, [&](Index task) {
        const auto t = static_cast<std::size_t>(task);
        const RowChunk& chunk = chunks[t];
        for_column_groups<T>(b.n_cols, [&](auto group) {
            typename decltype(group)::Packets sum;
            if (chunk.is_piece) {
                gather(entries(a, chunk.entry_begin, chunk.entry_end), b.data, b.row_stride, group, sum);
                store(sum, &pieces(piece[t], 0), group);
                return;
            }
            for (Index i = chunk.row_begin; i < chunk.row_end; ++i) {
                gather(row_of(a, i), b.data, b.row_stride, group, sum);
                update_packets(update, i, group, sum);
                store(sum, c.data + i * c.row_stride, group);
            }
        });
    });
    for_runs_of_pieces(chunks, [&](std::size_t first, std::size_t last) {
        const Index row = chunks[first].row_begin;
        T* const out = c.data + row * c.row_stride;
        std::copy_n(&pieces(piece[first], 0), b.n_cols, out);
        for (Index p = piece[first] + 1; p <= piece[last]; ++p)
            for (Index j = 0; j < b.n_cols; ++j)
                out[j] += pieces(p, j);
        update_row(update, row, out, b.n_cols);
    });
}

/// Z = A' Y by rows of A, each of which adds to many rows of Z: every lane of rows has its own Z.
template <class S, class I, class T>
void scatter_rows(CsrView<S, I> a, const std::vector<Index>& lanes, MatrixView<const T> y, MatrixView<T> z,
                  RankOneUpdate<T> update, int threads)
{
    constexpr Index merged_rows = 64;
    const auto n_lanes = static_cast<Index>(lanes.size()) - 1;
    Matrix<T> parts(n_lanes, a.n_cols * y.n_cols);
    for_each_task(n_lanes, threads, [&](Index lane) {
        T* const part = &parts(lane, 0);
        std::fill_n(part, parts.n_cols(), T(0));
        const auto bound = lanes.begin() + lane;
        for_column_groups<T>(y.n_cols, [&](auto group) {
            typename decltype(group)::Packets t;
            for (Index i = bound[0]; i < bound[1]; ++i) {
                load(y.data + i * y.row_stride, group, t);
                scatter(row_of(a, i), t, part, y.n_cols, group);
            }
        });
    });
    for_blocks(z.n_rows, merged_rows, threads, [&](Index begin, Index end, Index) {
        for (Index row = begin; row < end; ++row) {
            T* const out = z.data + row * z.row_stride;
            std::copy_n(&parts(0, row * z.n_cols), z.n_cols, out);
            for (Index lane = 1; lane < n_lanes; ++lane)
                for (Index j = 0; j < z.n_cols; ++j)
                    out[j] += parts(lane, row * z.n_cols + j);
            update_row(update, row, out, z.n_cols);
        }
    });
}

} // namespace

template <class S, class I>
SparseProduct<S, I>::SparseProduct(CsrView<S, I> a, bool keep_transpose, int threads) : a_(a), chunks_(cut_rows(a))
{
    if (keep_transpose) {
        transpose_.emplace(a, threads);
        transposed_chunks_ = cut_rows(transpose_->view());
    } else {
        // Adding up the lanes costs a fraction of the products at most.
        constexpr Index most_lanes = 16, entries_per_merged_row = 8;
        const Index affordable = stored_entries(a) / (entries_per_merged_row * (a.n_cols + 1));
        lanes_ = cut_lanes(a, std::max<Index>(1, std::min(most_lanes, affordable)));
    }
}

template <class S, class I>
template <class T>
void SparseProduct<S, I>::multiply_into(MatrixView<const T> b, MatrixView<T> c, RankOneUpdate<T> update,
                                        int threads) const
{
    gather_rows(a_, chunks_, b, c, update, threads);
}

template <class S, class I>
template <class T>
void SparseProduct<S, I>::transposed_multiply_into(MatrixView<const T> y, MatrixView<T> z, RankOneUpdate<T> update,
                                                   int threads) const
{
    if (transpose_)
        gather_rows(transpose_->view(), transposed_chunks_, y, z, update, threads);
    else
        scatter_rows(a_, lanes_, y, z, update, threads);
}

#define MATFACT_SPMM_OF(S, I, T)                                                                                       \
    template void SparseProduct<S, I>::multiply_into(MatrixView<const T>, MatrixView<T>, RankOneUpdate<T>, int) const; \
    template void SparseProduct<S, I>::transposed_multiply_into(MatrixView<const T>, MatrixView<T>, RankOneUpdate<T>,  \
                                                                int) const;
#define MATFACT_SPMM(I)                                                                                                \
    template class SparseProduct<float, I>;                                                                            \
    template class SparseProduct<double, I>;                                                                           \
    MATFACT_SPMM_OF(float, I, float)                                                                                   \
    MATFACT_SPMM_OF(float, I, double)                                                                                  \
    MATFACT_SPMM_OF(double, I, double)
MATFACT_SPMM(std::int32_t)
MATFACT_SPMM(std::int64_t)

} // namespace matfact::linalg
