/// The stored entries of a matrix in a grid of blocks. Blocks that share neither rows nor columns may be worked on at
/// once: a grid of n x n blocks is n strata of n such blocks (Gemulla, Nijkamp, Haas and Sismanis 2011,
/// doi:10.1145/2020408.2020426).
#pragma once

#include "linalg/gram.hpp"
#include "matfact/matrix.hpp"
#include "parallel.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace matfact {

/// Rows, or columns, dealt into groups of about equally many entries. The places of a group follow each other.
struct RowGroups {
    std::vector<Index> begins; ///< group g has the places [begins[g], begins[g + 1])
    std::vector<Index> rows;   ///< in each place
    std::vector<Index> places; ///< of each row

    template <class I> RowGroups(const I* indptr, Index n_rows, Index n_groups);
};

/// An entry between the places of its row and its column.
template <class I> struct StrataEntry {
    I row, col;
    float value;
};

/// The grid depends on the shape of x and its numbers of entries only. Within a block, entries are in the order of the
/// places of their rows, and those of a row in that of x.
template <class I> class Strata {
public:
    struct Block {
        const StrataEntry<I>*first, *last;
        const StrataEntry<I>* begin() const { return first; }
        const StrataEntry<I>* end() const { return last; }
    };

    /// x and its transpose; `value` maps stored values to those of the entries.
    template <class Value>
    Strata(CsrView<float, I> x, CsrView<float, I> xt, int threads, const Value& value) : Strata(x, xt, threads)
    {
        for_each_task(size_, threads, [&](Index group) {
            for (Index p = begins_[at(group, 0)]; p < begins_[at(group + 1, 0)]; ++p)
                entries_.data()[p].value = value(entries_.data()[p].value);
        });
    }

    const RowGroups& rows() const { return rows_; }
    const RowGroups& cols() const { return cols_; }
    Index size() const { return size_; } ///< groups of rows, and of columns
    Block block(Index row_group, Index col_group) const
    {
        const std::size_t i = at(row_group, col_group);
        return {entries_.data() + begins_[i], entries_.data() + begins_[i + 1]};
    }

    /// Calls body(row_group, col_group) for every block once, stratum after stratum, the blocks of a stratum at once,
    /// and `interrupt` between pieces of it.
    template <class Body> void for_each_block(int threads, const linalg::Checkpoint& interrupt, const Body& body) const
    {
        for (Index stratum = 0; stratum < size_; ++stratum)
            for (Index first = 0; first < size_; first += blocks_at_once_) {
                for_each_task(std::min(blocks_at_once_, size_ - first), threads,
                              [&](Index i) { body(first + i, (first + i + stratum) % size_); });
                if (interrupt)
                    interrupt();
            }
    }

private:
    Strata(CsrView<float, I> x, CsrView<float, I> xt, int threads);
    std::size_t at(Index row_group, Index col_group) const
    {
        return static_cast<std::size_t>(row_group * size_ + col_group);
    }

    Index size_, blocks_at_once_;
    RowGroups rows_, cols_;
    Matrix<StrataEntry<I>> entries_; // a single row: not initialized before it is written
    std::vector<Index> begins_;      // of the blocks, and the end of the last one
};

} // namespace matfact
