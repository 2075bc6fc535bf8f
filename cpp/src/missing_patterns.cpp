#include "missing_patterns.hpp"

#include "parallel.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <unordered_map>

namespace matfact {

namespace {

constexpr Index block_rows = 64;
using Word = std::uint64_t;

/// One bit for each entry: an eighth of a byte, where x has four or eight.
struct Bits {
    std::vector<Word> words;
    Index per_row = 0;
    double largest = 0.0; ///< magnitude
    const Word* row(Index i) const { return words.data() + i * per_row; }
};

Word hash_of(const Word* bits, Index n)
{
    Word hash = 0;
    for (Index i = 0; i < n; ++i) {
        hash = (hash ^ bits[i]) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return hash;
}

Index count_of(const Word* bits, Index n)
{
    Index count = 0;
    for (Index i = 0; i < n; ++i)
        for (Word left = bits[i]; left; left &= left - 1)
            ++count;
    return count;
}

template <class T> Bits observed_bits(MatrixView<const T> x, int threads)
{
    Bits bits;
    bits.per_row = block_count(x.n_cols, 64);
    bits.words.assign(static_cast<std::size_t>(x.n_rows * bits.per_row), 0);
    std::vector<T> largest(static_cast<std::size_t>(block_count(x.n_rows, block_rows)), T(0));
    for_blocks(x.n_rows, block_rows, threads, [&](Index begin, Index end, Index block) {
        T seen = 0;
        const auto look = [&](Index i, Index j) {
            const T value = x(i, j);
            seen = std::max(seen, std::abs(value)); // which passes over NaN
            bits.words[static_cast<std::size_t>(i * bits.per_row + j / 64)] |= Word{value == value} << (j % 64);
        };
        if (x.col_stride == 1)
            for (Index i = begin; i < end; ++i)
                for (Index j = 0; j < x.n_cols; ++j)
                    look(i, j);
        else
            for (Index j = 0; j < x.n_cols; ++j)
                for (Index i = begin; i < end; ++i)
                    look(i, j);
        largest[static_cast<std::size_t>(block)] = seen;
    });
    for (const T seen : largest)
        bits.largest = std::max(bits.largest, static_cast<double>(seen));
    if (std::isinf(bits.largest))
        throw std::invalid_argument("X holds infinity; mark missing entries as NaN and replace infinities");
    return bits;
}

} // namespace

template <class T> MissingPatterns find_missing_patterns(MatrixView<const T> x, int threads)
{
    const Bits bits = observed_bits(x, threads);
    const auto same = [&](Index a, Index b) {
        return std::equal(bits.row(a), bits.row(a) + bits.per_row, bits.row(b));
    };

    MissingPatterns result;
    result.largest = bits.largest;
    std::vector<Index> representative, pattern_of(static_cast<std::size_t>(x.n_rows), -1);
    std::unordered_multimap<Word, Index> known;
    for (Index i = 0; i < x.n_rows; ++i) {
        const Index count = count_of(bits.row(i), bits.per_row);
        if (count == 0)
            continue;
        result.n_observed += count;
        const Word hash = hash_of(bits.row(i), bits.per_row);
        Index& pattern = pattern_of[static_cast<std::size_t>(i)];
        const auto [first, last] = known.equal_range(hash);
        for (auto candidate = first; candidate != last && pattern < 0; ++candidate)
            if (same(representative[static_cast<std::size_t>(candidate->second)], i))
                pattern = candidate->second;
        if (pattern < 0) {
            pattern = static_cast<Index>(representative.size());
            known.emplace(hash, pattern);
            representative.push_back(i);
            result.runs.push_back({});
        }
        ++result.runs[static_cast<std::size_t>(pattern)].count;
    }
    // A counting sort: patterns in the order of their first rows, rows ascending in each.
    Index begin = 0;
    std::vector<Index> next;
    for (PatternRun& run : result.runs) {
        run.begin = begin;
        next.push_back(begin);
        begin += run.count;
    }
    result.order.resize(static_cast<std::size_t>(begin));
    for (Index i = 0; i < x.n_rows; ++i)
        if (const Index pattern = pattern_of[static_cast<std::size_t>(i)]; pattern >= 0)
            result.order[static_cast<std::size_t>(next[static_cast<std::size_t>(pattern)]++)] = i;
    return result;
}

template MissingPatterns find_missing_patterns(MatrixView<const float>, int);
template MissingPatterns find_missing_patterns(MatrixView<const double>, int);

} // namespace matfact
